// Who may reach what, as text and as resources: nothing here needs a host.
import * as fs from "fs";
import * as path from "path";
import { describe, expect, it } from "vitest";
import {
    Firewall,
    firewallRules,
    FirewallSettings,
    Host,
    lokiRequirements,
    Node,
    Requirements,
} from "../../components";
import { CREDENTIAL_NAMES } from "../../components/credentials";
import { CONFIRM_SECONDS, FIREWALL_DEFAULTS, wholeNetwork } from "../../components/firewall";
import { nodeRequirements } from "../../components/node";
import { KEYS } from "../../components/settings/keys";
import { warnings } from "../../components/settings/warnings";
import { portReference, shippedRequirements } from "../../docs/generate-ports";
import { NODE_TLS } from "./support/certificates";
import { Registered, run } from "./support/graph";
import { config, HOST_KEY, ROOT, settingsOf, StackName, STACKS, valuesOf } from "./support/stacks";
import { parseValues } from "../../components/settings/parse";

function rulesOf(stack: StackName, changes: Record<string, string> = {}): string {
    const settings = settingsOf(stack, changes);
    const { firewall, sshPort } = settings.host;
    return firewallRules({ settings: firewall!, requirements: nodeRequirements(settings), sshPort });
}

/** Rules for Loki alone. */
function lokiRules(settings: FirewallSettings, needs: Partial<Requirements> = {}): string {
    return firewallRules({ settings, requirements: [{ ...lokiRequirements({ node: "web" }), ...needs }] });
}

/** Lines between the braces of a set. */
const setOf = (rules: string, name: string): string[] =>
    (new RegExp(`set ${name} \\{[^}]*?elements = \\{([^}]*)\\}`).exec(rules)?.[1] ?? "").match(/[\d./]+/g) ?? [];

/** Port → chain. */
const portsOf = (rules: string): Record<string, string> =>
    Object.fromEntries([...rules.matchAll(/^ +(\d+) : goto (\w+),/gm)].map((match) => [match[1], match[2]]));

