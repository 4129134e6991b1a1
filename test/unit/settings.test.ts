import { describe, expect, it } from "vitest";
import { KEYS } from "../../components/settings/keys";
import { parseValues, problemReport, RawConfig } from "../../components/settings/parse";
import { config, HOST_KEY, settingsOf, shippedConfig, STACKS, valuesOf } from "./support/stacks";

/** What a user reads, line by line. */
function linesFor(raw: RawConfig): string[] {
    return parseValues(raw).problems.map(({ key, message }) => `${key}: ${message}`);
}

/** What a user reads after changing some settings of the shipped first stack. */
function changed(changes: Record<string, string | undefined>): string[] {
    return linesFor(config("node1", changes));
}

const HOST_KEY_WANTED =
    'write the line of /etc/ssh/ssh_host_ed25519_key.pub of the host, "ssh-ed25519 AAAA…" (RSA keys are not supported)';
const RSA_KEY = `ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ${"A".repeat(60)}`;

describe("a value that cannot be read is one line with key, value and what would be right", () => {
    it.each<[key: string, value: string, line: string]>([
        ["nodeAddress", "192.168.110.999", 'an IPv4 address; write four numbers, such as "192.168.110.214"'],
        ["peerAddress", "192.168.110", 'an IPv4 address; write four numbers, such as "192.168.110.214"'],
        ["vip", "192.168.110.014", 'an IPv4 address; write four numbers, such as "192.168.110.214"'],
        ["vip", "192.168.110.140/24", 'an IPv4 address; write four numbers, such as "192.168.110.214"'],
        ["nodeName", "Mid 1", 'a name; write lower-case letters, digits and "-", such as "mid-1"'],
        ["hostName", "mid_1!", 'a host name; write one such as "ish-otel-mid-1.novalocal"'],
        ["role", "master", "a role; write MASTER or BACKUP"],
        ["role", "LEADER", "a role; write MASTER or BACKUP"],
        ["priority", "255", "a VRRP priority; write a number from 1 to 254"],
        ["vrrpRouterId", "0", "a virtual router id; write a number from 1 to 255"],
        ["lokiPort", "65536", "a port; write a number from 1 to 65535"],
        ["lokiPort", "3100/tcp", "a port; write a number from 1 to 65535"],
        ["aggregatorBatchSize", "0", "a count; write a whole number above 0"],
        ["aggregatorBatchSize", "1e3", "a count; write a whole number above 0"],
        [
            "prometheusScrapeInterval",
            "5 seconds",
            'a duration; write a number and one of ms, s, m, h, d, such as "10s" or "2h"',
        ],
        ["readyTimeout", "0s", 'a duration; write a number and one of ms, s, m, h, d, such as "10s" or "2h"'],
        ["aggregatorMemoryLimit", "4GB", 'a size; write a number and one of B, KiB, MiB, GiB, TiB, such as "4GiB"'],
        ["minimumFreeDisk", "plenty", 'a size; write a number and one of B, KiB, MiB, GiB, TiB, such as "4GiB"'],
        ["dataDir", "data/volume", 'an absolute path; write one such as "/data/volume/otel"'],
        ["dataDir", "/data/volume/otel/", 'an absolute path; write one such as "/data/volume/otel"'],
        [
            "sshPrivateKeyFile",
            "my key",
            'a path to a file; write one such as "~/.ssh/id_ed25519", or "" to use the SSH agent',
        ],
        ["imagePrometheus", "prom/prometheus", 'an image with a tag; write one such as "prom/prometheus:v3.7.3"'],
        [
            "imageRegistry",
            "https://registry.example/",
            'a registry; write one such as "registry.example:5000/otel", without "https://" before or "/" behind it',
        ],
        ["credentialsStack", "node one", "one word; leave out the spaces"],
        [
            "lokiBucket",
            "Loki_Data",
            'a bucket name; write 3 to 63 lower-case letters, digits and "-", such as "loki-data"',
        ],
        ["sshUser", "a b", 'a user name; write 3 to 32 letters, digits, "_" or "-", such as "admin"'],
        ["networkInterface", "eth 0", 'a network interface; write one such as "eth0"'],
        ["lokiObjectStoreUser", "a b", 'an access key; write 2 to 128 letters, digits, "_", "." or "-"'],
        ["objectStoreRegion", "eu central", 'an S3 region; write one such as "us-east-1"'],
        [
            "thanosRetentionRaw",
            "for ever",
            'a retention; write a number and one of h, d, such as "90d", or "0d" for ever',
        ],
        [
            "objectStore",
            "replicated",
            "a way to keep objects; write pooled (one store over both hosts), mirrored (one store on each) or external (some S3 store)",
        ],
        ["minimumDocker", "newest", 'a version; write one such as "20.10"'],
        ["hostKey", RSA_KEY, `a public host key; ${HOST_KEY_WANTED}`],
        ["hostKey", "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU", `a public host key; ${HOST_KEY_WANTED}`],
    ])("%s: %s", (key, value, wanted) => {
        expect(changed({ [key]: value })).toEqual([`${key}: "${value}" is not ${wanted}`]);
    });
});

