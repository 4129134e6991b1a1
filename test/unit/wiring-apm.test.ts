// A node of Container APM as the engine sees it: which resources, in which order, with which secrets where.
import { beforeAll, describe, expect, it } from "vitest";
import { ApmCredentials, ApmTls } from "../../components";
import { MANDATORY } from "../../components/policy/rules";
import { violations } from "../../components/policy/model";
import { APM_SECRETS, apmTls, registerApmNode } from "./support/apm";
import { asAsked } from "./support/asked";
import { Registered } from "./support/graph";
import { ApmStackName, HOST_KEY } from "./support/stacks";

const COMMAND = "command:remote:Command";
const CONTAINER = "docker:index/container:Container";
const IMAGE = "docker:index/remoteImage:RemoteImage";

/** Steps that do something, and files. */
const STEP = /-(ready|may-stop|retired)$/;
/** What is open, and what a host lacks, is said; these get no secret to say. */
const SPEAKS = /-(ready|may-stop|retired|host-setup|firewall-kept|watch)$/;

const DIRECT = { apm: '{"ingest":"direct"}' };

let tls: ApmTls;
let resources: Registered[];
let direct: Registered[];

const ofType = (type: string, all = resources): Registered[] => all.filter((one) => one.type === type);
const named = (type: string, name: string, all = resources): Registered => {
    const found = all.find((one) => one.type === type && one.name === name);
    if (!found) throw new Error(`no ${type} ${name}`);
    return found;
};

const register = (stack: ApmStackName, changes?: Record<string, string>, secrets?: ApmCredentials) =>
    registerApmNode(tls, stack, changes, secrets);

beforeAll(async () => {
    tls = await apmTls();
    resources = await register("apm1");
    direct = await register("apm1", DIRECT);
}, 240_000);

/** Everything that must be there before a resource, however far back. */
function before(resource: Registered, all = resources): Set<string> {
    const found = new Set<string>();
    const visit = (one: Registered): void => {
        for (const key of one.dependsOn) {
            if (found.has(key)) continue;
            found.add(key);
            const next = all.find((candidate) => `${candidate.type} ${candidate.name}` === key);
            if (next) visit(next);
        }
    };
    visit(resource);
    return found;
}

const containers = (all: Registered[]): string[] =>
    ofType(CONTAINER, all)
        .map(({ inputs }) => inputs.name as string)
        .sort();

describe("a node of Container APM", () => {
    it("is these containers", () => {
        const all = [
            "data-prepper",
            "haproxy",
            "opensearch",
            "opensearch-dashboards",
            "otel-cluster-collector",
            "otel-node-collector",
        ].map((name) => `${name}-apm-1`);
        expect(containers(resources)).toEqual(all);
        expect(containers(direct)).toEqual(all.slice(1));
    });

    it("starts with OpenSearch, and with what needs it after that is part of its cluster", () => {
        expect([...before(named(CONTAINER, "apm-1-opensearch"))].filter((key) => key.startsWith(CONTAINER))).toEqual(
            [],
        );
        for (const [later, earlier] of [
            ["apm-1-data-prepper", "apm-1-opensearch"],
            ["apm-1-opensearch-dashboards", "apm-1-opensearch"],
            ["apm-1-haproxy", "apm-1-opensearch-dashboards"],
            ["apm-1-otel-node-collector", "apm-1-data-prepper"],
            ["apm-1-otel-cluster-collector", "apm-1-data-prepper"],
        ])
            expect(named(CONTAINER, later!).dependsOn).toContain(`${COMMAND} ${earlier}-ready`);
    });

    it("collects what the host says about its containers, and writes straight to OpenSearch when it is told to", () => {
        for (const [all, backEnd] of [
            [resources, "apm-1-data-prepper"],
            [direct, "apm-1-opensearch"],
        ] as const)
            for (const name of ["apm-1-otel-node-collector", "apm-1-otel-cluster-collector"])
                expect(named(CONTAINER, name, all).dependsOn).toEqual(
                    expect.arrayContaining([`${COMMAND} ${backEnd}-ready`, `${COMMAND} apm-1-watch`]),
                );
        const password = (all: Registered[]): string =>
            named(COMMAND, "apm-1-otel-node-collector-back-end-password", all).inputs.stdin as string;
        expect([password(resources), password(direct)]).toEqual(["SECRET-of-prepper", "SECRET-of-writer"]);
    });

    it("shows people what is there beside it: nothing of the path from applications to disk waits for that", () => {
        for (const one of resources.filter(({ custom, name }) => custom && !/-(haproxy|dashboards|retired)/.test(name)))
            expect(
                [...before(one)].filter((key) => /-(haproxy|dashboards)/.test(key)),
                one.name,
            ).toEqual([]);
    });

    it("leads to OpenSearch Dashboards on every node, of which the first ones have a copy", async () => {
        const third = await register("apm3");
        expect(containers(third)).toContain("haproxy-apm-3");
        expect(containers(third)).not.toContain("opensearch-dashboards-apm-3");
        const { stdin } = named(COMMAND, "apm-3-haproxy-haproxy.cfg", third).inputs as { stdin: string };
        expect(stdin).toContain("192.168.110.231:15601");
        expect(stdin).toContain("192.168.110.232:15601");
        expect(stdin).not.toContain("192.168.110.233:15601");
        const none = await register("apm1", { dashboardsCopies: "0" });
        expect(containers(none).filter((name) => /dashboards|haproxy/.test(name))).toEqual([]);
    });

    it("touches nothing before the host's checks have passed", () => {
        for (const one of resources.filter((other) => other.custom && [COMMAND, CONTAINER, IMAGE].includes(other.type)))
            if (one.name !== "apm-1-host-setup") expect(before(one), one.name).toContain(`${COMMAND} apm-1-host-setup`);
    });

    it("takes users of OpenSearch away only when all that log in work as the new ones, and nothing waits for that", () => {
        const retired = named(COMMAND, "apm-1-opensearch-retired");
        for (const { name } of ofType(CONTAINER)) expect(before(retired)).toContain(`${COMMAND} ${name}-ready`);
        for (const one of resources) expect(one.dependsOn).not.toContain(`${COMMAND} ${retired.name}`);
    });

    it("has names that begin with the parent's", () => {
        for (const one of resources.filter((other) => other.parent !== ""))
            expect(one.name.startsWith(one.parent.split(" ")[1]!), `${one.name} of ${one.parent}`).toBe(true);
    });

    it("breaks no rule of docs/policies.md", () => {
        expect(resources.map(asAsked).flatMap((asked) => violations(MANDATORY, asked))).toEqual([]);
    });

    it("may be without TLS, and then without users", async () => {
        const clear = await register("apm1", { ...DIRECT, tls: "off", dashboardsCopies: "0" });
        expect(containers(clear)).toContain("opensearch-apm-1");
        expect(JSON.stringify(clear.map(({ inputs }) => inputs))).not.toMatch(/SECRET-of/);
        expect(clear.map(({ name }) => name)).not.toContain("apm-1-opensearch-retired");
    });
});

