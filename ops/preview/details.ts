import { stringify } from "yaml";
import { DiffLine, textDiff } from "../text-diff";
import { holdsSecret, SECRET } from "./mask";
import {
    Change,
    changing,
    COMMAND,
    CONTAINER,
    isFile,
    Operation,
    PlannedNode,
    Preview,
    readChange,
    shortName,
    Step,
    typeChain,
} from "./plan";

/** What changes in one file, container or other resource, line by line. */
export interface Detail {
    op: Operation;
    /** The file's path on the host, or what it is. @example "container haproxy" */
    title: string;
    /** What it means to a service; undefined: nothing of its own. */
    change?: Change;
    /** In the place of lines that must not, or cannot, be shown. */
    note?: string;
    lines: DiffLine[];
}

/** Pulumi's word for a value that only exists after something else has been made. */
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

const SECRET_NOTE = "Secret: it changes, and is not shown.";
const UNKNOWN_NOTE = "What it will be is known only when it is deployed.";
const SAME_NOTE = "The text stays; how it is checked or reloaded changes.";

// A container's labels hold a hash of all that it reads at its start, which tells nobody anything.
const LABELS_NOTE = "Made anew since what it reads at its start changes.";

// Requests, keys and signatures are different each time.
const CERTIFICATE_NOTE = "Made anew, with another key.";

/** Asked after or before a container, and again whenever that changes. */
const GATE = /-(ready|may-stop)$/;

/** All that changes, what starts services anew first. Without components, and without what only {@link follows}. Pure. */
export function details(preview: Preview, node: PlannedNode): Detail[] {
    return changing(preview)
        .filter((step) => !isComponent(step) && !isFollower(step, node))
        .map((step) => detail(step, node))
        .sort((a, b) => weight(a) - weight(b));
}

/** Names of the resources that change because others do: gates, and files with the same text. Pure. */
export function follows(preview: Preview, node: PlannedNode): string[] {
    return changing(preview)
        .filter((step) => !isComponent(step) && isFollower(step, node))
        .map((step) => shortName(step, node));
}

/** Weight of what says least. */
export const LEAST = 4;

/** How much a detail says about risk: 0 starts a service anew, {@link LEAST} is nothing at all. Pure. */
export const weight = ({ change }: Detail): number => {
    if (change?.effect === "restarts" || change?.effect === "stops") return 0;
    if (change?.effect === "reloads") return 1;
    return change === undefined ? 3 : 2;
};

const isComponent = ({ urn }: Step): boolean => {
    const type = typeChain(urn).at(-1)!;
    return type.startsWith("otel-ha:index:") || type === "pulumi:pulumi:Stack";
};

const isCertificate = ({ urn }: Step): boolean => typeChain(urn).at(-1)!.startsWith("tls:");

function isFollower(step: Step, node: PlannedNode): boolean {
    if (isCertificate(step)) return readChange(step, node).length === 0;
    if (typeChain(step.urn).at(-1) !== COMMAND) return false;
    if (isFile(step)) return readChange(step, node).length === 0;
    return GATE.test(shortName(step, node));
}

function detail(step: Step, node: PlannedNode): Detail {
    const op = step.op as Operation;
    const [change] = readChange(step, node);
    const isCommand = typeChain(step.urn).at(-1) === COMMAND;
    if (isCertificate(step) && op !== "delete")
        return { op, title: titleOf(step, node, change), change, note: CERTIFICATE_NOTE, lines: [] };
    return { op, title: titleOf(step, node, change), change, ...(isCommand ? fileDiff(step) : inputsDiff(step)) };
}

function titleOf(step: Step, node: PlannedNode, change: Change | undefined): string {
    if (isFile(step)) return pathOf(step) ?? shortName(step, node);
    if (change?.service !== undefined) return `${change.what} ${change.service}`;
    if (change !== undefined) return change.what;
    return `${typeChain(step.urn).at(-1)!.split(":").at(-1)} ${shortName(step, node)}`;
}

