import { shellQuote, shellWords } from "../../../components/shell";
import { Finding, Inquiry, NOTHING, Sections } from "../model";
import { lineOf, StateResource } from "../state";

/** What makes the cluster what the settings say: the gate behind OpenSearch's container. Pure. */
export const clusterSetup = (resources: StateResource[]): StateResource | undefined =>
    resources.find((resource) => {
        const line = lineOf(resource);
        return /^(sudo -n )?\S+\/setup-opensearch /.test(line) && !line.includes(" --only ");
    });

/** What takes the node's turn before its container is stopped. Pure. */
export const turnTaking = (resources: StateResource[]): StateResource | undefined =>
    resources.find((resource) => /^(sudo -n )?\S+\/may-stop-opensearch /.test(lineOf(resource)));

/** Its command line, as root runs it. Pure. */
export function clusterSetupLine(resources: StateResource[]): string | undefined {
    const setup = clusterSetup(resources);
    return setup && rootLine(setup);
}

/** A command line of the state as root runs it. Pure. */
export function rootLine(resource: StateResource): string {
    const words = shellWords(lineOf(resource)).filter((word, at) => at > 1 || !["sudo", "-n"].includes(word));
    return words.map(shellQuote).join(" ");
}

/** Users, roles, templates, policies and settings that the cluster keeps itself. What they have to be the host's own script knows, which makes them. Pure. */
export function openSearch(resources: StateResource[]): Inquiry {
    const setup = clusterSetup(resources);
    if (!setup) return { settings: { CLUSTER: "" }, judge: () => NOTHING };
    return {
        settings: { CLUSTER: `${clusterSetupLine(resources)} --only check` },
        judge: (said) => {
            if (!hasToldCluster(said))
                return {
                    findings: [],
                    unknown: [`OpenSearch does not tell its users, templates and settings${why(said)}`],
                };
            return { findings: said.cluster!.flatMap((line) => readDifference(line, setup.urn)), unknown: [] };
        },
    };
}

const why = (said: Sections): string => {
    const complaint = said["cluster-complaint"]?.at(-1);
    return complaint === undefined ? "" : `: ${complaint}`;
};

/** True when a node has told all of it. Pure. */
export const hasToldCluster = (said: Sections): boolean => said.cluster?.at(-1) === "told";

/** True for what is noted in the cluster of one node only. Pure. */
export const isOfOneNode = ({ subject }: Pick<Finding, "subject">): boolean =>
    subject.startsWith("setting cluster.metadata.otel-ha.");

/** True for what the cluster has, whichever node tells it. Pure. */
export const isOfTheCluster = ({ kind }: Pick<Finding, "kind">): boolean => kind === "cluster";

// "differs: index template otel-logs", "differs: setting of otel-logs-0*: "index.refresh_interval":"5s"".
function readDifference(line: string, urn: string): Finding[] {
    const [, what] = /^differs: (.+)$/.exec(line) ?? [];
    if (what === undefined) return [];
    const [, subject = what, value] = /^(setting of .+?): (.+)$/.exec(what) ?? [];
    return [
        {
            kind: "cluster",
            subject,
            property: value === undefined ? "content" : "value",
            expected: value ?? "the deployed one",
            found: value === undefined ? "another one, or none" : "another",
            urn,
        },
    ];
}
