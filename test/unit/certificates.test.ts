import { describe, expect, it } from "vitest";
import { subjectOf } from "../../components/certificates";
import { generations } from "../../components/renewal";

const NAMES = { node: "mid-1", hostName: "mid-1.example", address: "10.0.0.1", vip: "10.0.0.9" };
const APM = { node: "apm-1", hostName: "apm-1.example", address: "10.0.0.1" };
const NOW = Date.parse("2026-06-01T00:00:00Z");

describe("a certificate says whom it is for", () => {
    it("to clients: the node, its host and the virtual IP, as a server", () => {
        expect(subjectOf("clients", NAMES)).toEqual({
            commonName: "mid-1",
            dnsNames: ["mid-1", "mid-1.example"],
            ipAddresses: ["10.0.0.1", "10.0.0.9"],
            uses: ["server_auth"],
        });
    });

    it("to the other node: the node and its host, at both ends of a connection", () => {
        expect(subjectOf("peer", NAMES)).toMatchObject({
            ipAddresses: ["10.0.0.1"],
            uses: ["server_auth", "client_auth"],
        });
    });

    it("of the object store: the node, and what its clients on the host call it", () => {
        expect(subjectOf("objectStore", NAMES)).toMatchObject({
            dnsNames: ["mid-1", "mid-1.example", "localhost"],
            ipAddresses: ["10.0.0.1", "10.0.0.9", "127.0.0.1"],
            uses: ["server_auth"],
        });
    });

    it("of OpenSearch: the node by its own name, at both ends, and what is on the host calls it localhost", () => {
        expect(subjectOf("opensearch", APM)).toEqual({
            commonName: "apm-1",
            dnsNames: ["apm-1", "apm-1.example", "localhost"],
            ipAddresses: ["10.0.0.1", "127.0.0.1"],
            uses: ["server_auth", "client_auth"],
        });
    });

    it("of OpenSearch's administrator: nobody's host, and no server", () => {
        expect(subjectOf("opensearchAdmin", APM)).toEqual({
            commonName: "otel-ha-admin",
            dnsNames: [],
            ipAddresses: [],
            uses: ["client_auth"],
        });
    });

    it.each([
        ["dataPrepper", "data-prepper-apm-1", ["server_auth", "client_auth"]],
        ["dashboards", "opensearch-dashboards-apm-1", ["server_auth"]],
        ["collector", "otel-node-collector-apm-1", ["server_auth"]],
    ] as const)("of %s: by a name that OpenSearch takes for none of its nodes", (purpose, commonName, uses) => {
        const { dnsNames, ipAddresses } = subjectOf("opensearch", APM);
        expect(subjectOf(purpose, APM)).toEqual({ commonName, dnsNames, ipAddresses, uses });
    });

    it.each([undefined, "", "mid_1", "a..b", "mid-1", "-x", "x-.example", `${"a".repeat(64)}.example`])(
        "without a host name that is none, or the node's own (%s)",
        (hostName) => {
            expect(subjectOf("peer", { ...NAMES, hostName }).dnsNames).toEqual(["mid-1"]);
        },
    );
});

describe("a certificate is renewed", () => {
    const next = (last: object) => generations(last, "30d", NOW);

    it("not before it is made", () => {
        expect(next({})).toEqual({ clients: 1, peer: 1, objectStore: 1 });
    });

    it("when it ends within the time, each by itself", () => {
        expect(
            next({
                clients: { notAfter: "2026-07-01T00:00:01Z", generation: 3 },
                peer: { notAfter: "2026-07-01T00:00:00Z", generation: 3 },
                objectStore: { notAfter: "2026-05-01T00:00:00Z", generation: 7 },
            }),
        ).toEqual({ clients: 3, peer: 4, objectStore: 8 });
    });

    it("of what its node has, which is not the same in every system", () => {
        const last = { opensearch: { notAfter: "2026-05-01T00:00:00Z", generation: 2 } };
        expect(generations(last, "30d", NOW, ["opensearch", "collector"])).toEqual({ opensearch: 3, collector: 1 });
    });

    it("when nobody can tell its end; and one that was given does not count", () => {
        expect(
            next({ clients: { notAfter: "soon", generation: 1 }, peer: { notAfter: "2026-05-01T00:00:00Z" } }),
        ).toEqual({
            clients: 2,
            peer: 1,
            objectStore: 1,
        });
    });
});
