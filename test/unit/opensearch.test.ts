import * as pulumi from "@pulumi/pulumi";
import { compareSync } from "bcryptjs";
import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { ContainerSpec, Host } from "../../components";
import { containerArgs } from "../../components/container-service";
import {
    mayStopCommand,
    OpenSearch,
    openSearchConfig,
    openSearchRequirements,
    OpenSearchSettings,
    openSearchSpec,
    setupOpenSearchCommand,
} from "../../components/opensearch";
import { keeperUser, openSearchUser, passwordHash, usersText } from "../../components/opensearch-security";
import { desiredText, openSearchDuration, openSearchSize } from "../../components/opensearch-setup";
import { putFileCommand } from "../../components/remote-file";
import { seconds } from "../../components/units";
import { Registered, run } from "./support/graph";
import { HOST_KEY } from "./support/stacks";

const MEMBERS = [1, 2, 3].map((index) => ({ name: `apm-${index}`, address: `192.168.110.23${index}` }));
const SETTINGS: OpenSearchSettings = { node: "apm-1", address: MEMBERS[0].address, members: MEMBERS, tls: true };
const PASSWORDS = {
    admin: "SECRETofAdmin",
    writer: "SECRETofWriter",
    reader: "SECRETofReader",
    dashboards: "SECRETofDashboards",
    monitor: "SECRETofMonitor",
};
const IDENTITY = { certificate: "CERTIFICATE\n", key: "SECRET-key\n" };
/** Scripts speak of secrets, too. */
const OURS = /SECRET(of[A-Z]|-key)/;
const SECRETS = { tls: { trusted: "CA\n", node: IDENTITY, admin: IDENTITY }, users: PASSWORDS };

const spec = (changes: Partial<OpenSearchSettings> = {}): ContainerSpec =>
    openSearchSpec({ ...SETTINGS, ...changes }, changes.tls === false ? {} : SECRETS);

function shown(one: ContainerSpec): string {
    const files = one.files.map((file) =>
        putFileCommand({
            ...file,
            reload: file.reload ? { container: one.container, command: file.reload } : undefined,
        }),
    );
    const all = { image: one.image, ...containerArgs(one), files, mayStop: one.mayStop };
    return `${JSON.stringify({ ...all, gate: setupOpenSearchCommand(SETTINGS) }, undefined, 2)}\n`;
}