describe("the rules", () => {
    it.each(STACKS)("of %s are these", async (stack) => {
        await expect(rulesOf(stack)).toMatchFileSnapshot(`__snapshots__/${stack}/firewall/rules.nft`);
        const file = `__snapshots__/${stack}-tls-off/firewall/rules.nft`;
        await expect(rulesOf(stack, { tls: "off" })).toMatchFileSnapshot(file);
    });

    it("let the other node in, by its address, and no other host of the network as one", () => {
        expect(setOf(rulesOf("node1"), "peer")).toEqual(["192.168.110.119"]);
        expect(setOf(rulesOf("node2"), "peer")).toEqual(["192.168.110.214"]);
    });

    it("name every port that a service of the node listens on, each with its group", () => {
        const settings = settingsOf("node1");
        const used = nodeRequirements(settings).flatMap(({ ports }) => ports.map(({ port }) => String(port)));
        expect(Object.keys(portsOf(rulesOf("node1"))).sort()).toEqual(used.sort());
        expect(portsOf(rulesOf("node1"))).toMatchObject({
            4317: "clients_peer",
            4318: "clients_peer",
            13100: "clients_peer",
            19090: "clients_peer",
            3100: "admins_peer",
            8404: "admins_peer",
            9000: "admins_peer",
            9090: "admins_peer",
            9095: "this_host",
            10901: "peer",
            14317: "peer",
            14318: "peer",
            19091: "this_host",
        });
    });

    it("follow the settings", () => {
        const rules = rulesOf("node1", {
            lokiPort: "3101",
            clientCidrs: "10.0.0.0/8,192.168.110.0/24",
            adminCidrs: "192.168.7.9/32",
        });
        expect(portsOf(rules)).toMatchObject({ 3101: "admins_peer" });
        expect(portsOf(rules)).not.toHaveProperty("3100");
        expect(setOf(rules, "clients")).toEqual(["10.0.0.0/8", "192.168.110.0/24"]);
        expect(setOf(rules, "admins")).toEqual(["192.168.7.9/32"]);
    });

    it("close every port to everybody but the host itself and the peer when no network is named", () => {
        const rules = rulesOf("node1", { clientCidrs: "", adminCidrs: "" });
        expect(setOf(rules, "clients")).toEqual([]);
        expect(rules).not.toMatch(/elements = \{\s*\}/);
    });

    it("name a network once, though another one has it in it: nft refuses overlapping ones", () => {
        const clients = ["192.168.110.0/24", "0.0.0.0/0", "192.168.110.7/32", "0.0.0.0/0"];
        expect(setOf(lokiRules({ clients }), "clients")).toEqual(["0.0.0.0/0"]);
        const admins = ["10.1.0.0/16", "10.0.0.0/15", "10.2.0.0/16", "255.255.255.255/32"];
        expect(setOf(lokiRules({ admins }), "admins")).toEqual(["10.0.0.0/15", "10.2.0.0/16", "255.255.255.255/32"]);
    });

    it("touch no table but their own, nor any hook but that of what is for this host", () => {
        for (const line of rulesOf("node1")
            .split("\n")
            .filter((text) => /\b(table|flush|hook|delete)\b/.test(text)))
            expect(line).toMatch(/^#|table inet otel_ha|type filter hook input priority -10; policy accept;/);
    });

    it("say nothing of SSH, wherever that listens, and end the run when a service would listen there", () => {
        expect(rulesOf("node1", { sshPort: "2222" })).not.toMatch(/\b(22|2222)\b(?!\d)(?=.*goto)/);
        const clash = [{ port: 22, key: "lokiPort", use: "Loki", audience: [] }];
        expect(() => lokiRules({}, { ports: clash })).toThrow(
            "lokiPort: 22 (Loki) is the port of SSH; a rule for it could lock everybody out, so write another one",
        );
        expect(parseValues(config("node1", { lokiPort: "22" })).problems.map(({ key }) => key)).toEqual(["lokiPort"]);
    });

    it("restrict VRRP only where Keepalived is", () => {
        expect(rulesOf("node1")).toContain("meta l4proto 112 goto peer");
        expect(lokiRules({})).not.toContain("l4proto");
    });

    it("of a host without services are a table that restricts nothing", () => {
        const rules = firewallRules({ settings: {}, requirements: [] });
        expect(portsOf(rules)).toEqual({});
        expect(rules).not.toMatch(/^ *counter drop$/m);
    });
});

describe("a network", () => {
    it.each([
        ["192.168.110.5/24", "192.168.110.0/24"],
        ["10.8.0.7/32", "10.8.0.7/32"],
        ["255.255.255.255/1", "128.0.0.0/1"],
        ["200.1.2.3/0", "0.0.0.0/0"],
        ["172.31.255.255/12", "172.16.0.0/12"],
    ])("that %s lies in is %s", (network, whole) => {
        expect(wholeNetwork(network)).toBe(whole);
    });

    const lines = (changes: Record<string, string>): string[] =>
        parseValues(config("node1", changes)).problems.map(({ key, message }) => `${key}: ${message}`);
    const WANTED = 'a list of IPv4 networks; write them as CIDR, with commas, such as "192.168.110.0/24,10.8.0.7/32"';

    it.each([
        "192.168.110.0",
        "192.168.110.0/33",
        "192.168.256.0/24",
        "10.0.0.0/8, 10.1.0.0/16",
        "fd00::/8",
        "lan",
        ",",
    ])("is not %s", (text) => {
        expect(lines({ clientCidrs: text })).toEqual([`clientCidrs: "${text}" is not ${WANTED}`]);
        expect(lines({ adminCidrs: text })).toEqual([`adminCidrs: "${text}" is not ${WANTED}`]);
    });

    it("is not an address with the length of its network: the error says what both would be", () => {
        expect(lines({ adminCidrs: "10.0.0.0/8,192.168.110.5/24" })).toEqual([
            'adminCidrs: "192.168.110.5/24" is an address in a network, not a network; write "192.168.110.0/24", or "192.168.110.5/32" for that address alone',
        ]);
    });

    it("may be everybody, or nobody", () => {
        expect(lines({ clientCidrs: "0.0.0.0/0", adminCidrs: "" })).toEqual([]);
    });
});

describe("a preview warns", () => {
    const said = (changes: Record<string, string>): string[] =>
        warnings(valuesOf("node1", { objectStore: "mirrored", ...changes })).map(
            ({ key, message }) => `${key}: ${message}`,
        );

    it("of nothing with the shipped settings, nor of clients from anywhere", () => {
        expect(said({})).toEqual([]);
        expect(said({ clientCidrs: "0.0.0.0/0" })).toEqual([]);
    });

    it("of everybody as an administrator", () => {
        expect(said({ adminCidrs: "10.0.0.0/8,0.0.0.0/0" })).toEqual([
            'adminCidrs: "0.0.0.0/0" lets everybody reach each service by itself; name the networks of those who operate the hosts',
        ]);
    });

    it("of no firewall", () => {
        expect(said({ firewall: "false", adminCidrs: "0.0.0.0/0" })).toEqual([
            "firewall: false: whoever reaches the hosts reaches every port of the stack; true closes what is not needed",
        ]);
    });
});

describe("the component", () => {
    const COMMAND = "command:remote:Command";
    const SECRET = "SECRET-of-them";
    const credentials = Object.fromEntries(CREDENTIAL_NAMES.map((name) => [name, SECRET]));

    async function commands(changes: Record<string, string> = {}): Promise<Record<string, Registered>> {
        const all = { ...credentials, vrrpPassword: "SECRETvr" } as ConstructorParameters<
            typeof Node
        >[1]["credentials"];
        const graph = await run(
            () => new Node("mid-1", { settings: settingsOf("node1", changes), credentials: all, tls: NODE_TLS }),
        );
        return Object.fromEntries(graph.resources.filter(({ type }) => type === COMMAND).map((one) => [one.name, one]));
    }

    it("loads the rules, keeps them over another connection, and everything else comes behind them", async () => {
        const { "mid-1-host-firewall-rules": rules, ...others } = await commands();
        const { "mid-1-host-firewall-confirmed": confirmed, "mid-1-host-firewall-kept": kept } = others;
        expect(rules!.inputs).toMatchObject({
            create: `/usr/local/lib/otel-ha/firewall apply --seconds ${CONFIRM_SECONDS} /data/docker/otel/firewall`,
            delete: "test ! -e /usr/local/lib/otel-ha/firewall || /usr/local/lib/otel-ha/firewall remove /data/docker/otel/firewall",
            stdin: rulesOf("node1"),
        });
        expect(rules!.secrets).not.toContain("stdin");
        expect(rules!.deleteBeforeReplace).toBe(true);
        expect(rules!.dependsOn).toContain(`${COMMAND} mid-1-host-setup`);
        expect(confirmed!.inputs.create).toBe(
            "/usr/local/lib/otel-ha/firewall confirm --again /data/docker/otel/firewall",
        );
        expect(confirmed!.dependsOn).toContain(`${COMMAND} ${rules!.name}`);
        expect(kept!.inputs.create).toBe("/usr/local/lib/otel-ha/firewall confirm /data/docker/otel/firewall");
        expect(kept!.dependsOn).toContain(`${COMMAND} ${confirmed!.name}`);
        expect(others["mid-1-loki-config.yaml"]!.dependsOn).toContain(`${COMMAND} ${kept!.name}`);
    });

    it("has connections of their own for those, which outlast the time after which rules are taken back", async () => {
        const { "mid-1-host-firewall-rules": rules, ...others } = await commands();
        const dials = [rules!, others["mid-1-host-firewall-confirmed"]!, others["mid-1-host-firewall-kept"]!].map(
            ({ inputs }) => inputs.connection,
        );
        expect(new Set(dials.map((dial) => JSON.stringify(dial))).size).toBe(3);
        for (const { dialErrorLimit, perDialTimeout, host, hostKey } of dials.slice(1)) {
            // The last try begins when the rules are no longer there.
            expect(dialErrorLimit * perDialTimeout).toBeGreaterThan(CONFIRM_SECONDS + 2);
            expect({ host, hostKey }).toEqual({ host: "192.168.110.214", hostKey: HOST_KEY });
        }
    });

    it("is not there when it is off", async () => {
        const all = await commands({ firewall: "false" });
        expect(Object.keys(all).filter((name) => name.includes("firewall"))).toEqual([]);
        expect(all["mid-1-host-setup"]!.inputs.stdin).toContain("\nFIREWALL=false\n");
    });

    it("works by itself, for a user that is not root", async () => {
        const graph = await run(() => {
            const requirements = [lokiRequirements({ node: "web", configDir: "/etc/otel" })];
            const host = new Host("web", { address: "10.0.0.7", sshUser: "ops", hostKey: HOST_KEY, requirements });
            return new Firewall("web-firewall", {
                host,
                settings: { configDir: "/etc/otel", admins: ["10.0.0.0/8"] },
                requirements,
            });
        });
        const rules = graph.resources.find(({ name, type }) => type === COMMAND && name === "web-firewall-rules");
        expect(rules?.inputs).toMatchObject({
            create: "sudo -n /usr/local/lib/otel-ha/firewall apply --seconds 20 /etc/otel/firewall",
            delete: "test ! -e /usr/local/lib/otel-ha/firewall || sudo -n /usr/local/lib/otel-ha/firewall remove /etc/otel/firewall",
        });
    });
});

describe("the settings", () => {
    it("have the component's defaults", () => {
        expect(KEYS.clientCidrs.default).toBe(FIREWALL_DEFAULTS.clients.join(","));
        expect(KEYS.adminCidrs.default).toBe(FIREWALL_DEFAULTS.admins.join(","));
        expect(settingsOf("node1").host.firewall).toEqual({
            ...FIREWALL_DEFAULTS,
            peers: ["192.168.110.119"],
            vrrpInterface: "eth0",
        });
        expect(settingsOf("node1", { vrrpUnicast: "true" }).host.firewall?.vrrpInterface).toBeUndefined();
        expect(settingsOf("node1", { firewall: "false" }).host.firewall).toBeUndefined();
    });
});

describe("docs/ports.md", () => {
    const page = fs.readFileSync(path.join(ROOT, "docs", "ports.md"), "utf8");

    it("is what the services say of themselves today; if not, run: npm run docs", () => {
        expect(page).toBe(portReference(shippedRequirements()));
    });

    it("has a row for every port of a stack's settings, and says the same as the rules", () => {
        const rows = [...page.matchAll(/^\| (\d+) \| `(\w+)` \| [^|]+ \| ([^|]+) \|/gm)];
        const ports = (Object.keys(KEYS) as (keyof typeof KEYS)[]).filter(
            // Of these one is not ours, and nobody listens on the other unless objectStoreConsole is set.
            (key) => KEYS[key].kind === "port" && !["sshPort", "objectStoreConsolePort"].includes(key),
        );
        expect(rows.map((row) => row[2]).sort()).toEqual(ports.sort());
        const chains = portsOf(rulesOf("node1"));
        for (const [, port, , who] of rows)
            expect(who!.replaceAll(", ", "_").replace("this host only", "this_host"), port).toBe(chains[port!]);
    });

    it("gives a reason for every port that others than the host reach", () => {
        for (const { ports } of shippedRequirements())
            for (const { key, audience, why } of ports) expect(Boolean(why), key).toBe(audience.length > 0);
    });
});
