// With TLS: who gets in where, and that what is behind it works as before.
import { createHash } from "node:crypto";
import { connect } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { askJson } from "../../lab/access";
import { labExec } from "../../lab/hosts";
import { NETWORK } from "../../lab/nodes";
import { Project, STACKS } from "../../lab/project";
import { promql } from "../../lab/queries";
import { send } from "../../lab/telemetry";
import { newCa, newLeaf } from "../unit/support/certificates";
import { specsOf } from "../unit/support/specs";
import {
    accepted,
    ask,
    asPeer,
    basic,
    EXPORT_LOGS,
    grpcStatus,
    Pair,
    pairOf,
    PEER_GRPC_PORTS,
    QUERY_PORTS,
    refusal,
    SERVICES,
    Shown,
} from "./doors";
import {
    allHealthy,
    eventually,
    node1,
    node2,
    objects,
    settings,
    settledProject,
    stackSecret,
    up,
    upBoth,
    upInTurn,
} from "./support";

let project: Project;
let pair: Pair;
const undo: (() => void)[] = [];

/** Writes settings into both stacks' files; at the end they are taken back. */
function set(...pairs: string[]): void {
    for (const stack of STACKS) undo.unshift(settings(project, stack, ...pairs));
}

/** Serial number of the certificate that is shown there. */
const serialOf = (host: string, port: number): Promise<string> =>
    new Promise((resolve, reject) => {
        const socket = connect({ host, port, rejectUnauthorized: false, timeout: 5_000 }, () => {
            resolve(socket.getPeerCertificate().serialNumber);
            socket.end();
        });
        socket.on("error", reject).on("timeout", () => socket.destroy(new Error("no answer")));
    });

/** In the object store while TLS comes and goes. */
const OBJECT = "loki-data/kept-while-tls-changes";

/** The object store of each host has what it had, and speaks TLS or not. */
async function storeIsWhole(tls: boolean): Promise<void> {
    for (const node of [node1, node2]) {
        expect((await objects(node, OBJECT)).stdout).toContain("kept-while-tls-changes");
        const { status } = await fetch(`http://${node.address}:9000/minio/health/live`);
        expect(status, `${node.name}, in the clear`).toBe(tls ? 400 : 200);
    }
}

const bothHealthy = async (): Promise<void> => {
    await Promise.all([allHealthy(node1, 180_000), allHealthy(node2, 180_000)]);
};

beforeAll(async () => {
    project = await settledProject();
    pair = await pairOf(project);
    expect((await objects(node1, OBJECT, undefined, "cp /etc/hostname")).code).toBe(0);
}, 600_000);

afterAll(async () => {
    // Nothing is left of them when all tests passed.
    if (undo.length > 0) {
        for (const back of undo) back();
        await upBoth(project);
    }
    await objects(node1, OBJECT, undefined, "rm");
}, 600_000);