describe("two values that do not go together are one line at the one to change", () => {
    it.each<[title: string, changes: Record<string, string>, line: string]>([
        [
            "a Loki without room to start",
            { lokiMemoryLimit: "128MiB" },
            'lokiMemoryLimit: "128MiB" is too little for Loki; write "256MiB" or more',
        ],
        [
            "raw metrics that go before they are thinned out",
            { thanosRetentionRaw: "1d" },
            'thanosRetentionRaw: "1d" is shorter than 40h, when samples of 5 minutes are made of them; write "2d" or more, or "0d" for ever',
        ],
        [
            "thinned out metrics that go before they are thinned out again",
            { thanosRetention5m: "7d" },
            'thanosRetention5m: "7d" is shorter than 10d, when samples of an hour are made of them; write "10d" or more, or "0d" for ever',
        ],
        [
            "a virtual IP that is the node's own address",
            { vip: "192.168.110.214" },
            'vip: "192.168.110.214" is this node\'s own address (nodeAddress); the virtual IP must be a free one in the same network',
        ],
        [
            "a virtual IP that is the peer's address",
            { vip: "192.168.110.119" },
            'vip: "192.168.110.119" is the peer\'s address (peerAddress); the virtual IP must be a free one in the same network',
        ],
        [
            "two hosts with one address",
            { peerAddress: "192.168.110.214" },
            'peerAddress: "192.168.110.214" is this node\'s own address; write the address of the other host',
        ],
        [
            "two nodes with one name",
            { peerNodeName: "mid-1" },
            'peerNodeName: "mid-1" is this node\'s own name; the two nodes need different names, such as mid-1 and mid-2',
        ],
        [
            "two nodes with one priority",
            { priority: "90" },
            "priority: 90 is the peer's priority too (peerPriority); the two nodes need different ones, such as 100 and 90",
        ],
        [
            "a master that would lose every election",
            { priority: "80" },
            'role: "MASTER" has the lower priority (80 < 90); write BACKUP, or raise priority',
        ],
        [
            "a backup that would win every election",
            { role: "BACKUP" },
            'role: "BACKUP" has the higher priority (100 > 90); write MASTER, or lower priority',
        ],
        [
            "two services on one port",
            { lokiPort: "9090" },
            "lokiPort: 9090 is also prometheusPort; all services share the host's ports, so write a free one",
        ],
        [
            "a service on the port of SSH",
            { otlpHttpPort: "22" },
            "otlpHttpPort: 22 is also sshPort; all services share the host's ports, so write a free one",
        ],
        [
            "VRRP advertisements faster than VRRP 2 can say",
            { vrrpAdvertInterval: "200ms" },
            'vrrpAdvertInterval: "200ms" is not a whole number of seconds up to 255, which is all that VRRP 2 can say; write "1s", or set vrrpVersion to 3',
        ],
        [
            "VRRP advertisements finer than VRRP 3 can say",
            { vrrpVersion: "3", vrrpAdvertInterval: "205ms" },
            'vrrpAdvertInterval: "205ms" is not a multiple of 10 ms up to 40.95 s, which is all that VRRP 3 can say; write "200ms"',
        ],
        [
            "a delay before something that never happens",
            { vrrpNopreempt: "true", vrrpPreemptDelay: "5m" },
            'vrrpPreemptDelay: "5m" has no meaning with vrrpNopreempt, where a node that returns never takes the address back; leave one of them out',
        ],
        [
            "a memory spike as large as the limit",
            { aggregatorMemorySpikeLimit: "4096MiB" },
            'aggregatorMemorySpikeLimit: "4096MiB" is not below aggregatorMemoryLimit ("4GiB"); write about a quarter of it',
        ],
        [
            "a batch larger than the largest",
            { aggregatorBatchSize: "5000" },
            "aggregatorBatchMaxSize: 2048 is below aggregatorBatchSize (5000); write 5000 or more",
        ],
        [
            "a retention that deletes blocks before they are uploaded",
            { prometheusRetention: "5h" },
            'prometheusRetention: "5h" is shorter than three blocks (prometheusBlockDuration "2h"); blocks would go before they are uploaded',
        ],
        [
            "less room wanted at first than later",
            { diskReserve: "20GiB" },
            'diskReserve: "20GiB" is not below minimumFreeDisk ("10GiB"); a host that is good enough to begin with would be given no data',
        ],
        [
            "a log retention that Loki cannot keep",
            { lokiRetention: "12h" },
            'lokiRetention: "12h" is shorter than a day, the least that Loki can keep; write "1d" or more',
        ],
        [
            "one bucket for both clients",
            { thanosBucket: "loki-data" },
            'thanosBucket: "loki-data" is lokiBucket too; each client has a bucket of its own',
        ],
        [
            "data inside the configuration, which destroy removes",
            { dataDir: "/data/docker/otel/data" },
            'dataDir: "/data/docker/otel/data" and configDir ("/data/docker/otel") lie in each other; data outlives destroy, configuration does not',
        ],
        [
            "Loki's data inside the configuration",
            { lokiDataDir: "/data/docker/otel/loki" },
            'lokiDataDir: "/data/docker/otel/loki" lies in configDir ("/data/docker/otel"); data outlives destroy, configuration does not',
        ],
    ])("%s", (_title, changes, line) => {
        expect(changed(changes)).toEqual([line]);
    });

    it("three services on one port: both that must move say so, and name the one that stays", () => {
        expect(changed({ thanosHttpPort: "9090", lokiPort: "9090" })).toEqual([
            "thanosHttpPort: 9090 is also prometheusPort; all services share the host's ports, so write a free one",
            "lokiPort: 9090 is also prometheusPort; all services share the host's ports, so write a free one",
        ]);
    });
});

