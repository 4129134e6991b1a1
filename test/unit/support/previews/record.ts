// Records the previews beside this file: the program on the lab engine, without a host. Commands and containers of the first `up` are taken for
// done; previews are the engine's own, run where no key is, as in CI. Again, after a change that they should show:
//     npx tsx test/unit/support/previews/record.ts
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { buildSync } from "esbuild";
import { HOST_KEY, ROOT, StackName, STACKS } from "../stacks";

/** Settings per recording, for both stacks or for one. */
const RECORDINGS: Record<string, Record<string, string> | Partial<Record<StackName, Record<string, string>>>> = {
    none: {},
    reload: { haproxyMaxConnections: "7000" },
    risky: {
        imageHaproxy: "haproxy:2.6.13",
        lokiRetention: "30d",
        imageObjectStore: "cmp-minio:2026.03.01",
        vrrpAdvertInterval: "2s",
    },
    rotation: { node1: { secretGeneration: "2" } },
    given: { node1: { haproxyStatsPassword: "not-to-be-seen", vrrpPassword: "unseen00" } },
    refused: { node1: { vip: "192.168.110.400" } },
};

const KEY = `-----BEGIN ${"OPENSSH"} PRIVATE KEY-----\nnobody's\n-----END ${"OPENSSH"} PRIVATE KEY-----\n`;
const PROJECT_PARTS = [
    "index.ts",
    "start.cjs",
    "bundle.cjs",
    "ops",
    "package.json",
    "Pulumi.yaml",
    "components",
    "templates",
];

function writeSettings(project: string, settings: (typeof RECORDINGS)[string]): void {
    for (const stack of STACKS) {
        const file = path.join(project, `Pulumi.${stack}.yaml`);
        const own = (settings as Partial<Record<StackName, Record<string, string>>>)[stack];
        const both = "node1" in settings || "node2" in settings ? {} : (settings as Record<string, string>);
        const salt = fs.existsSync(file) ? /^encryptionsalt: .*$/m.exec(fs.readFileSync(file, "utf8"))?.[0] : undefined;
        const changes = Object.entries({ hostKey: HOST_KEY, ...both, ...own });
        const shipped = fs.readFileSync(path.join(ROOT, `Pulumi.${stack}.yaml`), "utf8");
        const kept = shipped.split("\n").filter((line) => !changes.some(([key]) => line.includes(`otel-ha:${key}:`)));
        const lines = changes.map(([key, value]) => `  otel-ha:${key}: ${JSON.stringify(value)}`);
        fs.writeFileSync(file, [kept.join("\n").trimEnd(), ...lines, salt ?? "", ""].join("\n"));
    }
}

interface State {
    outputs?: unknown;
    inputs?: Record<string, unknown>;
}
interface Step {
    op: string;
    oldState?: State;
    newState?: State;
}

/** What is never read is left out, to keep the recordings small. */
function small(text: string): string {
    const { steps, diagnostics, changeSummary } = JSON.parse(text) as Record<string, unknown> & { steps: Step[] };
    const state = (one: State | undefined): State | undefined => one && { inputs: one.inputs };
    const kept = steps
        .filter(({ op }) => op !== "same")
        .map((step) => ({ ...step, oldState: state(step.oldState), newState: state(step.newState) }));
    return `${JSON.stringify({ steps: kept, diagnostics, changeSummary }, undefined, 1)}\n`;
}

/** What it prints, also when it fails. */
function pulumi(project: string, args: string[]): string {
    const command = [...args, "--non-interactive"];
    try {
        return execFileSync(path.join(ROOT, "lab/bin/pulumi"), command, { cwd: project, encoding: "utf8" });
    } catch (error) {
        return (error as { stdout: string }).stdout;
    }
}

/** The engine of the first `up`. */
function buildDryEngine(project: string): string {
    const outfile = path.join(project, "dry-engine.cjs");
    const external = ["ssh2", "dockerode", "@peculiar/x509", "bcryptjs"];
    const entryPoints = [path.join(__dirname, "dry-engine.ts")];
    buildSync({ entryPoints, outfile, bundle: true, platform: "node", target: "node20", external });
    return outfile;
}

function record(): void {
    const project = fs.mkdtempSync(path.join(tmpdir(), "otel-ha-record-"));
    for (const part of PROJECT_PARTS)
        fs.cpSync(path.join(ROOT, part), path.join(project, part), { recursive: true, preserveTimestamps: true });
    fs.symlinkSync(path.join(ROOT, "node_modules"), path.join(project, "node_modules"));
    fs.mkdirSync(path.join(project, "state"));
    fs.mkdirSync(path.join(project, "home/.ssh"), { recursive: true });
    fs.writeFileSync(path.join(project, "home/.ssh/id_ed25519"), KEY);
    Object.assign(process.env, {
        HOME: path.join(project, "home"),
        PULUMI_BACKEND_URL: `file://${path.join(project, "state")}`,
        PULUMI_CONFIG_PASSPHRASE: "recording",
    });
    const dryEngine = buildDryEngine(project);
    writeSettings(project, {});
    for (const stack of STACKS) {
        pulumi(project, ["stack", "init", stack]);
        execFileSync("node", [dryEngine, "up", "--yes", "--skip-preview", "--stack", stack], { cwd: project });
    }
    fs.rmSync(path.join(project, "home/.ssh"), { recursive: true });
    for (const [name, settings] of Object.entries(RECORDINGS)) {
        writeSettings(project, settings);
        for (const stack of STACKS)
            fs.writeFileSync(
                path.join(__dirname, `${name}-${stack}.json`),
                small(pulumi(project, ["preview", "--json", "--stack", stack])),
            );
    }
    fs.rmSync(project, { recursive: true });
}

record();
