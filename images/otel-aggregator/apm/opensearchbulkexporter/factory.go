// Package opensearchbulkexporter writes traces, logs and metrics into OpenSearch, each record exactly once however often it is sent.
//
// Upstream has no exporter that can (0.139.0). opensearchexporter knows one address and no metrics, sets no document id, and takes a refused
// connection for a lasting error: it drops the data. elasticsearchexporter's client does not accept OpenSearch.
package opensearchbulkexporter

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Config of the exporter.
type Config struct {
	// TLS, login and time limit of each attempt. Its own endpoint is not used.
	confighttp.ClientConfig `mapstructure:",squash"`
	// Nodes of one cluster, the preferred one first.
	Endpoints []string `mapstructure:"endpoints"`
	// Indexes, or aliases with a write index.
	TracesIndex  string `mapstructure:"traces_index"`
	LogsIndex    string `mapstructure:"logs_index"`
	MetricsIndex string `mapstructure:"metrics_index"`
	// Where documents go that OpenSearch refuses for what they say: as the text of a log record. So they hold up no others, and are not lost.
	RefusedIndex string `mapstructure:"refused_index"`
	// Adds the day of the record to the name of its index.
	Daily bool                            `mapstructure:"daily"`
	Queue exporterhelper.QueueBatchConfig `mapstructure:"sending_queue"`
	Retry configretry.BackOffConfig       `mapstructure:"retry_on_failure"`
}

// Validate is called by the collector.
func (c *Config) Validate() error {
	if len(c.Endpoints) == 0 {
		return errors.New("endpoints: name at least one node")
	}
	if c.TracesIndex == "" || c.LogsIndex == "" || c.MetricsIndex == "" || c.RefusedIndex == "" {
		return errors.New("traces_index, logs_index, metrics_index and refused_index must have names")
	}
	return nil
}

// NewFactory is called by the collector.
func NewFactory() exporter.Factory {
	return exporter.NewFactory(
		component.MustNewType("opensearch_bulk"),
		defaultConfig,
		exporter.WithTraces(newTraces, component.StabilityLevelBeta),
		exporter.WithLogs(newLogs, component.StabilityLevelBeta),
		exporter.WithMetrics(newMetrics, component.StabilityLevelBeta),
	)
}

func defaultConfig() component.Config {
	client := confighttp.NewDefaultClientConfig()
	client.Timeout = 10 * time.Second
	return &Config{
		ClientConfig: client,
		TracesIndex:  "otel-v1-apm-span",
		LogsIndex:    "otel-logs",
		MetricsIndex: "otel-metrics",
		RefusedIndex: "otel-logs",
		Queue:        exporterhelper.NewDefaultQueueConfig(),
		Retry:        configretry.NewDefaultBackOffConfig(),
	}
}

func newTraces(ctx context.Context, set exporter.Settings, config component.Config) (exporter.Traces, error) {
	c := config.(*Config)
	writer := newWriter(c, set)
	index := indexName{c.TracesIndex, c.Daily}
	return exporterhelper.NewTraces(ctx, set, config, func(ctx context.Context, data ptrace.Traces) error {
		documents, err := traceDocuments(data, index)
		return writer.writeAll(ctx, documents, err)
	}, options(c, writer)...)
}

func newLogs(ctx context.Context, set exporter.Settings, config component.Config) (exporter.Logs, error) {
	c := config.(*Config)
	writer := newWriter(c, set)
	index := indexName{c.LogsIndex, c.Daily}
	return exporterhelper.NewLogs(ctx, set, config, func(ctx context.Context, data plog.Logs) error {
		documents, err := logDocuments(data, index)
		return writer.writeAll(ctx, documents, err)
	}, options(c, writer)...)
}

func newMetrics(ctx context.Context, set exporter.Settings, config component.Config) (exporter.Metrics, error) {
	c := config.(*Config)
	writer := newWriter(c, set)
	index := indexName{c.MetricsIndex, c.Daily}
	return exporterhelper.NewMetrics(ctx, set, config, func(ctx context.Context, data pmetric.Metrics) error {
		documents, err := metricDocuments(data, index)
		return writer.writeAll(ctx, documents, err)
	}, options(c, writer)...)
}

// The time limit is one for each attempt, which the client has.
func options(c *Config, writer *writer) []exporterhelper.Option {
	return []exporterhelper.Option{
		exporterhelper.WithStart(writer.start),
		exporterhelper.WithTimeout(exporterhelper.TimeoutConfig{Timeout: 0}),
		exporterhelper.WithRetry(c.Retry),
		exporterhelper.WithQueue(c.Queue),
	}
}