describe("a setting that is missing or unknown", () => {
    it("every required one that is missing is named, with what to write", () => {
        expect(linesFor({})).toEqual([
            'nodeName: is missing; write lower-case letters, digits and "-", such as "mid-1"',
            'nodeAddress: is missing; write four numbers, such as "192.168.110.214"',
            `hostKey: is missing; ${HOST_KEY_WANTED}`,
            "role: is missing; write MASTER or BACKUP",
            "priority: is missing; write a number from 1 to 254",
            'peerNodeName: is missing; write lower-case letters, digits and "-", such as "mid-1"',
            'peerAddress: is missing; write four numbers, such as "192.168.110.214"',
            "peerPriority: is missing; write a number from 1 to 254",
        ]);
    });

    it("an empty hostKey is a missing one: no connection is made to an unverified host", () => {
        expect(changed({ hostKey: "" })).toEqual([`hostKey: is missing; ${HOST_KEY_WANTED}`]);
        expect(changed({ hostKey: undefined })).toEqual([`hostKey: is missing; ${HOST_KEY_WANTED}`]);
    });

    it.each([
        ["prometheusPrt", "prometheusPort"],
        ["nodename", "nodeName"],
        ["virtualRouterId", undefined],
        ["lokiRetentions", "lokiRetention"],
        ["healthcheckInterval", "healthCheckInterval"],
        ["grafanaPort", undefined],
        ["x", undefined],
    ])("%s is unknown", (key, meant) => {
        const hint = meant ? `did you mean "${meant}"?` : "see docs/config.md";
        expect(changed({ [key]: "1" })).toEqual([`${key}: is not a setting of this program; ${hint}`]);
    });
});

describe("a secret is never shown", () => {
    it.each(["short", "with spaces in it", "quo'te-and-more"])("when it cannot be used: %s", (secret) => {
        const [line, ...more] = changed({ objectStoreRootPassword: secret });
        expect(line).toBe('objectStoreRootPassword: is not usable; write 8 to 64 letters, digits, "_" or "-"');
        expect(more).toEqual([]);
    });

    it("when it is too long for VRRP", () => {
        expect(changed({ vrrpPassword: "longer-than-8" })).toEqual([
            "vrrpPassword: has not 8 characters, which is what VRRP 2 uses; write exactly 8 letters or digits",
        ]);
    });

    it("when its key is mistyped", () => {
        const [line] = changed({ vrrpPasword: "hunter22" });
        expect(line).toBe('vrrpPasword: is not a setting of this program; did you mean "vrrpPassword"?');
    });

    it("that is usable is taken", () => {
        expect(valuesOf("node1", { vrrpPassword: "hunter22" }).vrrpPassword).toBe("hunter22");
    });
});

