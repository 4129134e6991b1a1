import * as pulumi from "@pulumi/pulumi";
import { ContainerService, ContainerSpec, ServiceFile } from "./container-service";
import { Requirements } from "./host";
import { healthCheck, sendSignal, ServiceArgs, ServiceSettings, withDefaults } from "./service";
import { render } from "./templates";
import { Duration, seconds } from "./units";

/** VRRP state that a node takes when it starts. */
export type VrrpRole = "MASTER" | "BACKUP";

/** Keepalived of one node. Defaults are those of the two-host seed. */
export interface KeepalivedSettings extends ServiceSettings {
    /** See `images/keepalived`. @default "cmp-keepalived:2.2.7" */
    image?: string;
    /** State to start in; the priority decides afterwards. @example "MASTER" */
    role: VrrpRole;
    /** The node with the highest one that is healthy has the virtual IP; 1-254. @example 100 */
    priority: number;
    /** Virtual router id, 1-255; the same on both nodes, unique on the network segment. @default 51 */
    routerId?: number;
    /** The virtual IP. @example "192.168.110.140" */
    vip: string;
    /** Interface that holds the node's address and gets the virtual IP. @default "eth0" */
    interface?: string;
    /** The other node's priority: a node without its own collector must get below it. @example 90 */
    peerPriority: number;
    /** The other node: while the two have different passwords, as in a rotation, the one looks whether the other serves. @example "192.168.110.119" */
    peerAddress: string;
    /** 3 has no password and counts in hundredths of a second; both nodes alike. @default 2 */
    version?: number;
    /**
     * Interval of advertisements, whole seconds with VRRP 2. Failover on the death of a host takes 3 × this + skew (RFC 3768 §6.1, RFC 5798 §6.1).
     * @default "1s" @example "200ms"
     */
    advertInterval?: Duration;
    /** Interval of the check of HAProxy. The seed has 2 s, and a process check. @default "250ms" */
    checkInterval?: Duration;
    /** Address of this node, when advertisements go to the other one only rather than to everybody. @default none: multicast */
    unicast?: { address: string; peerAddress: string };
    /** A node that returns leaves the virtual IP where it is. @default false */
    nopreempt?: boolean;
    /** How long a node that returns leaves the virtual IP where it is. @default "0s" */
    preemptDelay?: Duration;
    /** HAProxy's port with /healthz. @default 8404 */
    haproxyStatsPort?: number;
}

export const KEEPALIVED_DEFAULTS = {
    image: "cmp-keepalived:2.2.7",
    routerId: 51,
    interface: "eth0",
    advertInterval: "1s",
    checkInterval: "250ms",
    version: 2,
    nopreempt: false,
    preemptDelay: "0s",
    haproxyStatsPort: 8404,
};

/** The text of keepalived.conf. Pure. */
export function keepalivedConfig(settings: KeepalivedSettings): string {
    const s = withDefaults(settings, KEEPALIVED_DEFAULTS);
    return render("keepalived/keepalived.conf", {
        ...s,
        advertInterval: seconds(s.advertInterval),
        ...checkRhythm(seconds(s.checkInterval)),
        preemptDelay: seconds(s.preemptDelay),
        // Keepalived: "nopreempt" is only for those that start as BACKUP.
        state: s.nopreempt ? "BACKUP" : s.role,
        collectorWeight: Math.min(253, Math.abs(s.priority - s.peerPriority) + 10),
        address: s.unicast?.address,
        unicastPeer: s.unicast?.peerAddress,
        authentication: s.version === 2,
        foreignAdverts: FOREIGN_ADVERTS,
    });
}

// Keepalived counts the intervals of its scripts in whole seconds: what is to be looked at more often is looked at several times in one run.
function checkRhythm(every: number): { checkInterval: number; checkTimeout: number; checkPauses: string } {
    const looks = Math.max(1, Math.floor(1 / every));
    const checkInterval = Math.max(1, Math.round(every));
    const pauses = Array.from({ length: looks }, (_, index) => (index === 0 ? "0" : String(every)));
    return { checkInterval, checkTimeout: checkInterval + 2, checkPauses: pauses.join(" ") };
}

/** In the container: 1 while this node leaves the virtual IP to one with another password. */
const FOREIGN_ADVERTS = "/run/otel-ha.foreign-adverts";

const GUARD = "heed-foreign-adverts.sh";

