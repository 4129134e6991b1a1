import * as pulumi from "@pulumi/pulumi";
import { ContainerService, ContainerSpec, ServiceFile } from "./container-service";
import { readable } from "./haproxy-tls";
import { Requirements } from "./host";
import { healthCheck, ServiceArgs, ServiceSettings, withDefaults } from "./service";
import { helper } from "./shell";
import { render } from "./templates";
import { Identity, identityFile } from "./tls";
import { Size } from "./units";

/** Where OpenSearch Dashboards runs. */
export interface DashboardsCopy {
    /** Name of the node, which its certificate has. @example "apm-1" */
    node: string;
    /** @example "192.168.110.231" */
    address: string;
}

/** HAProxy of one node of Container APM: whoever asks any node gets OpenSearch Dashboards of one that works. */
export interface ApmFrontSettings extends ServiceSettings {
    /** @default "haproxy:2.6.12" */
    image?: string;
    /** For people. @default 5601 */
    port?: number;
    /** {@link OpenSearchDashboardsSettings.port} @default 15601 */
    backendPort?: number;
    /** On loopback: whether Dashboards can be reached. @default 15602 */
    healthPort?: number;
    /** Nodes with Dashboards. The node's own is asked as long as it works, else the first one that does. */
    copies: DashboardsCopy[];
    /** Connections at a time; a browser has six. @default 1000 */
    maxConnections?: number;
    /** Memory of the container. @default "512MiB": `maxConnections` times two buffers of 64 KiB, and more than as much again */
    memoryLimit?: Size;
}

export const APM_FRONT_DEFAULTS = {
    image: "haproxy:2.6.12",
    port: 5601,
    backendPort: 15601,
    healthPort: 15602,
    maxConnections: 1000,
    memoryLimit: "512MiB",
};

/** What the front shows, and whom it believes. */
export interface ApmFrontSecrets {
    /** For people. Server; of the node's name and address. */
    identity: Identity;
    /** The CA certificates that Dashboards' must be of, PEM: one, or two while a CA is replaced. */
    trusted: pulumi.Input<string>;
}

/** User of the upstream image. */
const HAPROXY_USER = "99:99";

/** Its directory in the container. */
const INSIDE = "/usr/local/etc/haproxy";

/** The text of haproxy.cfg. Errors: no copy. Pure. */
export function apmFrontConfig(settings: ApmFrontSettings): string {
    const s = withDefaults(settings, APM_FRONT_DEFAULTS);
    if (s.copies.length === 0) throw new pulumi.RunError("copies is empty; name the nodes with OpenSearch Dashboards");
    const own = ({ node }: DashboardsCopy): number => (node === s.node ? 0 : 1);
    const servers = [...s.copies].sort((one, other) => own(one) - own(other));
    return render("apm-front/haproxy.cfg", {
        ...s,
        inside: INSIDE,
        servers: servers.map((one, at) => ({ ...one, backup: at > 0 })),
    });
}

// The upstream image has bash, but no HTTP client.
function probe(port: number, path: string): string {
    return `bash -c 'exec 3<>/dev/tcp/127.0.0.1/${port} && printf "GET ${path} HTTP/1.0\\r\\n\\r\\n" >&3 && read -r -t 4 line <&3 && [[ $line == *" 200 "* ]]'`;
}

/** Container, files and health of the front. Pure but for the secrets that it passes on. */
export function apmFrontSpec(settings: ApmFrontSettings, secrets: ApmFrontSecrets): ContainerSpec {
    const s = withDefaults(settings, APM_FRONT_DEFAULTS);
    const directory = `${s.configDir}/apm-front`;
    const container = `haproxy-${s.node}`;
    const reload = helper("reload-haproxy", container);
    const files: ServiceFile[] = [
        {
            path: `${directory}/front.pem`,
            ...identityFile(secrets.identity),
            owner: HAPROXY_USER,
            check: readable(s.image, "crt"),
        },
        { path: `${directory}/trusted.pem`, content: secrets.trusted, check: readable(s.image, "ca-file") },
        {
            path: `${directory}/haproxy.cfg`,
            content: apmFrontConfig(s),
            check: `docker run --rm --network none -v "$DIR":${INSIDE}:ro ${s.image} haproxy -c -f "${INSIDE}/$CANDIDATE"`,
        },
    ];
    return {
        container,
        image: s.image,
        command: ["haproxy", "-f", `${INSIDE}/haproxy.cfg`],
        mounts: [{ source: directory, target: INSIDE, readOnly: true }],
        files: files.map((file) => ({ ...file, reload, reloaded: probe(s.healthPort, "/healthz/front") })),
        memoryLimit: s.memoryLimit,
        stopSeconds: 10,
        healthCheck: healthCheck(s, probe(s.healthPort, "/healthz")),
        readyTimeout: s.readyTimeout,
        openIf: {
            command: `docker exec ${container} ${probe(s.healthPort, "/healthz/front")}`,
            text: "no OpenSearch Dashboards works yet; the front passes on to it as soon as one does",
            // Those that work are found within two looks.
            after: 15,
        },
    };
}

/** What the front needs of its host. Pure. */
export function apmFrontRequirements(settings: ApmFrontSettings): Requirements {
    const s = withDefaults(settings, APM_FRONT_DEFAULTS);
    return {
        container: `haproxy-${s.node}`,
        directories: [{ path: `${s.configDir}/apm-front` }],
        ports: [
            {
                port: s.port,
                key: "dashboardsPort",
                use: "HAProxy OpenSearch Dashboards",
                audience: ["clients", "admins", "peer"],
                access: "TLS; a user of OpenSearch's",
                why: "people with a browser; `otel-ha status` asks it at all hosts",
            },
            {
                port: s.healthPort,
                key: "dashboardsFrontHealthPort",
                use: "HAProxy health of OpenSearch Dashboards",
                audience: [],
            },
        ],
    };
}

/** Arguments of {@link ApmFront}. `after`: the node's own Dashboards, when it has one. */
export interface ApmFrontArgs extends ServiceArgs<ApmFrontSettings>, ApmFrontSecrets {}

/** The way to OpenSearch Dashboards on one host. */
export class ApmFront extends ContainerService {
    constructor(name: string, args: ApmFrontArgs, opts?: pulumi.ComponentResourceOptions) {
        const { host, after, settings } = args;
        super(name, { ...apmFrontSpec(settings, args), host, after }, opts, "ApmFront");
    }
}
