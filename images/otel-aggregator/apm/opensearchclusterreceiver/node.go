package opensearchclusterreceiver

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"go.opentelemetry.io/collector/component"
)

// node is the OpenSearch node on this host.
type node struct {
	config    *Config
	telemetry component.TelemetrySettings
	client    *http.Client
	jobs      []*job
}

func (n *node) start(ctx context.Context, host component.Host) error {
	client, err := n.config.ToClient(ctx, host, n.telemetry)
	if err != nil {
		return err
	}
	n.client = client
	for name, scrape := range n.config.Scrapes {
		job, err := newJob(ctx, name, scrape, host, n.telemetry)
		if err != nil {
			return err
		}
		n.jobs = append(n.jobs, job)
	}
	return nil
}

func (n *node) get(ctx context.Context, path string, answer any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(n.config.Endpoint, "/")+path, nil)
	if err != nil {
		return err
	}
	response, err := n.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, response.Status)
	}
	return json.NewDecoder(response.Body).Decode(answer)
}

// manager is the name of the elected manager as this node sees it; empty when it sees none.
func (n *node) manager(ctx context.Context) (string, error) {
	var rows []struct {
		Node string `json:"node"`
	}
	if err := n.get(ctx, "/_cat/cluster_manager?local=true&format=json&h=node", &rows); err != nil {
		return "", err
	}
	if len(rows) == 0 || rows[0].Node == "-" {
		return "", nil
	}
	return rows[0].Node, nil
}
