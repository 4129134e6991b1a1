import { posix } from "path";
import { goDuration, parseDuration } from "../units";
import { Rule, Severity } from "./model";
import { secretInputs } from "./secrets";

/** Docker's resources, as engines name them. */
export const CONTAINER = "docker:index/container:Container";
export const IMAGE = "docker:index/remoteImage:RemoteImage";

/** What the rules look at. Everything may be missing, and engines write `null` for it. */
interface Container {
    image?: string | null;
    healthcheck?: Record<string, unknown> | null;
    destroyGraceSeconds?: number | null;
    logDriver?: string | null;
    logOpts?: Record<string, string> | null;
    restart?: string | null;
    privileged?: boolean | null;
    mounts?: { source?: string | null }[] | null;
    volumes?: { hostPath?: string | null }[] | null;
    capabilities?: { adds?: string[] | null; drops?: string[] | null } | null;
    memory?: number | null;
    memorySwap?: number | null;
    readOnly?: boolean | null;
    securityOpts?: string[] | null;
    ulimits?: { name: string; hard: number }[] | null;
    cgroupParent?: string | null;
}

type Check = (container: Container) => string | string[] | undefined;

const check =
    (one: Check): Rule["check"] =>
    ({ inputs }) =>
        [one(inputs as Container) ?? []].flat();

/** `restart is missing` or `restart is "no"`. */
const says = (input: string, value: unknown): string =>
    value === undefined || value === null || value === ""
        ? `${input} is missing`
        : `${input} is ${JSON.stringify(value)}`;

/** Why a name does not always mean the same image, and one that does; undefined when it is one itself. */
function unpinned(image: string): { why: string; better: string } | undefined {
    if (/(^|@)sha256:/.test(image)) return undefined;
    const [, name, tag] = /^(.*?)(?::([\w.-]+))?$/.exec(image)!;
    const better = `${name}:1.2.3`;
    if (tag === undefined) return { why: "has no tag, which means latest", better };
    return tag === "latest" ? { why: "has the tag latest", better } : undefined;
}

const imagePinned: Rule = {
    name: "image-pinned",
    severity: "mandatory",
    types: [IMAGE, CONTAINER],
    reads: ["name", "image"],
    each: true,
    description: "An image is named by a tag other than latest, or by a digest.",
    why: "Otherwise the two hosts, or the same host tomorrow, run different programs, and no preview shows it.",
    check: ({ type, inputs }) => {
        const input = type === IMAGE ? "name" : "image";
        const image = inputs[input];
        const found = typeof image === "string" ? unpinned(image) : undefined;
        if (!found) return [];
        return [`${says(input, image)}, which ${found.why}; write a fixed tag, such as "${found.better}", or a digest`];
    },
};

const healthCheck: Rule = {
    name: "health-check",
    severity: "mandatory",
    types: [CONTAINER],
    reads: ["healthcheck"],
    description: "A container has a health check.",
    why: "The gate after each change, Docker and `otel-ha status` learn from it whether the service works.",
    check: check(({ healthcheck }) => {
        const tests = (healthcheck?.tests ?? []) as string[];
        if (tests.length > 1 && /^CMD(-SHELL)?$/.test(tests[0]) && tests.slice(1).join("").trim() !== "")
            return undefined;
        return `${says("healthcheck.tests", tests.length > 0 ? tests : undefined)}; write a command that fails when the service cannot do its work, such as ["CMD-SHELL", "wget -q -O - http://127.0.0.1:9090/-/ready"]`;
    }),
};

const DURATIONS = ["interval", "timeout", "startPeriod", "startInterval"];

const canonicalDurations: Rule = {
    name: "canonical-durations",
    severity: "mandatory",
    types: [CONTAINER],
    reads: ["healthcheck"],
    description: "The durations of a health check are in Go's canonical form, `1m0s` for a minute.",
    why: "Docker gives them back in that form: any other spelling is a difference for ever.",
    check: check(({ healthcheck }) =>
        DURATIONS.flatMap((input) => {
            const text = healthcheck?.[input];
            if (typeof text !== "string" || text === "") return [];
            const right = parseDuration(text) === undefined ? "30s" : goDuration(text);
            return right === text ? [] : [`${says(`healthcheck.${input}`, text)}; write "${right}"`];
        }),
    ),
};

// What `docker stop` gives.
const LEAST_GRACE_SECONDS = 10;

