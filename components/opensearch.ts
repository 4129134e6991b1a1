import * as command from "@pulumi/command";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import {
    ContainerService,
    ContainerServiceArgs,
    ContainerSpec,
    gateArgs,
    restartIdentity,
    ServiceFile,
    timeoutSeconds,
} from "./container-service";
import { PortUse, PRIVATE, Requirements } from "./host";
import { curlOptions, keeperUser, OpenSearchPasswords, openSearchUser, usersText } from "./opensearch-security";
import {
    desiredText,
    OPENSEARCH_CLUSTER_DEFAULTS,
    OpenSearchClusterSettings,
    rollOptions,
    SNAPSHOTS,
} from "./opensearch-setup";
import { healthCheck, ServiceArgs, ServiceSettings, withDefaults } from "./service";
import { helper } from "./shell";
import { render, templateText } from "./templates";
import { Identity, identityFile } from "./tls";
import { Duration, mebibytes, seconds, Size } from "./units";

/** One node of a cluster. */
export interface OpenSearchMember {
    /** Its node's name, which its certificate has, too. @example "apm-1" */
    name: string;
    /** IP address. @example "192.168.110.231" */
    address: string;
}

/** OpenSearch on one node, which may manage the cluster and holds data. */
export interface OpenSearchSettings extends ServiceSettings, OpenSearchClusterSettings {
    /** Its tag is the version. @default "opensearchproject/opensearch:2.19.1" */
    image?: string;
    /** REST API. @default 9200 */
    httpPort?: number;
    /** Between the members. @default 9300 */
    transportPort?: number;
    /** Directory on the host. @default "/data/volume/otel/opensearch" */
    dataDir?: string;
    /** The same on all members. @default "apm" */
    clusterName?: string;
    /** This host's address in `members`. It listens there and on 127.0.0.1. @example "192.168.110.231" */
    address: string;
    /** All nodes of the cluster, this one as well; the same on all of them. Three or more can spare one. */
    members: OpenSearchMember[];
    /** Memory of the container. @default "4GiB" */
    memoryLimit?: Size;
    /** Of the memory, what is Java's heap. "auto": half of the container's or the host's, whichever is less, looked up at each start. @default "auto" */
    heap?: "auto" | Size;
    /** Keeps the heap from being swapped. @default true */
    memoryLock?: boolean;
    /** Lucene maps its files into memory; the host's vm.max_map_count is raised for it. @default true */
    mmap?: boolean;
    /** TLS on both ports, and users; with {@link OpenSearchArgs.tls}. @default false: in the clear, to whoever reaches the host */
    tls?: boolean;
    /**
     * "tuned": a host that hangs is noticed after 5 s, 11 s when it manages the cluster. "default": OpenSearch's own, 33 s and 63 s, for hosts that hang for
     * seconds when nothing is wrong. @default "tuned"
     */
    faultDetection?: "default" | "tuned";
    /** "never": there is a cluster, which a node without data waits for, even if its host was lost, too. @default "first": empty members form one, once */
    formation?: "first" | "never";
    /** Lets the container be replaced even when the cluster cannot spare it. @default false */
    forceStop?: boolean;
    /** Longest wait for all copies of all data after a restart. @default "10m" */
    greenTimeout?: Duration;
}

export const OPENSEARCH_DEFAULTS = {
    ...OPENSEARCH_CLUSTER_DEFAULTS,
    image: "opensearchproject/opensearch:2.19.1",
    httpPort: 9200,
    transportPort: 9300,
    dataDir: "/data/volume/otel/opensearch",
    clusterName: "apm",
    memoryLimit: "4GiB",
    heap: "auto" as "auto" | Size,
    memoryLock: true,
    mmap: true,
    tls: false,
    faultDetection: "tuned" as "default" | "tuned",
    formation: "first" as "first" | "never",
    forceStop: false,
    greenTimeout: "10m",
};

/** User of the image. */
const OPENSEARCH_USER = "1000:1000";

/** Common name of the certificate that may do everything. */
export const OPENSEARCH_ADMIN = "otel-ha-admin";

/** In the container: what the image has, our files, and what the server makes of both. */
const HOME = "/usr/share/opensearch";
const CONFIG = "/etc/opensearch";
const RUN = "/run/opensearch";

