package opensearchclusterreceiver

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"sync"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"
)

// job asks its targets for their pages.
type job struct {
	name   string
	config Scrape
	keep   *regexp.Regexp
	client *http.Client
	logger *zap.Logger
}

func newJob(ctx context.Context, name string, config Scrape, host component.Host, telemetry component.TelemetrySettings) (*job, error) {
	client, err := config.ToClient(ctx, host, telemetry)
	if err != nil {
		return nil, err
	}
	keep, err := regexp.Compile("^(?:" + config.Keep + ")")
	return &job{name, config, keep, client, telemetry.Logger}, err
}

// mine are the targets that are asked from here. Without OpenSearch nobody here knows whether somebody else asks.
func (j *job) mine(own, manager string, known bool) []Target {
	var targets []Target
	for _, target := range j.config.Targets {
		if j.config.Always || (known && (manager == own || (manager == "" && target.Node == own))) {
			targets = append(targets, target)
		}
	}
	return targets
}

// All at a time: one that hangs is not to hold up the others.
func (j *job) scrape(ctx context.Context, all pmetric.Metrics, at pcommon.Timestamp, own, manager string, known bool) {
	targets := j.mine(own, manager, known)
	pages := make([]map[string]*dto.MetricFamily, len(targets))
	var asked sync.WaitGroup
	for index, target := range targets {
		asked.Add(1)
		go func() {
			defer asked.Done()
			page, err := j.get(ctx, target.URL)
			if err != nil {
				j.logger.Warn("a page of metrics cannot be had", zap.String("url", target.URL), zap.Error(err))
			}
			pages[index] = page
		}()
	}
	asked.Wait()
	for index, target := range targets {
		attributes := map[string]string{"service.name": j.name, "service.instance.id": target.URL, "host.name": target.Node}
		into := newRecorder(all, at, attributes)
		into.gauge("up", "1", truth(pages[index] != nil))
		for name, family := range pages[index] {
			if j.config.Keep == "" || j.keep.MatchString(name) {
				into.family(family)
			}
		}
	}
}

func (j *job) get(ctx context.Context, url string) (map[string]*dto.MetricFamily, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "text/plain;version=0.0.4")
	response, err := j.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s", response.Status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(response.Body)
}

// family adds all series of one name.
func (r recorder) family(family *dto.MetricFamily) {
	metric := r.metrics.AppendEmpty()
	metric.SetName(family.GetName())
	metric.SetDescription(family.GetHelp())
	switch family.GetType() {
	case dto.MetricType_COUNTER:
		sum := metric.SetEmptySum()
		sum.SetIsMonotonic(true)
		sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		r.series(sum.DataPoints(), family, func(one *dto.Metric) float64 { return one.GetCounter().GetValue() })
	case dto.MetricType_SUMMARY:
		r.summaries(metric.SetEmptySummary().DataPoints(), family)
	case dto.MetricType_HISTOGRAM:
		histogram := metric.SetEmptyHistogram()
		histogram.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		r.histograms(histogram.DataPoints(), family)
	case dto.MetricType_GAUGE:
		r.series(metric.SetEmptyGauge().DataPoints(), family, func(one *dto.Metric) float64 { return one.GetGauge().GetValue() })
	default:
		r.series(metric.SetEmptyGauge().DataPoints(), family, func(one *dto.Metric) float64 { return one.GetUntyped().GetValue() })
	}
}

func (r recorder) series(points pmetric.NumberDataPointSlice, family *dto.MetricFamily, value func(*dto.Metric) float64) {
	for _, one := range family.GetMetric() {
		point := points.AppendEmpty()
		point.SetTimestamp(r.at)
		point.SetDoubleValue(value(one))
		putLabels(point.Attributes(), one)
	}
}

func (r recorder) summaries(points pmetric.SummaryDataPointSlice, family *dto.MetricFamily) {
	for _, one := range family.GetMetric() {
		point := points.AppendEmpty()
		point.SetTimestamp(r.at)
		point.SetCount(one.GetSummary().GetSampleCount())
		point.SetSum(one.GetSummary().GetSampleSum())
		for _, quantile := range one.GetSummary().GetQuantile() {
			value := point.QuantileValues().AppendEmpty()
			value.SetQuantile(quantile.GetQuantile())
			value.SetValue(quantile.GetValue())
		}
		putLabels(point.Attributes(), one)
	}
}

// Prometheus counts what is below each bound, OpenTelemetry what is between two.
func (r recorder) histograms(points pmetric.HistogramDataPointSlice, family *dto.MetricFamily) {
	for _, one := range family.GetMetric() {
		point := points.AppendEmpty()
		point.SetTimestamp(r.at)
		total := one.GetHistogram().GetSampleCount()
		point.SetCount(total)
		point.SetSum(one.GetHistogram().GetSampleSum())
		below := uint64(0)
		for _, bucket := range one.GetHistogram().GetBucket() {
			if bucket.GetUpperBound() > maxBound {
				continue
			}
			point.ExplicitBounds().Append(bucket.GetUpperBound())
			point.BucketCounts().Append(bucket.GetCumulativeCount() - below)
			below = bucket.GetCumulativeCount()
		}
		point.BucketCounts().Append(total - below)
		putLabels(point.Attributes(), one)
	}
}

// The last bound is infinity, which is none.
const maxBound = 1e300

func putLabels(attributes pcommon.Map, one *dto.Metric) {
	for _, label := range one.GetLabel() {
		attributes.PutStr(label.GetName(), label.GetValue())
	}
}
