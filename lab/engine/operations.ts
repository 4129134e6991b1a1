// The verbs that work on resources: up, preview, refresh, destroy.
import * as os from "node:os";
import { builtinInvokes, builtinResources } from "./builtins";
import { Snapshot } from "./checkpoint";
import { ResolvedConfig } from "./config";
import { Deployment } from "./deployment";
import { EventSink, Op } from "./events";
import { packages } from "./providers";
import { refreshAll, refreshMetadata } from "./refresh";
import { ProviderRegistry } from "./registry";
import { Program } from "./runner";
import { rootOf, Stack } from "./stack";
import { stackUrn } from "./urn";
import { secret, Value, ValueMap } from "./values";

const secondsSince = (started: number) => Math.round((Date.now() - started) / 1000);

export interface RunOptions {
    preview: boolean;
    parallel?: number;
    targets?: string[];
    events: EventSink;
}

export interface RunResult {
    failed: boolean;
    changes: Partial<Record<Op, number>>;
    /** Of the stack, before and after. */
    oldOutputs: ValueMap;
    outputs: ValueMap;
    durationSeconds: number;
}

/** As the CLI: what mostly waits may run at a multiple of the processors. */
export function defaultParallel(): number {
    return Number(process.env.PULUMI_PARALLEL) || 4 * os.availableParallelism();
}

function defaultProviderConfig(config: ResolvedConfig): (pkg: string) => ValueMap {
    return (pkg) => {
        const entries = [...config.values].filter(([key]) => key.startsWith(`${pkg}:`));
        const mark = (key: string, value: string): Value => (config.secretKeys.has(key) ? secret(value) : value);
        return Object.fromEntries(entries.map(([key, value]) => [key.slice(pkg.length + 1), mark(key, value)]));
    };
}

const newRegistry = (stack: Stack) =>
    new ProviderRegistry(packages, builtinResources(stack.backend, stack.project.name));

/** Cancels on the first Ctrl-C, leaves at once on the second. */
function onInterrupt(deployment: Deployment): () => void {
    const handler = () => {
        if (deployment.isStopped) process.exit(130);
        deployment.log("", "error", "update canceled");
        deployment.options.events({ kind: "cancel" });
        deployment.stop();
    };
    process.on("SIGINT", handler);
    process.on("SIGTERM", handler);
    return () => {
        process.off("SIGINT", handler);
        process.off("SIGTERM", handler);
    };
}

async function perform(
    stack: Stack,
    base: Snapshot,
    options: RunOptions & { config?: ResolvedConfig },
    work: (deployment: Deployment) => Promise<void>,
): Promise<RunResult> {
    const started = Date.now();
    const registry = newRegistry(stack);
    const oldOutputs = rootOf(base)?.outputs ?? {};
    const deployment = new Deployment({
        project: stack.project.name,
        stack: stack.name,
        preview: options.preview,
        parallel: options.parallel ?? defaultParallel(),
        base,
        registry,
        targets: options.targets,
        events: options.events,
        save: options.preview ? undefined : await stack.saver(),
        providerConfig: options.config && defaultProviderConfig(options.config),
    });
    const uninstall = onInterrupt(deployment);
    try {
        await work(deployment);
        await deployment.finish();
        if (deployment.failed) {
            const message = options.preview ? "preview failed" : "update failed";
            options.events({ kind: "diagnostic", urn: deployment.stackUrn, severity: "error", message });
        }
        const durationSeconds = secondsSince(started);
        const { changes } = deployment;
        options.events({ kind: "summary", preview: options.preview, durationSeconds, changes });
        const outputs = deployment.outputsOf(deployment.stackUrn) ?? oldOutputs;
        return { failed: deployment.failed, changes, oldOutputs, outputs, durationSeconds };
    } finally {
        uninstall();
        registry.close();
    }
}

/** What a killed run may have left behind cannot be known: say so. */
function warnAboutPending(deployment: Deployment, base: Snapshot): void {
    const creating = base.pending.filter(({ type }) => type === "creating");
    for (const { resource } of creating) {
        deployment.log(
            resource.urn,
            "warning",
            "was being created when an earlier run was interrupted: it may exist without being in the state. It will be created again",
        );
    }
}

/** `pulumi up` and `pulumi preview` */
export async function update(stack: Stack, options: RunOptions & { refresh?: boolean }): Promise<RunResult> {
    const config = await stack.resolveConfig();
    options.events({ kind: "prelude", config: shownConfig(config) });
    const invoke = builtinInvokes(stack.backend, stack.project.name);
    const parallel = options.parallel ?? defaultParallel();
    const { name, project } = stack;
    const program = await Program.start(project, config, { stack: name, preview: options.preview, parallel }, invoke);
    try {
        let base = await stack.load();
        if (options.refresh) {
            const refreshed = await refresh(stack, { ...options, quiet: true }, base);
            if (refreshed.failed) return refreshed;
            base = refreshed.snapshot;
        }
        return await perform(stack, base, { ...options, config }, async (deployment) => {
            warnAboutPending(deployment, base);
            await program.runTo(deployment);
            if (!deployment.isStopped && !deployment.failed) await deployment.deleteLeftovers();
        });
    } finally {
        program.close();
    }
}

const shownConfig = (config: ResolvedConfig) =>
    Object.fromEntries(
        [...config.values].map(([key, value]) => [key, config.secretKeys.has(key) ? "[secret]" : value]),
    );

/** `pulumi destroy` */
export async function destroy(stack: Stack, options: RunOptions): Promise<RunResult> {
    const base = await stack.load();
    return perform(stack, base, options, (deployment) => deployment.deleteEverything());
}

/**
 * `pulumi refresh`, and the first half of `up --refresh` (quiet: only what differs is reported, nothing is counted).
 */
export async function refresh(
    stack: Stack,
    options: RunOptions & { quiet?: boolean },
    base?: Snapshot,
): Promise<RunResult & { snapshot: Snapshot }> {
    const started = Date.now();
    const old = base ?? (await stack.load());
    const registry = newRegistry(stack);
    const { snapshot, changes, failed } = await refreshAll(old, registry, {
        preview: options.preview,
        parallel: options.parallel ?? defaultParallel(),
        onResult: (result) => {
            if (options.quiet && !result.changed) return;
            options.events({ kind: "outputs", metadata: refreshMetadata(result), planning: options.preview });
        },
        onError: (urn, message) => options.events({ kind: "diagnostic", urn, severity: "error", message }),
    });
    registry.close();
    if (snapshot !== old && !options.preview) (await stack.saver())(snapshot);
    if (failed) {
        const message = options.preview ? "preview failed" : "update failed";
        const urn = stackUrn(stack.name, stack.project.name);
        options.events({ kind: "diagnostic", urn, severity: "error", message });
    }
    const durationSeconds = secondsSince(started);
    if (!options.quiet) options.events({ kind: "summary", preview: options.preview, durationSeconds, changes });
    const outputs = rootOf(old)?.outputs ?? {};
    return { failed, changes, oldOutputs: outputs, outputs, durationSeconds, snapshot };
}