describe("all problems at once", () => {
    const many = {
        nodeAddress: "192.168.110",
        vip: "192.168.110.119",
        lokiPort: "9090",
        otlpHttpPort: "http",
        lokiRetention: "3 months",
        prometheusPrt: "9091",
    };

    it("are listed with unknown keys first and the rest in the order of Pulumi.yaml", () => {
        expect(parseValues(config("node1", many)).problems.map((problem) => problem.key)).toEqual([
            "prometheusPrt",
            "nodeAddress",
            "otlpHttpPort",
            "vip",
            "lokiPort",
            "lokiRetention",
        ]);
    });

    it("are one message that names the stack and says that nothing was touched", () => {
        const { problems } = parseValues(config("node1", { role: "LEADER", priority: "0" }));
        expect(problemReport("node1", problems)).toBe(
            [
                '2 settings of stack "node1" cannot be used; nothing was touched:',
                '  role: "LEADER" is not a role; write MASTER or BACKUP',
                '  priority: "0" is not a VRRP priority; write a number from 1 to 254',
            ].join("\n"),
        );
        expect(problemReport("node1", problems.slice(0, 1))).toBe(
            'a setting of stack "node1" cannot be used; nothing was touched:\n  role: "LEADER" is not a role; write MASTER or BACKUP',
        );
    });

    it("a rule says nothing about a value that did not parse", () => {
        // Neither "longer than the limit", nor "MASTER has the lower priority", nor "shorter than a day".
        expect(
            parseValues(config("node1", { aggregatorMemoryLimit: "x", peerPriority: "x", lokiRetention: "x" }))
                .problems,
        ).toHaveLength(3);
    });
});

describe("the shipped stack files", () => {
    it.each(STACKS)("%s needs nothing but the host's key", (stack) => {
        expect(linesFor(config(stack))).toEqual([]);
        expect(linesFor({ ...config(stack, { hostKey: undefined }) })).toEqual([
            `hostKey: is missing; ${HOST_KEY_WANTED}`,
        ]);
    });

    it("differ in what differs between two hosts, and in nothing else", () => {
        const [one, two] = STACKS.map((stack) => valuesOf(stack));
        const different = (Object.keys(KEYS) as (keyof typeof KEYS)[]).filter((key) => one[key] !== two[key]);
        expect(Object.fromEntries(different.map((key) => [key, [one[key], two[key]]]))).toEqual({
            nodeName: ["mid-1", "mid-2"],
            hostName: ["ish-otel-mid-1.novalocal", "ish-otel-mid-2.novalocal"],
            nodeAddress: ["192.168.110.214", "192.168.110.119"],
            role: ["MASTER", "BACKUP"],
            priority: [100, 90],
            peerNodeName: ["mid-2", "mid-1"],
            peerAddress: ["192.168.110.119", "192.168.110.214"],
            peerPriority: [90, 100],
            credentialsStack: ["", "node1"],
        });
    });

    it("agree with each other: one host's peer is the other host", () => {
        const [one, two] = STACKS.map(shippedConfig);
        for (const [peer, own] of [
            ["peerNodeName", "nodeName"],
            ["peerAddress", "nodeAddress"],
            ["peerPriority", "priority"],
        ]) {
            expect(one[peer]).toBe(two[own]);
            expect(two[peer]).toBe(one[own]);
        }
    });

    it("have the drives of the object store in the same order on both hosts", () => {
        const pools = STACKS.map((stack) => settingsOf(stack).objectStore?.pool);
        expect(pools).toEqual([
            ["192.168.110.214", "192.168.110.119"],
            ["192.168.110.214", "192.168.110.119"],
        ]);
    });
});

describe("a stack of one's own", () => {
    it("puts the registry of a closed site in front of every image", () => {
        const settings = settingsOf("node1", { imageRegistry: "registry.example:5000/otel" });
        const { objectStore, prometheus, loki, otelAggregator, haproxy, keepalived } = settings;
        const thanos = [settings.thanosSidecar, settings.thanosStore, settings.thanosCompactor, settings.thanosQuery];
        const parts = [objectStore, prometheus, loki, ...thanos, otelAggregator, haproxy, keepalived];
        for (const part of parts) expect(part?.image).toMatch(/^registry\.example:5000\/otel\/[\w/.-]+:[\w.-]+$/);
    });

    it("takes an image by digest, an ECDSA host key with a comment, and the SSH agent", () => {
        const digest = `prom/prometheus:v3.7.3@sha256:${"0".repeat(64)}`;
        const ecdsa = `ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAA${"A".repeat(40)}= root@mid-1`;
        const values = valuesOf("node1", { imagePrometheus: digest, hostKey: ecdsa, sshPrivateKeyFile: "" });
        expect(values).toMatchObject({ imagePrometheus: digest, hostKey: ecdsa, sshPrivateKeyFile: "" });
    });

    it("may run Loki's data below the other data, and both where it likes", () => {
        expect(changed({ dataDir: "/srv/otel", lokiDataDir: "/srv/otel/loki", hostKey: HOST_KEY })).toEqual([]);
    });
});
