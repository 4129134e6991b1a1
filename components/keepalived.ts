import * as pulumi from "@pulumi/pulumi";
import { ContainerService, ContainerSpec } from "./container-service";
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
    /** Interval of advertisements, whole seconds with VRRP 2. Failover on the death of a host takes 3 × this + skew (RFC 3768 §6.1). @default "1s" */
    advertInterval?: Duration;
    /** Interval of the check of HAProxy. @default "2s" */
    checkInterval?: Duration;
    /** HAProxy's port with /healthz. @default 8404 */
    haproxyStatsPort?: number;
}

export const KEEPALIVED_DEFAULTS = {
    image: "cmp-keepalived:2.2.7",
    routerId: 51,
    interface: "eth0",
    advertInterval: "1s",
    checkInterval: "2s",
    haproxyStatsPort: 8404,
};

/** The text of keepalived.conf. Pure. */
export function keepalivedConfig(settings: KeepalivedSettings): string {
    const s = withDefaults(settings, KEEPALIVED_DEFAULTS);
    return render("keepalived/keepalived.conf", {
        ...s,
        advertInterval: seconds(s.advertInterval),
        checkInterval: seconds(s.checkInterval),
    });
}

/** Container, files and health of Keepalived. Pure but for the secret that it passes on. */
export function keepalivedSpec(settings: KeepalivedSettings, password: pulumi.Input<string>): ContainerSpec {
    const s = withDefaults(settings, KEEPALIVED_DEFAULTS);
    const directory = `${s.configDir}/keepalived`;
    const container = `keepalived-${s.node}`;
    const reload = `${sendSignal("HUP", container)} && sleep 1`;
    return {
        container,
        image: s.image,
        capabilities: ["CAP_NET_ADMIN", "CAP_NET_BROADCAST", "CAP_NET_RAW"],
        mounts: [{ source: directory, target: "/etc/keepalived", readOnly: true }],
        files: [
            {
                path: `${directory}/authentication.conf`,
                content: pulumi.secret(
                    pulumi.interpolate`authentication {\n    auth_type PASS\n    auth_pass ${password}\n}\n`,
                ),
                mode: "0400",
                reload,
            },
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

// Keepalived notes its state at each change. A node that says it has the address must really have it.
function keepalivedCheck(vip: string): string {
    return [
        "read -r state </run/keepalived.state && pidof keepalived >/dev/null &&",
        `case $state in MASTER) ip -4 -o addr show | grep -qF " ${vip}/" ;; BACKUP) ! ip -4 -o addr show | grep -qF " ${vip}/" ;; *) echo "VRRP state $state"; false ;; esac`,
    ].join(" ");
}

/** What Keepalived needs of its host. Pure. */
export function keepalivedRequirements(settings: KeepalivedSettings): Requirements {
    const s = withDefaults(settings, KEEPALIVED_DEFAULTS);
    return { container: `keepalived-${s.node}`, directories: [{ path: `${s.configDir}/keepalived` }], ports: [] };
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