describe("a secret of Container APM", () => {
    it("goes to the host on standard input of a file or a step, and nowhere else", () => {
        for (const one of resources)
            for (const [input, value] of Object.entries(one.inputs)) {
                const allowed = input === "connection" || (one.type === COMMAND && input === "stdin");
                if (!allowed) expect(JSON.stringify(value), `${one.name} ${input}`).not.toContain("SECRET");
            }
    });

    it("is marked as one wherever it is: previews and the state hide it", () => {
        const keys = Object.values(tls).flatMap((of) => (typeof of === "string" ? [] : [(of as { key: string }).key]));
        for (const one of resources)
            for (const [input, value] of Object.entries(one.inputs)) {
                const text = JSON.stringify(value);
                if (/SECRET-/.test(text) || keys.some((key) => text.includes(key.split("\n")[1]!)))
                    expect(one.secrets, `${one.name} ${input}`).toContain(input);
            }
    });

    it("lies in files that only their reader may read", () => {
        const files = ofType(COMMAND).filter((one) => one.secrets.includes("stdin") && !STEP.test(one.name));
        expect(files.length).toBeGreaterThan(4);
        for (const file of files) expect(file.inputs.create, file.name).toContain("--mode 0400 ");
    });

    it("is another user when it is another password: the old one works until all nodes log in as the new one", async () => {
        const next = await register("apm1", DIRECT, { ...APM_SECRETS, opensearchWriterPassword: "SECRET-of-writer-2" });
        const users = (all: Registered[]): string[] =>
            [
                "apm-1-opensearch-users",
                "apm-1-otel-node-collector-back-end-user",
                "apm-1-otel-cluster-collector-back-end-user",
                "apm-1-opensearch-retired",
            ].map((name) => /\bwriter-[0-9a-f]{6}\b/.exec(named(COMMAND, name, all).inputs.stdin as string)![0]);
        expect(new Set(users(direct)).size).toBe(1);
        expect(new Set(users(next)).size).toBe(1);
        expect(users(next)[0]).not.toBe(users(direct)[0]);
        const throughPrepper = named(COMMAND, "apm-1-data-prepper-secrets.env").inputs.stdin as string;
        expect(throughPrepper).toContain(users(direct)[0]);
    });
});

describe("every command on a host of Container APM", () => {
    it("connects only to a host that shows the right key", () => {
        for (const one of ofType(COMMAND)) {
            const { host, hostKey } = one.inputs.connection;
            expect({ host, hostKey }).toEqual({ host: "192.168.110.231", hostKey: HOST_KEY });
            expect(one.secrets).toContain("connection");
            expect(one.inputs.addPreviousOutputInEnv).toBe(false);
        }
    });

    it("writes nothing secret to the log", () => {
        for (const one of ofType(COMMAND))
            expect(one.inputs.logging, one.name).toBe(SPEAKS.test(one.name) ? "stdout" : "none");
    });

    it("deletes configuration and never data", () => {
        for (const one of ofType(COMMAND))
            for (const line of [one.inputs.delete ?? []].flat() as string[]) {
                expect(line, one.name).toMatch(
                    /^test ! -e \/usr\/local\/lib\/otel-ha\/watch-containers \|\| \/usr\/local\/lib\/otel-ha\/watch-containers remove \/data\/volume\/otel\/otel-watch$|^rm -f \/data\/docker\/otel\/\S+$|^rm -rf \/usr\/local\/lib\/otel-ha \/etc\/sysctl\.d\/90-otel-ha\.conf$|\/firewall remove \/data\/docker\/otel\/firewall$/,
                );
                if (one.name !== "apm-1-watch") expect(line).not.toMatch(/\/volume/);
            }
    });
});

describe("a container of Container APM", () => {
    it("has time to end, a health check, bounded logs, a restart, and no way to the engine", () => {
        for (const { inputs, ...one } of ofType(CONTAINER)) {
            expect(inputs.destroyGraceSeconds, one.name).toBeGreaterThanOrEqual(10);
            expect(inputs.healthcheck.tests[0]).toBe("CMD-SHELL");
            expect(inputs).toMatchObject({ restart: "unless-stopped", networkMode: "host", readOnly: true });
            expect(inputs.logOpts).toEqual({ "max-size": "20m", "max-file": "5" });
            expect(inputs.memory).toBeGreaterThan(0);
            expect(JSON.stringify(inputs.mounts)).not.toContain("docker.sock");
        }
    });
});
