import * as pulumi from "@pulumi/pulumi";
import { encodeBase64, hashSync } from "bcryptjs";
import { createHash, createHmac } from "crypto";

/** What somebody is to the cluster: each role may do what it needs, and nothing else. */
export type OpenSearchRole = "admin" | "writer" | "reader" | "dashboards" | "monitor";

/** A user of the cluster, as it logs in. */
export interface OpenSearchUser {
    /** @example "writer-3f9a0c" */
    user: string;
    /** In the clear: it is a secret. */
    password: string;
}

/** The roles' passwords; the same on all members. */
export type OpenSearchPasswords = Record<OpenSearchRole, pulumi.Input<string>>;

/** People log in as this one, whatever its password is. */
const ADMIN = "admin";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/**
 * Whom a service with this password logs in as. Another password is another user, so that the old one works on while the hosts move to the new one, one
 * after the other: a collector that is refused would drop what it sends. The administrator keeps the name. Pure.
 * @example openSearchUser("writer", "…") → { user: "writer-3f9a0c", … }
 */
export function openSearchUser(role: OpenSearchRole, password: string): OpenSearchUser {
    return { user: role === ADMIN ? ADMIN : `${role}-${sha256(password).slice(0, 6)}`, password };
}

/** What the node itself logs in as, to roll over and delete; nobody else needs its password, so it is made of the administrator's. Pure. */
export function keeperUser(adminPassword: string): OpenSearchUser {
    const password = createHmac("sha256", adminPassword).update("otel-ha opensearch keeper").digest("hex").slice(0, 32);
    return { user: `keeper-${sha256(password).slice(0, 6)}`, password };
}

/** bcrypt's cost: 60 ms for each user and run of the program. Passwords that are made have 190 bits, which no cost makes safer. */
const COST = 10;

const hashes = new Map<string, string>();

/** bcrypt of a password. The salt is made of the password: a random one would be a change in every preview. Pure. */
export function passwordHash(password: string): string {
    const known = hashes.get(password);
    if (known) return known;
    const salt = createHash("sha256").update(`otel-ha bcrypt salt\0${password}`).digest().subarray(0, 16);
    const hash = hashSync(password, `$2b$${COST}$${encodeBase64([...salt] as never, 16)}`);
    hashes.set(password, hash);
    return hash;
}

/** The text of the file `users`: ROLE NAME HASH DIGEST. Pure. */
export function usersText(passwords: Record<OpenSearchRole, string>): string {
    const users = [
        ...(Object.keys(ROLES) as (OpenSearchRole | "keeper")[]).map((role) => ({
            role,
            ...(role === "keeper" ? keeperUser(passwords.admin) : openSearchUser(role, passwords[role])),
        })),
    ];
    return users
        .map(({ role, user, password }) => {
            const hash = passwordHash(password);
            return `${role} ${user} ${hash} ${sha256(hash).slice(0, 16)}\n`;
        })
        .join("");
}

/** Options for curl in the container, by which its user is in no list of processes. Pure. */
export function curlOptions({ user, password }: OpenSearchUser, trusted: string): string {
    return `cacert = "${trusted}"\nuser = "${user}:${password}"\n`;
}

/** Indices that telemetry is in. */
const TELEMETRY = ["otel-logs", "otel-metrics", "otel-v1-apm-span", "otel-v1-apm-service-map"].flatMap((name) => [
    name,
    `${name}-*`,
]);

interface Role {
    cluster: string[];
    indices: { patterns: string[]; actions: string[] }[];
    /** Roles of the security plugin that it has besides, or instead. */
    builtIn?: string[];
}

/** A role that is made of built-in ones has none of its own. */
const ROLES: Record<OpenSearchRole | "keeper", Role> = {
    admin: { cluster: [], indices: [], builtIn: ["all_access"] },
    // It cannot create an index: one with the alias' name would keep the alias from being made. Data Prepper asks what is there when it starts.
    writer: {
        cluster: [
            "cluster:monitor/main",
            "cluster:monitor/health",
            "cluster:monitor/state",
            "indices:data/write/bulk",
            "indices:admin/template/get",
        ],
        indices: [
            {
                patterns: TELEMETRY,
                actions: [
                    "indices:data/write/*",
                    "indices:admin/mapping/auto_put",
                    "indices:admin/mapping/put",
                    "indices:admin/aliases/get",
                    "indices:admin/get",
                ],
            },
        ],
    },
    reader: {
        cluster: [
            "cluster:monitor/main",
            "indices:data/read/msearch",
            "indices:data/read/scroll*",
            "indices:data/read/mget",
        ],
        indices: [
            {
                patterns: [...TELEMETRY, ".kibana*", ".opensearch_dashboards*"],
                actions: [
                    "read",
                    "indices:admin/mappings/get",
                    "indices:admin/aliases/get",
                    "indices:admin/resolve/index",
                ],
            },
        ],
        builtIn: ["kibana_read_only"],
    },
    dashboards: { cluster: [], indices: [], builtIn: ["kibana_server"] },
    // The elected manager, health, nodes, shards, recoveries: what the cluster is, not what is in it.
    monitor: {
        cluster: ["cluster:monitor/*", "cluster:admin/repository/get", "cluster:admin/snapshot/get"],
        indices: [{ patterns: ["*"], actions: ["indices:monitor/*", "indices:admin/aliases/get"] }],
    },
    keeper: {
        cluster: [
            "cluster:monitor/*",
            "cluster:admin/settings/update",
            "cluster:admin/reroute",
            "indices:data/write/bulk",
        ],
        indices: [
            // For a rollover the plugin does not see which index is meant. What is done to it by that is asked for, too.
            { patterns: ["*"], actions: ["indices:admin/rollover", "indices:monitor/recovery"] },
            {
                patterns: TELEMETRY,
                actions: [
                    "indices:admin/delete",
                    "indices:admin/create",
                    "indices:admin/aliases*",
                    "indices:monitor/*",
                ],
            },
            { patterns: [".otel-ha"], actions: ["indices:data/read/get", "indices:data/write/*"] },
        ],
    },
};

/** Dashboards hides what changes something from who has it; the plugin's own file of roles has it, which is not used here. */
const READ_ONLY = 'role kibana_read_only {"cluster_permissions":[],"index_permissions":[],"tenant_permissions":[]}';

/** What desired.txt says of roles. A user's role is in its backend role. Pure. */
export function securityLines(): string[] {
    const lines = Object.entries(ROLES).flatMap(([name, { cluster, indices, builtIn = [] }]) => {
        const own = `otel-ha-${name}`;
        const role = {
            cluster_permissions: cluster,
            index_permissions: indices.map(({ patterns, actions }) => ({
                index_patterns: patterns,
                fls: [],
                masked_fields: [],
                allowed_actions: actions,
            })),
            tenant_permissions: [],
        };
        const hasOwn = cluster.length > 0;
        return [
            ...(hasOwn ? [`role ${own} ${JSON.stringify(role)}`] : []),
            ...[...(hasOwn ? [own] : []), ...builtIn].map(
                (to) => `mapping ${to} ${JSON.stringify({ backend_roles: [name] })}`,
            ),
        ];
    });
    return [READ_ONLY, ...lines];
}