describe.each([node1, node2])("on $name", (node) => {
    const services = SERVICES.filter(({ on }) => !on || on === node.name);
    const urlOf = ({ port, path }: { port: number; path: string }): string => `https://${node.address}:${port}${path}`;

    it.each(services)("$port: $name has a certificate of the pair's CA, and nothing in the clear", async (service) => {
        expect(await refusal(ask(urlOf(service), {}))).toMatch(/SELF_SIGNED_CERT|UNABLE_TO_(VERIFY|GET_ISSUER)/);
        await expect(fetch(urlOf(service).replace("https:", "http:"))).rejects.toThrow();
    });

    it.each(services)("$port: $name lets in the administrator and the other node, nobody else", async (service) => {
        const url = urlOf(service);
        const { ca, peer, stranger, admin, query } = pair;
        const nobody = await ask(url, { ca });
        expect(nobody.status).toBe(401);
        expect(nobody.headers["www-authenticate"]).toMatch(/^Basic /i);
        const others: Shown[] = [
            { authorization: query },
            { authorization: basic("admin", "wrong") },
            { authorization: admin.replace("Basic", "Bearer") },
            stranger,
        ];
        for (const other of others) expect((await ask(url, { ca, ...other })).status).toBe(401);
        expect((await ask(url, { ca, authorization: admin })).status).toBe(200);
        expect((await ask(url, { ca, ...peer })).status).toBe(200);
    });

    it.each(QUERY_PORTS)("$port: queries are for those with a password for them", async (at) => {
        const { ca, peer, stranger, admin, query } = pair;
        expect((await ask(urlOf(at), { ca })).status).toBe(401);
        expect((await ask(urlOf(at), { ca, ...stranger })).status).toBe(401);
        expect((await ask(urlOf(at), { ca, authorization: basic("query", "wrong") })).status).toBe(401);
        for (const one of [{ authorization: query }, { authorization: admin }, peer])
            expect((await ask(urlOf(at), { ca, ...one })).status).toBe(200);
    });

    it("14318: the collector takes HTTP from the other node only", async () => {
        const { ca, peer, stranger, admin } = pair;
        await asPeer(node, 14318, async (port) => {
            const url = `https://127.0.0.1:${port}/v1/logs`;
            const shown = { ca, servername: nameOf(node), body: '{"resourceLogs":[]}' };
            expect(await refusal(ask(url, { ...shown, authorization: admin }))).toMatch(/refused/);
            expect(await refusal(ask(url, { ...shown, ...stranger }))).toMatch(/refused/);
            expect((await ask(url, { ...shown, ...peer })).status).toBe(200);
        });
    });

    it.each(PEER_GRPC_PORTS)("%d: gRPC is for the other node only", async (number) => {
        const { ca, peer, stranger, admin } = pair;
        await asPeer(node, number, async (port) => {
            const status = async (shown: Shown): Promise<number> =>
                (await grpcStatus("127.0.0.1", port, { ca, servername: nameOf(node), ...shown })).code;
            expect(await status({ authorization: admin })).toBe(14);
            expect(await status(stranger)).toBe(14);
            expect(await status(peer)).toBe(12);
        });
    });

    it("14318 and the ports for gRPC: the firewall lets nobody else so far", async () => {
        const shown = { ca: pair.ca, ...pair.peer };
        const knock = (port: number) => refusal(ask(`https://${node.address}:${port}/`, shown, 2000));
        for (const heard of await Promise.all([14318, ...PEER_GRPC_PORTS].map(knock))) expect(heard).toMatch(/timeout/);
    });

    it("the object store is asked before it is replaced, and its answer is heard each time", async () => {
        const ask = specsOf(node.name as "node1" | "node2", { tls: "internal" }).objectStore.mayStop!;
        const { stdout, code } = await labExec(node.name, [
            "sh",
            "-euc",
            `for look in 1 2 3 4 5 6 7 8; do ${ask} </dev/null; done`,
        ]);
        expect(code).toBe(0);
        expect(stdout).toBe(
            `note: the object store takes no writes while minio-${nameOf(node)} is replaced; they are made up for\n`.repeat(
                8,
            ),
        );
    });

    it("10903: Thanos Query's gRPC is on loopback only", async () => {
        await asPeer(node, 10903, async (port) => {
            expect(await refusal(ask(`https://127.0.0.1:${port}/`, pair.peer, 2000))).toMatch(/refused|timeout/);
        });
    });

    it("everybody may ask whether a collector takes data, and sees no more than that", async () => {
        const { status, text } = await ask(`https://${node.address}:8404/healthz`, { ca: pair.ca });
        expect({ status, text: text.replace(/<[^>]*>|\s+/g, " ").trim() }).toMatchObject({
            status: 200,
            text: expect.stringMatching(/^200 OK +Service ready\.$/),
        });
    });

    it("speaks TLS 1.2 and 1.3, nothing older", async () => {
        for (const [version, spoken] of [
            ["TLSv1.1", false],
            ["TLSv1.2", true],
            ["TLSv1.3", true],
        ] as const)
            expect(await speaks(node.address, 4318, version), version).toBe(spoken);
    });
});

const nameOf = (node: { name: string }): string => node.name.replace("node", "mid-");

function speaks(host: string, port: number, version: "TLSv1.1" | "TLSv1.2" | "TLSv1.3"): Promise<boolean> {
    // Without the lower level, this side would not try.
    const options = { host, port, ca: pair.ca, minVersion: version, maxVersion: version, ciphers: "ALL:@SECLEVEL=0" };
    return new Promise((resolve) => {
        const socket = connect(options, () => (socket.end(), resolve(socket.getProtocol() === version)));
        socket.on("error", () => resolve(false));
    });
}

