// Nobody gets in who was not named; nobody is locked out.
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TLS_DEFAULTS, TlsMode } from "../../components/tls";
import { shippedRequirements } from "../../docs/generate-ports";
import { inLab, labExec, startNode, stopNode } from "../../lab/hosts";
import { BRIDGE, LabNode, NETWORK } from "../../lab/nodes";
import { Project } from "../../lab/project";
import { promql, vipOwners } from "../../lab/queries";
import { send } from "../../lab/telemetry";
import {
    allHealthy,
    eventually,
    node1,
    node2,
    Outcome,
    outcome,
    settledProject,
    settings,
    up,
    upBoth,
} from "./support";

/** In the hosts' own network, and of nobody's networks. */
const STRANGER = "192.168.110.77";
const DEPLOYER = NETWORK.deployer;
const SSH = 22;
/** As the lab's stacks have them: with TLS more of them are for the host itself. */
const PORTS = shippedRequirements("node1", (process.env.LAB_TLS as TlsMode) || TLS_DEFAULTS.mode).flatMap(
    (needs) => needs.ports,
);
const PLACES = [node1.address, node2.address, NETWORK.vip];

let project: Project;
let undo: (() => void)[] = [];

beforeAll(async () => {
    project = await settledProject();
    const added = await inLab(["ip", "address", "replace", `${STRANGER}/${NETWORK.prefixLength}`, "dev", BRIDGE]);
    expect(added.code, added.stderr).toBe(0);
    undo = (["node1", "node2"] as const).map((stack) =>
        settings(project, stack, `clientCidrs=${DEPLOYER}/32`, `adminCidrs=${DEPLOYER}/32`),
    );
});

afterAll(async () => {
    for (const back of undo) back();
    await upBoth(project);
    await inLab(["ip", "address", "del", `${STRANGER}/${NETWORK.prefixLength}`, "dev", BRIDGE]);
});

/** Whether a connection can be made from one of this machine's addresses in the lab. */
function reaches(host: string, port: number, localAddress: string, timeoutMs = 1500): Promise<boolean> {
    return new Promise((resolve) => {
        const socket = connect({ host, port, localAddress });
        const end = (reached: boolean): void => {
            clearTimeout(timer);
            socket.destroy();
            resolve(reached);
        };
        const timer = setTimeout(() => end(false), timeoutMs);
        socket.once("connect", () => end(true));
        socket.once("error", () => end(false));
    });
}

/** Ports of the stack that an address reaches. */
async function open(host: string, from: string): Promise<number[]> {
    const tried = await Promise.all(PORTS.map(async ({ port }) => ((await reaches(host, port, from)) ? [port] : [])));
    return tried.flat();
}

const table = async (node: LabNode): Promise<string> =>
    (await labExec(node.name, ["nft", "--stateless", "list", "table", "inet", "otel_ha"])).stdout;

/** Packets that were dropped since the rules were loaded. */
async function dropped(node: LabNode, chain: string): Promise<number> {
    const { stdout } = await labExec(node.name, ["nft", "list", "chain", "inet", "otel_ha", chain]);
    return Number(/counter packets (\d+)/.exec(stdout)?.[1]);
}

/** Changes the rules' template in the test's copy of the project; gives back how to undo it. */
function editRules(from: string, to: string): () => void {
    const file = join(project.dir, "templates/firewall/rules.nft.mustache");
    const text = readFileSync(file, "utf8");
    expect(text).toContain(from);
    writeFileSync(file, text.replace(from, to));
    return () => writeFileSync(file, text);
}

const upOfNode1 = (): Promise<Outcome> => outcome(project, ["up", "--yes", "--skip-preview", "--stack", "node1"]);

describe("networks of clients and administrators", () => {
    it("are changed by one command and its confirmation; nothing restarts", async () => {
        const both = await upBoth(project);
        for (const [at, { touched }] of both.entries())
            expect(touched).toEqual([
                `update mid-${at + 1}-host-firewall-confirmed`,
                `update mid-${at + 1}-host-firewall-rules`,
            ]);
        expect((await up(project, "node1")).touched).toEqual([]);
    });

    it("shut a third address out from every port of both hosts and the virtual IP, but not from SSH", async () => {
        for (const place of PLACES) {
            expect(await open(place, STRANGER), place).toEqual([]);
            expect(await reaches(place, SSH, STRANGER), place).toBe(true);
        }
    });

    it("let in those who were named, where they were named", async () => {
        const named = PORTS.filter(({ audience }) => audience.some((one) => one !== "peer")).map(({ port }) => port);
        expect((await open(node1.address, DEPLOYER)).sort()).toEqual(named.sort());
        const ingest = PORTS.filter(({ audience }) => audience.includes("clients")).map(({ port }) => port);
        expect(await open(NETWORK.vip, DEPLOYER)).toEqual(expect.arrayContaining(ingest));
    });

    it("leave the nodes to each other: what one takes is on both, all are healthy, one has the address", async () => {
        await send("http/protobuf", { service: "behind-the-firewall", value: 7, kind: "new", line: "let through" });
        for (const node of [node1, node2])
            await eventually(
                `the sample is on ${node.name}`,
                () => promql(node, `{__name__=~"lab_orders.*",service_name="behind-the-firewall"}`),
                (found) => found.length === 1,
            );
        await Promise.all([allHealthy(node1), allHealthy(node2)]);
        expect(await vipOwners()).toEqual(["node1"]);
    });

    it("have nothing to do with VRRP, which only the other node may speak", async () => {
        const before = await Promise.all([node1, node2].map((node) => dropped(node, "peer")));
        const program = `
            use Socket; socket(my $s, AF_INET, SOCK_RAW, 112) or die "$!";
            bind($s, pack_sockaddr_in(0, inet_aton("${STRANGER}"))) or die "$!";
            setsockopt($s, 0, 32, inet_aton("${STRANGER}")) or die "$!";
            # VRRP 2, advertisement of router 51 with the highest priority there is, one address: the virtual IP.
            my $advert = pack("C8a4", 0x21, 51, 255, 1, 1, 1, 0, 0, inet_aton("${NETWORK.vip}")) . "\\0" x 8;
            for (1 .. 5) { send($s, $advert, 0, pack_sockaddr_in(0, inet_aton("224.0.0.18"))) or die "$!" }`;
        const sent = await inLab(["perl", "-e", program]);
        expect(sent.code, sent.stderr).toBe(0);
        const after = await Promise.all([node1, node2].map((node) => dropped(node, "peer")));
        for (const [at, count] of after.entries()) expect(count).toBeGreaterThanOrEqual(before[at]! + 5);
        expect(await vipOwners()).toEqual(["node1"]);
    });
});

