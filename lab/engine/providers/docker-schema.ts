// The inputs of docker:index:Container as the real provider's schema has them: which of them need a new container,
// which the daemon fills in, and how to compare what is wanted with what is there.
import { ChangeKind, diffResult, DiffResult, diffValues } from "../diff";
import { equal, isMap, Unknown, Value, ValueMap } from "../values";
import { Existing } from "./types";

interface Field {
    /** A change needs a new container. */
    replaces?: boolean;
    /** The daemon or the image decides where nothing is asked for. */
    computed?: boolean;
    /** Order means nothing. */
    set?: boolean;
    /** An empty text is the same as none. */
    emptyIsUnset?: boolean;
    default?: Value;
}

const replaces: Field = { replaces: true };
const computed: Field = { replaces: true, computed: true };
const set: Field = { replaces: true, set: true };

export const FIELDS: Record<string, Field> = {
    attach: { default: false },
    capabilities: replaces,
    cgroupParent: computed,
    cgroupnsMode: replaces,
    command: computed,
    containerReadRefreshTimeoutMilliseconds: { default: 15000 },
    cpuPeriod: {},
    cpuQuota: {},
    cpuSet: {},
    cpuShares: {},
    cpus: replaces,
    destroyGraceSeconds: {},
    devices: set,
    dns: set,
    dnsOpts: set,
    dnsSearches: set,
    domainname: replaces,
    entrypoints: computed,
    envs: { ...computed, set: true },
    groupAdds: set,
    healthcheck: { computed: true },
    hostname: computed,
    hosts: set,
    // Only its name is compared: the daemon turns it into an id.
    image: replaces,
    init: { computed: true },
    ipcMode: computed,
    labels: { ...computed, set: true },
    logDriver: computed,
    logOpts: replaces,
    logs: { default: false },
    maxRetryCount: {},
    memory: {},
    memoryReservation: {},
    memorySwap: {},
    mounts: set,
    mustRun: { default: true },
    name: replaces,
    networkMode: { replaces: true, default: "bridge" },
    networksAdvanced: set,
    pidMode: replaces,
    platform: computed,
    ports: replaces,
    privileged: replaces,
    publishAllPorts: replaces,
    readOnly: replaces,
    removeVolumes: { default: true },
    restart: { default: "no" },
    rm: { default: false },
    runtime: computed,
    securityOpts: { ...computed, set: true },
    shmSize: computed,
    start: { default: true },
    stdinOpen: replaces,
    stopSignal: computed,
    stopTimeout: computed,
    storageOpts: replaces,
    sysctls: replaces,
    tmpfs: {},
    tty: replaces,
    ulimits: set,
    user: { replaces: true, emptyIsUnset: true },
    usernsMode: replaces,
    volumes: set,
    wait: { default: false },
    waitTimeout: { default: 60 },
    workingDir: { replaces: true, emptyIsUnset: true },
};

const HEALTHCHECK_DEFAULTS: ValueMap = { interval: "0s", timeout: "0s", startPeriod: "0s", startInterval: "0s" };

/** Adds defaults and the notes about them (`__defaults`) that the real provider's bridge leaves in the inputs. */
export function withDefaults(inputs: ValueMap): ValueMap {
    const missing = Object.entries(FIELDS).filter(([name, field]) => field.default && inputs[name] === undefined);
    const own = Object.fromEntries(missing.map(([name, field]) => [name, field.default!]));
    const nested = Object.entries(inputs).map(([name, value]) => [name, nestedDefaults(name, value)]);
    return { ...Object.fromEntries(nested), ...own, __defaults: Object.keys(own).sort() };
}

/** Maps with free keys are not objects in this sense. */
const FREE_KEYS = new Set(["tmpfs", "logOpts", "sysctls", "storageOpts"]);

