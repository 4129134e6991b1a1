/** What `pulumi preview --json` says, as far as it matters to somebody who runs the pair. */
import type { Repair } from "../verify/repair";
import { masked } from "./mask";

/** One thing that happens on a host. */
export interface Change {
    op: Operation;
    /** @example "haproxy.cfg" */
    what: string;
    /** What the service makes of it. */
    effect: "starts" | "restarts" | "stops" | "reloads" | "none";
    /** Undefined: no single service's. @example "haproxy" */
    service?: string;
}

export type Operation = "create" | "update" | "replace" | "delete";

/** What `up` would do to one stack. */
export interface NodePlan {
    stack: string;
    /** @example "mid-2" */
    name: string;
    /** None of its services was deployed before. */
    first: boolean;
    /** Without gates and components, which only follow. */
    changes: Change[];
    /** Number of resources per operation, as Pulumi counts. */
    counts: Record<string, number>;
    /** Secrets change here, and in the stacks that read them, once this one has made them. */
    newSecrets: boolean;
    /** The other stack may have to do more once this one is done, since it reads what this one makes. */
    leads: boolean;
    /** Its object store becomes another one, which works together with the other host's only when that has changed, too. @default false */
    storeApart?: boolean;
    /** Resources that are written or made anew, whatever they are like on the host. */
    renewed: string[];
    /** What else is done, since the host is not as it was deployed. @default nothing */
    repair?: Repair;
}

/** One planned operation. */
export interface Step {
    op: string;
    urn: string;
    oldState?: { inputs?: Record<string, unknown> };
    newState?: { inputs?: Record<string, unknown> };
    /** Names of the inputs that differ. */
    diffReasons?: string[];
    /** Paths of the inputs that differ. @example { "envs[1]": … } */
    detailedDiff?: Record<string, unknown> | null;
}

/** What Pulumi prints, without secrets. */
export interface Preview {
    steps: Step[];
    changeSummary: Record<string, number>;
    diagnostics: { message: string; severity: string }[];
}

/** Reads what Pulumi printed. Errors: it is no JSON. Pure. */
export function parsePreview(text: string): Preview {
    const { steps = [], changeSummary = {}, diagnostics = [] } = masked(JSON.parse(text)) as Partial<Preview>;
    return { steps, changeSummary, diagnostics };
}

/** Errors that a preview reports. Pure. */
export function previewErrors(text: string): string[] {
    try {
        const all = messages(parsePreview(text), "error");
        const why = all.filter((message) => message !== "preview failed");
        return why.length > 0 ? why : all;
    } catch {
        return [];
    }
}

/** What a preview reports with this severity, each once. @example messages(preview, "warning") */
export function messages({ diagnostics }: Preview, severity: string): string[] {
    const all = diagnostics.filter((diagnostic) => diagnostic.severity === severity);
    return [...new Set(all.map(({ message }) => message.trim()))];
}

/** Whose preview it is. */
export interface PlannedNode {
    stack: string;
    name: string;
    /** Those that the node should have. */
    services: string[];
}

const OPERATIONS: string[] = ["create", "update", "replace", "delete"] satisfies Operation[];

/** Steps that change something. */
export const changing = ({ steps }: Preview): Step[] => steps.filter(({ op }) => OPERATIONS.includes(op));

/** Reads a preview. Pure. */
export function readPlan(text: string, node: PlannedNode): NodePlan {
    return planOf(parsePreview(text), node);
}

/** What a preview means for a node. Pure. */
export function planOf(preview: Preview, node: PlannedNode): NodePlan {
    const { changeSummary } = preview;
    const changes = withFirstCa(changing(preview).flatMap((step) => readChange(step, node)));
    const newSecrets = changes.some(({ op, what }) =>
        SECRET_FILES.includes(what) ? op === "update" : op !== "delete" && what.startsWith("secret "),
    );
    return {
        stack: node.stack,
        name: node.name,
        first: nothingBefore(changeSummary) || allStart(changes, node.services),
        changes,
        counts: Object.fromEntries(Object.entries(changeSummary).filter(([op]) => op !== "same" && op !== "read")),
        renewed: changing(preview)
            .filter(renews)
            .map(({ urn }) => urn),
        newSecrets,
        leads: newSecrets || changes.some(({ what }) => /^(secret|CA|certificate) /.test(what)),
        storeApart: changing(preview).some(
            (step) => isStore(step, node) && commonOf(step.oldState) !== commonOf(step.newState),
        ),
    };
}

const isStore = (step: Step, node: PlannedNode): boolean =>
    typeChain(step.urn).at(-1) === CONTAINER && shortName(step, node) === "minio" && step.oldState !== undefined;

// What MinIO compares with the others before it starts: its own binary, all drives as they are addressed, its environment.
function commonOf(state: Step["newState"]): string {
    const {
        image,
        command = [],
        envs = [],
    } = (state?.inputs ?? {}) as {
        image?: string;
        command?: string[];
        envs?: string[];
    };
    const drives = command.filter((word) => word.includes("://"));
    return JSON.stringify([image, drives, envs.filter((one) => one.startsWith("MINIO_")).sort()]);
}

// A container that is changed in place stays stopped when it is.
const renews = ({ op, urn }: Step): boolean => op !== "update" || typeChain(urn).at(-1) !== CONTAINER;

const nothingBefore = (counts: Record<string, number>): boolean =>
    (counts.create ?? 0) > 0 && ["same", "update", "replace", "delete"].every((op) => !counts[op]);

