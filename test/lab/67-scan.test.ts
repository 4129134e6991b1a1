// Every port is closed, or asks who is there, or is in docs/ports.md as open, with a reason.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PortUse } from "../../components";
import { shippedRequirements } from "../../docs/generate-ports";
import { access, ask } from "../../lab/access";
import { labExec } from "../../lab/hosts";
import { NETWORK } from "../../lab/nodes";
import { answersInTheClear, listeners, openPaths, portState, scan } from "./hostile/scan";
import { becomeStranger, STRANGER } from "./hostile/wire";
import { node1, node2, settings, settledProject, upBoth } from "./support";

const SSH = 22;
const DEPLOYER = NETWORK.deployer;
/** In the networks of clients, and not in those of administrators. */
const CLIENT = "192.168.110.78";
const SCAN_TIMEOUT_MS = 300_000;

let secure = false;
let undo: (() => void)[] = [];
let leave: (() => Promise<void>)[] = [];
let ports: Record<"node1" | "node2", PortUse[]>;

beforeAll(async () => {
    const project = await settledProject();
    secure = (await access()).scheme === "https";
    const table = (stack: string): PortUse[] =>
        shippedRequirements(stack, secure ? "internal" : "off").flatMap((needs) => needs.ports);
    ports = { node1: table("node1"), node2: table("node2") };
    leave = [await becomeStranger(), await becomeStranger(CLIENT)];
    undo = (["node1", "node2"] as const).map((stack) =>
        settings(project, stack, `clientCidrs=${DEPLOYER}/32,${CLIENT}/32`, `adminCidrs=${DEPLOYER}/32`),
    );
    await upBoth(project);
});

afterAll(async () => {
    for (const back of undo) back();
    await upBoth(await settledProject());
    for (const one of leave) await one();
});

const numbers = (uses: PortUse[]): number[] => uses.map(({ port }) => port).sort((a, b) => a - b);
const PLACES = [
    { name: "node1", host: node1.address, stack: "node1" },
    { name: "node2", host: node2.address, stack: "node2" },
    { name: "the virtual IP", host: NETWORK.vip, stack: "node1" },
] as const;

/** Ports at the virtual IP are those that are bound to every address of its owner. */
const everywhere = async (): Promise<number[]> => {
    const { stdout } = await labExec("node1", ["ss", "-H", "-l", "-n", "-t"]);
    return [...stdout.matchAll(/(?:0\.0\.0\.0|\*|\[::\]):(\d+) /g)].map(([, port]) => Number(port));
};

describe("of all 65,535 TCP ports", () => {
    it.each(PLACES)(
        "$name shows a stranger SSH and nothing else",
        async ({ host, stack }) => {
            const { open, dropped } = await scan(host, STRANGER);
            expect(open).toEqual([SSH]);
            expect(dropped).toEqual(numbers(ports[stack]));
        },
        SCAN_TIMEOUT_MS,
    );

    it.each(PLACES)(
        "$name shows clients and administrators those of the table, and SSH",
        async ({ host, stack, name }) => {
            const named = ports[stack].filter(
                ({ audience }) => audience.includes("clients") || audience.includes("admins"),
            );
            const here = name === "the virtual IP" ? await everywhere() : numbers(named);
            const { open } = await scan(host, DEPLOYER);
            expect(open).toEqual([SSH, ...numbers(named).filter((port) => here.includes(port))]);
        },
        SCAN_TIMEOUT_MS,
    );

    it.each(PLACES)("$name shows a client what clients need", async ({ host, stack }) => {
        const states = await Promise.all(
            ports[stack].map(async ({ port }) => [port, await portState(host, port, CLIENT)] as const),
        );
        const open = states.filter(([, state]) => state === "open").map(([port]) => port);
        const forClients = ports[stack].filter(({ audience }) => audience.includes("clients"));
        expect(open.sort((a, b) => a - b)).toEqual(numbers(forClients));
    });
});

