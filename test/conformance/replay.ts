// Runs the conformance program's steps on a lab host, through what any engine has: the command line, its JSON, its
// event log.
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { pulumiCommand } from "../../lab/engine-choice";
import { hostExec } from "../../lab/host";
import { runInside } from "../../lab/network";
import { findNode } from "../../lab/nodes";
import { REPO, STATE_DIR } from "../../lab/paths";
import type { RunResult } from "../../lab/run";
import { readState } from "../../lab/state";

const PROGRAM = path.join(__dirname, "program");
const IMAGE = "local/debian:bookworm";
const STACK = "lab";

/** What `expected/STEP.json` has. */
export interface Observation {
    step: string;
    exitCode: number;
    result: "succeeded" | "failed";
    resourceChanges: Record<string, number>;
    completionOrder: string[];
    detailedDiff: Record<string, Record<string, string>>;
    errors: string[];
    preview?: { op: string; resource: string; diff?: string[] }[];
    previewChangeSummary?: Record<string, number>;
    outputs?: Record<string, string>;
}

/** A resource as `expected/state-after-step-1.json` has it. */
export interface RecordedResource {
    type: string;
    name: string;
    custom: boolean;
    parent: string | null;
    dependencies: string[];
    propertyDependencies: Record<string, string[]>;
    additionalSecretOutputs: string[] | null;
    inputs: Record<string, unknown>;
    outputs: Record<string, unknown>;
}

interface Metadata {
    op: string;
    urn: string;
    type: string;
    detailedDiff: Record<string, { diffKind: string }> | null;
}

interface EngineEvent {
    resourcePreEvent?: { metadata: Metadata };
    resOutputsEvent?: { metadata: Metadata };
    resOpFailedEvent?: { metadata: Metadata };
    diagnosticEvent?: { severity: string; message: string };
    summaryEvent?: { resourceChanges: Record<string, number> };
}

export function expected<T>(name: string): T {
    return JSON.parse(fs.readFileSync(path.join(__dirname, "expected", `${name}.json`), "utf8")) as T;
}

const nameOf = (urn: string) => urn.split("::").slice(3).join("::");
const label = ({ type, urn }: { type: string; urn: string }) => `${type} ${nameOf(urn)}`;
const typeOf = (urn: string) => urn.split("::")[2].split("$").at(-1)!;

/** Providers that nobody asked for are not reported. */
const isDefaultProvider = (urn: string) => /::pulumi:providers:\w+::default/.test(urn);

/** A copy of the program with a stack of its own. */
export class Bench {
    readonly dir = fs.mkdtempSync(path.join(os.tmpdir(), "conformance-"));

    async prepare(): Promise<void> {
        fs.cpSync(PROGRAM, this.dir, { recursive: true });
        fs.symlinkSync(path.join(REPO, "node_modules"), path.join(this.dir, "node_modules"));
        const lab = readState();
        const node = lab.hosts[0];
        await hostExec(findNode(node.name), ["docker", "pull", "--quiet", IMAGE]);
        await hostExec(findNode(node.name), ["sh", "-c", "docker rm -f conformance-sleeper; rm -rf /data/conformance"]);
        await this.must(["stack", "init", STACK]);
        const settings = {
            host: node.address,
            hostKey: node.hostKey,
            privateKeyFile: lab.keyFile,
            dockerHost: `ssh://root@${node.address}`,
            image: IMAGE,
        };
        for (const [key, value] of Object.entries(settings)) await this.must(["config", "set", key, value]);
        const options = ["-i", lab.keyFile, "-o", `UserKnownHostsFile=${path.join(STATE_DIR, "known_hosts")}`];
        for (const [index, value] of options.entries()) {
            await this.must(["config", "set", "--path", `sshOpts[${index}]`, "--", value]);
        }
    }

    remove(): void {
        fs.rmSync(this.dir, { recursive: true, force: true });
    }

    /** A preview and an `up` of one step of the program. */
    async up(step: string): Promise<Observation> {
        await this.must(["config", "set", "step", String(parseInt(step))]);
        const preview = JSON.parse((await this.pulumi(["preview", "--json"])).stdout) as PreviewDigest;
        const observation = await this.run(step, "up");
        const outputs = await this.must(["stack", "output", "--json", "--show-secrets"]);
        return { ...observation, ...readPreview(preview), outputs: JSON.parse(outputs) as Record<string, string> };
    }

    destroy(): Promise<Observation> {
        return this.run("destroy", "destroy");
    }

    async state(): Promise<RecordedResource[]> {
        const raw = JSON.parse(await this.must(["stack", "export"])) as { deployment: { resources: RawResource[] } };
        return raw.deployment.resources.map(readResource);
    }

