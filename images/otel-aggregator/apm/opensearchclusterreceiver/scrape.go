package opensearchclusterreceiver

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/scraper/scrapererror"
	"go.uber.org/zap"
)

// recorder adds gauges of one time to one resource.
type recorder struct {
	metrics pmetric.MetricSlice
	at      pcommon.Timestamp
}

func newRecorder(all pmetric.Metrics, at pcommon.Timestamp, attributes map[string]string) recorder {
	resource := all.ResourceMetrics().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", "opensearch")
	for key, value := range attributes {
		resource.Resource().Attributes().PutStr(key, value)
	}
	scope := resource.ScopeMetrics().AppendEmpty()
	scope.Scope().SetName("otel-ha.internal/apm/opensearchclusterreceiver")
	return recorder{scope.Metrics(), at}
}

func (r recorder) gauge(name, unit string, value float64, attributes ...string) {
	metric := r.metrics.AppendEmpty()
	metric.SetName(name)
	metric.SetUnit(unit)
	r.add(metric.SetEmptyGauge().DataPoints(), value, attributes)
}

func (r recorder) counter(name, unit string, value float64, attributes ...string) {
	metric := r.metrics.AppendEmpty()
	metric.SetName(name)
	metric.SetUnit(unit)
	sum := metric.SetEmptySum()
	sum.SetIsMonotonic(true)
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	r.add(sum.DataPoints(), value, attributes)
}

func (r recorder) add(points pmetric.NumberDataPointSlice, value float64, attributes []string) {
	point := points.AppendEmpty()
	point.SetTimestamp(r.at)
	point.SetDoubleValue(value)
	for at := 0; at+1 < len(attributes); at += 2 {
		point.Attributes().PutStr(attributes[at], attributes[at+1])
	}
}