describe("what listens for more than its own host", () => {
    it.each(["node1", "node2"] as const)("on %s is in the table, or is SSH; nothing of it is UDP", async (stack) => {
        const node = stack === "node1" ? node1 : node2;
        const known = [SSH, ...numbers(ports[stack].filter(({ audience }) => audience.length > 0))];
        const tcp = await listeners(node, "tcp");
        const unknown = secure ? tcp.filter((port) => !known.includes(port)) : [];
        expect(unknown).toEqual([]);
        expect(tcp).toEqual(expect.arrayContaining(known));
        expect(await listeners(node, "udp")).toEqual([]);
    });
});

describe("with TLS", () => {
    /** Paths that the table names as open. */
    const openByTable = ({ access: text = "" }: PortUse): string[] =>
        [...(/open: (.*)/.exec(text)?.[1]?.matchAll(/\/[a-z/]+/g) ?? [])].map(([path]) => path);
    /** HAProxy asks for a password; the store calls a request without a signature 403, and one with another kind of login 400. */
    const refusals = ({ key }: PortUse): number[] => (key === "objectStorePort" ? [403, 400] : [401]);
    const isIngest = ({ access: text = "" }: PortUse): boolean => text.includes("else open to its networks");

    it("every port that others reach has an entry in the table that begins with TLS", ({ skip }) => {
        if (!secure) skip();
        for (const use of [...ports.node1, ...ports.node2].filter(({ audience }) => audience.length > 0)) {
            expect(use.access, use.use).toMatch(/^TLS; /);
            expect(use.why, use.use).not.toBe("");
        }
    });

    it.each(PLACES)(
        "$name answers nobody in the clear, and nobody without a password but where the table says so",
        async ({ host, stack, name }) => {
            if (!secure) return;
            const here = name === "the virtual IP" ? await everywhere() : undefined;
            const reached = ports[stack].filter(
                ({ audience, port }) =>
                    (audience.includes("clients") || audience.includes("admins")) && (here?.includes(port) ?? true),
            );
            expect(reached.length).toBeGreaterThan(4);
            for (const use of reached) {
                const where = `${use.use} at ${host}:${use.port}`;
                expect(await answersInTheClear(host, use.port, DEPLOYER), where).toBe(false);
                // gRPC: HTTP/2 only, so that this client cannot ask.
                if (use.key === "otlpGrpcPort") continue;
                const open = await openPaths(host, use.port, refusals(use));
                if (isIngest(use)) expect(open, where).toContain("/v1/logs");
                else expect(open.sort(), where).toEqual(openByTable(use).sort());
            }
        },
        SCAN_TIMEOUT_MS,
    );

    it("what is for the other node only wants its certificate, also of a program on that node", async () => {
        if (!secure) return;
        const directory = "/data/docker/otel/haproxy/tls";
        const curl = (port: number, ...more: string[]): Promise<{ stdout: string }> =>
            labExec("node2", [
                "curl",
                "-s",
                "-m",
                "5",
                "-o",
                "/dev/null",
                "-w",
                "%{http_code} %{errormsg}",
                "--cacert",
                `${directory}/trusted.pem`,
                ...more,
                `https://${node1.address}:${port}/`,
            ]);
        const peerOnly = ports.node1.filter(({ audience }) => audience.join() === "peer");
        expect(peerOnly.length).toBeGreaterThan(2);
        for (const { port, use } of peerOnly) {
            const without = (await curl(port)).stdout;
            // TLS 1.3 says no after the client believes to be in: how that ends is told in several ways.
            expect(without, use).toMatch(/^000 .*(certificate required|not connected|reset|broken pipe)/i);
            const shown = (await curl(port, "--http2", "--cert", `${directory}/peer.pem`)).stdout;
            expect(shown, use).toMatch(/^[1-5]\d\d /);
        }
    });

    it("the right password opens what a wrong one does not", async () => {
        if (!secure) return;
        expect((await ask(node1.address, 9090, "/api/v1/query?query=up")).status).toBe(200);
        expect((await ask(NETWORK.vip, 19090, "/api/v1/query?query=up")).status).toBe(200);
    });
});