// Telemetry does, says 30-telemetry.
describe("what goes between the nodes", () => {
    it.each([node1, node2])("lets Thanos Query of $name see both nodes", async (node) => {
        interface Stores {
            data: Record<string, { lastError: string | null; labelSets: Record<string, string>[] }[]>;
        }
        const stores = (): Promise<Stores> => askJson(node.address, 10904, "/api/v1/stores") as Promise<Stores>;
        const replicas = ({ data }: Stores): string[] =>
            (data.sidecar ?? []).flatMap((one) => one.labelSets.map(({ replica }) => replica ?? ""));
        const { data } = await eventually("two sidecars", stores, (seen) => new Set(replicas(seen)).size === 2);
        expect(replicas({ data }).sort()).toEqual(["mid-1", "mid-2"]);
        expect(Object.values(data).flatMap((all) => all.map(({ lastError }) => lastError))).toEqual(
            Array(4).fill(null),
        );
    });

    it.each([node1, node2])("lets Prometheus of $name scrape the other node", async (node) => {
        const seen = await eventually(
            "all targets up",
            () => promql(node, "up"),
            (found) => found.length > 6 && found.every(({ value }) => value === 1),
        );
        const jobs = seen.map(({ metric }) => metric.job);
        expect(jobs).toEqual(expect.arrayContaining(["peer-otel-aggregator", "peer-prometheus", "haproxy"]));
    });
});

describe("those who send telemetry", () => {
    const body = '{"resourceLogs":[]}';
    const bearer = (token?: string): Shown => ({ ca: pair.ca, authorization: token && `Bearer ${token}` });
    /** Status over HTTP and gRPC at a node. */
    const sent = async (shown: Shown, node = node1): Promise<[number, number]> => [
        (await ask(`https://${node.address}:4318/v1/logs`, { ...shown, body })).status,
        (await grpcStatus(node.address, 4317, shown, EXPORT_LOGS)).code,
    ];
    const GOOD: [number, number] = [200, 0];
    const REFUSED: [number, number] = [401, 16];
    let tokens: Record<string, string>;

    /** The stack that owns the tokens first. */
    const inTurn = async (): Promise<void> => {
        await upInTurn(project);
        tokens = JSON.parse(await stackSecret(project, "node1", "otlpTokens")) as typeof tokens;
    };

    it("need nothing but the CA while there are no tokens", async () => {
        expect(await sent({ ca: pair.ca })).toEqual(GOOD);
        expect(await sent({ ca: pair.ca, authorization: "Bearer whatever" })).toEqual(GOOD);
    });

    it("need a token when there are some; without, they are told so", async () => {
        set("otlpTokens=shop,billing");
        await inTurn();
        for (const node of [node1, node2]) {
            for (const token of [undefined, "wrong", "shop"]) expect(await sent(bearer(token), node)).toEqual(REFUSED);
            for (const name of ["shop", "billing"]) expect(await sent(bearer(tokens[name]), node)).toEqual(GOOD);
        }
        const answer = await ask(`https://${NETWORK.vip}:4318/v1/logs`, { ca: pair.ca, body });
        expect(answer.headers["www-authenticate"]).toBe("Bearer");
        expect(answer.text).toMatch(/^Send the header "Authorization: Bearer TOKEN" with one of the tokens .*\n$/);
    }, 300_000);

    it("are known to the host by a hash of their token", async () => {
        const file = "/data/docker/otel/haproxy/tls/otlp-tokens.map";
        const { stdout } = await labExec("node1", ["sh", "-c", `stat -c '%a %u:%g' ${file}; cat ${file}`]);
        const hash = (token = ""): string => createHash("sha256").update(token).digest("hex");
        expect(stdout).toBe(`400 99:99\n${hash(tokens.billing)} billing\n${hash(tokens.shop)} shop\n`);
    });

    it("guess tokens in vain: the log says so a few times only, and has no token", async () => {
        const lines = async (): Promise<string[]> => {
            const { stdout } = await labExec("node1", ["docker", "logs", "haproxy-mid-1"]);
            return stdout.split("\n").filter((line) => / 401 /.test(line));
        };
        const before = (await lines()).length;
        for (let round = 0; round < 20; round++) {
            const guesses = Array.from({ length: 20 }, (_, at) => sent(bearer(`guess-${round}-${at}`)));
            const [mine] = await Promise.all([sent(bearer(tokens.shop)), ...guesses]);
            expect(mine).toEqual(GOOD);
        }
        const after = await lines();
        expect(after.length - before).toBeLessThan(60);
        for (const secret of ["guess-", ...Object.values(tokens), pair.admin])
            expect(after.filter((line) => line.includes(secret))).toEqual([]);
    }, 120_000);

    it("lose their token when its name is gone, while the others go on; may show a certificate of otlpClientCa instead", async () => {
        const { ca, clients, stranger } = pair;
        const revoked = tokens.shop;
        set("otlpTokens=billing", `otlpClientCa=${clients.ca}`);
        let refusals = 0;
        let going = true;
        const watching = (async () => {
            while (going) {
                if ((await sent(bearer(tokens.billing)).catch(() => [0, 0]))[0] !== 200) refusals++;
                await new Promise((done) => setTimeout(done, 100));
            }
        })();
        await inTurn();
        going = false;
        await watching;
        expect(refusals).toBe(0);
        for (const node of [node1, node2]) {
            expect(await sent(bearer(revoked), node)).toEqual(REFUSED);
            expect(await sent(bearer(tokens.billing), node)).toEqual(GOOD);
            expect(await sent({ ca, ...clients.one }, node)).toEqual(GOOD);
            expect(await sent({ ca }, node)).toEqual(REFUSED);
        }
        const url = `https://${node1.address}:4318/v1/logs`;
        expect(await refusal(ask(url, { ca, ...stranger, body }))).toMatch(/refused/);
        // That one is for telemetry: nobody else believes it.
        expect(await refusal(ask(`https://${node1.address}:9090/`, { ca, ...clients.one }))).toMatch(/refused/);
    }, 300_000);

    it("may be let in by such a certificate only", async () => {
        const { ca, clients } = pair;
        set("otlpTokens=");
        await up(project, "node1");
        expect(await sent({ ca })).toEqual(REFUSED);
        expect(await sent({ ca, ...clients.one })).toEqual(GOOD);
    }, 300_000);
});