// A host that is set up again may have left its stack the shared secrets.
const allStart = (changes: Change[], services: string[]): boolean =>
    services.length > 0 &&
    services.every((name) => changes.some(({ service, effect }) => service === name && effect === "starts"));

/** Files with what the two nodes must both know. */
const SECRET_FILES = ["root.env", "authentication.conf", "credentials"];

const noCounts = ({ counts }: NodePlan): boolean => Object.values(counts).every((count) => count === 0);

/** True when `up` would leave everything as it is. */
export const isEmpty = (plan: NodePlan): boolean => noCounts(plan) && !plan.repair;

/** True when it is not the host alone that changes. Pure. */
export const needsPulumi = (plan: NodePlan): boolean => !noCounts(plan) || plan.repair?.refresh === true;

/** A plan that puts the host right as well. Pure. */
export const withRepair = (plan: NodePlan, repair: Repair | undefined): NodePlan =>
    repair ? { ...plan, repair, changes: [...plan.changes, ...repair.changes] } : plan;

/** True when all that is done is a repair that takes nothing away from anybody. Pure. */
export const isGentle = (plan: NodePlan): boolean =>
    plan.repair !== undefined &&
    noCounts(plan) &&
    plan.changes.every(({ effect }) => effect !== "restarts" && effect !== "stops");

/** What one stack has without any change. Pure. */
export const noPlan = (stack: string, name: string): NodePlan => {
    return { stack, name, first: false, changes: [], counts: {}, newSecrets: false, leads: false, renewed: [] };
};

/** Types from the outermost component to the resource itself. */
export const typeChain = (urn: string): string[] => (urn.split("::")[2] ?? "").split("$");

/** Name of a resource without the node's. @example "haproxy-haproxy.cfg" */
export const shortName = ({ urn }: Step, node: PlannedNode): string =>
    (urn.split("::")[3] ?? "").replace(`${node.name}-`, "");

export const CONTAINER = "docker:index/container:Container";
export const COMMAND = "command:remote:Command";

/** True for the command that writes a file of a {@link RemoteFile}. */
export const isFile = ({ urn }: Step): boolean =>
    typeChain(urn).at(-1) === COMMAND && typeChain(urn).includes("otel-ha:index:RemoteFile");

const OF_CONTAINER = { create: "starts", update: "restarts", replace: "restarts", delete: "stops" } as const;

/** What a step means to people; nothing for what only follows. */
export function readChange(step: Step, node: PlannedNode): Change[] {
    const type = typeChain(step.urn).at(-1)!;
    const op = step.op as Operation;
    const name = shortName(step, node);
    if (type === CONTAINER) return [{ op, what: "container", effect: OF_CONTAINER[op], service: name }];
    if (type === "docker:index/remoteImage:RemoteImage")
        return [{ op, what: "image", effect: "none", service: name.replace(/-image$/, "") }];
    if (type.startsWith("tls:")) return certificateChange(step, node);
    if (type.startsWith("random:"))
        return [{ op, what: `secret ${name.replace(/^credentials-/, "")}`, effect: "none" }];
    if (isFile(step)) {
        // Another way to check or to reload, with the same text.
        if (op === "update" && !step.diffReasons?.includes("stdin")) return [];
        const reloads = op === "update" && / --reload /.test(String(step.newState?.inputs?.create ?? ""));
        return [{ op, ...ownerOf(name, node.services), effect: reloads ? "reloads" : "none" }];
    }
    if (name === "host-setup") return [{ op, what: "host prepared", effect: "none" }];
    if (name === "watch") return [{ op, what: "watch of containers", effect: "none" }];
    if (name === "host-firewall-rules") return [{ op, what: "firewall", effect: "none" }];
    // Components, providers, and gates, which follow their containers.
    return [];
}

/** A certificate; its request and its key only follow. The first CA's key is the other stack's, too; a later one stands beside it. */
function certificateChange(step: Step, node: PlannedNode): Change[] {
    const op = step.op as Operation;
    const name = shortName(step, node);
    switch (typeChain(step.urn).at(-1)) {
        case "tls:index/selfSignedCert:SelfSignedCert":
            return [
                {
                    op,
                    what: isLaterCa(name) || op === "delete" ? name.replace("ca-", "CA ") : SECRET_CA,
                    effect: "none",
                },
            ];
        case "tls:index/locallySignedCert:LocallySignedCert": {
            const signer = op === "replace" && step.diffReasons?.includes("caCertPem") ? BY_ANOTHER_CA : "";
            return [{ op, what: `${name.replace("-", " ")}${signer}`, effect: "none" }];
        }
        default:
            return [];
    }
}

const SECRET_CA = "secret CA";
const isLaterCa = (name: string): boolean => /^ca-(?!1$)\d+$/.test(name);

// Of whatever generation: with it come the first certificates.
function withFirstCa(changes: Change[]): Change[] {
    const first = changes.some(({ op, what }) => op === "create" && what.startsWith("certificate "));
    return changes.map((change) =>
        first && change.op === "create" && /^CA \d+$/.test(change.what) ? { ...change, what: SECRET_CA } : change,
    );
}

/** What is said of a certificate that another CA signs. */
export const BY_ANOTHER_CA = ", by another CA";

/** @example ownerOf("thanos-sidecar-bucket.yml", …) → thanos-sidecar, bucket.yml. */
function ownerOf(name: string, services: string[]): Pick<Change, "service" | "what"> {
    const owners = services.filter((service) => name.startsWith(`${service}-`));
    const service = owners.sort((a, b) => b.length - a.length)[0];
    return { service, what: service === undefined ? name : name.slice(service.length + 1) };
}
