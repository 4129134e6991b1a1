// A stack in memory and a provider that only takes notes: what the engine decides, without hosts.
import {
    Deployment,
    readDeployment,
    ResourceState,
    SecretSealer,
    writeDeployment,
} from "../../../lab/engine/checkpoint";
import { Crypter, newCrypter } from "../../../lab/engine/crypto";
import { Deployment as Run } from "../../../lab/engine/deployment";
import { diffMaps, diffResult } from "../../../lab/engine/diff";
import { PartialError } from "../../../lab/engine/errors";
import { EngineEvent, Op } from "../../../lab/engine/events";
import { Goal } from "../../../lab/engine/generator";
import { ProviderPackage, ResourceProvider } from "../../../lab/engine/providers/types";
import { ProviderRegistry } from "../../../lab/engine/registry";
import { urnName } from "../../../lab/engine/urn";
import { Unknown, ValueMap } from "../../../lab/engine/values";

export const PROJECT = "test";
export const STACK = "dev";
export const THING = "fake:index:Thing";

let crypter: Promise<Crypter> | undefined;
export const testCrypter = (): Promise<Crypter> => (crypter ??= newCrypter("passphrase"));

/**
 * Inputs that mean something: `fail`, `half` (created, not healthy), `kind` (replaces), `slot` (replaces, deletes
 * first).
 */
export class FakeProvider {
    readonly calls: string[] = [];
    private serial = 0;
    /** Runs in the middle of a creation. */
    during?: (name: string) => void | Promise<void>;
    /** What a refresh finds; undefined: nothing. */
    readonly world = new Map<string, ValueMap | undefined>();

    readonly package: ProviderPackage = { configure: () => ({ resource: (type) => this.types[type] }) };

    private readonly types: Record<string, ResourceProvider> = {
        [THING]: {
            diff: (old, inputs) => ({
                ...diffResult(diffMaps(old.inputs, inputs), (key) => key === "kind" || key === "slot"),
                deleteBeforeReplace: "slot" in inputs || "slot" in old.inputs,
            }),
            create: async (inputs, { name, preview }) => {
                if (preview) return { id: "", outputs: { ...inputs, made: Unknown.value } };
                this.calls.push(`create ${name}`);
                await this.during?.(name);
                if (inputs.fail) throw new Error(`${name} cannot be created`);
                const id = `${name}-${++this.serial}`;
                const outputs = { ...inputs, made: id };
                if (inputs.half) throw new PartialError(`${name} is not healthy`, id, outputs);
                return { id, outputs };
            },
            update: async (old, inputs, { name, preview }) => {
                if (preview) return { ...inputs, made: old.outputs.made };
                this.calls.push(`update ${name}`);
                if (inputs.fail) throw new Error(`${name} cannot be updated`);
                return { ...inputs, made: old.outputs.made };
            },
            read: async (old) => {
                if (!this.world.has(old.id)) return { inputs: old.inputs, outputs: old.outputs };
                const found = this.world.get(old.id);
                return found && { inputs: found, outputs: { ...found, made: old.outputs.made } };
            },
            delete: async (old, { name }) => {
                this.calls.push(`delete ${name}`);
                if (old.inputs.stuck) throw new Error(`${name} cannot be deleted`);
            },
        },
    };
}

export interface Report {
    events: EngineEvent[];
    changes: Partial<Record<Op, number>>;
    errors: string[];
    failed: boolean;
    /** "update a", … in the order of completion, without "same". */
    done: string[];
}

type Program = (run: Run) => Promise<void>;

/** A stack whose state file is a variable. */
export class World {
    readonly fake = new FakeProvider();
    /** Every state that was saved, as text. */
    readonly saved: string[] = [];

    get file(): string {
        return this.saved.at(-1) ?? "{}";
    }

    async resources(): Promise<ResourceState[]> {
        return readDeployment(JSON.parse(this.file) as Deployment, new SecretSealer(await testCrypter())).resources;
    }

    async resource(name: string): Promise<ResourceState | undefined> {
        return (await this.resources()).find((state) => urnName(state.urn) === name && !state.delete);
    }

    up = (program: Program, targets?: string[]): Promise<Report> => this.run(program, false, targets);
    preview = (program: Program): Promise<Report> => this.run(program, true);

    /** For programs in a process of their own: see test/lab/05-engine-programs.test.ts. */
    async open(preview: boolean, events: (event: EngineEvent) => void, targets?: string[]): Promise<Run> {
        const sealer = new SecretSealer(await testCrypter());
        return new Run({
            project: PROJECT,
            stack: STACK,
            preview,
            parallel: 4,
            targets,
            base: readDeployment(JSON.parse(this.file) as Deployment, sealer),
            registry: new ProviderRegistry({ fake: this.fake.package }, {}),
            events,
            save: preview
                ? undefined
                : (snapshot) => void this.saved.push(JSON.stringify(writeDeployment(snapshot, sealer), undefined, 1)),
        });
    }

    private async run(program: Program, preview: boolean, targets?: string[]): Promise<Report> {
        const events: EngineEvent[] = [];
        const run = await this.open(preview, (event) => events.push(event), targets);
        this.fake.calls.length = 0;
        await program(run).catch(() => {});
        if (!run.failed) await run.deleteLeftovers();
        await run.finish();
        return report(run, events);
    }
}

export function report(run: Run, events: EngineEvent[]): Report {
    const done = events.flatMap((event) => {
        if (event.kind !== "outputs" || event.metadata.op === "same") return [];
        return [`${event.metadata.op} ${urnName(event.metadata.urn)}`];
    });
    const errors = events.flatMap((event) =>
        event.kind === "diagnostic" && event.severity === "error" ? [event.message] : [],
    );
    return { events, changes: run.changes, errors, failed: run.failed, done };
}

/** Registers a fake resource, as the SDK would. */
export function thing(
    run: Run,
    name: string,
    inputs: ValueMap = {},
    options: Partial<Goal> = {},
): Promise<ResourceState> {
    return run.register({
        type: THING,
        name,
        custom: true,
        inputs,
        dependencies: [],
        propertyDependencies: {},
        ...options,
    });
}

/** `options` of a resource that takes the property `key` from `source`. */
export const from = (source: ResourceState, key: string): Partial<Goal> => ({
    dependencies: [source.urn],
    propertyDependencies: { [key]: [source.urn] },
});

export function component(run: Run, name: string, options: Partial<Goal> = {}): Promise<ResourceState> {
    return thing(run, name, {}, { type: "test:index:Group", custom: false, ...options });
}
