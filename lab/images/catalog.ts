/** The service images: what they are called, and what they are made from where none can be pulled. */
import { join } from "node:path";
import type { System } from "../nodes";
import { REPO } from "../paths";

/** Programs built from Go modules, pinned by a go.mod and go.sum of ours. */
export interface GoPrograms {
    /** Holds go.mod and go.sum. */
    dir: string;
    /** Program name to Go package. */
    programs: Record<string, string>;
    tags?: string[];
    /** Variables set at link time, so that `--version` says what upstream's build says. */
    variables?: Record<string, string>;
    /** Modules whose go.sum lines are copied from this module's own go.sum, because the checksum database lacks them. */
    sums?: { from: string; modules: string[] };
}

/** The collector, built by its own builder. */
export interface CollectorProgram {
    /** Holds builder.yaml. */
    dir: string;
    /** The builder itself, as `go run` wants it. */
    builder: string;
}

/** What Maven Central has of a program: archives and jars that the Dockerfile puts together. */
export interface MavenArtifacts {
    /** Holds artifacts.txt: one line for each, its SHA-256 and its coordinates. */
    dir: string;
}

export interface ServiceImage {
    /** As `docker pull` wants it on a host. */
    reference: string;
    /** Its repository in the lab's registry. */
    repository: string;
    tag: string;
    /** Public images can be pulled where an image registry is reachable; the others are always built. */
    public: boolean;
    /** Whose hosts run it. @default the pair's */
    systems?: System[];
    /** The Dockerfile used where nothing can be pulled; without one the lab then has no such image. */
    layout?: string;
    /** Extra files the Dockerfile takes, in `layout`'s directory. */
    files?: string[];
    go?: GoPrograms;
    collector?: CollectorProgram;
    maven?: MavenArtifacts;
    /** The user's own Dockerfile of an image of ours: used where base images can be pulled. */
    userDir?: string;
}

const here = (...parts: string[]): string => join(REPO, "lab", "images", ...parts);
const ours = (...parts: string[]): string => join(REPO, "images", ...parts);

