// Package opensearchclusterreceiver reads what one OpenSearch node knows: its own figures always, those of the cluster only beside the elected
// cluster manager. So of the collectors on all nodes just one collects them, and another does as soon as another manager is elected.
//
// Upstream's elasticsearchreceiver (0.139.0) has each collector report the whole cluster.
package opensearchclusterreceiver

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/scraper"
	"go.opentelemetry.io/collector/scraper/scraperhelper"
)

// Config of the receiver.
type Config struct {
	scraperhelper.ControllerConfig `mapstructure:",squash"`
	// The node on this host, with TLS and login.
	confighttp.ClientConfig `mapstructure:",squash"`
	// Its name in the cluster.
	Node string `mapstructure:"node"`
	// How many nodes the cluster is to have.
	Nodes int `mapstructure:"nodes"`
	// Who is to be scraped by whoever collects for the cluster.
	Discovery Discovery `mapstructure:"discovery"`
}

// Discovery is Prometheus' http_sd, for a receiver in the same collector.
type Discovery struct {
	// Where it is served. Nothing is, without.
	Endpoint string `mapstructure:"endpoint"`
	// By name of the node: its addresses.
	Targets []Target `mapstructure:"targets"`
}

// Target is one thing that is scraped.
type Target struct {
	// Host and port.
	Address string `mapstructure:"address"`
	// The node that it runs on.
	Node string `mapstructure:"node"`
	// Job that it belongs to.
	Job string `mapstructure:"job"`
}

// Validate is called by the collector.
func (c *Config) Validate() error {
	if c.Endpoint == "" || c.Node == "" || c.Nodes < 1 {
		return errors.New("endpoint, node and nodes must be given")
	}
	return nil
}

// NewFactory is called by the collector.
func NewFactory() receiver.Factory {
	return receiver.NewFactory(
		component.MustNewType("opensearch_cluster"),
		defaultConfig,
		receiver.WithMetrics(newReceiver, component.StabilityLevelBeta),
	)
}

func defaultConfig() component.Config {
	client := confighttp.NewDefaultClientConfig()
	client.Timeout = 5 * time.Second
	controller := scraperhelper.NewDefaultControllerConfig()
	controller.CollectionInterval = 10 * time.Second
	return &Config{ControllerConfig: controller, ClientConfig: client}
}

func newReceiver(_ context.Context, set receiver.Settings, config component.Config, next consumer.Metrics) (receiver.Metrics, error) {
	c := config.(*Config)
	node := &node{config: c, telemetry: set.TelemetrySettings}
	scrapes, err := scraper.NewMetrics(node.scrape, scraper.WithStart(node.start), scraper.WithShutdown(node.shutdown))
	if err != nil {
		return nil, err
	}
	// The type of the scraper is only a name here.
	kind := component.MustNewType("opensearch_cluster")
	return scraperhelper.NewMetricsController(&c.ControllerConfig, set, next, scraperhelper.AddScraper(kind, scrapes))
}
