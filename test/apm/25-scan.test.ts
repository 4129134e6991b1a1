// Every port of the three hosts is closed, or asks who is there, or is in docs/ports-apm.md as open.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PortUse } from "../../components";
import { shippedRequirements } from "../../docs/generate-ports";
import { ApmAccess } from "../../lab/apm/access";
import { labExec } from "../../lab/hosts";
import { NETWORK } from "../../lab/nodes";
import { openProject, type Project } from "../../lab/project";
import { HttpClient } from "../../ops/http";
import { listeners, portState, scan } from "../lab/hostile/scan";
import { becomeStranger, STRANGER } from "../lab/hostile/wire";
import { settings } from "../lab/support";
import { NODES, PROJECT, upAll } from "./support";

const SSH = 22;
const DEPLOYER = NETWORK.deployer;
/** In the networks of clients, and not in those of administrators. */
const CLIENT = "192.168.110.78";

let project: Project;
let access: ApmAccess;
let ports: PortUse[];
/** Of the table, what listens here: not all images can be had everywhere. */
let there: PortUse[];
let undo: (() => void)[] = [];
let leave: (() => Promise<void>)[] = [];

beforeAll(async () => {
    project = openProject(PROJECT, "apm");
    access = await ApmAccess.of(project);
    ports = shippedRequirements("apm1").flatMap((needs) => needs.ports);
    const listen = await listeners(NODES[0]!, "tcp");
    there = ports.filter(({ port }) => listen.includes(port));
    leave = [await becomeStranger(), await becomeStranger(CLIENT)];
    undo = project.stacks.map((stack) =>
        settings(project, stack, `clientCidrs=${DEPLOYER}/32,${CLIENT}/32`, `adminCidrs=${DEPLOYER}/32`),
    );
    await upAll(project);
});
afterAll(async () => {
    access?.close();
    for (const back of undo) back();
    await upAll(project);
    for (const one of leave) await one();
});

const numbers = (uses: PortUse[]): number[] => uses.map(({ port }) => port).sort((a, b) => a - b);
const isFor =
    (...who: string[]) =>
    (use: PortUse) =>
        use.audience.some((one) => who.includes(one));

describe.each(NODES)("$name", (node) => {
    it("shows a stranger SSH and nothing else of all 65,535 TCP ports", async () => {
        const { open } = await scan(node.address, STRANGER);
        expect(open).toEqual([SSH]);
    });

    it("shows clients and administrators those of the table, and SSH", async () => {
        const { open } = await scan(node.address, DEPLOYER);
        expect(open).toEqual([SSH, ...numbers(there.filter(isFor("clients", "admins")))]);
    });

    it("shows a client what clients need", async () => {
        const states = await Promise.all(
            ports.map(async ({ port }) => [port, await portState(node.address, port, CLIENT)] as const),
        );
        const open = states.filter(([, state]) => state === "open").map(([port]) => port);
        expect(open.sort((a, b) => a - b)).toEqual(numbers(there.filter(isFor("clients"))));
    });

    it("listens on what is in the table, and SSH; on nothing over UDP", async () => {
        const known = [SSH, ...numbers(ports.filter(({ audience }) => audience.length > 0))];
        const tcp = await listeners(node, "tcp");
        expect(tcp.filter((port) => !known.includes(port))).toEqual([]);
        expect(tcp).toEqual(expect.arrayContaining([SSH, 4317, 4318, 9200, 9300]));
        expect(await listeners(node, "udp")).toEqual([]);
    });

    it("9200 answers nobody without a password, nor with a wrong one, but for whether logins work", async () => {
        const paths = ["/", "/_cluster/health", "/_cat/nodes", "/_nodes", "/_search", "/.opendistro_security/_search"];
        const open = "/_plugins/_security/health";
        expect(ports.find(({ port }) => port === 9200)?.access).toContain(open);
        for (const authorization of [undefined, `Basic ${Buffer.from("admin:wrong").toString("base64")}`]) {
            const { ca } = access.door(node, "reader")!;
            const http = new HttpClient({ [`${node.address}:9200`]: { ca, authorization } });
            const answers = await Promise.all(
                [...paths, open].map(async (path) => {
                    const { status } = await http.ask(`${access.opensearch(node)}${path}`, { timeoutMs: 5000 });
                    return [path, status] as const;
                }),
            ).finally(() => http.close());
            expect(answers.filter(([, status]) => status !== 401).map(([path]) => path)).toEqual([open]);
        }
    });

    it("9300 wants a member's certificate, also of a program on another member", async () => {
        const other = NODES.find(({ name }) => name !== node.name)!;
        const directory = "/data/docker/otel/opensearch/tls";
        const shake = async (...shown: string[]): Promise<string> => {
            const words = [
                "openssl",
                "s_client",
                "-connect",
                `${node.address}:9300`,
                "-CAfile",
                `${directory}/trusted.pem`,
            ];
            const line = `sleep 1 | timeout 5 ${[...words, ...shown].join(" ")} 2>&1`;
            return (await labExec(other.name, ["sh", "-c", line])).stdout;
        };
        expect(await shake()).toMatch(
            /alert (bad certificate|certificate required|handshake failure|certificate unknown)/i,
        );
        const member = await shake("-cert", `${directory}/node.pem`, "-key", `${directory}/node.pem`);
        expect(member).toMatch(/Verify return code: 0 \(ok\)/);
        expect(member).not.toMatch(/alert /);
    });
});
