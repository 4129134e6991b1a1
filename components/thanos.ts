import * as pulumi from "@pulumi/pulumi";
import {
    BUCKET_DEFAULTS,
    BucketSettings,
    credentialsFile,
    ObjectStoreClient,
    TRUSTED_FILE,
    trustedFiles,
} from "./bucket";
import { ContainerSpec } from "./container-service";
import { ServiceSettings, withDefaults } from "./service";
import { render } from "./templates";
import { goMemoryLimit, Size } from "./units";

/** What the parts of Thanos that use the bucket have in common. */
export interface ThanosBucketSettings extends ServiceSettings, BucketSettings {
    /** One image for all parts of Thanos. @default "thanosio/thanos:v0.40.1" */
    image?: string;
    /** Memory of each part's container. @default "4GiB" */
    memoryLimit?: Size;
    /** Bucket of the blocks. @default "thanos-metrics" */
    bucket?: string;
}

export const THANOS_IMAGE = "thanosio/thanos:v0.40.1";

/** Of each part of Thanos. */
export const THANOS_MEMORY = "4GiB";

export const THANOS_BUCKET_DEFAULTS = {
    ...BUCKET_DEFAULTS,
    image: THANOS_IMAGE,
    memoryLimit: THANOS_MEMORY,
    bucket: "thanos-metrics",
};

/** User that all parts of Thanos run as (nobody), the same as Prometheus: the sidecar writes into Prometheus' directory. */
export const THANOS_USER = "65534:65534";

/** Where a part of Thanos finds the bucket; with {@link thanosBucket}. */
export const OBJSTORE_FLAG = "--objstore.config-file=/etc/thanos/bucket.yml";

/** What makes a container of Thanos reach the bucket: files, their directory, and where the key is. Pure but for what it passes on. */
export function thanosBucket(
    directory: string,
    settings: ThanosBucketSettings,
    client: ObjectStoreClient,
    trusted?: pulumi.Input<string>,
): Pick<ContainerSpec, "user" | "environment" | "files" | "mounts" | "memoryLimit"> {
    const s = withDefaults(settings, THANOS_BUCKET_DEFAULTS);
    const file = trusted && `/etc/thanos/${TRUSTED_FILE}`;
    return {
        user: THANOS_USER,
        // The client library reads the key from a file of its own, so that bucket.yml can be shown in diffs.
        environment: {
            AWS_SHARED_CREDENTIALS_FILE: "/etc/thanos/credentials",
            GOMEMLIMIT: goMemoryLimit(s.memoryLimit),
        },
        memoryLimit: s.memoryLimit,
        files: [
            ...trustedFiles(directory, trusted),
            { path: `${directory}/bucket.yml`, content: render("thanos/bucket.yml", { ...s, trusted: file }) },
            credentialsFile(directory, THANOS_USER, client),
        ],
        mounts: [{ source: directory, target: "/etc/thanos", readOnly: true }],
    };
}