const gracePeriod: Rule = {
    name: "grace-period",
    severity: "mandatory",
    types: [CONTAINER],
    reads: ["destroyGraceSeconds"],
    description: `A container that is replaced or removed has at least ${LEAST_GRACE_SECONDS} seconds to end by itself (\`destroyGraceSeconds\`).`,
    why: "Without it the Docker provider kills at once, and what was not yet written is lost; `stopTimeout` does not count there.",
    check: check(({ destroyGraceSeconds: grace }) =>
        (grace ?? 0) >= LEAST_GRACE_SECONDS
            ? undefined
            : `${says("destroyGraceSeconds", grace)}; write ${LEAST_GRACE_SECONDS} or more, such as 30`,
    ),
};

const boundedLogs: Rule = {
    name: "bounded-logs",
    severity: "mandatory",
    types: [CONTAINER],
    reads: ["logDriver", "logOpts"],
    description: "A container's own log is rotated: `max-size` with the driver json-file, or another driver.",
    why: "Docker's default keeps everything, until the disk is full.",
    check: check(({ logDriver, logOpts }) => {
        if ((logDriver || "json-file") !== "json-file") return undefined;
        const size = logOpts?.["max-size"];
        return /^0*[1-9]\d*[kmg]?$/i.test(size ?? "")
            ? undefined
            : `${says("logOpts.max-size", size)}; write a size such as "20m", and "max-file": "5"`;
    }),
};

const restartPolicy: Rule = {
    name: "restart-policy",
    severity: "mandatory",
    types: [CONTAINER],
    reads: ["restart"],
    description:
        "A container is started again after a crash and after a reboot: `restart` is unless-stopped or always.",
    why: "Otherwise a host that comes back from a power cut comes back empty.",
    check: check(({ restart }) =>
        restart === "unless-stopped" || restart === "always"
            ? undefined
            : `${says("restart", restart)}; write "unless-stopped"`,
    ),
};

const notPrivileged: Rule = {
    name: "not-privileged",
    severity: "mandatory",
    types: [CONTAINER],
    reads: ["privileged"],
    description: "No container is privileged.",
    why: "A privileged container is root on the host.",
    check: check(({ privileged }) =>
        privileged ? "privileged is true; leave it out, and name the capabilities that are needed" : undefined,
    ),
};

// A directory above the socket has it too.
const SOCKET =
    /\/(docker|containerd|podman)\.sock$|^\/(var|run|var\/run)?$|^(\/var)?\/run\/(docker|containerd|podman)$/;

const noDockerSocket: Rule = {
    name: "no-docker-socket",
    severity: "mandatory",
    types: [CONTAINER],
    reads: ["mounts", "volumes"],
    each: true,
    description: "No container gets Docker's socket, nor a directory of the host that contains it.",
    why: "Who can talk to Docker is root on the host.",
    check: check(({ mounts, volumes }) => {
        const sources = [...(mounts ?? []).map((one) => one.source), ...(volumes ?? []).map((one) => one.hostPath)];
        return sources
            .filter((source): source is string => source?.startsWith("/") ?? false)
            .filter((source) => SOCKET.test(posix.join(source, ".")))
            .map(
                (source) =>
                    `${JSON.stringify(source)} of the host is mounted, and with it Docker's socket; mount only what the service reads and writes`,
            );
    }),
};

const capabilityNames: Rule = {
    name: "capability-names",
    severity: "mandatory",
    types: [CONTAINER],
    reads: ["capabilities"],
    description: "Capabilities are named in full, `CAP_NET_ADMIN`.",
    why: "Docker gives them back in that form: any other spelling replaces the container at each `up --refresh`.",
    check: check(({ capabilities }) =>
        [...(capabilities?.adds ?? []), ...(capabilities?.drops ?? [])]
            .filter((name) => name !== "ALL" && !/^CAP_[A-Z_]+$/.test(name))
            .map((name) => `capability "${name}"; write "CAP_${name.toUpperCase().replace(/^CAP_/, "")}"`),
    ),
};

const memorySwap: Rule = {
    name: "memory-swap",
    severity: "mandatory",
    types: [CONTAINER],
    reads: ["memory", "memorySwap"],
    description: "A container with a memory limit says what it may swap, too (`memorySwap`).",
    why: "Docker fills in twice the limit, which is a difference at each `up --refresh`; and a service that swaps is slower than one that is started anew.",
    check: check(({ memory, memorySwap: swap }) =>
        !memory || swap ? undefined : `memory is ${memory}, and memorySwap is missing; write ${memory}, for no swap`,
    ),
};