// What fails is left out and told; the rest is passed on.
func (n *node) scrape(ctx context.Context) (pmetric.Metrics, error) {
	all := pmetric.NewMetrics()
	own := newRecorder(all, pcommon.NewTimestampFromTime(time.Now()), map[string]string{"opensearch.node.name": n.config.Node})
	manager, err := n.manager(ctx)
	own.gauge("opensearch.node.up", "1", truth(err == nil))
	for _, job := range n.jobs {
		job.scrape(ctx, all, own.at, n.config.Node, manager, err == nil)
	}
	if err != nil {
		n.telemetry.Logger.Warn("OpenSearch on this host does not say who is manager", zap.Error(err))
		return all, nil
	}
	own.gauge("opensearch.node.sees_manager", "1", truth(manager != ""))
	own.gauge("opensearch.node.is_manager", "1", truth(manager == n.config.Node))
	failures := []error{n.ownFigures(ctx, own)}
	// Without a manager each node says what it sees: the time in which nobody could ask is in the record, too.
	if manager == "" || manager == n.config.Node {
		cluster := newRecorder(all, own.at, map[string]string{"opensearch.cluster.observer": n.config.Node})
		failures = append(failures, n.health(ctx, cluster))
		if manager != "" {
			failures = append(failures, n.indexes(ctx, cluster))
		}
	}
	if err := errors.Join(failures...); err != nil {
		return all, scrapererror.NewPartialScrapeError(err, 1)
	}
	return all, nil
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

type nodeStats struct {
	Nodes map[string]struct {
		JVM struct {
			Mem struct {
				Used float64 `json:"heap_used_in_bytes"`
				Max  float64 `json:"heap_max_in_bytes"`
			} `json:"mem"`
		} `json:"jvm"`
		FS struct {
			Total struct {
				Available float64 `json:"available_in_bytes"`
				Size      float64 `json:"total_in_bytes"`
			} `json:"total"`
		} `json:"fs"`
		Indices struct {
			Docs struct {
				Count float64 `json:"count"`
			} `json:"docs"`
			Store struct {
				Size float64 `json:"size_in_bytes"`
			} `json:"store"`
			Indexing struct {
				Total  float64 `json:"index_total"`
				Failed float64 `json:"index_failed"`
			} `json:"indexing"`
			Search struct {
				Total float64 `json:"query_total"`
			} `json:"search"`
		} `json:"indices"`
		Pools map[string]struct {
			Queue    float64 `json:"queue"`
			Rejected float64 `json:"rejected"`
		} `json:"thread_pool"`
	} `json:"nodes"`
}

func (n *node) ownFigures(ctx context.Context, own recorder) error {
	var stats nodeStats
	if err := n.get(ctx, "/_nodes/_local/stats/jvm,fs,indices,thread_pool?timeout=3s", &stats); err != nil {
		return err
	}
	for _, node := range stats.Nodes {
		own.gauge("opensearch.node.heap.used", "By", node.JVM.Mem.Used)
		own.gauge("opensearch.node.heap.max", "By", node.JVM.Mem.Max)
		own.gauge("opensearch.node.disk.available", "By", node.FS.Total.Available)
		own.gauge("opensearch.node.disk.size", "By", node.FS.Total.Size)
		own.gauge("opensearch.node.documents", "{document}", node.Indices.Docs.Count)
		own.gauge("opensearch.node.store.size", "By", node.Indices.Store.Size)
		own.counter("opensearch.node.indexing.operations", "{operation}", node.Indices.Indexing.Total)
		own.counter("opensearch.node.indexing.failures", "{operation}", node.Indices.Indexing.Failed)
		own.counter("opensearch.node.search.queries", "{query}", node.Indices.Search.Total)
		for _, pool := range []string{"write", "search"} {
			own.gauge("opensearch.node.pool.queue", "{task}", node.Pools[pool].Queue, "pool", pool)
			own.counter("opensearch.node.pool.rejected", "{task}", node.Pools[pool].Rejected, "pool", pool)
		}
	}
	return nil
}

type clusterHealth struct {
	Status            string  `json:"status"`
	Nodes             float64 `json:"number_of_nodes"`
	DataNodes         float64 `json:"number_of_data_nodes"`
	ActivePrimaries   float64 `json:"active_primary_shards"`
	Active            float64 `json:"active_shards"`
	Relocating        float64 `json:"relocating_shards"`
	Initializing      float64 `json:"initializing_shards"`
	Unassigned        float64 `json:"unassigned_shards"`
	DelayedUnassigned float64 `json:"delayed_unassigned_shards"`
	PendingTasks      float64 `json:"number_of_pending_tasks"`
}

var statusNumber = map[string]float64{"green": 0, "yellow": 1, "red": 2}

func (n *node) health(ctx context.Context, cluster recorder) error {
	var health clusterHealth
	if err := n.get(ctx, "/_cluster/health?local=true", &health); err != nil {
		return err
	}
	cluster.gauge("opensearch.cluster.status", "1", statusNumber[health.Status], "status", health.Status)
	cluster.gauge("opensearch.cluster.nodes", "{node}", health.Nodes)
	cluster.gauge("opensearch.cluster.nodes.missing", "{node}", max(float64(n.config.Nodes)-health.Nodes, 0))
	cluster.gauge("opensearch.cluster.data_nodes", "{node}", health.DataNodes)
	cluster.gauge("opensearch.cluster.pending_tasks", "{task}", health.PendingTasks)
	for state, count := range map[string]float64{
		"active_primary": health.ActivePrimaries, "active": health.Active, "relocating": health.Relocating,
		"initializing": health.Initializing, "unassigned": health.Unassigned, "delayed_unassigned": health.DelayedUnassigned,
	} {
		cluster.gauge("opensearch.cluster.shards", "{shard}", count, "state", state)
	}
	return nil
}

type indexRow struct {
	Index     string `json:"index"`
	Documents string `json:"docs.count"`
	Size      string `json:"store.size"`
}

func (n *node) indexes(ctx context.Context, cluster recorder) error {
	var rows []indexRow
	if err := n.get(ctx, "/_cat/indices?format=json&bytes=b&h=index,docs.count,store.size&cluster_manager_timeout=3s", &rows); err != nil {
		return err
	}
	for _, row := range rows {
		documents, err := strconv.ParseFloat(row.Documents, 64)
		// One whose shards are all away has no count.
		if err != nil || strings.HasPrefix(row.Index, ".") {
			continue
		}
		cluster.gauge("opensearch.index.documents", "{document}", documents, "index", row.Index)
		if size, err := strconv.ParseFloat(row.Size, 64); err == nil {
			cluster.gauge("opensearch.index.size", "By", size, "index", row.Index)
		}
	}
	return nil
}
