import { describe, expect, it } from "vitest";
import { APM_SECRET_NAMES, APM_SECRET_OF } from "../../components/apm-credentials";
import { generationsOf } from "../../components/generations";
import { ALL_KEYS, ApmValues, KEYS_OF } from "../../components/settings/keys";
import { apmNodesOf, runsDashboards } from "../../components/settings/apm-nodes";
import { apmNodeSettings } from "../../components/settings/apm-node-settings";
import { parseStack, parseValues, RawConfig } from "../../components/settings/parse";
import { warnings } from "../../components/settings/warnings";
import {
    ALL_STACKS,
    APM_STACKS,
    apmConfig,
    apmValuesOf,
    changedConfig,
    config,
    projectDefaults,
} from "./support/stacks";

const linesFor = (raw: RawConfig): string[] => parseStack(raw).problems.map(({ key, message }) => `${key}: ${message}`);

/** What a user reads after changing some settings of the shipped first stack. */
const changed = (changes: Record<string, string | undefined>): string[] => linesFor(apmConfig("apm1", changes));

const NODES = "apm-1=192.168.110.231,apm-2=192.168.110.232,apm-3=192.168.110.233";

describe("a stack says which system it is a host of", () => {
    it("and is read with that system's settings", () => {
        expect(parseStack(config("node1")).values.system).toBe("otel-ha");
        const { values } = parseStack(apmConfig("apm1"));
        expect(values).toMatchObject({ system: "apm", opensearchHttpPort: 9200, apm: { ingest: "data-prepper" } });
        expect(values).not.toHaveProperty("vip");
    });

    it("nothing else can be said of a system that there is not", () => {
        expect(linesFor(apmConfig("apm1", { system: "loki", vip: "x" }))).toEqual([
            'system: "loki" is not a system; write otel-ha (the two-host platform) or apm (Container APM on three hosts)',
        ]);
    });

    it("and whoever wants stacks of another one is told so", () => {
        expect(parseValues(apmConfig("apm1")).problems).toEqual([
            {
                key: "system",
                message:
                    '"apm" is Container APM, and this is for stacks of the two-host platform (otel-ha); choose those',
            },
        ]);
        expect(parseValues(config("node1"), [], "apm").problems).toEqual([
            {
                key: "system",
                message:
                    '"otel-ha" is the two-host platform, and this is for stacks of Container APM (apm); choose those',
            },
        ]);
    });

    it.each([
        ["vip", "192.168.110.141"],
        ["lokiPort", "3101"],
        ["vrrpPassword", "hunter22"],
        ["role", "MASTER"],
    ])("a setting of the other system is an error that names it: %s", (key, value) => {
        expect(changed({ [key]: value })).toEqual([
            `${key}: is a setting of the two-host platform (otel-ha), and this is a stack of Container APM; leave it out, or write system: otel-ha`,
        ]);
    });

    it("and so the other way round, without a value that is withheld", () => {
        const foreign = { opensearchHttpPort: "9201", apm: '{"ingest":"direct"}' };
        const { problems } = parseStack(config("node1", foreign), ["dataPrepperPassword"]);
        expect(problems.map(({ key }) => key).sort()).toEqual(["apm", "dataPrepperPassword", "opensearchHttpPort"]);
        for (const { message } of problems)
            expect(message).toBe(
                "is a setting of Container APM (apm), and this is a stack of the two-host platform; leave it out, or write system: apm",
            );
    });

    // The engine hands over what Pulumi.yaml says for everything that a stack does not.
    it.each(ALL_STACKS)("the defaults of both systems' settings are no error in %s", (stack) => {
        expect(linesFor({ ...projectDefaults(), ...changedConfig(stack) })).toEqual([]);
    });

    it("what one system requires is missing when only Pulumi.yaml's empty default is there", () => {
        const missing = (stack: RawConfig, key: string): string[] => {
            const others = Object.entries(stack).filter(([name]) => name !== key);
            return linesFor({ ...projectDefaults(), ...Object.fromEntries(others) });
        };
        expect(missing(config("node1"), "priority")).toEqual(["priority: is missing; write a number from 1 to 254"]);
        expect(missing(apmConfig("apm1"), "apmNodes")).toEqual([
            `apmNodes: is missing; write names with addresses, with commas, such as "${NODES}"`,
        ]);
    });

    it("every required setting of Container APM is named, and none of the other system", () => {
        expect(linesFor({ system: "apm" }).map((line) => line.split(":")[0])).toEqual([
            "nodeName",
            "nodeAddress",
            "hostKey",
            "apmNodes",
        ]);
    });

    it("no setting has two meanings: only that of generations differs between the systems", () => {
        const [pair, apm] = [KEYS_OF["otel-ha"], KEYS_OF.apm];
        const both = Object.keys(pair).filter((key) => key in apm) as (keyof typeof pair & keyof typeof apm)[];
        expect(both.filter((key) => pair[key] !== apm[key])).toEqual(["generation"]);
        expect(Object.keys(ALL_KEYS).length).toBe(Object.keys(pair).length + Object.keys(apm).length - both.length);
    });
});

