package opensearchbulkexporter

import (
	"encoding/json"
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

const noon = pcommon.Timestamp(1_796_041_681_259_643_027)

func oneLog(change func(plog.LogRecord)) document {
	logs := plog.NewLogs()
	resource := logs.ResourceLogs().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", "shop")
	record := resource.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	record.SetTimestamp(noon)
	record.SetObservedTimestamp(noon + 5)
	record.Body().SetStr("a line")
	record.Attributes().PutStr("http.path", "/a")
	record.Attributes().PutDouble("share", 0.5)
	change(record)
	documents, err := logDocuments(logs, indexName{"otel-logs", false})
	if err != nil || len(documents) != 1 {
		panic("no document")
	}
	return documents[0]
}

func unchanged(plog.LogRecord) {}

func TestTheSameRecordHasTheSameID(t *testing.T) {
	first := oneLog(unchanged)
	again := oneLog(func(record plog.LogRecord) {
		// As another client, or a file that is read once more, has it.
		record.SetObservedTimestamp(noon + 9)
		record.Attributes().Remove("http.path")
		record.Attributes().PutStr("http.path", "/a")
	})
	if first.id != again.id || len(first.id) != 32 {
		t.Errorf("%s and %s", first.id, again.id)
	}
}

func TestAnotherRecordHasAnotherID(t *testing.T) {
	first := oneLog(unchanged)
	for name, change := range map[string]func(plog.LogRecord){
		"time":      func(record plog.LogRecord) { record.SetTimestamp(noon + 1) },
		"body":      func(record plog.LogRecord) { record.Body().SetStr("another line") },
		"attribute": func(record plog.LogRecord) { record.Attributes().PutStr("http.path", "/b") },
		// Known by when it was seen: it says nothing else.
		"no time": func(record plog.LogRecord) { record.SetTimestamp(0) },
	} {
		if other := oneLog(change); other.id == first.id {
			t.Errorf("%s: the same id", name)
		}
	}
}

func TestFieldsAreNamedAsDataPrepperNamesThem(t *testing.T) {
	var source map[string]any
	if err := json.Unmarshal(oneLog(unchanged).source, &source); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"resource.attributes.service@name": "shop",
		"serviceName":                      "shop",
		"log.attributes.http@path":         "/a",
		"log.attributes.share":             0.5,
		"body":                             "a line",
		"time":                             "2026-11-30T12:28:01.259643027Z",
		"@timestamp":                       "2026-11-30T12:28:01.259643027Z",
	} {
		if source[name] != want {
			t.Errorf("%s: %v, not %v", name, source[name], want)
		}
	}
}

func TestASpanIsKnownByItsIDs(t *testing.T) {
	traces := ptrace.NewTraces()
	span := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetTraceID([16]byte{15: 1})
	span.SetSpanID([8]byte{7: 2})
	span.SetStartTimestamp(noon)
	span.SetEndTimestamp(noon + 1000)
	documents, err := traceDocuments(traces, indexName{"spans", true})
	if err != nil {
		t.Fatal(err)
	}
	if documents[0].id != "00000000000000000000000000000001-0000000000000002" || documents[0].index != "spans-2026.11.30" {
		t.Errorf("%+v", documents[0])
	}
	span.SetSpanID([8]byte{})
	documents, _ = traceDocuments(traces, indexName{"spans", true})
	if len(documents[0].id) != 32 {
		t.Errorf("without an id of its own it is known by its content, not by %s", documents[0].id)
	}
}

func TestEveryKindOfMetricIsWritten(t *testing.T) {
	metrics := pmetric.NewMetrics()
	all := metrics.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	one := func(name string) pmetric.Metric {
		metric := all.AppendEmpty()
		metric.SetName(name)
		return metric
	}
	one("gauge").SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(1)
	one("sum").SetEmptySum().DataPoints().AppendEmpty().SetDoubleValue(0.5)
	one("histogram").SetEmptyHistogram().DataPoints().AppendEmpty().SetCount(3)
	one("exponential").SetEmptyExponentialHistogram().DataPoints().AppendEmpty().SetCount(3)
	one("summary").SetEmptySummary().DataPoints().AppendEmpty().QuantileValues().AppendEmpty().SetQuantile(0.9)
	documents, err := metricDocuments(metrics, indexName{"otel-metrics", false})
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, document := range documents {
		ids[document.id] = true
	}
	if len(documents) != 5 || len(ids) != 5 {
		t.Errorf("%d documents with %d ids", len(documents), len(ids))
	}
}
