import { shellQuote } from "../../components/shell";
import { templateText } from "../../components/templates";
import { AnyDeployment, AnyNode } from "../deployment";
import { complaint } from "../status/collect";
import { deployedContainers, foundContainers } from "./kinds/containers";
import { deployedFiles } from "./kinds/files";
import { together } from "./kinds/host";
import { isUnneeded } from "./kinds/object-store";
import { hasToldCluster, isOfOneNode, isOfTheCluster } from "./kinds/opensearch";
import { KINDS } from "./kinds";
import { Finding, Inquiry, Judgement, NodeVerification, Sections } from "./model";
import { StateResource, stackResources } from "./state";

/** One that is busy may take its time. */
const ANSWER_TIMEOUT_MS = 20_000;

/** What is known of a node, and what it takes to put it right. It has secrets: only {@link verification} of it is for other eyes. */
export interface Look extends NodeVerification {
    resources: StateResource[];
    /** Empty: the host could not be asked. */
    said: Sections;
}

/** What may be shown. Pure. */
export const verification = ({ stack, name, findings, unknown }: Look): NodeVerification => ({
    stack,
    name,
    findings,
    unknown,
});

/** The script that asks a host, settings first. Pure. */
export function verifyScript(inquiries: Inquiry[]): string {
    const settings = inquiries.flatMap((inquiry) => Object.entries(inquiry.settings));
    return [
        ...settings.map(([name, value]) => `${name}=${shellQuote(value)}`),
        templateText("scripts/verify-host.sh"),
    ].join("\n");
}

/** What a host printed. Errors: text that ends early. Pure. */
export function readSections(text: string): Sections {
    const sections = text.split(/^== /m).slice(1);
    const read = Object.fromEntries(
        sections.map((section) => {
            const [title = "", ...lines] = section.split("\n");
            return [title.trim(), lines.filter((line) => line !== "")];
        }),
    );
    if (!("end" in read)) throw new Error("the host's answer is not complete");
    return read;
}

/** Compares a host with the state of its stack. Does not throw: what cannot be looked at is unknown. */
export async function lookAt(deployment: Pick<AnyDeployment, "pulumi">, node: AnyNode): Promise<Look> {
    const { stack, name } = node;
    const nothing = { stack, name, findings: [], unknown: [], resources: [], said: {} };
    // The connection is made while Pulumi reads.
    const connecting = node.exec("true", { timeoutMs: 5_000 });
    try {
        const resources = await stackResources(deployment, stack);
        if (deployedFiles(resources).length === 0)
            return {
                ...nothing,
                unknown: [`stack ${stack} says of nothing that it was deployed; otel-ha up does that`],
            };
        const connected = await connecting;
        if (connected.code !== 0)
            return { ...nothing, resources, unknown: [`cannot be reached: ${complaint(connected, 5_000)}`] };
        const inquiries = KINDS.map((kind) => kind(resources));
        const said = await ask(node, verifyScript(inquiries));
        return { ...nothing, resources, said, ...judge(resources, inquiries, said) };
    } catch (error) {
        return { ...nothing, unknown: [(error as Error).message] };
    }
}

async function ask(node: AnyNode, input: string): Promise<Sections> {
    const result = await node.exec("bash -s", { input, timeoutMs: ANSWER_TIMEOUT_MS });
    try {
        return readSections(result.stdout);
    } catch {
        throw new Error(complaint(result, ANSWER_TIMEOUT_MS));
    }
}

/** All that differs; one finding where nothing of the deployment is there. Pure. */
export function judge(resources: StateResource[], inquiries: Inquiry[], said: Sections): Judgement {
    const all = together(inquiries.map((inquiry) => inquiry.judge(said)));
    const files = deployedFiles(resources);
    const gone = all.findings.filter(({ kind, property }) => kind === "file" && property === "existence").length;
    const running = Object.keys(foundContainers(said) ?? { unknown: true }).length;
    if (gone < files.length || running > 0 || deployedContainers(resources).length === 0) return all;
    const wiped: Finding = {
        kind: "host",
        subject: "everything",
        property: "existence",
        expected: "what was deployed",
        found: "nothing of it: the host was wiped or replaced",
        urn: "",
    };
    return { findings: [wiped], unknown: [] };
}

/** Compares all nodes at the same time. What a pool or a cluster has is of all: it is told once. */
export async function lookAtAll(deployment: AnyDeployment, nodes: AnyNode[] = deployment.nodes): Promise<Look[]> {
    const looks = await Promise.all(nodes.map((node) => lookAt(deployment, node)));
    if (deployment.system === "apm") return withoutRepeated(withoutDisputed(looks), ["cluster"]);
    const pooled = deployment.nodes[0]?.values.objectStore === "pooled";
    const told = pooled ? withoutRepeated(withoutNeeded(looks, deployment.nodes.length)) : looks;
    return told.map(withoutImplied);
}

/**
 * Leaves out what only some nodes find different in the cluster that they are part of: it is as the others were deployed, as while a change has not
 * reached all of them. Pure.
 */
export function withoutDisputed<T extends Judgement & Pick<Look, "said">>(looks: T[]): T[] {
    const told = looks.filter(({ said }) => hasToldCluster(said));
    const key = ({ subject, expected }: Finding): string => `${subject} ${expected}`;
    const byAll = (finding: Finding): boolean =>
        told.every(({ findings }) => findings.some((one) => isOfTheCluster(one) && key(one) === key(finding)));
    return looks.map((look) => ({
        ...look,
        findings: look.findings.filter((one) => !isOfTheCluster(one) || isOfOneNode(one) || byAll(one)),
    }));
}

/** Leaves out the members of a node's group where the same node says that a user is missing: who makes that one puts it into the group. Pure. */
export function withoutImplied<T extends Judgement>(look: T): T {
    const missing = look.findings.some(({ kind, expected }) => kind === "user" && expected === "a user");
    return missing ? { ...look, findings: look.findings.filter(({ kind }) => kind !== "group") } : look;
}

/** Leaves out users of the common store that one of its hosts may still need, as while a change has reached only the other. Pure. */
export function withoutNeeded<T extends Judgement>(looks: T[], hosts: number): T[] {
    const users = looks.map(({ findings }) => findings.filter(isUnneeded).map(({ subject }) => subject));
    const byNobody = (user: string): boolean => looks.length === hosts && users.every((list) => list.includes(user));
    return looks.map((look) => ({
        ...look,
        findings: look.findings.filter((finding) => !isUnneeded(finding) || byNobody(finding.subject)),
    }));
}

const OF_THE_STORE: Finding["kind"][] = ["bucket", "user", "group", "policy"];

/** Leaves out of each node what an earlier one has said of what they have in common. Pure. */
export function withoutRepeated<T extends Judgement>(looks: T[], common = OF_THE_STORE): T[] {
    const said = new Set<string>();
    return looks.map((look) => ({
        ...look,
        findings: look.findings.filter(({ kind, subject, property }) => {
            const key = [kind, subject, property].join(" ");
            if (!common.includes(kind)) return true;
            return said.has(key) ? false : said.add(key);
        }),
    }));
}
