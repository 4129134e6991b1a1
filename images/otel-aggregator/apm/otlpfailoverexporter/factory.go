// Package otlpfailoverexporter sends OTLP to the first of several addresses that takes it, out of one queue.
//
// Upstream's failover connector drops what no address takes: its queue does not try again (0.139.0). In front of exporters with queues of
// their own it never sees that one fails.
package otlpfailoverexporter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configgrpc"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/otlpexporter"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Config of the exporter.
type Config struct {
	// TLS and login, the same everywhere. Its own endpoint is not used.
	configgrpc.ClientConfig `mapstructure:",squash"`
	// Host and port, the preferred one first.
	Endpoints []string `mapstructure:"endpoints"`
	// Of each attempt.
	Timeout time.Duration                   `mapstructure:"timeout"`
	Queue   exporterhelper.QueueBatchConfig `mapstructure:"sending_queue"`
	Retry   configretry.BackOffConfig       `mapstructure:"retry_on_failure"`
}

// Validate is called by the collector.
func (c *Config) Validate() error {
	if len(c.Endpoints) == 0 {
		return errors.New("endpoints: name at least one")
	}
	return nil
}

// NewFactory is called by the collector.
func NewFactory() exporter.Factory {
	return exporter.NewFactory(
		component.MustNewType("otlp_failover"),
		defaultConfig,
		exporter.WithTraces(newTraces, component.StabilityLevelBeta),
		exporter.WithLogs(newLogs, component.StabilityLevelBeta),
		exporter.WithMetrics(newMetrics, component.StabilityLevelBeta),
	)
}

func defaultConfig() component.Config {
	client := otlpexporter.NewFactory().CreateDefaultConfig().(*otlpexporter.Config)
	return &Config{
		ClientConfig: client.ClientConfig,
		Timeout:      5 * time.Second,
		Queue:        exporterhelper.NewDefaultQueueConfig(),
		Retry:        configretry.NewDefaultBackOffConfig(),
	}
}

func newTraces(ctx context.Context, set exporter.Settings, config component.Config) (exporter.Traces, error) {
	c := config.(*Config)
	all, err := inner(ctx, set, c, otlpexporter.NewFactory().CreateTraces)
	if err != nil {
		return nil, err
	}
	first := &firstThatTakes{}
	return exporterhelper.NewTraces(ctx, set, config, func(ctx context.Context, data ptrace.Traces) error {
		return first.of(len(all), func(at int) error { return all[at].ConsumeTraces(ctx, data) })
	}, options(c, all)...)
}

func newLogs(ctx context.Context, set exporter.Settings, config component.Config) (exporter.Logs, error) {
	c := config.(*Config)
	all, err := inner(ctx, set, c, otlpexporter.NewFactory().CreateLogs)
	if err != nil {
		return nil, err
	}
	first := &firstThatTakes{}
	return exporterhelper.NewLogs(ctx, set, config, func(ctx context.Context, data plog.Logs) error {
		return first.of(len(all), func(at int) error { return all[at].ConsumeLogs(ctx, data) })
	}, options(c, all)...)
}

func newMetrics(ctx context.Context, set exporter.Settings, config component.Config) (exporter.Metrics, error) {
	c := config.(*Config)
	all, err := inner(ctx, set, c, otlpexporter.NewFactory().CreateMetrics)
	if err != nil {
		return nil, err
	}
	first := &firstThatTakes{}
	return exporterhelper.NewMetrics(ctx, set, config, func(ctx context.Context, data pmetric.Metrics) error {
		return first.of(len(all), func(at int) error { return all[at].ConsumeMetrics(ctx, data) })
	}, options(c, all)...)
}

type create[E component.Component] func(context.Context, exporter.Settings, component.Config) (E, error)

// One of upstream's exporters for each address, without queue and repetition: those are here.
func inner[E component.Component](ctx context.Context, set exporter.Settings, c *Config, make create[E]) ([]E, error) {
	factory := otlpexporter.NewFactory()
	var all []E
	for at, endpoint := range c.Endpoints {
		config := factory.CreateDefaultConfig().(*otlpexporter.Config)
		config.ClientConfig = c.ClientConfig
		config.ClientConfig.Endpoint = endpoint
		config.TimeoutConfig.Timeout = c.Timeout
		config.QueueConfig.Enabled = false
		config.RetryConfig.Enabled = false
		own := set
		own.ID = component.NewIDWithName(factory.Type(), fmt.Sprintf("%s-%d", set.ID.Name(), at+1))
		one, err := make(ctx, own, config)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func options[E component.Component](c *Config, all []E) []exporterhelper.Option {
	return []exporterhelper.Option{
		exporterhelper.WithStart(func(ctx context.Context, host component.Host) error {
			return each(all, func(one component.Component) error { return one.Start(ctx, host) })
		}),
		exporterhelper.WithShutdown(func(ctx context.Context) error {
			return each(all, func(one component.Component) error { return one.Shutdown(ctx) })
		}),
		exporterhelper.WithTimeout(exporterhelper.TimeoutConfig{Timeout: 0}),
		exporterhelper.WithRetry(c.Retry),
		exporterhelper.WithQueue(c.Queue),
	}
}

func each[E component.Component](all []E, do func(component.Component) error) error {
	var failures []error
	for _, one := range all {
		failures = append(failures, do(one))
	}
	return errors.Join(failures...)
}