    private async run(step: string, verb: "up" | "destroy"): Promise<Observation> {
        const log = path.join(this.dir, `events-${step}.jsonl`);
        const result = await this.pulumi([verb, "--yes", "--skip-preview", "--event-log", log]);
        const lines = fs.existsSync(log) ? fs.readFileSync(log, "utf8").split("\n").filter(Boolean) : [];
        if (lines.length === 0) throw new Error(`${verb} reported nothing:\n${result.stdout}\n${result.stderr}`);
        return readEvents(
            step,
            result.code,
            lines.map((line) => JSON.parse(line) as EngineEvent),
        );
    }

    private async must(args: string[]): Promise<string> {
        const result = await this.pulumi(args);
        if (result.code !== 0) throw new Error(`pulumi ${args.join(" ")}:\n${result.stdout}\n${result.stderr}`);
        return result.stdout;
    }

    private pulumi(args: string[]): Promise<RunResult> {
        // Options come before a "--", which may be among the arguments.
        return runInside([pulumiCommand(), "--non-interactive", "--cwd", this.dir, ...args], {
            env: {
                PULUMI_BACKEND_URL: `file://${this.dir}`,
                PULUMI_CONFIG_PASSPHRASE: "conformance",
                PULUMI_HOME: process.env.PULUMI_HOME ?? path.join(os.homedir(), ".pulumi"),
                PULUMI_STACK: STACK,
                PULUMI_SKIP_UPDATE_CHECK: "true",
                PULUMI_DEBUG_COMMANDS: "true",
                PULUMI_NODEJS_TRANSPILE_ONLY: "true",
            },
        });
    }
}

interface PreviewDigest {
    steps: { op: string; urn: string; detailedDiff: Record<string, unknown> | null }[];
    changeSummary: Record<string, number>;
}

function readPreview(digest: PreviewDigest): Pick<Observation, "preview" | "previewChangeSummary"> {
    const steps = digest.steps.filter(({ op, urn }) => op !== "same" && !isDefaultProvider(urn));
    return {
        preview: steps.map(({ op, urn, detailedDiff }) => ({
            op,
            resource: label({ type: typeOf(urn), urn }),
            ...(detailedDiff && Object.keys(detailedDiff).length > 0 ? { diff: Object.keys(detailedDiff).sort() } : {}),
        })),
        previewChangeSummary: digest.changeSummary,
    };
}

function readEvents(step: string, exitCode: number, events: EngineEvent[]): Observation {
    const detailedDiff: Observation["detailedDiff"] = {};
    const completionOrder: string[] = [];
    for (const event of events) {
        const started = event.resourcePreEvent?.metadata;
        if (started?.detailedDiff && started.op !== "same") {
            const kinds = Object.entries(started.detailedDiff).map(([at, { diffKind }]) => [at, diffKind]);
            if (kinds.length > 0) detailedDiff[label(started)] = Object.fromEntries(kinds) as Record<string, string>;
        }
        const ended = event.resOutputsEvent?.metadata ?? event.resOpFailedEvent?.metadata;
        if (!ended || ended.op === "same" || isDefaultProvider(ended.urn)) continue;
        completionOrder.push(`${ended.op} ${label(ended)}${event.resOpFailedEvent ? " FAILED" : ""}`);
    }
    const plainText = (message: string) => message.replace(/<\{%\w+%\}>/g, "").trim();
    const errors = events.flatMap(({ diagnosticEvent: said }) =>
        said?.severity === "error" ? [plainText(said.message)] : [],
    );
    return {
        step,
        exitCode,
        result: exitCode === 0 ? "succeeded" : "failed",
        resourceChanges: events.find((event) => event.summaryEvent)?.summaryEvent?.resourceChanges ?? {},
        completionOrder,
        detailedDiff,
        errors,
    };
}

interface RawResource {
    urn: string;
    type: string;
    custom: boolean;
    parent?: string;
    dependencies?: string[];
    propertyDependencies?: Record<string, string[] | null>;
    additionalSecretOutputs?: string[];
    inputs?: Record<string, unknown>;
    outputs?: Record<string, unknown>;
}

function readResource(raw: RawResource): RecordedResource {
    const properties = Object.entries(raw.propertyDependencies ?? {}).filter(([, urns]) => urns?.length);
    return {
        type: raw.type,
        name: nameOf(raw.urn),
        custom: raw.custom,
        parent: raw.parent ? nameOf(raw.parent) : null,
        dependencies: (raw.dependencies ?? []).map(nameOf),
        propertyDependencies: Object.fromEntries(properties.map(([key, urns]) => [key, urns!.map(nameOf)])),
        additionalSecretOutputs: raw.additionalSecretOutputs ?? null,
        inputs: raw.inputs ?? {},
        outputs: raw.outputs ?? {},
    };
}
