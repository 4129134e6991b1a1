// Whether an old credential is refused: asked of servers that let in, or do not.
import * as http from "node:http";
import * as https from "node:https";
import { AddressInfo, connect, createServer, Server, Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { DeployedNode, Deployment } from "../../ops/deployment";
import { shownCertificate } from "../../ops/rotate/connection";
import { Former } from "../../ops/rotate/former";
import { Look, lookAtFormer, unprovenLooks } from "../../ops/rotate/looks";
import { storeSeen } from "../../ops/rotate/pair";
import { Made, newCa, newLeaf } from "./support/certificates";
import { valuesOf } from "./support/stacks";

const servers: Server[] = [];
afterEach(() => servers.splice(0).forEach((server) => server.close()));

async function listen(server: Server): Promise<string> {
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return String((server.address() as AddressInfo).port);
}

const basic = (password: string): string => `Basic ${Buffer.from(`admin:${password}`).toString("base64")}`;
const lets =
    (...authorizations: string[]): http.RequestListener =>
    (request, answer) => {
        answer.statusCode = authorizations.includes(request.headers.authorization ?? "") ? 200 : 401;
        answer.end();
    };

/** What a stack publishes, and what its host says. */
function deployment(changes: Record<string, string>, now: object, exec?: DeployedNode["exec"]): Deployment {
    const node = { stack: "node1", name: "mid-1", address: "127.0.0.1", values: valuesOf("node1", changes), exec };
    const pulumi = () => Promise.resolve({ code: 0, stdout: JSON.stringify(now), stderr: "" });
    return {
        nodes: [
            {
                ...node,
                dial: (port: number) => connect(port, "127.0.0.1"),
                container: (service: string) => `${service}-mid-1`,
            },
        ],
        pulumi,
    } as unknown as Deployment;
}

const before = (credentials: object, more: object = {}): Former =>
    ({ shared: { credentials, otlpTokens: {}, ...more }, peers: {}, certificates: {} }) as unknown as Former;

describe("a password", () => {
    const look = async (...taken: string[]) => {
        const port = await listen(http.createServer(lets(...taken.map(basic))));
        const now = { sharedCredentials: { haproxyStatsPassword: "new-one" } };
        const [seen] = await lookAtFormer(
            deployment({ tls: "off", haproxyStatsPort: port }, now),
            ["haproxyStats"],
            before({ haproxyStatsPassword: "old-one" }),
        );
        return [seen!.state, seen!.seen];
    };

    it("is refused when the new one is taken and the old one is not", async () => {
        expect(await look("new-one")).toEqual(["refused", "old: HTTP 401, new: HTTP 200"]);
    });

    it("is accepted when both are", async () => {
        expect(await look("new-one", "old-one")).toEqual(["accepted", "old: HTTP 200, new: HTTP 200"]);
    });

    it("is not known to be refused where nobody gets in, or nobody is there", async () => {
        expect(await look()).toEqual(["unknown", "old: HTTP 401, new: HTTP 401"]);
        const [seen] = await lookAtFormer(
            deployment({ haproxyStatsPort: "9" }, { sharedCredentials: { haproxyStatsPassword: "b" } }),
            ["haproxyStats"],
            before({ haproxyStatsPassword: "a" }),
        );
        expect(seen).toMatchObject({
            where: "mid-1",
            state: "unknown",
            seen: expect.stringContaining("ECONNREFUSED") as string,
        });
    });
});

const TLS = { tls: "internal" };
const leafOf = (ca: Made, more = {}): Promise<Made> => newLeaf(ca, { ipAddresses: ["127.0.0.1"], ...more });

describe("tokens", () => {
    it("are asked for by the name of a sender that has had one before and has one now", async () => {
        const ca = await newCa();
        const { certificate: cert, key } = await leafOf(ca);
        const asked: string[] = [];
        const server = https.createServer({ cert, key }, (request, answer) => {
            asked.push(`${request.method} ${request.url}`);
            lets("Bearer new-web")(request, answer as never);
        });
        const changes = { ...TLS, otlpTokens: "web,shop", otlpHttpPort: await listen(server) };
        const sharedCredentials = { otlpTokens: { web: ["new-web"], shop: ["x"] } };
        const now = { sharedCredentials, caCertificate: ca.certificate };
        // At --finish the newest one is the one that stays.
        const former = before({}, { otlpTokens: { gone: ["y"], web: ["new-web", "old-web"] } });
        const [seen] = await lookAtFormer(deployment(changes, now), ["otlpTokens"], former);
        expect(seen).toMatchObject({ state: "refused", seen: "old: HTTP 401, new: HTTP 200" });
        expect(asked).toEqual(["POST /v1/logs", "POST /v1/logs"]);
        const same = before({}, { otlpTokens: { web: ["new-web"] } });
        expect((await lookAtFormer(deployment(changes, now), ["otlpTokens"], same))[0]).toMatchObject({
            state: "accepted",
        });
    });
});

describe("a CA", () => {
    async function look(believed: (old: Made, current: Made) => string) {
        const [old, current] = [await newCa("otel-ha CA 1"), await newCa("otel-ha CA 2")];
        const [oldPeer, peer] = [await leafOf(old), await leafOf(current)];
        const options = { cert: peer.certificate, key: peer.key, requestCert: true, ca: believed(old, current) };
        const server = https.createServer(options, (_request, answer) => void answer.end());
        const changes = { ...TLS, prometheusPort: await listen(server) };
        const now = { sharedCredentials: {}, caCertificate: current.certificate };
        const exec = () => Promise.resolve({ code: 0, stdout: peer.certificate + peer.key, stderr: "" });
        const former = {
            ...before({}, { caCertificate: old.certificate + current.certificate }),
            peers: { "mid-1": oldPeer.certificate + oldPeer.key },
        };
        const [seen] = await lookAtFormer(deployment(changes, now, exec), ["ca"], former);
        return seen!;
    }

    it("is gone when what it has signed is refused, and what the other one has signed is taken", async () => {
        const seen = await look((_, current) => current.certificate);
        expect(seen).toMatchObject({
            state: "refused",
            seen: expect.stringMatching(/^old: the connection ended: .*, new: HTTP 200$/) as string,
        });
    });

    it("is not gone while a node still believes it", async () => {
        expect(await look((old, current) => old.certificate + current.certificate)).toMatchObject({
            state: "accepted",
        });
    });

    it("that is believed as before is not gone", async () => {
        const ca = await newCa();
        const former = before({}, { caCertificate: ca.certificate });
        const now = { sharedCredentials: {}, caCertificate: ca.certificate };
        const [seen] = await lookAtFormer(deployment(TLS, now), ["ca"], former);
        expect(seen).toMatchObject({ state: "accepted", seen: "every CA that was believed before still is" });
    });
});

describe("certificates", () => {
    it("are gone when every port shows another one, and not refused: nothing but their end does that", async () => {
        const ca = await newCa();
        const { certificate: cert, key } = await leafOf(ca);
        const port = await listen(https.createServer({ cert, key }));
        const ports = ["otlpHttpPort", "prometheusPort", "aggregatorGrpcPort", "objectStorePort"];
        const node = deployment(TLS, { sharedCredentials: {} });
        // One server in the place of four: the settings do not allow that.
        Object.assign(node.nodes[0]!.values, Object.fromEntries(ports.map((name) => [name, Number(port)])));
        const look = async (certificates: Record<string, string>) =>
            (await lookAtFormer(node, ["certificates"], { ...before({}), certificates }))[0]!;
        const other = { "mid-1, to clients": "AA:BB" };
        expect(await look(other)).toMatchObject({
            state: "gone",
            seen: "shown no more at 4 ports; valid until its end",
        });
        const { X509Certificate } = await import("node:crypto");
        const same = { "mid-1, to clients": new X509Certificate(cert).fingerprint256 };
        expect(await look(same)).toMatchObject({
            state: "accepted",
            seen: "the old one is shown by mid-1, to clients",
        });
    });
});

describe("a port at which nobody shows a certificate", () => {
    it.each([
        ["nobody listens", (socket: Socket) => socket.destroy()],
        ["no answer", () => undefined],
    ])("is named: %s", async (why, handle) => {
        const server = createServer(handle);
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        const { port } = server.address() as AddressInfo;
        const { nodes } = deployment(TLS, { sharedCredentials: {} });
        Object.assign(nodes[0]!.values, { otlpHttpPort: port });
        await expect(shownCertificate(nodes[0]!.dial(port))).rejects.toThrow(why === "no answer" ? why : /./);
        server.close();
    });
});

describe("a user of the object store", () => {
    it.each([
        ["InvalidAccessKeyId\ntaken\n", "refused"],
        ["SignatureDoesNotMatch\ntaken\n", "refused"],
        ["taken\ntaken\n", "accepted"],
        ["InvalidAccessKeyId\nInvalidAccessKeyId\n", "unknown"],
        ["no answer\nno answer\n", "unknown"],
        ["", "unknown"],
    ])("by what the store says: %j is %s", (text, state) => {
        expect(storeSeen(text).state).toBe(state);
    });

    it("is asked for in the store's container, secrets on standard input only", async () => {
        const lines: { line: string; input?: string }[] = [];
        const exec: DeployedNode["exec"] = (line, options) => {
            lines.push({ line, input: options?.input });
            return Promise.resolve({ code: 0, stdout: "InvalidAccessKeyId\ntaken\n", stderr: "" });
        };
        const now = { sharedCredentials: { lokiObjectStoreSecret: "new-secret" } };
        await lookAtFormer(deployment({}, now, exec), ["lokiUser"], before({ lokiObjectStoreSecret: "old-secret" }));
        expect(lines[0]!.line).not.toMatch(/(old|new)-secret/);
        expect(lines[0]!.line).toContain("minio-mid-1");
        expect(lines[0]!.input).toMatch(
            /^loki-[0-9a-f]{6} old-secret loki-data\nloki-[0-9a-f]{6} new-secret loki-data\n$/,
        );
    });
});

describe("a rotation", () => {
    it("is unproven by an old value that is accepted, or that nobody has tried", () => {
        const looks = (["refused", "gone", "accepted", "unknown"] as const).map(
            (state): Look => ({ name: "ca", where: "mid-1", state, seen: "" }),
        );
        const states = (interrupted: boolean) => unprovenLooks(looks, interrupted).map(({ state }) => state);
        expect(states(false)).toEqual(["accepted", "unknown"]);
        expect(states(true)).toEqual(["accepted"]);
    });
});

describe("the password of VRRP", () => {
    it("is looked for in the file that Keepalived has read, and told by what the shell says", async () => {
        const exec: DeployedNode["exec"] = () => Promise.resolve({ code: 0, stdout: "absent\nthere\n", stderr: "" });
        const now = { sharedCredentials: { vrrpPassword: "new" } };
        const [seen] = await lookAtFormer(deployment({}, now, exec), ["vrrp"], before({ vrrpPassword: "old" }));
        expect(seen).toMatchObject({
            state: "refused",
            seen: expect.stringContaining("old absent, new there") as string,
        });
    });
});