describe("OpenSearch", () => {
    it("has this opensearch.yml, with and without TLS", async () => {
        await expect(openSearchConfig(SETTINGS)).toMatchFileSnapshot("__snapshots__/opensearch/opensearch.yml");
        await expect(openSearchConfig({ ...SETTINGS, tls: false })).toMatchFileSnapshot(
            "__snapshots__/opensearch/tls-off.opensearch.yml",
        );
    });

    it("makes the cluster this", async () => {
        await expect(desiredText({})).toMatchFileSnapshot("__snapshots__/opensearch/desired.txt");
    });

    it("runs like this", async () => {
        await expect(shown(spec())).toMatchFileSnapshot("__snapshots__/opensearch/container.json");
    });

    it("is never told in its configuration which members a cluster is formed of: that is decided at each start", () => {
        const config = parse(openSearchConfig(SETTINGS)) as Record<string, unknown>;
        expect(Object.keys(config).filter((key) => /initial/.test(key))).toEqual([]);
        expect(spec().command?.join(" ")).toContain(
            "--member apm-1=192.168.110.231 --member apm-2=192.168.110.232 --member apm-3=192.168.110.233",
        );
    });

    it("notices a host that hangs in so few seconds that a manager's successor is in charge within 12", () => {
        const tuned = parse(openSearchConfig(SETTINGS)) as Record<string, string | number>;
        for (const check of ["follower_check", "leader_check"]) {
            const of = (key: string): string => String(tuned[`cluster.fault_detection.${check}.${key}`]);
            const longest = Number(of("retry_count")) * (seconds(of("interval")) + seconds(of("timeout")));
            const publish = seconds(String(tuned["cluster.publish.timeout"]));
            expect(longest + 1 + Math.max(longest, publish)).toBeLessThanOrEqual(12);
        }
        expect(openSearchConfig({ ...SETTINGS, faultDetection: "default" })).not.toContain("fault_detection");
    });

    it("believes nodes and the administrator by their certificates, and asks all others for a password", () => {
        const config = parse(openSearchConfig(SETTINGS)) as Record<string, unknown>;
        expect(config).toMatchObject({
            "plugins.security.nodes_dn": ["CN=apm-1", "CN=apm-2", "CN=apm-3"],
            "plugins.security.authcz.admin_dn": ["CN=otel-ha-admin"],
            "plugins.security.ssl.http.enabled": true,
            "plugins.security.ssl.transport.enforce_hostname_verification": true,
        });
    });

    it("asks its host for room for Lucene's maps only where it makes some", () => {
        expect(openSearchRequirements(SETTINGS).sysctls).toEqual({ "vm.max_map_count": "262144" });
        expect(openSearchRequirements({ ...SETTINGS, mmap: false }).sysctls).toEqual({});
        expect(openSearchConfig({ ...SETTINGS, mmap: false })).toContain("node.store.allow_mmap: false");
    });

    it("is reached by its peers on both ports, by who operates on the API, and by nobody else", () => {
        expect(openSearchRequirements(SETTINGS).ports.map(({ port, audience }) => [port, audience])).toEqual([
            [9200, ["admins", "peer"]],
            [9300, ["peer"]],
        ]);
    });

    it("takes certificates, users, and what the cluster is to be without a restart; anything else is one, which is asked about", () => {
        const restarts = spec()
            .files.filter(({ reload }) => !reload)
            .map(({ path }) => path.split("/").pop());
        expect(restarts).toEqual(["start.sh", "keep.sh", "opensearch.yml"]);
        expect(spec().mayStop).toBe(mayStopCommand(SETTINGS));
    });

    it("believes a new CA before it shows a certificate of it, and has new users before anything logs in as them", () => {
        expect(spec().files.map(({ path }) => path.split("/").pop())).toEqual([
            "trusted.pem",
            "admin.pem",
            "node.pem",
            "users",
            "monitor.curl",
            "keeper.curl",
            "start.sh",
            "keep.sh",
            "desired.txt",
            "opensearch.yml",
        ]);
    });

    it("has the administrator's certificate and the users' hashes in no container", () => {
        const inside = spec().mounts.map(({ source }) => source);
        for (const { path } of spec().files.filter(({ path }) => /admin\.pem$|users$/.test(path)))
            expect(
                inside.some((source) => path.startsWith(`${source}/`)),
                path,
            ).toBe(false);
    });

    it("refuses TLS without certificates and users, and either without TLS", () => {
        expect(() => openSearchSpec(SETTINGS)).toThrow(/the setting tls is true, but certificates are not given/);
        expect(() => openSearchSpec({ ...SETTINGS, tls: false }, SECRETS)).toThrow(/the setting tls is false/);
        expect(() => openSearchSpec(SETTINGS, { tls: SECRETS.tls })).toThrow(/users are not given/);
    });

    it("keeps snapshots where it is told, in a directory that the container has", () => {
        const fs = { type: "fs" as const, directory: "/mnt/nfs" };
        expect(openSearchConfig({ ...SETTINGS, snapshots: fs })).toContain('path.repo: ["/mnt/snapshots"]');
        expect(spec({ snapshots: fs }).mounts).toContainEqual({ source: "/mnt/nfs", target: "/mnt/snapshots" });
        expect(desiredText({ snapshots: fs })).toContain('repository snapshots {"type":"fs"');
        expect(desiredText({ snapshots: { type: "s3", bucket: "b", endpoint: "s3.example:443" } })).toContain(
            'repository snapshots {"type":"s3","settings":{"bucket":"b"',
        );
    });

    it("has the keys of snapshots in files that its user alone reads", () => {
        const s3 = { accessKey: "opensearch", secretKey: "SECRETofS3" };
        const { files } = openSearchSpec(SETTINGS, { ...SECRETS, s3 });
        expect(files.slice(0, 2).map(({ path, mode, owner }) => [path.split("/").pop(), mode, owner])).toEqual([
            ["s3.client.default.access_key", "0400", "1000:1000"],
            ["s3.client.default.secret_key", "0400", "1000:1000"],
        ]);
    });

    it("writes durations and sizes as OpenSearch reads them", () => {
        expect(["90s", "1h30m", "500ms", "2d", "1m"].map(openSearchDuration)).toEqual([
            "90s",
            "90m",
            "500ms",
            "2d",
            "1m",
        ]);
        expect(openSearchSize("20GiB")).toBe("20480mb");
    });
});