type Complete = ReturnType<typeof complete>;
const complete = (settings: OpenSearchSettings) => withDefaults(settings, OPENSEARCH_DEFAULTS);

const directoryOf = (s: Complete): string => `${s.configDir}/opensearch`;
/** What the container does not see. */
const adminDirectory = (s: Complete): string => `${s.configDir}/opensearch-admin`;

const snapshotsPath = (s: Complete): string | undefined => (s.snapshots?.type === "fs" ? SNAPSHOTS : undefined);

/** The text of opensearch.yml. Pure. */
export function openSearchConfig(settings: OpenSearchSettings): string {
    const s = complete(settings);
    return render("opensearch/opensearch.yml", {
        ...s,
        dataPath: `${HOME}/data`,
        runPath: RUN,
        snapshotsPath: snapshotsPath(s),
        tuned: s.faultDetection === "tuned",
        checks: ["follower_check", "leader_check"],
        adminName: OPENSEARCH_ADMIN,
    });
}

/** Certificates of a node, and of who may do everything. */
export interface OpenSearchTls {
    /** CA certificates, PEM. */
    trusted: pulumi.Input<string>;
    /** Server and client; its common name is the node's name, and it is for the node's address and 127.0.0.1. The key is PKCS#8. */
    node: Identity;
    /** Client only; its common name is {@link OPENSEARCH_ADMIN}. The key is PKCS#8. It stays on the host and is in no container while nothing is set up. */
    admin: Identity;
}

/** What a cluster with TLS is made with. */
export interface OpenSearchSecrets {
    /** With the setting `tls`. Renewed certificates are taken without a restart, those of another CA, too. @default none: plain HTTP */
    tls?: OpenSearchTls;
    /** With the setting `tls`: passwords, letters and digits. The same on all members. @default none */
    users?: OpenSearchPasswords;
    /** Of snapshots in S3; a change restarts the nodes. @default none */
    s3?: S3Keys;
}

/** A user of an object store. */
export interface S3Keys {
    /** @example "opensearch" */
    accessKey: pulumi.Input<string>;
    /** Its secret. */
    secretKey: pulumi.Input<string>;
}

/** Container, files and health of OpenSearch. Errors: TLS without certificates and users, or the other way around. */
export function openSearchSpec(settings: OpenSearchSettings, secrets: OpenSearchSecrets = {}): ContainerSpec {
    const s = complete(settings);
    const { tls, users, s3 } = secrets;
    if (s.tls !== (tls !== undefined) || s.tls !== (users !== undefined))
        throw new Error(
            `opensearch of ${s.node}: the setting tls is ${s.tls}, but certificates are ${tls ? "" : "not "}given, and users are ${users ? "" : "not "}given; all of it or nothing`,
        );
    const directory = directoryOf(s);
    return {
        container: `opensearch-${s.node}`,
        image: s.image,
        user: OPENSEARCH_USER,
        entrypoint: ["/bin/sh", `${CONFIG}/start.sh`],
        command: startOptions(s),
        mounts: [
            { source: directory, target: CONFIG, readOnly: true },
            { source: `${directory}/tls`, target: `${RUN}/tls`, readOnly: true },
            { source: s.dataDir, target: `${HOME}/data` },
            ...(s.snapshots?.type === "fs" ? [{ source: s.snapshots.directory, target: SNAPSHOTS }] : []),
        ],
        // Java unpacks libraries there before it loads them.
        tmpfs: [{ path: RUN, owner: OPENSEARCH_USER, executable: true, size: "256MiB" }],
        ulimits: [
            // What the server asks for before it listens to others.
            { name: "nofile", soft: 65536, hard: 65536 },
            ...(s.memoryLock ? [{ name: "memlock", soft: -1, hard: -1 }] : []),
        ],
        memoryLimit: s.memoryLimit,
        files: [...(s3 ? keystoreFiles(s, s3) : []), ...files(s, tls, users)],
        healthCheck: healthCheck(s, managed(s)),
        readyTimeout: s.readyTimeout,
        // It closes its indices.
        stopSeconds: 60,
        mayStop: mayStopCommand(s),
    };
}

