import { beforeAll, describe, expect, it } from "vitest";
import { KeyName, KEYS } from "../../components/settings/keys";
import { parseValues, RawConfig } from "../../components/settings/parse";
import { notValidNow } from "../../components/settings/tls-rules";
import { warnings } from "../../components/settings/warnings";
import { readValues } from "../../ops/deployment";
import { Made, newCa, newLeaf } from "./support/certificates";
import { config, valuesOf } from "./support/stacks";

const linesFor = (raw: RawConfig): string[] =>
    parseValues(raw).problems.map(({ key, message }) => `${key}: ${message}`);
const changed = (changes: Record<string, string>): string[] => linesFor(config("node1", changes));

const DAY_MS = 86_400_000;

let ca: Made;
let leaf: Made;
beforeAll(async () => {
    ca = await newCa();
    leaf = await newLeaf(ca);
});

/** Settings with given certificates, some of them others. */
const provided = (changes: Record<string, string> = {}): Record<string, string> => ({
    tls: "provided",
    tlsCaCertificate: ca.certificate,
    tlsCertificate: leaf.certificate,
    tlsKey: leaf.key,
    ...changes,
});

describe("certificates of one's own", () => {
    it("are taken as they come, whatever their line ends, and end with one line feed", () => {
        const { values, problems } = parseValues(
            config("node1", provided({ tlsCertificate: `\r\n${leaf.certificate.replaceAll("\n", "\r\n")}\r\n` })),
        );
        expect(problems).toEqual([]);
        expect(values.tlsCertificate).toBe(leaf.certificate);
    });

    it("may come with those between them and the CA", async () => {
        const between = await newLeaf(ca, { commonName: "Between", ca: true });
        const own = await newLeaf(between);
        const chain = { tlsCertificate: own.certificate + between.certificate, tlsKey: own.key };
        expect(changed(provided(chain))).toEqual([]);
        expect(changed(provided({ ...chain, tlsCertificate: own.certificate }))).toEqual([
            "tlsCertificate: is not signed by tlsCaCertificate (CN=Test CA) but by CN=Between; give that CA, or put the certificates between the two behind this one",
        ]);
    });

    it.each([
        ["tlsCaCertificate", "the certificate of your CA, as in: pulumi config set tlsCaCertificate < ca.pem"],
        ["tlsCertificate", "this node's certificate, as in: pulumi config set tlsCertificate < node.pem"],
        ["tlsKey", "the key of this node's certificate, as in: pulumi config set --secret tlsKey < node-key.pem"],
    ])("are all three needed, and not without tls: provided (%s)", (key, wanted) => {
        expect(changed(provided({ [key]: "" }))).toEqual([`${key}: is missing; with tls "provided" give ${wanted}`]);
        const { [key]: one } = provided();
        expect(changed({ tls: "internal", [key]: one! })).toEqual([
            `${key}: would not be used, since tls is "internal"; write tls: provided, or leave it out`,
        ]);
    });

    it("must be PEM; the error says how to give it, and shows nothing of a key", () => {
        expect(changed(provided({ tlsCertificate: "node.pem" }))).toEqual([
            "tlsCertificate: is not readable; write certificates as PEM, as in: pulumi config set tlsCertificate < certificate.pem",
        ]);
        expect(changed(provided({ tlsCertificate: leaf.key }))[0]).toMatch(/^tlsCertificate: is not readable/);
        expect(changed(provided({ tlsCertificate: leaf.certificate.replace("A", "") }))[0]).toMatch(/is not readable/);
        expect(changed(provided({ tlsKey: leaf.key.slice(0, -40) }))).toEqual([
            "tlsKey: is not readable; write a private key as PEM without a passphrase, as in: pulumi config set --secret tlsKey < key.pem",
        ]);
    });

    it("need the key that belongs to them", async () => {
        expect(changed(provided({ tlsKey: (await newLeaf(ca)).key }))).toEqual([
            "tlsKey: is the key of another certificate than the first one in tlsCertificate (CN=mid-1); give the key that belongs to it",
        ]);
    });

    it("must be signed by the CA, which is one", async () => {
        const other = await newCa("Other CA");
        expect(changed(provided({ tlsCaCertificate: other.certificate }))).toEqual([
            "tlsCertificate: is not signed by tlsCaCertificate (CN=Other CA) but by CN=Test CA; give that CA, or put the certificates between the two behind this one",
        ]);
        // The name alone is not enough.
        const namesake = await newCa();
        expect(changed(provided({ tlsCaCertificate: namesake.certificate }))[0]).toMatch(
            /^tlsCertificate: is not signed/,
        );
        expect(changed(provided({ tlsCaCertificate: ca.certificate + leaf.certificate }))).toEqual([
            'tlsCaCertificate: has a certificate that is not a CA\'s (CN=mid-1); give the one that signs, with "CA:TRUE" in it',
        ]);
    });

    it("must be for the node's name and all addresses at which it is asked", async () => {
        const lacking = await newLeaf(ca, { dnsNames: ["mid-2"], ipAddresses: ["192.168.110.214"] });
        const settings = provided({ tlsCertificate: lacking.certificate, tlsKey: lacking.key });
        expect(changed(settings)).toEqual([
            "tlsCertificate: is not for mid-1, 192.168.110.140, 127.0.0.1 (it is for DNS:mid-2, IP Address:192.168.110.214); have one made with subjectAltName=DNS:mid-1,IP:192.168.110.214,IP:192.168.110.140,IP:127.0.0.1",
        ]);
    });

    it("need no loopback address where the object store is elsewhere", async () => {
        const own = await newLeaf(ca, { ipAddresses: ["192.168.110.214", "192.168.110.140"] });
        const settings = provided({ tlsCertificate: own.certificate, tlsKey: own.key });
        expect(changed(settings)).toHaveLength(1);
        const external = {
            objectStore: "external",
            objectStoreEndpoint: "s3.example:443",
            lokiObjectStoreSecret: "secret-of-loki",
            thanosSidecarObjectStoreSecret: "secret-of-thanos",
            thanosStoreObjectStoreSecret: "secret-of-thanos",
            thanosCompactorObjectStoreSecret: "secret-of-thanos",
        };
        expect(changed({ ...settings, ...external })).toEqual([]);
    });

    it("must have the node's name, and be for servers and clients", async () => {
        const stranger = await newLeaf(ca, { commonName: "web", uses: ["server_auth"] });
        expect(changed(provided({ tlsCertificate: stranger.certificate, tlsKey: stranger.key }))).toEqual([
            'tlsCertificate: has the common name "web"; have one made with CN=mid-1, by which the other node knows this one',
            "tlsCertificate: is not for clientAuth; have one made with extendedKeyUsage=serverAuth,clientAuth: the nodes speak to each other with it",
        ]);
    });

    it("must be valid when they are deployed, though not when somebody looks at the pair", () => {
        const settings = provided();
        const { values, problems } = parseValues(config("node1", settings));
        expect(problems).toEqual([]);
        expect(notValidNow(values, Date.now())).toEqual([]);
        const [ended] = notValidNow(values, Date.now() + 100 * DAY_MS);
        expect(ended).toMatchObject({ key: "tlsCertificate" });
        expect(ended!.message).toMatch(/^has ended on .* GMT \(CN=mid-1\); give a new one$/);
        expect(notValidNow(values, Date.now() - DAY_MS).map(({ key }) => key)).toEqual([
            "tlsCaCertificate",
            "tlsCertificate",
        ]);
    });

    it("are spoken of in previews before they end", async () => {
        const short = await newLeaf(ca, { hours: 24 * 29 });
        const settings = provided({ tlsCertificate: short.certificate, tlsKey: short.key, objectStore: "mirrored" });
        expect(warnings(valuesOf("node1", settings))).toEqual([
            { key: "tlsCertificate", message: expect.stringMatching(/^ends on .* GMT; give a new one before that$/) },
        ]);
        expect(warnings(valuesOf("node1", provided({ objectStore: "mirrored" })))).toEqual([]);
    });

    it("do not keep otel-ha from working, which is not shown the key", () => {
        const shown = Object.entries(config("node1", provided())).map(([key, value]) => [
            `otel-ha:${key}`,
            KEYS[key as KeyName].kind === "keyPem" ? undefined : value,
        ]);
        const values = readValues("node1", "otel-ha", Object.fromEntries(shown) as Record<string, string>);
        expect(values).toMatchObject({ tls: "provided", tlsKey: "" });
    });
});

