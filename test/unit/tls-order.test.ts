// The ports at a node's address are the services' own without TLS, and HAProxy's with it. A change of that takes one `up`, since those go first that give
// up their ports.
import { describe, expect, it } from "vitest";
import { Credentials, Node } from "../../components";
import { NODE_TLS } from "./support/certificates";
import { Registered, run } from "./support/graph";
import { settingsOf } from "./support/stacks";

const CONFIG = "command:remote:Command mid-1-haproxy-haproxy.cfg";
const SERVICES = [
    "loki",
    "otel-aggregator",
    "prometheus",
    "thanos-compactor",
    "thanos-query",
    "thanos-sidecar",
    "thanos-store",
].map((service) => `docker:index/container:Container mid-1-${service}`);

const keyOf = ({ type, name }: Registered): string => `${type} ${name}`;

/** Everything that must be there before a resource, however far back. A component waits for what it depends on, and what is in it waits for it. */
async function orderOf(tls: string): Promise<(key: string) => Set<string>> {
    const { resources } = await run(() => {
        const credentials = new Credentials("credentials", {}).values;
        const settings = settingsOf("node1", { tls });
        return new Node("mid-1", { settings, credentials, tls: tls === "off" ? undefined : NODE_TLS });
    });
    const byKey = new Map(resources.map((one) => [keyOf(one), one]));
    return (key) => {
        const all = new Set<string>();
        const visit = (from: string): void => {
            const { dependsOn = [], parent = "" } = byKey.get(from) ?? {};
            const inside = dependsOn.flatMap((one) => resources.filter(({ parent }) => parent === one).map(keyOf));
            for (const next of [...dependsOn, ...inside, parent])
                if (next !== key && !all.has(next)) visit((all.add(next), next));
        };
        if (!byKey.has(key)) throw new Error(`no ${key}`);
        visit(key);
        return all;
    };
}

describe("a change between TLS and none", () => {
    it("lets the services move to loopback before HAProxy takes their ports", async () => {
        const before = (await orderOf("internal"))(CONFIG);
        for (const service of SERVICES) expect(before).toContain(service);
    });

    it("waits for no service to be well again: one that is not must not keep HAProxy from its work", async () => {
        const before = (await orderOf("internal"))(CONFIG);
        expect([...before].filter((key) => /-thanos-(query|store|compactor)-ready$/.test(key))).toEqual([]);
    });

    it("lets HAProxy give the ports up before the services take them back", async () => {
        const order = await orderOf("off");
        for (const service of SERVICES) expect(order(service), service).toContain(CONFIG);
        // The collector takes its own while it runs.
        expect(order("command:remote:Command mid-1-otel-aggregator-config.yaml")).toContain(CONFIG);
    });
});
