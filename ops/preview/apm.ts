/** What people who use Container APM notice while a change is made. Pure. */
import { ApmValues } from "../../components/settings/keys";
import { affected, Consequence } from "./consequences";
import { Detail } from "./details";
import { NodePlan } from "./plan";
import { ofRotations } from "./rotations";

/** Of one host. `managers`: names of the elected cluster manager, or nothing where it is not known. */
export function ofApm(plan: NodePlan, v: ApmValues, managers: string[]): Consequence[] {
    const stops = affected(plan, "restarts", "stops");
    return [
        ...(stops.includes("opensearch") ? inTheCluster(plan, v, managers) : []),
        ...beside(plan, stops),
        ...ofNewSecrets(plan),
        ...ofRotations(plan, v),
    ];
}

function inTheCluster({ name }: NodePlan, v: ApmValues, managers: string[]): Consequence[] {
    const of = "cluster" as const;
    return [
        v.opensearchReplicas === 0
            ? {
                  of,
                  text: `what only ${name} has is neither found nor written while its opensearch starts anew (opensearchReplicas is 0)`,
              }
            : {
                  of,
                  text: `the cluster goes without ${name} while its opensearch starts anew, yellow until its copies are back; searches and writes go on`,
              },
        ...(managers.includes(name)
            ? [{ of, text: `another node is elected manager in the place of ${name}: writes wait for a second or two` }]
            : []),
    ];
}

function beside({ name }: NodePlan, stops: string[]): Consequence[] {
    const said: Record<string, string> = {
        "data-prepper": `collectors send to the data-prepper of another node while that of ${name} starts anew`,
        "otel-node-collector": `applications that send to ${name} have to try again, or send to another node, while its otel-node-collector starts anew`,
        "opensearch-dashboards": `the fronts send people to another copy of OpenSearch Dashboards while that of ${name} starts anew`,
        haproxy: `who uses OpenSearch Dashboards at ${name} has to go to another node while its haproxy starts anew`,
    };
    return Object.keys(said).flatMap((service) =>
        stops.includes(service) ? [{ of: "collector" as const, text: said[service]! }] : [],
    );
}

function ofNewSecrets(plan: NodePlan): Consequence[] {
    if (!plan.newSecrets || plan.first) return [];
    return [{ of: "secrets", text: `${plan.name} makes new secrets, which the other nodes get right afterwards` }];
}

/** Words of opensearch.yml on which all nodes must agree, or else they do not know each other. */
const AGREED = ["cluster.name", "transport.port", "plugins.security.ssl.transport.pemcert_filepath"];

/** Changes after which a node knows the others only when they have them, too. */
export function apartLines(planned: { plan: NodePlan; details: Detail[] }[]): string[] {
    const words = planned.flatMap(({ plan, details }) => {
        const file = details.find(({ op, title }) => op === "update" && title.endsWith("/opensearch/opensearch.yml"));
        const changed = (file?.lines ?? []).filter(({ sign }) => sign !== " ").map(({ text }) => text.trim());
        return plan.first ? [] : AGREED.filter((word) => changed.some((line) => line.startsWith(`${word}:`)));
    });
    return [...new Set(words)].map(
        (word) =>
            `a node with the new ${word} does not know those with the old one: otel-ha up stops after the first of them. It takes all at once, ` +
            "without writes meanwhile: otel-ha up --parallel --force, with opensearchForceStop true",
    );
}

/** What happens where several hosts are changed at once; nothing: the cluster bears it. */
export function withoutQuorum(plans: NodePlan[], nodes: number): string | undefined {
    const stopped = plans.filter((plan) => !plan.first && affected(plan, "restarts", "stops").includes("opensearch"));
    if (nodes - stopped.length > nodes / 2) return undefined;
    const names = stopped.map(({ name }) => name);
    return `opensearch of ${names.slice(0, -1).join(", ")} and ${names.at(-1)} at the same time leave the cluster without a quorum: nothing is written or found meanwhile, and what collectors get waits in their queues`;
}
