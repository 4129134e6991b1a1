// What a person sees of a run: one line per operation as it happens, then messages, outputs and counts. The CLI's plain
// format.
import { EngineEvent, EventSink, Op, Severity, StepMetadata } from "./events";
import { printResourceDiff, shown } from "./display-diff";
import { shortType, urnName, urnType } from "./urn";
import { equal, Value, ValueMap } from "./values";

const PREFIXES: Record<Op, string> = {
    same: "  ",
    create: "+ ",
    update: "~ ",
    delete: "- ",
    replace: "+-",
    "create-replacement": "++",
    "delete-replaced": "--",
    read: "> ",
    refresh: "~ ",
    discard: "< ",
    "remove-pending-replace": "~ ",
};

const VERBS: Partial<Record<Op, [ing: string, ed: string]>> = {
    create: ["creating", "created"],
    update: ["updating", "updated"],
    delete: ["deleting", "deleted"],
    replace: ["replacing", "replaced"],
    "create-replacement": ["creating replacement", "created replacement"],
    "delete-replaced": ["deleting original", "deleted original"],
    read: ["reading", "read"],
    discard: ["discarding", "discarded"],
};

const PAST: Partial<Record<Op, string>> = {
    create: "created",
    update: "updated",
    delete: "deleted",
    replace: "replaced",
};

export interface DisplayOptions {
    /** "Updating", "Previewing update", … */
    action: string;
    stack: string;
    preview: boolean;
    diff: boolean;
    write?: (line: string) => void;
}

interface Message {
    severity: Severity;
    text: string;
}

const KIND_SIGN = { add: "+", delete: "-", update: "~" } as const;

