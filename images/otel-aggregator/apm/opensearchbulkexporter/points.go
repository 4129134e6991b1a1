package opensearchbulkexporter

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// What data points of all kinds have in common.
type commonPoint interface {
	Attributes() pcommon.Map
	Timestamp() pcommon.Timestamp
	StartTimestamp() pcommon.Timestamp
	Flags() pmetric.DataPointFlags
}

// point is one data point with what its kind has besides.
type point struct {
	common commonPoint
	own    fields
}

func points(metric pmetric.Metric) []point {
	var all []point
	switch metric.Type() {
	case pmetric.MetricTypeGauge:
		for _, one := range metric.Gauge().DataPoints().All() {
			all = append(all, point{one, fields{"kind": "GAUGE", "value": numberOf(one)}})
		}
	case pmetric.MetricTypeSum:
		for _, one := range metric.Sum().DataPoints().All() {
			all = append(all, point{one, fields{
				"kind":                   "SUM",
				"value":                  numberOf(one),
				"isMonotonic":            metric.Sum().IsMonotonic(),
				"aggregationTemporality": temporality(metric.Sum().AggregationTemporality()),
			}})
		}
	case pmetric.MetricTypeHistogram:
		for _, one := range metric.Histogram().DataPoints().All() {
			all = append(all, point{one, histogram(metric.Histogram(), one)})
		}
	case pmetric.MetricTypeExponentialHistogram:
		for _, one := range metric.ExponentialHistogram().DataPoints().All() {
			all = append(all, point{one, exponential(metric.ExponentialHistogram(), one)})
		}
	case pmetric.MetricTypeSummary:
		for _, one := range metric.Summary().DataPoints().All() {
			all = append(all, point{one, summary(one)})
		}
	}
	return all
}

func addPoint(record fields, metric pmetric.Metric, one point) {
	for name, value := range one.own {
		record[name] = value
	}
	addAttributes(record, "metric.attributes.", one.common.Attributes())
	record["name"] = metric.Name()
	addText(record, "description", metric.Description())
	addText(record, "unit", metric.Unit())
	record["flags"] = uint32(one.common.Flags())
	addTime(record, "@timestamp", one.common.Timestamp())
	addTime(record, "time", one.common.Timestamp())
	addTime(record, "startTime", one.common.StartTimestamp())
}

func numberOf(one pmetric.NumberDataPoint) any {
	switch one.ValueType() {
	case pmetric.NumberDataPointValueTypeInt:
		return one.IntValue()
	case pmetric.NumberDataPointValueTypeDouble:
		return number(one.DoubleValue())
	default:
		return nil
	}
}

func histogram(metric pmetric.Histogram, one pmetric.HistogramDataPoint) fields {
	record := fields{
		"kind":                   "HISTOGRAM",
		"aggregationTemporality": temporality(metric.AggregationTemporality()),
		"count":                  one.Count(),
		"bucketCountsList":       one.BucketCounts().AsRaw(),
		"explicitBoundsList":     one.ExplicitBounds().AsRaw(),
	}
	addIf(record, "sum", one.HasSum(), one.Sum())
	addIf(record, "min", one.HasMin(), one.Min())
	addIf(record, "max", one.HasMax(), one.Max())
	return record
}

func exponential(metric pmetric.ExponentialHistogram, one pmetric.ExponentialHistogramDataPoint) fields {
	record := fields{
		"kind":                   "EXPONENTIAL_HISTOGRAM",
		"aggregationTemporality": temporality(metric.AggregationTemporality()),
		"count":                  one.Count(),
		"scale":                  one.Scale(),
		"zeroCount":              one.ZeroCount(),
		"positiveOffset":         one.Positive().Offset(),
		"positiveCountsList":     one.Positive().BucketCounts().AsRaw(),
		"negativeOffset":         one.Negative().Offset(),
		"negativeCountsList":     one.Negative().BucketCounts().AsRaw(),
	}
	addIf(record, "sum", one.HasSum(), one.Sum())
	addIf(record, "min", one.HasMin(), one.Min())
	addIf(record, "max", one.HasMax(), one.Max())
	return record
}

func summary(one pmetric.SummaryDataPoint) fields {
	quantiles := []fields{}
	for _, value := range one.QuantileValues().All() {
		quantiles = append(quantiles, fields{"quantile": number(value.Quantile()), "value": number(value.Value())})
	}
	return fields{"kind": "SUMMARY", "count": one.Count(), "sum": number(one.Sum()), "quantiles": quantiles}
}

func addIf(record fields, name string, there bool, value float64) {
	if there {
		record[name] = number(value)
	}
}

func temporality(of pmetric.AggregationTemporality) string {
	return "AGGREGATION_TEMPORALITY_" + strings.ToUpper(of.String())
}
