import * as fs from "node:fs";
import * as path from "node:path";
import { Situation } from "../../../../ops/preview/consequences";
import { PlannedNode, Step } from "../../../../ops/preview/plan";
import { makeReport, Report } from "../../../../ops/preview/report";
import { failed, FailedPreview, readResult, StackPreview } from "../../../../ops/preview/run";
import { expectedServices } from "../../../../ops/status/collect";
import { StackName, STACKS, valuesOf } from "../stacks";

/** What `pulumi preview --json` printed; see record.ts. @example recorded("risky", "node1") */
export const recorded = (name: string, stack: StackName): string =>
    fs.readFileSync(path.join(__dirname, `${name}-${stack}.json`), "utf8");

/** Names of all recordings. */
export const RECORDINGS = [
    ...new Set(fs.readdirSync(__dirname).flatMap((file) => /^(\w+)-node\d\.json$/.exec(file)?.[1] ?? [])),
];

export function plannedNode(stack: StackName): PlannedNode {
    const values = valuesOf(stack);
    return { stack, name: values.nodeName, services: expectedServices(values) };
}

/** The recording of one stack, read. */
export function resultOf(text: string, stack: StackName): StackPreview | FailedPreview {
    const code = text.includes('"severity": "error"') ? 255 : 0;
    return readResult(plannedNode(stack), code, text, "");
}

/** The same of a preview that does not fail. */
export function previewOf(name: string, stack: StackName): StackPreview {
    const result = resultOf(recorded(name, stack), stack);
    if (failed(result)) throw new Error(result.errors.join("\n"));
    return result;
}

/** Node 1 is the owner. */
export function situationWith(changes: Record<string, string> = {}): Situation {
    return { owners: ["mid-1"], values: { "mid-1": valuesOf("node1", changes), "mid-2": valuesOf("node2", changes) } };
}

/** Both stacks of a recording; `alter` changes what Pulumi printed. */
export function reportOf(
    name: string,
    { alter = (text: string) => text, situation = situationWith(), stacks = [...STACKS].reverse() } = {},
): Report {
    return makeReport(
        "all",
        stacks.map((stack) => resultOf(alter(recorded(name, stack)), stack)),
        situation,
    );
}

/** A preview of node 1 with one file whose text changes. */
export function fileChange(
    before: string,
    after: string,
    file = "/data/docker/otel/haproxy/haproxy.cfg",
    more: Partial<Step> = {},
) {
    const [directory, name] = file.split("/").slice(-2);
    const urn = `urn:pulumi:node1::otel-ha::otel-ha:index:Node$otel-ha:index:RemoteFile$command:remote:Command::mid-1-${directory}-${name}`;
    const create = `/usr/local/lib/otel-ha/put-file --mode 0644 --reload x ${file}`;
    const oldState = { inputs: { create, stdin: before } };
    const newState = { inputs: { create, stdin: after } };
    const steps = [{ op: "update", urn, oldState, newState, diffReasons: ["stdin"], ...more }];
    return JSON.stringify({ steps, changeSummary: { same: 80, update: 1 } });
}
/** What is reported of such a text. */
export const reportOfText = (text: string) => makeReport("all", [resultOf(text, "node1")], situationWith());
