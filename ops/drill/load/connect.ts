/** The way that a client's requests take. */
import { DocumentTransport } from "./document-transport";
import { FailoverTransport } from "./failover";
import type { ClientPlan, LoadPlan } from "./plan";
import { transport, type Transport } from "./transport";

/** To each of a client's hosts, or to the plan's one. */
export function connect(plan: LoadPlan, client: ClientPlan): Transport {
    const to = (host: string): Transport => {
        const own = { ...plan, host };
        return client.protocol === "opensearch" ? new DocumentTransport(own, client) : transport(own, client);
    };
    const hosts = client.hosts ?? [plan.host];
    return hosts.length === 1 ? to(hosts[0]!) : new FailoverTransport(hosts.map(to));
}
