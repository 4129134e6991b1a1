// The state file: what a stack's resources were after the last step. The CLI's format (checkpoint version 3).
import * as crypto from "node:crypto";
import { Crypter } from "./crypto";
import { UserError } from "./errors";
import { isMap, Secret, SECRET_SIGNATURE, SIGNATURE, Unknown, UNKNOWN_STRING, Value, ValueMap } from "./values";

export interface ResourceState {
    urn: string;
    type: string;
    custom: boolean;
    id?: string;
    inputs: ValueMap;
    outputs: ValueMap;
    parent?: string;
    provider?: string;
    dependencies: string[];
    propertyDependencies: Record<string, string[]>;
    additionalSecretOutputs: string[];
    /** Replaced by a newer resource of the same URN, still to be deleted. */
    delete?: boolean;
    /** Already deleted, still to be created anew. */
    pendingReplacement?: boolean;
    /** Read, not owned: never deleted. */
    external?: boolean;
    protect?: boolean;
    retainOnDelete?: boolean;
    deletedWith?: string;
    ignoreChanges?: string[];
    replaceOnChanges?: string[];
    /** A value whose change means replacement. */
    replacementTrigger?: Value;
    /** Why the resource is not as it should be although it exists. */
    initErrors?: string[];
    created?: string;
    modified?: string;
}

export type PendingType = "creating" | "updating" | "deleting" | "reading";
export interface PendingOperation {
    type: PendingType;
    resource: ResourceState;
}

export interface Snapshot {
    resources: ResourceState[];
    pending: PendingOperation[];
}

/**
 * Seals the secrets of a state. Remembers ciphertexts, so that an unchanged secret does not change the file at each
 * save.
 */
export class SecretSealer {
    private readonly sealed = new Map<string, string>();

    constructor(readonly crypter: Crypter) {}

    seal(value: Value): unknown {
        if (value instanceof Unknown) return UNKNOWN_STRING;
        if (value instanceof Secret) return this.sealSecret(JSON.stringify(this.unmarked(value.value)));
        if (Array.isArray(value)) return value.map((item) => this.seal(item));
        return isMap(value) ? this.sealMap(value) : value;
    }

    sealMap(map: ValueMap): Record<string, unknown> {
        return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, this.seal(value)]));
    }

    open(raw: unknown): Value {
        if (typeof raw !== "object" || raw === null) return raw === UNKNOWN_STRING ? Unknown.value : (raw as Value);
        if (Array.isArray(raw)) return raw.map((item) => this.open(item));
        const object = raw as Record<string, unknown>;
        if (object[SIGNATURE] !== SECRET_SIGNATURE) return this.openMap(object);
        const text = object.plaintext ?? this.crypter.decrypt(String(object.ciphertext));
        if (object.ciphertext) this.sealed.set(String(text), String(object.ciphertext));
        return new Secret(this.open(JSON.parse(String(text))));
    }

    openMap(raw: Record<string, unknown> | undefined): ValueMap {
        return Object.fromEntries(Object.entries(raw ?? {}).map(([key, value]) => [key, this.open(value)]));
    }

    private sealSecret(text: string): Record<string, unknown> {
        let ciphertext = this.sealed.get(text);
        if (!ciphertext) this.sealed.set(text, (ciphertext = this.crypter.encrypt(text)));
        return { [SIGNATURE]: SECRET_SIGNATURE, ciphertext };
    }

    private unmarked(value: Value): unknown {
        if (value instanceof Secret) return this.unmarked(value.value);
        if (Array.isArray(value)) return value.map((item) => this.unmarked(item));
        if (!isMap(value)) return value instanceof Unknown ? UNKNOWN_STRING : value;
        return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.unmarked(item)]));
    }
}

/** Empty fields are left out, as in the CLI's files. */
function compact(object: Record<string, unknown>): Record<string, unknown> {
    return Object.fromEntries(
        Object.entries(object).filter(([, value]) => {
            if (value === undefined || value === null || value === false || value === "") return false;
            return !Array.isArray(value) || value.length > 0;
        }),
    );
}

function writeResource(state: ResourceState, sealer: SecretSealer): Record<string, unknown> {
    const { urn, custom, type, inputs, outputs, propertyDependencies, ...rest } = state;
    return {
        urn,
        custom,
        ...compact({ ...rest, id: undefined, replacementTrigger: undefined }),
        ...(state.id !== undefined ? { id: state.id } : {}),
        type,
        inputs: sealer.sealMap(inputs),
        outputs: sealer.sealMap(outputs),
        ...(state.replacementTrigger === undefined
            ? {}
            : { replacementTrigger: sealer.seal(state.replacementTrigger) }),
        ...(Object.keys(propertyDependencies).length > 0 ? { propertyDependencies } : {}),
    };
}

function readResource(raw: Record<string, unknown>, sealer: SecretSealer): ResourceState {
    return {
        ...(raw as unknown as ResourceState),
        inputs: sealer.openMap(raw.inputs as Record<string, unknown>),
        outputs: sealer.openMap(raw.outputs as Record<string, unknown>),
        dependencies: (raw.dependencies as string[]) ?? [],
        propertyDependencies: (raw.propertyDependencies as Record<string, string[]>) ?? {},
        additionalSecretOutputs: (raw.additionalSecretOutputs as string[]) ?? [],
        ...(raw.replacementTrigger === undefined ? {} : { replacementTrigger: sealer.open(raw.replacementTrigger) }),
    };
}

/** The version that state files claim: that of the CLI whose behaviour the engine was checked against. */
export const ENGINE_VERSION = "v3.255.0";

export interface Deployment {
    manifest: { time: string; magic: string; version: string };
    secrets_providers?: { type: string; state: { salt: string } };
    resources?: Record<string, unknown>[];
    pending_operations?: { resource: Record<string, unknown>; type: PendingType }[];
    metadata: Record<string, unknown>;
}

export function writeDeployment(snapshot: Snapshot, sealer: SecretSealer): Deployment {
    const pending = snapshot.pending.map((operation) => ({
        resource: writeResource(operation.resource, sealer),
        type: operation.type,
    }));
    return {
        manifest: {
            time: new Date().toISOString(),
            magic: crypto.createHash("sha256").update(ENGINE_VERSION).digest("hex"),
            version: ENGINE_VERSION,
        },
        secrets_providers: { type: "passphrase", state: { salt: sealer.crypter.salt } },
        resources: snapshot.resources.map((state) => writeResource(state, sealer)),
        ...(pending.length > 0 ? { pending_operations: pending } : {}),
        metadata: {},
    };
}

export function readDeployment(deployment: Deployment | undefined, sealer: SecretSealer): Snapshot {
    const provider = deployment?.secrets_providers?.type;
    if (provider && provider !== "passphrase") {
        throw new UserError(`the lab engine only knows the passphrase secrets provider, not '${provider}'`);
    }
    return {
        resources: (deployment?.resources ?? []).map((raw) => readResource(raw, sealer)),
        pending: (deployment?.pending_operations ?? []).map((operation) => ({
            resource: readResource(operation.resource, sealer),
            type: operation.type,
        })),
    };
}