/** Cheapest to build first, so that an early part of the lab can be used while the rest compiles. */
export const IMAGES: ServiceImage[] = [
    {
        reference: "haproxy:2.6.12",
        repository: "library/haproxy",
        tag: "2.6.12",
        public: true,
        systems: ["otel-ha", "apm"],
        layout: here("haproxy", "Dockerfile"),
        files: ["docker-entrypoint.sh"],
    },
    {
        reference: "cmp-keepalived:2.2.7",
        repository: "library/cmp-keepalived",
        tag: "2.2.7",
        public: false,
        layout: ours("keepalived", "Dockerfile"),
        userDir: ours("keepalived"),
    },
    {
        reference: "opensearchproject/opensearch:2.19.1",
        repository: "opensearchproject/opensearch",
        tag: "2.19.1",
        public: true,
        systems: ["apm"],
        layout: here("opensearch", "Dockerfile"),
        files: ["assemble.sh", "log4j2.properties", "open-files.c", "open-files.sh", "opensearch-docker-entrypoint.sh"],
        maven: { dir: here("opensearch") },
    },
    // No package registry has these two.
    {
        reference: "opensearchproject/data-prepper:2.15.1",
        repository: "opensearchproject/data-prepper",
        tag: "2.15.1",
        public: true,
        systems: ["apm"],
    },
    {
        reference: "opensearchproject/opensearch-dashboards:2.19.1",
        repository: "opensearchproject/opensearch-dashboards",
        tag: "2.19.1",
        public: true,
        systems: ["apm"],
    },
    {
        reference: "cmp-minio:2026.02.12",
        repository: "library/cmp-minio",
        tag: "2026.02.12",
        public: false,
        layout: here("minio", "Dockerfile"),
        userDir: ours("minio"),
        go: {
            dir: ours("minio"),
            programs: { minio: "github.com/minio/minio", mc: "github.com/minio/mc" },
            tags: ["kqueue"],
            variables: {
                "github.com/minio/minio/cmd.Version": "2026-02-12T20:18:48Z",
                "github.com/minio/minio/cmd.ReleaseTag": "DEVELOPMENT.2026-02-12T20-18-48Z",
                "github.com/minio/minio/cmd.CommitID": "7aac2a2c5b7c",
                "github.com/minio/minio/cmd.ShortCommitID": "7aac2a2c5b7c",
                "github.com/minio/minio/cmd.CopyrightYear": "2026",
                "github.com/minio/mc/cmd.Version": "2025-03-13T08:02:18Z",
                "github.com/minio/mc/cmd.ReleaseTag": "DEVELOPMENT.2025-03-13T08-02-18Z",
                "github.com/minio/mc/cmd.CommitID": "cf909e1063a9",
                "github.com/minio/mc/cmd.ShortCommitID": "cf909e1063a9",
                "github.com/minio/mc/cmd.CopyrightYear": "2025",
            },
        },
    },
    {
        reference: "prom/prometheus:v3.7.3",
        repository: "prom/prometheus",
        tag: "v3.7.3",
        public: true,
        layout: here("prometheus", "Dockerfile"),
        files: ["prometheus.yml"],
        go: {
            dir: here("prometheus"),
            programs: {
                prometheus: "github.com/prometheus/prometheus/cmd/prometheus",
                promtool: "github.com/prometheus/prometheus/cmd/promtool",
            },
            tags: ["netgo", "osusergo"],
            variables: versionVariables("3.7.3"),
        },
    },
    {
        reference: "thanosio/thanos:v0.40.1",
        repository: "thanosio/thanos",
        tag: "v0.40.1",
        public: true,
        layout: here("thanos", "Dockerfile"),
        go: {
            dir: here("thanos"),
            programs: { thanos: "github.com/thanos-io/thanos/cmd/thanos" },
            // Without slicelabels the sidecar panics at its first gRPC reply.
            tags: ["netgo", "slicelabels"],
            variables: versionVariables("0.40.1"),
        },
    },
    {
        reference: "grafana/loki:3.4.2",
        repository: "grafana/loki",
        tag: "3.4.2",
        public: true,
        layout: here("loki", "Dockerfile"),
        files: ["local-config.yaml"],
        go: {
            dir: here("loki"),
            programs: { loki: "github.com/grafana/loki/v3/cmd/loki" },
            tags: ["netgo"],
            variables: {
                "github.com/grafana/loki/v3/pkg/util/build.Version": "3.4.2",
                "github.com/grafana/loki/v3/pkg/util/build.Branch": "otel-ha-lab",
            },
            sums: { from: "github.com/grafana/loki/v3@v3.4.2", modules: ["github.com/baidubce/bce-sdk-go"] },
        },
    },
    {
        reference: "cmp-otel-aggregator:0.139.0",
        repository: "library/cmp-otel-aggregator",
        tag: "0.139.0",
        public: false,
        systems: ["otel-ha", "apm"],
        layout: here("otel-aggregator", "Dockerfile"),
        userDir: ours("otel-aggregator"),
        collector: {
            dir: ours("otel-aggregator"),
            builder: "go.opentelemetry.io/collector/cmd/builder@v0.139.0",
        },
    },
];

/** Those that hosts of these systems need. */
export function imagesOf(systems: System[]): ServiceImage[] {
    return IMAGES.filter((image) => (image.systems ?? ["otel-ha"]).some((system) => systems.includes(system)));
}

/** By short name. Errors: there is none of that name. */
export function imagesNamed(names: string[]): ServiceImage[] {
    const unknown = names.filter((name) => !IMAGES.some((image) => shortName(image) === name));
    if (unknown.length) throw new Error(`No such image: ${unknown.join(", ")} (${IMAGES.map(shortName).join(", ")})`);
    return IMAGES.filter((image) => names.includes(shortName(image)));
}

/** The name part of an image: `prom/prometheus:v3.7.3` is `prometheus`. */
export function shortName(image: ServiceImage): string {
    return image.repository.split("/").pop()!;
}

function versionVariables(version: string): Record<string, string> {
    return {
        "github.com/prometheus/common/version.Version": version,
        "github.com/prometheus/common/version.Branch": "otel-ha-lab",
    };
}
