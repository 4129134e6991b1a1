/** One node's OpenSearch, asked how it and its cluster are. An error is an answer, too: nothing here throws. */
import { HttpClient, isGood, type Doors } from "../http";
import {
    readBlocked,
    readHealth,
    readManager,
    readNodes,
    readRecoveries,
    readShards,
    type ClusterHealth,
    type ClusterManager,
    type ClusterNode,
    type Recovery,
    type Shard,
} from "./answers";

/** Why there is no value. */
export interface Failure {
    /** HTTP status; 0: there was no answer. */
    status: number;
    /** @example "timeout" @example "cluster_manager_not_discovered_exception" */
    error: string;
}

/** What became of a question. */
export type Asked<T> = { ms: number } & ({ value: T } | Failure);

export const isValue = <T>(asked: Asked<T> | undefined): asked is { ms: number; value: T } =>
    asked !== undefined && "value" in asked;

/** Answers that a node gives by itself. */
export const LOCAL_TIMEOUT_MS = 1000;
/** Answers for which the manager is asked: it is waited for, for a second, and whether it refuses or hangs is to be told apart. */
export const MANAGER_TIMEOUT_MS = 2000;

// The manager is not waited for any longer, by the server: a question that its client has given up would go on there.
const WAIT = "timeout=1s&cluster_manager_timeout=1s";

/** A node as it is reached. */
export interface ClusterEndpoint {
    /** @example "https://192.168.110.231:9200" */
    url: string;
    doors: Doors;
}

/** Asks one node. */
export class ClusterApi {
    private readonly http: HttpClient;

    constructor(
        private readonly endpoint: ClusterEndpoint,
        /** Milliseconds that an answer is waited for. A machine that is busy with other things needs more. */
        private readonly timeouts = { local: LOCAL_TIMEOUT_MS, manager: MANAGER_TIMEOUT_MS },
    ) {
        this.http = new HttpClient(endpoint.doors);
    }

    /** Name of the node as it calls itself. */
    name(): Promise<Asked<string>> {
        return this.ask("/", this.timeouts.local, (text) => (JSON.parse(text) as { name: string }).name);
    }

    /** What this node knows, without a manager. */
    localHealth(): Promise<Asked<ClusterHealth>> {
        return this.ask("/_cluster/health?local=true", this.timeouts.local, readHealth);
    }

    health(): Promise<Asked<ClusterHealth>> {
        return this.ask(`/_cluster/health?${WAIT}`, this.timeouts.manager, readHealth, [408]);
    }

    manager(): Promise<Asked<ClusterManager | undefined>> {
        return this.ask(
            `/_cat/cluster_manager?format=json&h=node,ip,host&cluster_manager_timeout=1s`,
            this.timeouts.manager,
            readManager,
        );
    }

    nodes(): Promise<Asked<ClusterNode[]>> {
        const query = "format=json&h=name,ip,cluster_manager&cluster_manager_timeout=1s";
        return this.ask(`/_cat/nodes?${query}`, this.timeouts.manager, readNodes);
    }

    shards(): Promise<Asked<Shard[]>> {
        const query = "format=json&h=index,shard,prirep,state,node,unassigned.reason&cluster_manager_timeout=1s";
        return this.ask(`/_cat/shards?${query}`, this.timeouts.manager, readShards);
    }

    recoveries(): Promise<Asked<Recovery[]>> {
        const query = "format=json&active_only=true&h=index,shard,type,stage,source_node,target_node";
        return this.ask(`/_cat/recovery?${query}`, this.timeouts.manager, readRecoveries);
    }

    /** Indexes that take no writes since a disk is full. */
    blocked(): Promise<Asked<string[]>> {
        const path = `/_all/_settings/index.blocks.*?flat_settings=true&expand_wildcards=all&cluster_manager_timeout=1s`;
        return this.ask(path, this.timeouts.manager, readBlocked);
    }

    /** Any other question; the text of a good answer, read. `also`: further statuses whose body is an answer. */
    async ask<T>(
        path: string,
        timeoutMs: number,
        read: (text: string) => T,
        also: number[] = [],
        question: { method?: string; body?: string } = {},
    ): Promise<Asked<T>> {
        const began = performance.now();
        const ms = (): number => Math.round(performance.now() - began);
        try {
            const headers = question.body === undefined ? undefined : { "content-type": "application/json" };
            const answer = await this.http.ask(this.endpoint.url + path, { ...question, headers, timeoutMs });
            if (isGood(answer) || also.includes(answer.status)) return { ms: ms(), value: read(answer.text) };
            return { ms: ms(), status: answer.status, error: reason(answer.text) };
        } catch (error) {
            const { code, message } = error as NodeJS.ErrnoException;
            return { ms: ms(), status: 0, error: code ?? message };
        }
    }

    close(): void {
        this.http.close();
    }
}

/** The kind of error that a body names, or its beginning. Pure. */
export function reason(text: string): string {
    try {
        const { error } = JSON.parse(text) as { error?: { type?: string } | string };
        const kind = typeof error === "string" ? error : error?.type;
        if (kind) return kind.slice(0, 120);
    } catch {
        // Not JSON: what security says before it is set up.
    }
    return text.trim().slice(0, 120) || "empty";
}