describe("users", () => {
    it("are other ones with other passwords, so that the old ones work on meanwhile; the administrator stays", () => {
        expect(openSearchUser("writer", "one").user).not.toBe(openSearchUser("writer", "two").user);
        expect(openSearchUser("admin", "one").user).toBe("admin");
    });

    it("have hashes that are the same in each preview, and are the password's", () => {
        const hash = passwordHash("SECRETofWriter");
        expect(hash).toBe(passwordHash("SECRETofWriter"));
        expect(hash).toMatch(/^\$2b\$10\$.{53}$/);
        expect(compareSync("SECRETofWriter", hash)).toBe(true);
        expect(passwordHash("SECRETofReader").slice(0, 29)).not.toBe(hash.slice(0, 29));
    });

    it("are known to the host by their hashes", () => {
        const text = usersText(PASSWORDS);
        expect(text.split("\n").map((line) => line.split(" ")[0])).toEqual([...Object.keys(PASSWORDS), "keeper", ""]);
        expect(text).not.toContain("SECRET");
        expect(keeperUser("one").password).not.toBe(keeperUser("two").password);
    });

    it("may do what they need: only the administrator may do all", () => {
        const lines = desiredText({}).split("\n");
        const all = lines.filter(
            (line) => /^role /.test(line) && /"(\*|indices:\*|cluster:\*|indices_all)"\]?,?"?al/.test(line),
        );
        expect(all).toEqual([]);
        expect(lines.filter((line) => line.startsWith("mapping all_access"))).toEqual([
            'mapping all_access {"backend_roles":["admin"]}',
        ]);
        const writer = lines.find((line) => line.startsWith("role otel-ha-writer"))!;
        expect(writer).not.toMatch(/indices:data\/read|indices:admin\/(create|delete)/);
    });
});

describe("its resources", () => {
    let resources: Registered[];
    const named = (name: string): Registered => resources.find((one) => one.custom && one.name === name)!;

    beforeAll(async () => {
        const graph = await run(() => {
            const requirements = [openSearchRequirements(SETTINGS)];
            const host = new Host("host", { address: MEMBERS[0].address, hostKey: HOST_KEY, requirements });
            const users = Object.fromEntries(
                Object.entries(PASSWORDS).map(([role, password]) => [role, pulumi.secret(password)]),
            ) as unknown as typeof PASSWORDS;
            return new OpenSearch("opensearch", { host, settings: SETTINGS, ...SECRETS, users });
        });
        resources = graph.resources;
    }, 60_000);

    it("have no secret where others look, and mark it where it must be", () => {
        for (const one of resources) {
            const { stdin, ...others } = one.inputs;
            expect(JSON.stringify(others), one.name).not.toMatch(OURS);
            if (OURS.test(String(stdin))) expect(one.secrets, one.name).toContain("stdin");
        }
    });

    it("are set up whenever the container was asked about: a restart that was prepared is always ended", () => {
        const asked = named("opensearch-may-stop").inputs.stdin as string;
        expect(asked).toMatch(/^container [0-9a-f]{16}\n$/);
        expect(named("opensearch-ready").inputs.stdin).toContain(asked);
        expect(named("opensearch-ready").dependsOn).toEqual(["docker:index/container:Container opensearch"]);
        expect(named("opensearch").dependsOn).toContain("command:remote:Command opensearch-may-stop");
    });

    it("are a container that the policies allow, with a directory in memory that only its user looks into", () => {
        expect(named("opensearch").inputs).toMatchObject({
            readOnly: true,
            user: "1000:1000",
            tmpfs: { "/run/opensearch": "mode=0700,uid=1000,gid=1000,size=256m,exec" },
            ulimits: [
                { name: "nproc", soft: 4096, hard: 4096 },
                { name: "nofile", soft: 65536, hard: 65536 },
                { name: "memlock", soft: -1, hard: -1 },
            ],
        });
    });
});