describe("a value that cannot be read is one line with key, value and what would be right", () => {
    it.each<[key: string, value: string, line: string]>([
        ["apmNodes", "apm-1", `a list of nodes; write names with addresses, with commas, such as "${NODES}"`],
        [
            "apmNodes",
            "apm-1=192.168.110.999",
            `a list of nodes; write names with addresses, with commas, such as "${NODES}"`,
        ],
        [
            "opensearchHeap",
            "half",
            'a size of a heap; write a number and one of MiB, GiB, such as "2GiB", or auto for half of the memory limit',
        ],
        ["opensearchLowWatermark", "85", 'a percentage; write one from 0% to 99%, such as "85%"'],
        ["opensearchReplicas", "-1", "a number; write a whole number, 0 or more"],
        [
            "opensearchRecovery",
            "faster",
            "a pace of recovery; write safe (little besides the work that goes on) or fast (for SSDs and 10 Gbit/s)",
        ],
        [
            "apm",
            '{"ingest":"kafka"}',
            "an object of options; write data-prepper or direct for ingest, as in: pulumi config set --path apm.ingest direct",
        ],
        [
            "apm",
            '{"ingress":"direct"}',
            "an object of options; write data-prepper or direct for ingest, as in: pulumi config set --path apm.ingest direct",
        ],
        [
            "apm",
            "direct",
            "an object of options; write data-prepper or direct for ingest, as in: pulumi config set --path apm.ingest direct",
        ],
    ])("%s: %s", (key, value, wanted) => {
        expect(changed({ [key]: value })).toEqual([`${key}: "${value}" is not ${wanted}`]);
    });
});

