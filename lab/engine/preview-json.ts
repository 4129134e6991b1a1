// `preview --json`: the CLI's digest of the planned steps.
import { EngineEvent, Op, Severity, stateJson, StepMetadata } from "./events";
import { isStackType } from "./urn";

/** Halves of a replacement, which its own step stands for. */
const isHalf = (op: Op) => op === "create-replacement" || op === "delete-replaced";

function stepJson(metadata: StepMetadata): Record<string, unknown> {
    const { op, urn, provider, diffs, keys, detailedDiff } = metadata;
    const paths = [...(detailedDiff ?? [])].map(([path, kind]) => [path, { kind, inputDiff: true }] as const);
    return {
        op,
        urn,
        ...(provider ? { provider } : {}),
        ...(metadata.old ? { oldState: stateJson(metadata.old) } : {}),
        ...(metadata.new ? { newState: stateJson(metadata.new) } : {}),
        ...(diffs?.length ? { diffReasons: diffs } : {}),
        ...(keys?.length ? { replaceReasons: keys } : {}),
        detailedDiff: paths.length > 0 ? Object.fromEntries(paths) : null,
    };
}

/** Collects the events of a preview. */
export class PreviewDigest {
    private config: Record<string, string> = {};
    private readonly steps: Record<string, unknown>[] = [];
    private readonly diagnostics: { urn: string; message: string; severity: Severity }[] = [];
    private changeSummary: Partial<Record<Op, number>> = {};
    private readonly started = Date.now();

    readonly sink = (event: EngineEvent): void => {
        if (event.kind === "prelude") this.config = event.config;
        else if (event.kind === "summary") this.changeSummary = event.changes;
        else if (event.kind === "diagnostic" && event.severity !== "debug") {
            this.diagnostics.push({ urn: event.urn, message: `${event.message}\n`, severity: event.severity });
        } else if (event.kind === "pre") {
            const { metadata } = event;
            const hidden = isHalf(metadata.op) || (metadata.op === "same" && !isStackType(metadata.type));
            if (!hidden) this.steps.push(stepJson(metadata));
        }
    };

    toJson(): string {
        const digest = {
            config: this.config,
            steps: this.steps,
            ...(this.diagnostics.length > 0 ? { diagnostics: this.diagnostics } : {}),
            duration: (Date.now() - this.started) * 1_000_000,
            changeSummary: this.changeSummary,
        };
        return JSON.stringify(digest, undefined, 4);
    }
}
