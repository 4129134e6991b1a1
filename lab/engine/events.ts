// What a run reports, in the shape of the CLI's engine events (`--event-log` writes them as JSON lines).
import * as fs from "node:fs";
import { ResourceState } from "./checkpoint";
import { DetailedDiff } from "./diff";
import { maskedMap } from "./values";

export type Op =
    | "same"
    | "create"
    | "update"
    | "delete"
    | "replace"
    | "create-replacement"
    | "delete-replaced"
    | "read"
    | "refresh"
    | "discard"
    | "remove-pending-replace";

export type Severity = "debug" | "info" | "info#err" | "warning" | "error";

export interface StepMetadata {
    op: Op;
    urn: string;
    type: string;
    provider: string;
    /** For the display only; the log gets masked copies. */
    old?: ResourceState;
    new?: ResourceState;
    keys?: string[];
    diffs?: string[];
    detailedDiff?: DetailedDiff;
    logical: boolean;
}

export type EngineEvent =
    | { kind: "prelude"; config: Record<string, string> }
    | { kind: "pre"; metadata: StepMetadata; planning: boolean }
    | { kind: "outputs"; metadata: StepMetadata; planning: boolean }
    | { kind: "failed"; metadata: StepMetadata }
    | { kind: "diagnostic"; urn: string; message: string; severity: Severity; ephemeral?: boolean }
    | { kind: "summary"; preview: boolean; durationSeconds: number; changes: Partial<Record<Op, number>> }
    | { kind: "cancel" };

export type EventSink = (event: EngineEvent) => void;

export function stateJson(state: ResourceState | undefined): Record<string, unknown> | null {
    if (!state) return null;
    return {
        type: state.type,
        urn: state.urn,
        custom: state.custom,
        ...(state.delete ? { delete: true } : {}),
        id: state.id ?? "",
        parent: state.parent ?? "",
        ...(state.protect ? { protect: true } : {}),
        inputs: maskedMap(state.inputs),
        outputs: maskedMap(state.outputs),
        provider: state.provider ?? "",
        ...(state.initErrors?.length ? { initErrors: state.initErrors } : {}),
    };
}

function metadataJson(metadata: StepMetadata): Record<string, unknown> {
    const detailed = metadata.detailedDiff && [...metadata.detailedDiff];
    return {
        op: metadata.op,
        urn: metadata.urn,
        type: metadata.type,
        old: stateJson(metadata.old),
        new: stateJson(metadata.new),
        ...(metadata.keys?.length ? { keys: metadata.keys } : {}),
        ...(metadata.diffs?.length ? { diffs: metadata.diffs } : {}),
        detailedDiff: detailed?.length
            ? Object.fromEntries(detailed.map(([path, kind]) => [path, { diffKind: kind, inputDiff: true }]))
            : null,
        logical: metadata.logical,
        provider: metadata.provider,
    };
}

function eventJson(event: EngineEvent): Record<string, unknown> {
    switch (event.kind) {
        case "prelude":
            return { preludeEvent: { config: event.config } };
        case "pre":
            return { resourcePreEvent: { metadata: metadataJson(event.metadata), planning: event.planning } };
        case "outputs":
            return { resOutputsEvent: { metadata: metadataJson(event.metadata), planning: event.planning } };
        case "failed":
            return { resOpFailedEvent: { metadata: metadataJson(event.metadata), status: 0, steps: 0 } };
        case "diagnostic": {
            const { urn, message, severity, ephemeral } = event;
            return { diagnosticEvent: { urn, message: `${message}\n`, color: "raw", severity, ephemeral } };
        }
        case "summary":
            return {
                summaryEvent: {
                    maybeCorrupt: false,
                    durationSeconds: event.durationSeconds,
                    resourceChanges: event.changes,
                    ...(event.preview ? { isPreview: true } : {}),
                },
            };
        case "cancel":
            return { cancelEvent: {} };
    }
}

/** `--event-log FILE` */
export function eventLog(file: string): EventSink {
    fs.writeFileSync(file, "");
    let sequence = 0;
    return (event) => {
        const line = { sequence: sequence++, timestamp: Math.floor(Date.now() / 1000), ...eventJson(event) };
        fs.appendFileSync(file, `${JSON.stringify(line)}\n`);
    };
}