describe("a certificate", () => {
    it("is refused with another one's key, before it takes the place of the old one", async () => {
        const files = specsOf("node1", { tls: "internal" }).haproxy.files;
        const check = (name: string): string => files.find(({ path }) => path.endsWith(name))!.check!;
        const ca = await newCa();
        const [one, other] = [await newLeaf(ca), await newLeaf(ca)];
        expect(await accepted(check("/clients.pem"), one.certificate + one.key)).toBe(true);
        expect(await accepted(check("/clients.pem"), one.certificate + other.key)).toBe(false);
        expect(await accepted(check("/trusted.pem"), ca.certificate)).toBe(true);
        expect(await accepted(check("/trusted.pem"), "nothing")).toBe(false);
    });

    it("of the object store is another one after up, shown by the same process", async () => {
        const process = async (): Promise<string> =>
            (await labExec("node1", ["docker", "inspect", "--format", "{{.Id}} {{.State.Pid}}", "minio-mid-1"])).stdout;
        const before = { serial: await serialOf(node1.address, 9000), process: await process() };
        set("certificateLifetime=80d");
        const { touched } = await up(project, "node1");
        expect(touched).toContain("update mid-1-minio-public.crt");
        const now = (): Promise<string> => serialOf(node1.address, 9000);
        await eventually("another certificate", now, (serial) => serial !== before.serial, 30_000);
        expect(await process()).toBe(before.process);
    }, 300_000);
});

describe("a pair with TLS", () => {
    it("gives it up by one up of each", async () => {
        set("tls=off", "otlpTokens=", "otlpClientCa=");
        await upBoth(project);
        await bothHealthy();
        await storeIsWhole(false);
        for (const node of [node1, node2])
            for (const { port, path } of SERVICES.filter(({ port, on }) => port !== 8404 && (!on || on === node.name)))
                expect((await fetch(`http://${node.address}:${port}${path}`)).status, String(port)).toBe(200);
        await send("grpc", { service: "tls-gone", value: 7, kind: "book", line: "order in the clear" });
        const found = (): ReturnType<typeof promql> => promql(node2, '{service_name="tls-gone"}');
        await eventually("the metric", found, (seen) => seen.length > 0, 60_000);
    }, 600_000);

    it("gets it back by one up of each, and all is well again", async () => {
        for (const back of undo.splice(0)) back();
        await upBoth(project);
        await bothHealthy();
        await storeIsWhole(true);
        await send("grpc", { service: "tls-back", value: 7, kind: "book", line: "order that nobody overhears" });
        const found = (): ReturnType<typeof promql> => promql(node2, '{service_name="tls-back"}');
        await eventually("the metric", found, (seen) => seen.length > 0, 60_000);
    }, 600_000);

    it("changes nothing when that is run again", async () => {
        for (const result of await upBoth(project)) expect(result.touched).toEqual([]);
    }, 300_000);
});
