package opensearchbulkexporter

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// document is one record as OpenSearch gets it. The same record always has the same id: written twice, it is there once.
type document struct {
	id     string
	index  string
	source []byte
}

type fields map[string]any

// The fields are named as Data Prepper names them, so that searches and dashboards do not depend on the way that the data took.
func traceDocuments(traces ptrace.Traces, index indexName) ([]document, error) {
	var documents []document
	for _, resource := range traces.ResourceSpans().All() {
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				record := origin(resource.Resource(), scope.Scope())
				addSpan(record, span)
				id := ""
				if !span.TraceID().IsEmpty() && !span.SpanID().IsEmpty() {
					id = span.TraceID().String() + "-" + span.SpanID().String()
				}
				document, err := newDocument(record, id, index.at(span.StartTimestamp()))
				if err != nil {
					return nil, err
				}
				documents = append(documents, document)
			}
		}
	}
	return documents, nil
}

func logDocuments(logs plog.Logs, index indexName) ([]document, error) {
	var documents []document
	for _, resource := range logs.ResourceLogs().All() {
		for _, scope := range resource.ScopeLogs().All() {
			for _, log := range scope.LogRecords().All() {
				record := origin(resource.Resource(), scope.Scope())
				at := log.Timestamp()
				if at == 0 {
					at = log.ObservedTimestamp()
				}
				addLog(record, log, at)
				document, err := newDocument(record, "", index.at(at))
				if err != nil {
					return nil, err
				}
				documents = append(documents, document)
			}
		}
	}
	return documents, nil
}

func metricDocuments(metrics pmetric.Metrics, index indexName) ([]document, error) {
	var documents []document
	for _, resource := range metrics.ResourceMetrics().All() {
		for _, scope := range resource.ScopeMetrics().All() {
			for _, metric := range scope.Metrics().All() {
				for _, point := range points(metric) {
					record := origin(resource.Resource(), scope.Scope())
					addPoint(record, metric, point)
					document, err := newDocument(record, "", index.at(point.common.Timestamp()))
					if err != nil {
						return nil, err
					}
					documents = append(documents, document)
				}
			}
		}
	}
	return documents, nil
}

// Without an id of its own a record is known by its content. encoding/json sorts the keys of a map.
func newDocument(record fields, id, index string) (document, error) {
	source, err := json.Marshal(record)
	if err != nil {
		return document{}, err
	}
	if id == "" {
		id, err = contentID(record, source)
	}
	return document{id: id, index: index, source: source}, err
}

// When it was seen says nothing about what happened, and is another time when a file is read once more.
func contentID(record fields, source []byte) (string, error) {
	if observed, is := record["observedTime"]; is && record["time"] != observed {
		delete(record, "observedTime")
		identity, err := json.Marshal(record)
		if err != nil {
			return "", err
		}
		source = identity
	}
	sum := sha256.Sum256(source)
	return hex.EncodeToString(sum[:16]), nil
}

func origin(resource pcommon.Resource, scope pcommon.InstrumentationScope) fields {
	record := fields{}
	addAttributes(record, "resource.attributes.", resource.Attributes())
	if service, is := resource.Attributes().Get("service.name"); is {
		record["serviceName"] = service.AsString()
	}
	addText(record, "instrumentationScope.name", scope.Name())
	addText(record, "instrumentationScope.version", scope.Version())
	return record
}