describe("rules that would shut SSH out", () => {
    it("are taken back by the host itself within 30 s, and the run says so; the next one heals", async () => {
        const before = await table(node1);
        const back = editRules("        iif lo accept\n", "        tcp dport 22 drop\n        iif lo accept\n");
        const closed: number[] = [];
        let watching = true;
        const watch = (async () => {
            while (watching) {
                const at = Date.now();
                if (!(await reaches(node1.address, SSH, STRANGER, 500))) closed.push(at);
                await new Promise((resolve) => setTimeout(resolve, 250));
            }
        })();
        try {
            const failed = await upOfNode1();
            expect(failed.code).not.toBe(0);
            expect(failed.stdout + failed.stderr).toMatch(
                /the rules were taken back: nobody confirmed them over a new SSH connection in time/,
            );
        } finally {
            watching = false;
            await watch;
            back();
        }
        expect(closed.length, "the rules were never in force").toBeGreaterThan(5);
        expect(closed.at(-1)! - closed[0]!).toBeLessThan(30_000);
        expect(await table(node1)).toBe(before);
        expect((await up(project, "node1")).touched).toEqual([
            "update mid-1-host-firewall-confirmed",
            "update mid-1-host-firewall-rules",
        ]);
        expect(await table(node1)).toBe(before);
        expect((await up(project, "node1")).touched).toEqual([]);
        expect(
            (await labExec("node1", ["/usr/local/lib/otel-ha/firewall", "check", "/data/docker/otel/firewall"])).stdout,
        ).toBe("");
    });

    it("are refused before anything happens when nft cannot read them", async () => {
        const before = await table(node1);
        const back = editRules("policy accept", "policy sometimes");
        try {
            const failed = await upOfNode1();
            expect(failed.code).not.toBe(0);
            expect(failed.stdout + failed.stderr).toMatch(/the rules are not valid \(see above\); nothing has changed/);
        } finally {
            back();
        }
        expect(await table(node1)).toBe(before);
        expect((await up(project, "node1")).touched).toEqual([]);
    });
});

describe("a host", () => {
    it("that reboots has its rules before anybody can connect", async () => {
        const before = await table(node2);
        await stopNode("node2");
        await startNode("node2");
        expect(await table(node2)).toBe(before);
        await allHealthy(node2, 150_000);
        expect(await open(node2.address, STRANGER)).toEqual([]);
    });

    it("without nft is told what to install, untouched", async () => {
        const back = settings(project, "node1", "minimumFreeDisk=1GiB");
        await labExec("node1", ["mv", "/usr/sbin/nft", "/usr/sbin/nft.away"]);
        try {
            const failed = await upOfNode1();
            expect(failed.code).not.toBe(0);
            expect(failed.stdout + failed.stderr).toMatch(
                /host 192\.168\.110\.214: nft is not installed; install nftables \(Debian: apt-get install nftables\), or set firewall to false/,
            );
        } finally {
            await labExec("node1", ["mv", "/usr/sbin/nft.away", "/usr/sbin/nft"]);
            back();
        }
        expect((await up(project, "node1")).touched).toEqual([]);
    });

    it("loses the table when the firewall is switched off, and keeps everybody else's", async () => {
        const other = "table inet somebody\ndelete table inet somebody\ntable inet somebody {\n chain c {\n }\n}\n";
        await labExec("node1", ["nft", "-f", "-"], { input: other });
        const back = settings(project, "node1", "firewall=false");
        try {
            const { touched } = await up(project, "node1");
            // Without the component, which is no more than its three commands.
            expect(touched.filter((one) => !one.endsWith("-firewall"))).toEqual([
                "delete mid-1-host-firewall-confirmed",
                "delete mid-1-host-firewall-kept",
                "delete mid-1-host-firewall-rules",
                "update mid-1-host-setup",
            ]);
            expect(await table(node1)).toBe("");
            expect((await labExec("node1", ["nft", "list", "tables"])).stdout).toContain("table inet somebody");
            expect(await reaches(node1.address, 9090, STRANGER)).toBe(true);
        } finally {
            back();
        }
        await up(project, "node1");
        expect(await reaches(node1.address, 9090, STRANGER)).toBe(false);
        await labExec("node1", ["nft", "delete", "table", "inet", "somebody"]);
    });
});