function startOptions(s: Complete): string[] {
    return [
        "--node",
        s.node,
        ...s.members.flatMap(({ name, address }) => ["--member", `${name}=${address}`]),
        "--port",
        String(s.httpPort),
        "--scheme",
        scheme(s),
        "--formation",
        s.formation,
        "--heap",
        s.heap === "auto" ? "auto" : String(mebibytes(s.heap)),
        ...rollOptions(s),
    ];
}

const scheme = (s: Complete): "http" | "https" => (s.tls ? "https" : "http");

// A node that knows no manager takes no writes. The file has the password, so that no list of processes and no `docker inspect` has it.
function managed(s: Complete): string {
    const url = `${scheme(s)}://127.0.0.1:${s.httpPort}/_cluster/health?local=true`;
    return `health=$(curl -sSf -m 4 ${s.tls ? `-K ${CONFIG}/monitor.curl ` : ""}"${url}") && case $health in *'"discovered_cluster_manager":true'*) ;; *) echo "it knows no cluster manager: $health"; exit 1 ;; esac`;
}

// In the order in which a change of secrets must be taken: who is believed, what is shown, who may do everything, who logs in.
function files(s: Complete, tls?: OpenSearchTls, users?: OpenSearchPasswords): ServiceFile[] {
    const directory = directoryOf(s);
    return [
        ...(tls ? certificateFiles(s, tls) : []),
        ...(users ? userFiles(s, users) : []),
        { path: `${directory}/start.sh`, content: templateText("scripts/start-opensearch.sh") },
        { path: `${directory}/keep.sh`, content: templateText("scripts/keep-opensearch.sh") },
        { path: `${directory}/desired.txt`, content: desiredText(s), reload: setupCommand(s, "desired") },
        { path: `${directory}/opensearch.yml`, content: openSearchConfig(s) },
    ];
}

function certificateFiles(s: Complete, { trusted, node, admin }: OpenSearchTls): ServiceFile[] {
    const tls = `${directoryOf(s)}/tls`;
    const own = { owner: OPENSEARCH_USER, mode: "0400", reload: setupCommand(s, "certificates") };
    return [
        { path: `${tls}/trusted.pem`, content: trusted, ...own },
        // Before the node's: that it is believed still is what makes the node read its own again.
        { path: `${adminDirectory(s)}/admin.pem`, ...identityFile(admin), reload: NOTHING },
        { path: `${tls}/node.pem`, ...identityFile(node), ...own },
    ];
}

/** A file that is read when it is used. */
const NOTHING = "true";

function userFiles(s: Complete, passwords: OpenSearchPasswords): ServiceFile[] {
    const all = pulumi.all(passwords);
    const login = (of: (known: Record<string, string>) => ReturnType<typeof openSearchUser>): pulumi.Output<string> =>
        pulumi.secret(all.apply((known) => curlOptions(of(known), `${RUN}/tls/trusted.pem`)));
    const own = { owner: OPENSEARCH_USER, mode: "0400", reload: NOTHING };
    return [
        {
            path: `${adminDirectory(s)}/users`,
            content: pulumi.secret(all.apply((known) => usersText(known))),
            mode: "0400",
            reload: setupCommand(s, "users"),
        },
        {
            path: `${directoryOf(s)}/monitor.curl`,
            content: login(({ monitor }) => openSearchUser("monitor", monitor)),
            ...own,
        },
        { path: `${directoryOf(s)}/keeper.curl`, content: login(({ admin }) => keeperUser(admin)), ...own },
    ];
}

// The server takes them from its keystore only, which start-opensearch makes of these.
const keystoreFiles = (s: Complete, { accessKey, secretKey }: S3Keys): ServiceFile[] =>
    Object.entries({ access_key: accessKey, secret_key: secretKey }).map(([name, value]) => ({
        path: `${directoryOf(s)}/keystore/s3.client.default.${name}`,
        content: pulumi.secret(value),
        owner: OPENSEARCH_USER,
        mode: "0400",
    }));

const common = (s: Complete): string[] => [
    "--container",
    `opensearch-${s.node}`,
    "--node",
    s.node,
    "--port",
    String(s.httpPort),
    "--scheme",
    scheme(s),
    "--admin",
    adminDirectory(s),
];

/** The command line of one step of the setup, on a node that runs. Pure. */
function setupCommand(s: Complete, step: string): string {
    return helper("setup-opensearch", ...common(s), "--only", step);
}