describe("two values that do not go together are one line at the one to change", () => {
    it.each<[title: string, changes: Record<string, string>, line: string]>([
        [
            "two nodes, which stop with one of them",
            { apmNodes: "apm-1=192.168.110.231,apm-2=192.168.110.232" },
            "apmNodes: has 2 nodes, which would all stop with one of them; write 3, or another odd number above",
        ],
        [
            "two nodes with one name",
            { apmNodes: NODES.replace("apm-3", "apm-2") },
            'apmNodes: has "apm-2" twice; each node has a name and an address of its own',
        ],
        [
            "two nodes with one address",
            { apmNodes: NODES.replace(".233", ".232") },
            'apmNodes: has "192.168.110.232" twice; each node has a name and an address of its own',
        ],
        [
            "a list without this node",
            { nodeName: "apm-9" },
            `apmNodes: "${NODES}" has not this node, "apm-9" (nodeName); the list is of all nodes`,
        ],
        [
            "two addresses for one node",
            { nodeAddress: "192.168.110.239" },
            'apmNodes: has "apm-1" at 192.168.110.231, and nodeAddress is "192.168.110.239"; write the same in both',
        ],
        [
            "more copies than nodes",
            { opensearchReplicas: "3" },
            "opensearchReplicas: 3 replicas and the first copy need 4 nodes, and there are 3 (apmNodes); write 2 or less",
        ],
        [
            "more dashboards than nodes",
            { dashboardsCopies: "4" },
            "dashboardsCopies: 4 is more than there are nodes (apmNodes); write 3 or less",
        ],
        [
            "a disk that is full before it is nearly full",
            { opensearchHighWatermark: "97%" },
            'opensearchFloodWatermark: "95%" is not above opensearchHighWatermark ("97%"); they are reached one after the other, such as 85%, 90%, 95%',
        ],
        [
            "an index that goes while it is written to",
            { opensearchRetention: "12h" },
            'opensearchRetention: "12h" is shorter than opensearchRolloverAge ("1d"), for which an index is written to; write more, or lower that',
        ],
        [
            "a heap that leaves no room for files",
            { opensearchHeap: "3GiB" },
            'opensearchHeap: "3GiB" is more than 50 % of opensearchMemoryLimit ("4GiB"); the rest is needed beside the heap, so write less, or raise that',
        ],
        [
            "two services on one port",
            { clusterCollectorMetricsPort: "8888" },
            "clusterCollectorMetricsPort: 8888 is also nodeCollectorMetricsPort; all services share the host's ports, so write a free one",
        ],
        [
            "certificates of one's own",
            { tls: "provided" },
            'tls: "provided" is for the two-host platform; write internal: the nodes get certificates of a CA that is made',
        ],
        [
            "no TLS for a service that speaks nothing else",
            { tls: "off", dashboardsCopies: "0" },
            'tls: "off" cannot be with Data Prepper; write internal, or pulumi config set --path apm.ingest direct',
        ],
        [
            "passwords that people type, in the clear",
            { tls: "off", apm: '{"ingest":"direct"}' },
            "dashboardsCopies: 2 cannot be without TLS, since people log in there; write 0, or tls: internal",
        ],
        [
            "a secret that nobody asks for",
            { apm: '{"ingest":"direct"}', dataPrepperPassword: "hunter22" },
            "dataPrepperPassword: would not be used, since apm.ingest is direct; write data-prepper there, or leave it out",
        ],
        [
            "a key too short to sign with",
            { dashboardsCookieSecret: "hunter22" },
            "dashboardsCookieSecret: has less than 32 characters, which is what OpenSearch Dashboards asks for",
        ],
        [
            "data inside the configuration",
            { dataDir: "/data/docker/otel/data" },
            'dataDir: "/data/docker/otel/data" and configDir ("/data/docker/otel") lie in each other; data outlives destroy, configuration does not',
        ],
    ])("%s", (_title, changes, line) => {
        expect(changed(changes)).toEqual([line]);
    });

    it("half a place for snapshots names what is missing, and a whole one is taken", () => {
        const store = { opensearchSnapshotEndpoint: "s3.example:443", opensearchSnapshotBucket: "snapshots" };
        expect(changed(store).map((line) => line.split("; ")[0])).toEqual([
            "opensearchSnapshotUser: is missing",
            "opensearchSnapshotSecret: is missing",
        ]);
        const whole = { ...store, opensearchSnapshotUser: "apm", opensearchSnapshotSecret: "hunter22" };
        expect(changed(whole)).toEqual([]);
        expect(changed({ ...whole, opensearchSnapshotDirectory: "/mnt/snapshots" })).toEqual([
            'opensearchSnapshotDirectory: "/mnt/snapshots" would not be used, since opensearchSnapshotBucket is given; leave one of them out',
        ]);
    });
});