function nestedDefaults(name: string, value: Value): Value {
    if (name.startsWith("__") || FREE_KEYS.has(name)) return value;
    if (Array.isArray(value)) return value.map((item) => nestedDefaults("", item));
    if (!isMap(value)) return value;
    const fields = Object.entries(value).map(([key, item]) => [key, nestedDefaults(key, item)]);
    const absent =
        name === "healthcheck" ? Object.entries(HEALTHCHECK_DEFAULTS).filter(([key]) => !(key in value)) : [];
    const names = absent.map(([key]) => key).sort();
    return { ...Object.fromEntries(fields), ...Object.fromEntries(absent), __defaults: names };
}

const isEmpty = (value: Value | undefined) =>
    value === undefined ||
    value === null ||
    value === "" ||
    value === false ||
    value === 0 ||
    value === "0s" ||
    (Array.isArray(value) && value.length === 0) ||
    (isMap(value) && Object.keys(value).length === 0);

/** Inside objects, what is empty is the same as what is absent; order never matters in nested sets. */
function normal(value: Value, inObject = false): Value {
    if (Array.isArray(value)) {
        const items = value.map((item) => normal(item, true));
        return inObject && items.every((item) => typeof item === "string") ? items.sort() : items;
    }
    if (!isMap(value)) return value;
    const entries = Object.entries(value)
        .filter(([key]) => key !== "__defaults")
        .map(([key, item]) => [key, key === "tests" ? item : normal(item, true)] as const)
        .filter(([, item]) => item instanceof Unknown || !isEmpty(item));
    return Object.fromEntries(entries);
}

const sortKey = (value: Value) =>
    JSON.stringify(value, (_key, item) => (isMap(item) ? Object.entries(item).sort() : item));

function diffSets(name: string, before: Value[], after: Value[], changes: Map<string, ChangeKind>): void {
    const key = (value: Value) => (value instanceof Unknown ? "unknown" : sortKey(value));
    const [old, wanted] = [new Set(before.map(key)), new Set(after.map(key))];
    const gone = before.flatMap((item, index) => (wanted.has(key(item)) ? [] : [{ item, index }]));
    const come = after.flatMap((item, index) =>
        old.has(key(item)) && !(item instanceof Unknown) ? [] : [{ item, index }],
    );
    come.forEach(({ item, index }, at) => {
        for (const [path, kind] of diffValues(`${name}[${index}]`, gone[at]?.item, item)) changes.set(path, kind);
    });
    for (const { index } of gone.slice(come.length)) changes.set(`${name}[${index}]`, "delete");
}

function diffField(
    name: string,
    field: Field,
    old: Existing,
    inputs: ValueMap,
    changes: Map<string, ChangeKind>,
): void {
    const there = normal(old.outputs[name] ?? null);
    const wanted = inputs[name];
    if (wanted === undefined || (field.emptyIsUnset && wanted === "")) {
        const unset = isEmpty(there) || field.computed || field.emptyIsUnset || equal(there, field.default);
        if (!unset) changes.set(name, "delete");
        return;
    }
    const target = normal(wanted);
    if (target instanceof Unknown) changes.set(name, "update");
    else if (isEmpty(there)) {
        if (!isEmpty(target))
            changes.set(name, Array.isArray(target) || isMap(target) || there === null ? "add" : "update");
    } else if (field.set && Array.isArray(there) && Array.isArray(target)) diffSets(name, there, target, changes);
    else for (const [path, kind] of diffValues(name, there, target)) changes.set(path, kind);
}

/** Compares with what is there (as of the last refresh), not with what was asked for: that is how drift shows. */
export function diffContainer(old: Existing, inputs: ValueMap): DiffResult {
    const changes = new Map<string, ChangeKind>();
    for (const [name, field] of Object.entries(FIELDS)) {
        if (name === "image" && equal(old.inputs.image, inputs.image)) continue;
        diffField(name, field, old, inputs, changes);
    }
    return { ...diffResult(changes, (key) => FIELDS[key]?.replaces === true), deleteBeforeReplace: true };
}
