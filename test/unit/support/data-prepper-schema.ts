// What Data Prepper's documentation and its own classes say of the options that we use, and of their neighbours. Read for 2.15; where the documentation and
// the classes differ, the classes are right, and it is said here.
import { Schema } from "./schema";

const HTTP_BASIC: Schema = {
    plugin: {
        http_basic: { options: { username: "string", password: "string" }, required: ["username", "password"] },
        unauthenticated: "nothing",
    },
};

const RETRY_INFO: Schema = { options: { min_delay: "duration", max_delay: "duration" } };
const FORMAT: Schema = { oneOf: ["otel", "opensearch"] };

const ANY_SOURCE: Record<string, Schema> = {
    port: "port",
    ssl: "boolean",
    health_check_service: "boolean",
    proto_reflection_service: "boolean",
    unframed_requests: "boolean",
    unauthenticated_health_check: "boolean",
    thread_count: "integer",
    max_connection_count: "integer",
    max_request_length: "bytes",
    compression: { oneOf: ["none", "gzip"] },
    authentication: HTTP_BASIC,
    retry_info: RETRY_INFO,
    output_format: FORMAT,
};

/**
 * opensearch-project/documentation-website, _data-prepper/pipelines/configuration/sources/otel-{trace,metrics,logs}-source.md; output_format and retry_info:
 * opensearch-project/data-prepper, OTel{Trace,Metrics,Logs}SourceConfig.java.
 */
const SIGNAL_SOURCE: Schema = {
    options: {
        ...ANY_SOURCE,
        path: "string",
        request_timeout: "integer",
        sslKeyCertChainFile: "string",
        sslKeyFile: "string",
        useAcmCertForSSL: "boolean",
        acmCertificateArn: "string",
        awsRegion: "string",
    },
    required: ["sslKeyCertChainFile", "sslKeyFile"],
};

/**
 * sources/otlp-source.md; OTLPSourceConfig.java. Its names for the certificate are others than the single sources'. `request_timeout` is left out: the class
 * read it from an option of another name for a while.
 */
const OTLP_SOURCE: Schema = {
    options: {
        ...ANY_SOURCE,
        logs_path: "string",
        metrics_path: "string",
        traces_path: "string",
        logs_output_format: FORMAT,
        metrics_output_format: FORMAT,
        traces_output_format: FORMAT,
        ssl_certificate_file: "string",
        ssl_key_file: "string",
    },
    required: ["ssl_certificate_file", "ssl_key_file"],
};

/** sinks/opensearch.md; OpenSearchSinkConfig.java. IndexType.java: the documentation has "management-disabled", the class "management_disabled". */
const OPENSEARCH_SINK: Schema = {
    options: {
        hosts: { list: "string" },
        cert: "string",
        username: "string",
        password: "string",
        insecure: "boolean",
        socket_timeout: "integer",
        connect_timeout: "integer",
        index: "string",
        index_type: {
            oneOf: ["custom", "trace-analytics-raw", "trace-analytics-service-map", "management_disabled"],
        },
        action: { oneOf: ["create", "index", "update", "upsert", "delete"] },
        document_id: "string",
        routing: "string",
        bulk_size: "integer",
        flush_timeout: "integer",
        max_retries: "integer",
        dlq_file: "string",
        enable_request_compression: "boolean",
        routes: { list: "string" },
    },
    required: ["hosts", "cert", "username", "password", "index", "document_id"],
};

/** buffers/bounded-blocking.md; BlockingBufferConfig.java. */
const BUFFER: Schema = {
    plugin: { bounded_blocking: { options: { buffer_size: "integer", batch_size: "integer" } } },
};

/** processors/otel-traces.md, service-map.md, otel-metrics.md; OtelTraceRawProcessorConfig, ServiceMapProcessorConfig, OtelMetricsRawProcessorConfig. */
const PROCESSOR: Schema = {
    plugin: {
        otel_traces: {
            options: {
                trace_flush_interval: "integer",
                trace_group_cache_ttl: "duration",
                trace_group_cache_max_size: "integer",
            },
        },
        service_map: { options: { window_duration: "integer" } },
        otel_metrics: {
            options: {
                flatten_attributes: "boolean",
                calculate_histogram_buckets: "boolean",
                calculate_exponential_histogram_buckets: "boolean",
                exponential_histogram_max_allowed_scale: "integer",
            },
        },
    },
};

/** pipelines/pipelines.md, sinks/pipeline.md, sources/pipeline.md. */
export const PIPELINE: Schema = {
    options: {
        workers: "integer",
        delay: "integer",
        source: {
            plugin: {
                otel_trace_source: SIGNAL_SOURCE,
                otel_metrics_source: SIGNAL_SOURCE,
                otel_logs_source: SIGNAL_SOURCE,
                otlp: OTLP_SOURCE,
                pipeline: { options: { name: "string" }, required: ["name"] },
            },
        },
        buffer: BUFFER,
        processor: { list: PROCESSOR },
        route: { list: { map: "string", most: 1 } },
        sink: {
            list: {
                plugin: {
                    pipeline: { options: { name: "string", routes: { list: "string" } }, required: ["name"] },
                    opensearch: OPENSEARCH_SINK,
                },
            },
        },
    },
    required: ["source", "sink"],
};

/**
 * managing-data-prepper/configuring-data-prepper.md and peer-forwarder.md. DataPrepperConfiguration.java takes these names and others with "_";
 * PeerForwarderConfiguration.java has client_timeout and failed_forwarding_requests_local_write_timeout, too.
 */
export const SERVER: Schema = {
    options: {
        ssl: "boolean",
        keyStoreFilePath: "string",
        keyStorePassword: "string",
        privateKeyPassword: "string",
        serverPort: "port",
        metricRegistries: { list: { oneOf: ["Prometheus", "CloudWatch"] } },
        metricTags: { map: "string", most: 3 },
        authentication: HTTP_BASIC,
        processorShutdownTimeout: "duration",
        sinkShutdownTimeout: "duration",
        circuit_breakers: {
            options: {
                heap: {
                    options: { usage: "bytes", reset: "duration", check_interval: "duration" },
                    required: ["usage"],
                },
            },
        },
        peer_forwarder: {
            options: {
                port: "port",
                request_timeout: "integer",
                client_timeout: "integer",
                server_thread_count: "integer",
                client_thread_count: "integer",
                discovery_mode: { oneOf: ["local_node", "static", "dns"] },
                static_endpoints: { list: "string" },
                ssl: "boolean",
                ssl_certificate_file: "string",
                ssl_key_file: "string",
                authentication: { plugin: { mutual_tls: "nothing", unauthenticated: "nothing" } },
                failed_forwarding_requests_local_write_timeout: "integer",
                drain_timeout: "duration",
            },
            required: ["static_endpoints", "ssl_certificate_file", "ssl_key_file"],
        },
    },
    required: ["keyStoreFilePath", "authentication"],
};