describe("settings of TLS that do not go together", () => {
    it.each<[title: string, changes: Record<string, string>, line: string]>([
        [
            "a lifetime that is no whole number of hours",
            { certificateLifetime: "90m", certificateRenewBefore: "1h" },
            'certificateLifetime: "90m" is not in whole hours, in which certificates are made; write "2h"',
        ],
        [
            "certificates that are old when they are made",
            { certificateLifetime: "30d" },
            'certificateRenewBefore: "30d" is not shorter than certificateLifetime ("30d"), so that every up would make new certificates; write about a third of it',
        ],
        [
            "a CA that ends before its certificates",
            { caLifetime: "90d" },
            'caLifetime: "90d" is not longer than certificateLifetime ("90d"); a certificate ends with its CA, so write "3650d"',
        ],
        [
            "tokens that nobody asks for",
            { tls: "off", otlpTokens: "shop" },
            'otlpTokens: would not be asked for, since tls is "off"; write tls: internal, or leave it out',
        ],
        [
            "two tokens with one name",
            { tls: "internal", otlpTokens: "shop,billing,shop" },
            'otlpTokens: has "shop" twice; each sender has a name of its own, as in "web-shop,billing"',
        ],
        [
            "a user for queries who may do everything",
            { queryUser: "admin" },
            'queryUser: "admin" is haproxyStatsUser too, who may do everything; write another name, such as "query"',
        ],
        [
            "a way to secure connections that there is not",
            { tls: "on" },
            'tls: "on" is not a way to secure connections; write internal (certificates are made), provided (they are given) or off',
        ],
        [
            "names that go into no file",
            { tls: "internal", otlpTokens: "web shop" },
            'otlpTokens: "web shop" is not a list of names; write lower-case letters, digits and "-", with commas, such as "web-shop,billing"',
        ],
    ])("%s", (_, changes, line) => {
        expect(changed(changes)).toEqual([line]);
    });

    it("include a CA of clients that is none, or that nobody asks for", () => {
        expect(changed({ tls: "internal", otlpClientCa: ca.certificate })).toEqual([]);
        expect(changed({ tls: "off", otlpClientCa: ca.certificate })).toHaveLength(1);
        expect(changed({ tls: "internal", otlpClientCa: leaf.certificate })[0]).toMatch(
            /^otlpClientCa: has a certificate that is not a CA's/,
        );
    });

    it("warn of connections in the clear", () => {
        expect(warnings(valuesOf("node1", { tls: "off" })).map(({ key }) => key)).toContain("tls");
        expect(warnings(valuesOf("node1", { tls: "internal" })).map(({ key }) => key)).not.toContain("tls");
    });
});
