// Package opensearchclusterreceiver reads what one OpenSearch node knows: its own figures always, those of the cluster only beside the elected
// cluster manager. So of the collectors on all nodes just one collects them, and another does as soon as another manager is elected. The same goes for
// the pages of metrics of services beside OpenSearch.
//
// Upstream's elasticsearchreceiver (0.139.0) has each collector report the whole cluster, and its prometheusreceiver makes a program of 49 MB one of 159.
package opensearchclusterreceiver

import (
	"context"
	"errors"
	"fmt"
	"regexp"
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
	// Pages of metrics as Prometheus reads them, by job.
	Scrapes map[string]Scrape `mapstructure:"scrapes"`
}

// Scrape is a job: what is asked, and how.
type Scrape struct {
	// TLS, login and time limit. Its own endpoint is not used.
	confighttp.ClientConfig `mapstructure:",squash"`
	Targets                 []Target `mapstructure:"targets"`
	// Only names that this matches. Without it all.
	Keep string `mapstructure:"keep"`
	// All of them from here, whoever is manager. Otherwise all beside the manager, this host's own while there is none, and none elsewhere.
	Always bool `mapstructure:"always"`
}

// Target is one page.
type Target struct {
	URL string `mapstructure:"url"`
	// The node that it is about.
	Node string `mapstructure:"node"`
}

// Validate is called by the collector.
func (c *Config) Validate() error {
	if c.Endpoint == "" || c.Node == "" || c.Nodes < 1 {
		return errors.New("endpoint, node and nodes must be given")
	}
	for job, scrape := range c.Scrapes {
		if _, err := regexp.Compile(scrape.Keep); err != nil {
			return fmt.Errorf("scrapes: %s: %w", job, err)
		}
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
	scrapes, err := scraper.NewMetrics(node.scrape, scraper.WithStart(node.start))
	if err != nil {
		return nil, err
	}
	// The type of the scraper is only a name here.
	kind := component.MustNewType("opensearch_cluster")
	return scraperhelper.NewMetricsController(&c.ControllerConfig, set, next, scraperhelper.AddScraper(kind, scrapes))
}