/** The gate's command line. Pure. */
export function setupOpenSearchCommand(settings: OpenSearchSettings): string {
    const s = complete(settings);
    const peers = s.members.filter(({ address }) => address !== s.address);
    return helper(
        "setup-opensearch",
        ...common(s),
        ...["--data", s.dataDir, "--members", String(s.members.length)],
        ...peers.flatMap(({ address }) => ["--peer", `${address}:${s.transportPort}`]),
        ...["--timeout", String(timeoutSeconds({ readyTimeout: s.readyTimeout } as ContainerSpec))],
        ...["--green-timeout", String(Math.ceil(seconds(s.greenTimeout)))],
    );
}

/** What says which users, templates and settings of the cluster are not as they should be, without changing them. Pure. */
export function checkOpenSearchCommand(settings: OpenSearchSettings): string {
    return setupCommand(complete(settings), "check");
}

/** What takes away users that no node needs any more, when the node's services log in as the new ones. Pure. */
export function retireOpenSearchUsersCommand(settings: OpenSearchSettings): string {
    return setupCommand(complete(settings), "retire");
}

/** What asks, before the container is replaced, whether the cluster can spare it. Pure. */
export function mayStopCommand(settings: OpenSearchSettings): string {
    const s = complete(settings);
    const force = s.forceStop ? ["--force", "true"] : [];
    return helper("may-stop-opensearch", ...common(s), "--members", String(s.members.length), ...force);
}

/** What OpenSearch needs of its host. Pure. */
export function openSearchRequirements(settings: OpenSearchSettings): Requirements {
    const s = complete(settings);
    const directory = directoryOf(s);
    const withTls = (access: string): Pick<PortUse, "access"> => ({ access: s.tls ? access : undefined });
    return {
        container: `opensearch-${s.node}`,
        directories: [
            { path: directory },
            { path: `${directory}/tls` },
            { path: `${directory}/keystore` },
            { path: adminDirectory(s), mode: PRIVATE },
            { path: s.dataDir, owner: OPENSEARCH_USER, mode: PRIVATE },
        ],
        ports: [
            {
                port: s.httpPort,
                key: "opensearchHttpPort",
                use: "OpenSearch REST API",
                audience: ["admins", "peer"],
                ...withTls(
                    "TLS; a user's password, or the administrator's certificate; open: /_plugins/_security/health, whether logins work",
                ),
                why: "the other nodes' collectors, Data Prepper and Dashboards; a member without data asks whether there is a cluster",
            },
            {
                port: s.transportPort,
                key: "opensearchTransportPort",
                use: "OpenSearch between members",
                audience: ["peer"],
                ...withTls("TLS; a member's certificate"),
                why: "the cluster itself",
            },
        ],
        dataPaths: [{ path: s.dataDir }],
        scripts: ["opensearch-session", "setup-opensearch", "may-stop-opensearch"],
        // Lucene maps each file by itself; what kernels allow is too little for it (the server refuses to start).
        sysctls: s.mmap ? { "vm.max_map_count": "262144" } : {},
    };
}

/** Arguments of {@link OpenSearch}. */
export interface OpenSearchArgs extends ServiceArgs<OpenSearchSettings>, OpenSearchSecrets {}

interface OpenSearchServiceArgs extends ContainerServiceArgs {
    settings: OpenSearchSettings;
}

/** OpenSearch on one host, as a member of its cluster, with the cluster's users, templates and settings. */
export class OpenSearch extends ContainerService {
    constructor(name: string, args: OpenSearchArgs, opts?: pulumi.ComponentResourceOptions) {
        const { host, after, settings } = args;
        const service: OpenSearchServiceArgs = { ...openSearchSpec(settings, args), host, after, settings };
        super(name, service, opts, "OpenSearch");
    }

    /** Not only healthy, but part of a cluster that is as it should be, with all copies. Ends what may-stop has begun, and so runs whenever that does. */
    protected override createGate(
        name: string,
        args: OpenSearchServiceArgs,
        container: docker.Container,
    ): pulumi.Resource {
        return new command.remote.Command(
            `${name}-ready`,
            {
                ...gateArgs(args, setupOpenSearchCommand(args.settings)),
                stdin: pulumi.interpolate`container ${container.id}\n${restartIdentity(args)}`,
            },
            { parent: this, dependsOn: container, ...args.host.commandOptions },
        );
    }
}
