import * as pulumi from "@pulumi/pulumi";
import { OpenCondition, ServiceFile } from "./container-service";
import { httpCheck, ServiceArgs } from "./service";
import { helper } from "./shell";

/**
 * What a user may do in its bucket. "all": read, write and delete. "upload": write, and read the file that tells of each block of Prometheus; such a
 * writer can take nothing away. "read": nothing else.
 */
export type BucketRole = "all" | "upload" | "read";

/** A user of the object store that may touch one bucket. */
export interface ObjectStoreClient {
    /** Name, also the access key. @example "loki" */
    user: string;
    /** Secret key, 8 characters or more, without spaces. */
    secret: pulumi.Input<string>;
    /** The bucket, made when it is missing in a store of our own. @example "loki-data" */
    bucket: string;
    /** In a store of our own; another store's administrator decides it there. @default "all" */
    role?: BucketRole;
}

/** Arguments of a service that keeps its data in a bucket. */
export interface BucketServiceArgs<Settings> extends ServiceArgs<Settings> {
    /** The user of the object store that the service is. */
    client: ObjectStoreClient;
    /** The CA certificates that the store is believed by, PEM. @default those of the image */
    trusted?: pulumi.Input<string>;
}

/** Where a service's bucket is and how it is reached. */
export interface BucketSettings {
    /** Name of the bucket. */
    bucket?: string;
    /** S3 endpoint, host and port. @default "127.0.0.1:9000" */
    objectStore?: string;
    /** Plain HTTP instead of TLS. @default true */
    objectStoreInsecure?: boolean;
    /** @default "us-east-1" */
    objectStoreRegion?: string;
    /** Container on this host of a store that needs the other host too: while it has no quorum, the service need not be ready. @example "minio-mid-1" */
    objectStoreContainer?: string;
}

export const BUCKET_DEFAULTS = {
    objectStore: "127.0.0.1:9000",
    objectStoreInsecure: true,
    objectStoreRegion: "us-east-1",
};

/** An AWS credentials file, which the S3 libraries of Loki and Thanos read. */
export function awsCredentials(client: ObjectStoreClient): pulumi.Output<string> {
    return pulumi.secret(
        pulumi.interpolate`[default]\naws_access_key_id = ${client.user}\naws_secret_access_key = ${client.secret}\n`,
    );
}

/** That file beside a service's configuration, for its user only. */
export function credentialsFile(directory: string, owner: string, client: ObjectStoreClient): ServiceFile {
    return { path: `${directory}/credentials`, content: awsCredentials(client), mode: "0400", owner };
}

/** Where a service finds {@link BucketServiceArgs.trusted}, beside its configuration. */
export const TRUSTED_FILE = "trusted.pem";

/** That file; no file when the image's own certificates are believed. The service reads it only when it starts. */
export function trustedFiles(directory: string, trusted: pulumi.Input<string> | undefined): ServiceFile[] {
    return trusted === undefined ? [] : [{ path: `${directory}/${TRUSTED_FILE}`, content: trusted }];
}

/**
 * What keeps a service from being ready while a store that two hosts make up cannot be written. A service that only reads may be ready then: give it
 * some seconds. It is not when the store waits for new users, as in a rotation. Pure.
 */
export function withoutQuorum(service: string, settings: BucketSettings, after?: number): OpenCondition | undefined {
    const container = settings.objectStoreContainer;
    if (!container) return undefined;
    return {
        // The container's health check asks for the write quorum.
        command: `! ${helper("await-healthy", "--timeout", "0", container)}`,
        text: `${service} is not ready, since the object store has no write quorum yet; it starts by itself when the store has one`,
        after,
    };
}

const READABLE = "/minio/health/cluster/read";

// Busybox cannot check certificates, which the program does then, and has few ciphers: when it gets no connection for that, the program tries itself.
const readableByTls = (endpoint: string): string =>
    `said=$(wget -q -O /dev/null --no-check-certificate https://${endpoint}${READABLE} 2>&1) || [ "\${said#*TLS error}" != "$said" ]`;

/**
 * Entry point that starts a program as soon as this node's own store can be read; undefined where the store is elsewhere. A program that ends for want of
 * its bucket is started by Docker later and later, up to a minute apart: after a power cut of both hosts that took minutes. Pure.
 */
export function whenReadable(settings: BucketSettings, program: string): string[] | undefined {
    const endpoint = settings.objectStore ?? BUCKET_DEFAULTS.objectStore;
    if (!endpoint.startsWith("127.0.0.1:")) return undefined;
    const insecure = settings.objectStoreInsecure ?? BUCKET_DEFAULTS.objectStoreInsecure;
    const readable = insecure ? `${httpCheck(`http://${endpoint}${READABLE}`)} 2>/dev/null` : readableByTls(endpoint);
    return [
        "/bin/sh",
        "-c",
        `trap 'exit 0' TERM; until ${readable}; do sleep 0.5 & wait $!; done; exec ${program} "$@"`,
        program,
    ];
}