// It reads Keepalived's log, which stays the container's first process: signals are for it. Only there does Keepalived say that a password was wrong.
const GUARDED: Pick<ContainerSpec, "entrypoint" | "command"> = {
    entrypoint: [
        "/bin/bash",
        "-c",
        `exec keepalived "$@" > >(exec /bin/bash /etc/keepalived/${GUARD}) 2>&1`,
        "keepalived",
    ],
    command: ["--dont-fork", "--log-console", "-f", "/etc/keepalived/keepalived.conf"],
};

function guardFile(s: KeepalivedSettings, directory: string): ServiceFile {
    const rank = s.priority > s.peerPriority ? "first" : "second";
    // Read anew whenever it is needed.
    return { path: `${directory}/${GUARD}`, content: render(`keepalived/${GUARD}`, { ...s, rank }), reload: "true" };
}

/** Container, files and health of Keepalived. Pure but for the secret that it passes on. */
export function keepalivedSpec(settings: KeepalivedSettings, password: pulumi.Input<string>): ContainerSpec {
    const s = withDefaults(settings, KEEPALIVED_DEFAULTS);
    const directory = `${s.configDir}/keepalived`;
    const container = `keepalived-${s.node}`;
    const reload = `${sendSignal("HUP", container)} && sleep 1`;
    // VRRP 3 has no authentication (RFC 5798 §9).
    const authentication = {
        path: `${directory}/authentication.conf`,
        content: pulumi.secret(
            pulumi.interpolate`authentication {\n    auth_type PASS\n    auth_pass ${password}\n}\n`,
        ),
        mode: "0400",
        reload,
    };
    return {
        container,
        image: s.image,
        ...(s.version === 2 ? GUARDED : {}),
        memoryLimit: "256MiB",
        // The last two: it sets user and groups of each script, though they are its own.
        capabilities: ["CAP_NET_ADMIN", "CAP_NET_BROADCAST", "CAP_NET_RAW", "CAP_SYS_NICE", "CAP_SETGID", "CAP_SETUID"],
        mounts: [{ source: directory, target: "/etc/keepalived", readOnly: true }],
        // After a power cut the old pid file would name some process of the new container: "daemon is already running", for ever.
        tmpfs: ["/run"],
        files: [
            ...(s.version === 2 ? [guardFile(s, directory), authentication] : []),
            {
                path: `${directory}/keepalived.conf`,
                content: keepalivedConfig(s),
                check: `docker run --rm --network host --cap-add NET_ADMIN -v "$DIR":/etc/keepalived:ro --entrypoint keepalived ${s.image} -t -f "/etc/keepalived/$CANDIDATE"`,
                reload,
            },
        ],
        healthCheck: healthCheck(s, keepalivedCheck(s.vip)),
        readyTimeout: s.readyTimeout,
    };
}

// Keepalived notes its state at each change. A node that says it has the address must really have it. One that leaves it to the other node while their
// passwords differ is as it should be.
function keepalivedCheck(vip: string): string {
    return [
        "read -r state </run/keepalived.state && pidof keepalived >/dev/null &&",
        `case $state in MASTER) ip -4 -o addr show | grep -qF " ${vip}/" ;; BACKUP) ! ip -4 -o addr show | grep -qF " ${vip}/" ;; FAULT) read -r waits <${FOREIGN_ADVERTS} && [ "$waits" = 1 ] || { echo "VRRP state $state"; false; } ;; *) echo "VRRP state $state"; false ;; esac`,
    ].join(" ");
}

/** What Keepalived needs of its host. Pure. */
export function keepalivedRequirements(settings: KeepalivedSettings): Requirements {
    const s = withDefaults(settings, KEEPALIVED_DEFAULTS);
    return {
        container: `keepalived-${s.node}`,
        directories: [{ path: `${s.configDir}/keepalived` }],
        ports: [],
        protocols: [
            {
                protocol: 112,
                use: "Keepalived VRRP",
                audience: ["peer"],
                access:
                    s.version === 2
                        ? "the other node's address; a password that goes over the network in the clear"
                        : "the other node's address",
                why: "who has the virtual IP",
            },
        ],
    };
}

/** Arguments of {@link Keepalived}. */
export interface KeepalivedArgs extends ServiceArgs<KeepalivedSettings> {
    /** VRRP 2 uses the first 8 characters and sends them in clear: it keeps strangers' routers apart, not attackers. */
    password: pulumi.Input<string>;
}

/** The virtual IP of a pair, held by the healthier node. */
export class Keepalived extends ContainerService {
    constructor(name: string, args: KeepalivedArgs, opts?: pulumi.ComponentResourceOptions) {
        super(
            name,
            { ...keepalivedSpec(args.settings, args.password), host: args.host, after: args.after },
            opts,
            "Keepalived",
        );
    }
}
