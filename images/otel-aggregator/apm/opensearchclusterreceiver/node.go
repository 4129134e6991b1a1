package opensearchclusterreceiver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.uber.org/zap"
)

// node is the OpenSearch node on this host.
type node struct {
	config    *Config
	telemetry component.TelemetrySettings
	client    *http.Client
	server    *http.Server
}

func (n *node) start(ctx context.Context, host component.Host) error {
	client, err := n.config.ToClient(ctx, host, n.telemetry)
	if err != nil || n.config.Discovery.Endpoint == "" {
		n.client = client
		return err
	}
	n.client = client
	listener, err := net.Listen("tcp", n.config.Discovery.Endpoint)
	if err != nil {
		return err
	}
	n.server = &http.Server{Handler: http.HandlerFunc(n.serveTargets), ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := n.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			n.telemetry.Logger.Error("the list of targets is no longer served", zap.Error(err))
		}
	}()
	return nil
}

func (n *node) shutdown(ctx context.Context) error {
	if n.server == nil {
		return nil
	}
	return n.server.Shutdown(ctx)
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

type targetGroup struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// All of them beside the manager; this host's own while there is no manager; none beside another manager, or without OpenSearch.
func (n *node) serveTargets(writer http.ResponseWriter, request *http.Request) {
	groups := []targetGroup{}
	manager, err := n.manager(request.Context())
	for _, target := range n.config.Discovery.Targets {
		all := manager == n.config.Node
		own := manager == "" && target.Node == n.config.Node
		if err == nil && (all || own) {
			labels := map[string]string{"job": target.Job, "instance": target.Address, "node": target.Node}
			groups = append(groups, targetGroup{[]string{target.Address}, labels})
		}
	}
	writer.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(writer).Encode(groups)
}