describe("the shipped stack files of Container APM", () => {
    it.each(APM_STACKS)("%s needs nothing but the host's key", (stack) => {
        expect(linesFor(apmConfig(stack))).toEqual([]);
        expect(linesFor(apmConfig(stack, { hostKey: undefined }))).toHaveLength(1);
    });

    it("differ in what differs between hosts, and in nothing else", () => {
        const all = APM_STACKS.map((stack) => apmValuesOf(stack));
        const keys = Object.keys(KEYS_OF.apm) as (keyof ApmValues)[];
        const different = keys.filter((key) => new Set(all.map((values) => JSON.stringify(values[key]))).size > 1);
        expect(Object.fromEntries(different.map((key) => [key, all.map((values) => values[key])]))).toEqual({
            nodeName: ["apm-1", "apm-2", "apm-3"],
            hostName: ["ish-apm-1.novalocal", "ish-apm-2.novalocal", "ish-apm-3.novalocal"],
            nodeAddress: ["192.168.110.231", "192.168.110.232", "192.168.110.233"],
            credentialsStack: ["", "apm1", "apm1"],
        });
    });

    it("let the two other nodes through each firewall", () => {
        expect(APM_STACKS.map((stack) => apmNodeSettings(apmValuesOf(stack)).host.firewall?.peers)).toEqual([
            ["192.168.110.232", "192.168.110.233"],
            ["192.168.110.231", "192.168.110.233"],
            ["192.168.110.231", "192.168.110.232"],
        ]);
        const { firewall } = apmNodeSettings(apmValuesOf("apm1", { firewall: "false" })).host;
        expect(firewall).toBeUndefined();
    });

    it("have OpenSearch Dashboards on the first nodes", () => {
        expect(apmNodesOf(apmValuesOf("apm1")).map(({ name }) => name)).toEqual(["apm-1", "apm-2", "apm-3"]);
        expect(APM_STACKS.map((stack) => runsDashboards(apmValuesOf(stack)))).toEqual([true, true, false]);
        expect(runsDashboards(apmValuesOf("apm3", { dashboardsCopies: "3" }))).toBe(true);
    });
});

describe("secrets of Container APM", () => {
    it("have generations of their own names", () => {
        const values = apmValuesOf("apm1", { secretGeneration: "2", generation: '{"opensearchWriter":5}' });
        expect(generationsOf(values, APM_SECRET_OF)).toEqual({
            opensearchAdminPassword: 2,
            opensearchWriterPassword: 5,
            opensearchReaderPassword: 2,
            opensearchDashboardsPassword: 2,
            opensearchMonitorPassword: 2,
            dataPrepperPassword: 2,
            dashboardsCookieSecret: 2,
        });
        expect(changed({ generation: '{"lokiUser":2}' })).toEqual([
            `generation: "{"lokiUser":2}" is not a generation for each of some secrets; write whole numbers above 0 for any of ${APM_SECRET_NAMES.join(", ")}, as in: pulumi config set --path generation.ca 2`,
        ]);
        expect(linesFor(apmConfig("apm2", { generation: '{"ca":2}' }))).toEqual([
            'generation: "ca" would not be used here, since stack "apm1" owns the credentials; write pulumi config set --path generation.ca 2 --stack apm1',
        ]);
    });

    it("are never shown", () => {
        expect(changed({ opensearchWriterPassword: "with spaces in it" })).toEqual([
            'opensearchWriterPassword: is not usable; write 8 to 64 letters, digits, "_" or "-"',
        ]);
    });
});

describe("a preview of Container APM says what does not outlast every fault", () => {
    const keys = (changes: Record<string, string> = {}): string[] =>
        warnings(apmValuesOf("apm1", changes)).map(({ key }) => key);

    it.each<[Record<string, string>, string[]]>([
        [{}, ["opensearchSnapshotBucket"]],
        [{ opensearchReplicas: "0" }, ["opensearchReplicas", "opensearchSnapshotBucket"]],
        [{ dashboardsCopies: "0", tls: "off", apm: '{"ingest":"direct"}' }, ["opensearchSnapshotBucket", "tls"]],
        [{ dashboardsCopies: "1" }, ["dashboardsCopies", "opensearchSnapshotBucket"]],
        [{ opensearchSnapshotDirectory: "/mnt/snapshots" }, []],
        [{ apmNodes: `${NODES},apm-4=192.168.110.234` }, ["apmNodes", "opensearchSnapshotBucket"]],
        [
            { opensearchWriterPassword: "hunter22", generation: '{"opensearchWriter":2}' },
            ["opensearchSnapshotBucket", "generation"],
        ],
    ])("%o", (changes, expected) => {
        expect(keys(changes)).toEqual(expected);
    });
});
