package opensearchclusterreceiver

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"
)

// OpenSearch as apm-1 sees it, with a manager or none.
func opensearch(t *testing.T, manager string) *httptest.Server {
	pages := map[string]string{
		"/_cat/cluster_manager":      `[{"node":"` + manager + `"}]`,
		"/_nodes/_local/stats/":      `{"nodes":{"x":{"jvm":{"mem":{"heap_used_in_bytes":5}}}}}`,
		"/_cluster/health":           `{"status":"yellow","number_of_nodes":2,"unassigned_shards":4}`,
		"/_cat/indices":              `[{"index":"otel-logs-000001","docs.count":"7","store.size":"9"},{"index":".secret","docs.count":"1"}]`,
		"/metrics/prometheus":        "# TYPE records_total counter\nrecords_total{job=\"x\"} 3\n",
		"/metrics/of-the-collectors": "# TYPE otelcol_queue gauge\notelcol_queue 2\n# TYPE go_threads gauge\ngo_threads 9\n",
	}
	server := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		for path, page := range pages {
			if strings.HasPrefix(request.URL.Path, path) {
				_, _ = io.WriteString(writer, page)
				return
			}
		}
		writer.WriteHeader(404)
	}))
	t.Cleanup(server.Close)
	return server
}

func scrapeBeside(t *testing.T, endpoint, pages string) map[string]float64 {
	config := defaultConfig().(*Config)
	config.Endpoint, config.Node, config.Nodes = endpoint, "apm-1", 3
	service := Scrape{ClientConfig: config.ClientConfig, Targets: []Target{{pages + "/metrics/prometheus", "apm-1"}, {pages + "/metrics/prometheus", "apm-2"}}}
	own := Scrape{ClientConfig: config.ClientConfig, Always: true, Keep: "otelcol_", Targets: []Target{{pages + "/metrics/of-the-collectors", "apm-1"}}}
	config.Scrapes = map[string]Scrape{"data-prepper": service, "collectors": own}
	n := &node{config: config, client: http.DefaultClient, telemetry: component.TelemetrySettings{Logger: zap.NewNop()}}
	for name, scrape := range config.Scrapes {
		one, err := newJob(context.Background(), name, scrape, nil, n.telemetry)
		if err != nil {
			t.Fatal(err)
		}
		one.client = http.DefaultClient
		n.jobs = append(n.jobs, one)
	}
	metrics, err := n.scrape(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return sums(metrics)
}

// The sum of each name's points.
func sums(metrics pmetric.Metrics) map[string]float64 {
	all := map[string]float64{}
	for _, resource := range metrics.ResourceMetrics().All() {
		for _, metric := range resource.ScopeMetrics().At(0).Metrics().All() {
			points := pmetric.NewNumberDataPointSlice()
			if metric.Type() == pmetric.MetricTypeSum {
				points = metric.Sum().DataPoints()
			} else if metric.Type() == pmetric.MetricTypeGauge {
				points = metric.Gauge().DataPoints()
			}
			for _, point := range points.All() {
				all[metric.Name()] += point.DoubleValue()
			}
		}
	}
	return all
}

func TestOnlyBesideTheManagerTheClusterIsReported(t *testing.T) {
	for manager, want := range map[string]struct {
		cluster, indexes bool
		pages            float64
	}{
		"apm-1": {true, true, 6},
		"apm-2": {false, false, 0},
		// Nobody is: each says what it sees, and asks its own.
		"-": {true, false, 3},
	} {
		server := opensearch(t, manager)
		got := scrapeBeside(t, server.URL, server.URL)
		_, cluster := got["opensearch.cluster.status"]
		_, indexes := got["opensearch.index.documents"]
		if cluster != want.cluster || indexes != want.indexes || got["records_total"] != want.pages {
			t.Errorf("manager %s: %v", manager, got)
		}
		if got["opensearch.node.heap.used"] != 5 || got["otelcol_queue"] != 2 || got["go_threads"] != 0 {
			t.Errorf("manager %s: its own figures are %v", manager, got)
		}
		if want.cluster && (got["opensearch.cluster.nodes.missing"] != 1 || got["opensearch.cluster.status"] != 1) {
			t.Errorf("manager %s: the cluster is %v", manager, got)
		}
	}
}

func TestWithoutOpenSearchOnlyTheCollectorsAreReported(t *testing.T) {
	away := httptest.NewServer(http.NotFoundHandler())
	away.Close()
	got := scrapeBeside(t, away.URL, opensearch(t, "apm-1").URL)
	var names []string
	for name := range got {
		names = append(names, name)
	}
	slices.Sort(names)
	if strings.Join(names, " ") != "opensearch.node.up otelcol_queue up" || got["opensearch.node.up"] != 0 {
		t.Errorf("%v", got)
	}
}