/** `[diff: ~stdin,+environment]` */
function shortDiff({ detailedDiff, diffs }: StepMetadata): string {
    const signs = new Map<string, string>((diffs ?? []).map((key) => [key, "~"]));
    for (const [path, kind] of detailedDiff ?? []) {
        const sign = KIND_SIGN[kind.replace("-replace", "") as keyof typeof KIND_SIGN];
        const key = path.split(/[.[]/)[0];
        signs.set(key, path === key ? sign : "~");
    }
    const listed = [...signs].filter(([key]) => key !== "id").map(([key, sign]) => `${sign}${key}`);
    return listed.length > 0 ? ` [diff: ${listed.sort().join(",")}]` : "";
}

/** An event sink that writes text. */
export class Display {
    private readonly started = new Map<string, number>();
    private readonly messages = new Map<string, Message[]>();
    private readonly write: (line: string) => void;

    constructor(private readonly options: DisplayOptions) {
        this.write = options.write ?? ((line) => process.stdout.write(`${line}\n`));
        this.write(`${options.action} (${options.stack}):\n`);
    }

    readonly sink: EventSink = (event: EngineEvent) => {
        if (event.kind === "pre") this.began(event.metadata);
        else if (event.kind === "outputs") this.ended(event.metadata);
        else if (event.kind === "failed") this.line(event.metadata, "**failed**");
        else if (event.kind === "diagnostic") this.said(event.urn, event.severity, event.message, event.ephemeral);
    };

    /** After the run: messages, outputs, counts, time. */
    finish(result: {
        changes: Partial<Record<Op, number>>;
        oldOutputs: ValueMap;
        outputs: ValueMap;
        durationSeconds: number;
        showOutputs: boolean;
    }): void {
        this.writeMessages();
        if (result.showOutputs) this.writeOutputs(result.oldOutputs, result.outputs);
        this.writeChanges(result.changes);
        if (!this.options.preview) this.write(`\nDuration: ${duration(result.durationSeconds)}\n`);
    }

    private began(metadata: StepMetadata): void {
        this.started.set(metadata.urn, Date.now());
        if (metadata.op === "same") return;
        const replacementPart = metadata.op === "create-replacement" || metadata.op === "delete-replaced";
        if (!this.options.preview) {
            if (metadata.op !== "replace")
                this.line(metadata, VERBS[metadata.op]?.[0] ?? metadata.op, shortDiff(metadata));
        } else if (!replacementPart) {
            this.line(metadata, metadata.op, shortDiff(metadata));
            if (this.options.diff) printResourceDiff(metadata, this.write);
        }
    }

    private ended(metadata: StepMetadata): void {
        const { op, urn } = metadata;
        if (op === "refresh") {
            const outcome = !metadata.new ? "deleted" : metadata.diffs?.length ? "updated" : undefined;
            if (outcome) this.line(metadata, outcome, shortDiff(metadata));
            return;
        }
        if (this.options.preview || op === "same" || op === "replace") return;
        const seconds = Math.round((Date.now() - (this.started.get(urn) ?? Date.now())) / 10) / 100;
        this.line(metadata, `${VERBS[op]?.[1] ?? op} (${seconds}s)`, shortDiff(metadata));
        if (this.options.diff && op !== "delete-replaced") printResourceDiff(metadata, this.write);
    }

    private line(metadata: StepMetadata, status: string, suffix = ""): void {
        this.write(` ${PREFIXES[metadata.op]} ${shortType(metadata.type)} ${urnName(metadata.urn)} ${status}${suffix}`);
    }

    private said(urn: string, severity: Severity, message: string, ephemeral?: boolean): void {
        if (severity === "debug") return;
        const text = message.trimEnd();
        const label = severity === "error" || severity === "warning" ? `${severity}: ` : "";
        this.write(`    ${shortType(urnType(urn))} ${urnName(urn)} ${label}${text.split("\n")[0]}`);
        if (ephemeral) return;
        const list = this.messages.get(urn) ?? [];
        this.messages.set(urn, [...list, { severity, text: label + text }]);
    }

    private writeMessages(): void {
        if (this.messages.size === 0) return;
        this.write("\nDiagnostics:");
        for (const [urn, messages] of this.messages) {
            this.write(`  ${shortType(urnType(urn))} (${urnName(urn)}):`);
            for (const { text } of messages) this.write(indent(text, 4));
            this.write("");
        }
    }

    private writeOutputs(before: ValueMap, after: ValueMap): void {
        const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
        const changed = names.some((name) => !equal(before[name], after[name]));
        if (names.length === 0 || (this.options.preview && !changed)) return;
        const width = Math.max(...names.map((name) => name.length));
        this.write("\nOutputs:");
        for (const name of names) this.write(outputLine(name.padEnd(width), before[name], after[name]));
    }

    private writeChanges(changes: Partial<Record<Op, number>>): void {
        const same = changes.same ?? 0;
        const counted = (["create", "update", "delete", "replace"] as Op[]).filter((op) => changes[op]);
        if (counted.length === 0 && same === 0) return;
        this.write("\nResources:");
        for (const op of counted) {
            const verb = this.options.preview ? `to ${op}` : PAST[op];
            this.write(`    ${PREFIXES[op].trim()} ${changes[op]} ${verb}`);
        }
        const total = counted.reduce((sum, op) => sum + changes[op]!, 0);
        const rest = [...(counted.length > 1 ? [`${total} changes`] : []), ...(same ? [`${same} unchanged`] : [])];
        if (rest.length > 0) this.write(`    ${rest.join(". ")}`);
    }
}

const indent = (text: string, by: number) => text.replace(/^(?=.)/gm, " ".repeat(by));

export function duration(seconds: number): string {
    return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}

function outputLine(name: string, before: Value | undefined, after: Value | undefined): string {
    if (before === undefined) return `  + ${name}: ${shown(after)}`;
    if (after === undefined) return `  - ${name}: ${shown(before)}`;
    return equal(before, after) ? `    ${name}: ${shown(after)}` : `  ~ ${name}: ${shown(before)} => ${shown(after)}`;
}