func addSpan(record fields, span ptrace.Span) {
	start, end := span.StartTimestamp(), span.EndTimestamp()
	addAttributes(record, "span.attributes.", span.Attributes())
	addTime(record, "@timestamp", start)
	addTime(record, "startTime", start)
	addTime(record, "endTime", end)
	record["durationInNanos"] = max(int64(end)-int64(start), 0)
	record["traceId"] = span.TraceID().String()
	record["spanId"] = span.SpanID().String()
	record["parentSpanId"] = span.ParentSpanID().String()
	record["name"] = span.Name()
	record["kind"] = "SPAN_KIND_" + strings.ToUpper(span.Kind().String())
	record["status.code"] = int(span.Status().Code())
	addText(record, "status.message", span.Status().Message())
	addText(record, "traceState", span.TraceState().AsRaw())
	record["droppedAttributesCount"] = span.DroppedAttributesCount()
	record["droppedEventsCount"] = span.DroppedEventsCount()
	record["droppedLinksCount"] = span.DroppedLinksCount()
	record["events"] = events(span)
	record["links"] = links(span)
	if span.ParentSpanID().IsEmpty() {
		// Data Prepper gives these to the other spans of the trace, too; here each record is written as it comes.
		record["traceGroup"] = span.Name()
		record["traceGroupFields.durationInNanos"] = record["durationInNanos"]
		record["traceGroupFields.statusCode"] = record["status.code"]
		addTime(record, "traceGroupFields.endTime", end)
	}
}

func events(span ptrace.Span) []fields {
	all := []fields{}
	for _, event := range span.Events().All() {
		one := fields{"name": event.Name(), "attributes": plain(event.Attributes())}
		one["droppedAttributesCount"] = event.DroppedAttributesCount()
		addTime(one, "time", event.Timestamp())
		all = append(all, one)
	}
	return all
}

func links(span ptrace.Span) []fields {
	all := []fields{}
	for _, link := range span.Links().All() {
		all = append(all, fields{
			"traceId":                link.TraceID().String(),
			"spanId":                 link.SpanID().String(),
			"traceState":             link.TraceState().AsRaw(),
			"attributes":             plain(link.Attributes()),
			"droppedAttributesCount": link.DroppedAttributesCount(),
		})
	}
	return all
}

func addLog(record fields, log plog.LogRecord, at pcommon.Timestamp) {
	addAttributes(record, "log.attributes.", log.Attributes())
	addTime(record, "@timestamp", at)
	addTime(record, "time", at)
	addTime(record, "observedTime", log.ObservedTimestamp())
	record["severityNumber"] = int(log.SeverityNumber())
	addText(record, "severityText", log.SeverityText())
	record["body"] = log.Body().AsString()
	record["flags"] = uint32(log.Flags())
	record["traceId"] = log.TraceID().String()
	record["spanId"] = log.SpanID().String()
	addText(record, "eventName", log.EventName())
	record["droppedAttributesCount"] = log.DroppedAttributesCount()
}

func addAttributes(record fields, prefix string, attributes pcommon.Map) {
	for key, value := range attributes.All() {
		record[prefix+strings.ReplaceAll(key, ".", "@")] = scalar(value)
	}
}

func plain(attributes pcommon.Map) fields {
	record := fields{}
	addAttributes(record, "", attributes)
	return record
}

// A list or a map becomes its JSON: as an object it could have more fields than an index takes.
func scalar(value pcommon.Value) any {
	switch value.Type() {
	case pcommon.ValueTypeBool:
		return value.Bool()
	case pcommon.ValueTypeInt:
		return value.Int()
	case pcommon.ValueTypeDouble:
		return number(value.Double())
	default:
		return value.AsString()
	}
}

// JSON has no infinity, and OpenSearch takes none.
func number(value float64) any {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return nil
	}
	return value
}

func addText(record fields, name, text string) {
	if text != "" {
		record[name] = text
	}
}

func addTime(record fields, name string, at pcommon.Timestamp) {
	if at != 0 {
		record[name] = at.AsTime().Format(time.RFC3339Nano)
	}
}

// indexName says where a record belongs. By the day that it happened on, a record that is sent again after a rollover still meets itself.
type indexName struct {
	name  string
	daily bool
}

func (i indexName) at(happened pcommon.Timestamp) string {
	if !i.daily {
		return i.name
	}
	return i.name + "-" + happened.AsTime().Format("2006.01.02")
}