const memoryLimit = (severity: Severity): Rule => ({
    name: "memory-limit",
    severity,
    types: [CONTAINER],
    reads: ["memory"],
    description: "A container has a memory limit.",
    why: "Otherwise one service takes the memory of all, and the kernel chooses which one ends.",
    check: check(({ memory }) =>
        memory
            ? undefined
            : `${says("memory", memory)}; write its limit in MiB, such as 1024, and the same as memorySwap`,
    ),
});

// The Docker provider (5.2) has no limit for processes of its own.
const pidsLimit = (severity: Severity): Rule => ({
    name: "pids-limit",
    severity,
    types: [CONTAINER],
    reads: ["ulimits", "cgroupParent"],
    description: "A container has a limit for processes: the ulimit nproc, or a parent cgroup that has one.",
    why: "Otherwise one service that forks without end takes the host along.",
    check: check(({ ulimits, cgroupParent }) =>
        cgroupParent || (ulimits ?? []).some(({ name, hard }) => name === "nproc" && hard > 0)
            ? undefined
            : 'ulimits has no "nproc", and cgroupParent is missing; write { name: "nproc", soft: 512, hard: 512 }, or the name of a slice with TasksMax',
    ),
});

const readOnlyRoot = (severity: Severity): Rule => ({
    name: "read-only-root",
    severity,
    types: [CONTAINER],
    reads: ["readOnly"],
    description: "A container's root file system is read-only.",
    why: "Who gets in can leave nothing behind, and what a service writes is where it is meant to be.",
    check: check(({ readOnly }) =>
        readOnly ? undefined : `${says("readOnly", readOnly)}; write true, and tmpfs for what must be written`,
    ),
});

const noNewPrivileges = (severity: Severity): Rule => ({
    name: "no-new-privileges",
    severity,
    types: [CONTAINER],
    reads: ["securityOpts"],
    description: "A container cannot gain privileges (`no-new-privileges`).",
    why: "Otherwise a setuid program in an image makes root of any user.",
    check: check(({ securityOpts }) =>
        (securityOpts ?? []).some((option) => /^no-new-privileges([:=]true)?$/.test(option))
            ? undefined
            : `${says("securityOpts", securityOpts)}; write ["no-new-privileges:true"]`,
    ),
});

const capabilitiesDropped = (severity: Severity): Rule => ({
    name: "capabilities-dropped",
    severity,
    types: [CONTAINER],
    reads: ["capabilities"],
    description: "A container has dropped all capabilities but those that it names.",
    why: "Docker's default gives fourteen, among them raw sockets and any owner for any file.",
    check: check(({ capabilities }) =>
        (capabilities?.drops ?? []).some((name) => name === "ALL" || name === "CAP_ALL")
            ? undefined
            : `${says("capabilities.drops", capabilities?.drops)}; write ["ALL"], and what is needed in adds`,
    ),
});

/** Inputs that `docker inspect` shows to whoever may talk to Docker. */
const SHOWN = ["envs", "command", "entrypoints", "healthcheck", "hostname", "labels"];
/** A label's mark says nothing: ours have hashes of secret files. */
const MARKS_COUNT = SHOWN.filter((input) => input !== "labels");

const noSecretInContainer: Rule = {
    name: "no-secret-in-container",
    severity: "mandatory",
    types: [CONTAINER],
    reads: SHOWN,
    each: true,
    secrets: "values",
    description: "No secret is in a container's environment, arguments, labels or health check.",
    why: "`docker inspect` and the list of processes show them. A secret goes to the container in a file.",
    check: (asked) =>
        secretInputs(asked, SHOWN, MARKS_COUNT).map(
            (input) => `${input} holds a secret, which docker inspect shows; give it to the container in a file`,
        ),
};

/** What every container must have. */
export const CONTAINER_RULES: Rule[] = [
    imagePinned,
    healthCheck,
    canonicalDurations,
    gracePeriod,
    boundedLogs,
    restartPolicy,
    notPrivileged,
    noDockerSocket,
    capabilityNames,
    memorySwap,
    noSecretInContainer,
];

/** What keeps a container that somebody got into from the rest of its host. Pure. */
export function hardeningRules(severity: Severity): Rule[] {
    return [memoryLimit, pidsLimit, readOnlyRoot, noNewPrivileges, capabilitiesDropped].map((rule) => rule(severity));
}