/** The file that a command writes: its last word, or what its removal removes. */
function pathOf({ oldState, newState }: Step): string | undefined {
    const inputs = newState?.inputs ?? oldState?.inputs;
    return /(\/\S+?)'?$/.exec(String(inputs?.create ?? ""))?.[1];
}

type Shown = Pick<Detail, "note" | "lines">;

/** What a command is given on standard input: the text of a file, or a script. */
function fileDiff(step: Step): Shown {
    if (step.op === "delete") return { lines: [] };
    const before = step.op === "create" ? "" : textOf(step.oldState);
    const after = textOf(step.newState);
    // A text of which one side is secret: the other side may be the same.
    if (before === SECRET || after === SECRET) return { note: SECRET_NOTE, lines: [] };
    if (after.includes(UNKNOWN)) return { note: UNKNOWN_NOTE, lines: [] };
    const lines = changedLines(before, after);
    if (lines.length > 0) return { lines };
    if (step.diffReasons?.includes("stdin")) return { note: SECRET_NOTE, lines };
    const others = inputsDiff(step);
    return others.lines.length > 0 ? others : { note: SAME_NOTE, lines };
}

/** What was left out between two shown lines. */
const GAP: DiffLine = { sign: " ", text: "…" };

/** Changed lines with what is around them, and {@link GAP} for what is between. A newline at the end does not count. */
function changedLines(before: string, after: string): DiffLine[] {
    const [old, now] = [before, after].map((text) => text.replace(/([^\n])$/, "$1\n")) as [string, string];
    const hunks = textDiff(old, now);
    if (!hunks) return [...signed("-", old), ...signed("+", now)];
    return hunks.flatMap(({ before: first, lines }) => (first > 1 ? [GAP, ...lines] : lines));
}

const signed = (sign: DiffLine["sign"], text: string): DiffLine[] =>
    text
        .split("\n")
        .slice(0, -1)
        .map((line) => ({ sign, text: line }));

const textOf = (state: Step["newState"]): string => String(state?.inputs?.stdin ?? "");

/** Any resource: the inputs that differ, as YAML. */
function inputsDiff(step: Step): Shown {
    if (step.op === "delete") return { lines: [] };
    const reasons = step.diffReasons ?? (step.op === "create" ? Object.keys(step.newState?.inputs ?? {}) : []);
    const keys = reasons.filter((key) => !(key === "labels" && isContainer(step)));
    if (keys.length === 0 && reasons.length > 0) return { note: LABELS_NOTE, lines: [] };
    const of = (state: Step["newState"]): string => asYaml(state?.inputs ?? {}, keys);
    const lines = changedLines(step.op === "create" ? "" : of(step.oldState), of(step.newState));
    const hidden = keys.filter((key) => step.op !== "create" && isHidden(step, key));
    return { lines, ...(hidden.length > 0 ? { note: `${hidden.join(", ")}: ${SECRET_NOTE}` } : {}) };
}

const isContainer = ({ urn }: Step): boolean => typeChain(urn).at(-1) === CONTAINER;
const isHidden = ({ oldState, newState }: Step, key: string): boolean =>
    holdsSecret(oldState?.inputs?.[key]) || holdsSecret(newState?.inputs?.[key]);

function asYaml(inputs: Record<string, unknown>, keys: string[]): string {
    const shown = keys.filter((key) => !key.startsWith("__") && inputs[key] !== undefined && inputs[key] !== null);
    if (shown.length === 0) return "";
    return stringify(Object.fromEntries(shown.map((key) => [key, withoutNotes(inputs[key])])), { lineWidth: 0 });
}

/** Without the bridge's notes to itself. */
function withoutNotes(value: unknown): unknown {
    if (value === UNKNOWN) return "[unknown]";
    if (Array.isArray(value)) return value.map(withoutNotes);
    if (value === null || typeof value !== "object") return value;
    const kept = Object.entries(value).filter(([key]) => !key.startsWith("__"));
    return Object.fromEntries(kept.map(([key, item]) => [key, withoutNotes(item)]));
}
