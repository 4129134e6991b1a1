package opensearchbulkexporter

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.uber.org/zap"
)

// How long another node than the first is kept to before the first is tried again.
const returnAfter = 10 * time.Second

// writer sends documents to whichever node takes them. Whoever gets an error from it sends all of them again: those that are there are left alone.
type writer struct {
	config    *Config
	telemetry component.TelemetrySettings
	client    *http.Client

	mutex   sync.Mutex
	current int
	since   time.Time
}

func newWriter(config *Config, set exporter.Settings) *writer {
	return &writer{config: config, telemetry: set.TelemetrySettings}
}

func (w *writer) start(ctx context.Context, host component.Host) error {
	client, err := w.config.ToClient(ctx, host, w.telemetry)
	w.client = client
	return err
}

func (w *writer) writeAll(ctx context.Context, documents []document, encoding error) error {
	if encoding != nil {
		return consumererror.NewPermanent(encoding)
	}
	refused, err := w.write(ctx, documents)
	if err != nil || len(refused) == 0 {
		return err
	}
	w.telemetry.Logger.Warn("OpenSearch refuses documents for what they say; they are kept as text",
		zap.Int("documents", len(refused)), zap.String("index", w.config.RefusedIndex), zap.String("reason", refused[0].reason))
	copies := make([]document, len(refused))
	for at, one := range refused {
		if copies[at], err = w.asText(one); err != nil {
			return consumererror.NewPermanent(err)
		}
	}
	again, err := w.write(ctx, copies)
	if err == nil && len(again) > 0 {
		// Not lost, but kept in the queue: somebody has to see to the index.
		err = fmt.Errorf("%s refuses, too: %s", w.config.RefusedIndex, again[0].reason)
	}
	return err
}

// A log record with only fields that every log record has: it needs no mapping of its own, which may be what there is no room for.
func (w *writer) asText(one refusal) (document, error) {
	now := time.Now().UTC().Format(time.RFC3339Nano)
	source, err := json.Marshal(fields{
		"@timestamp":  now,
		"time":        now,
		"serviceName": "otel-refused",
		"body":        fmt.Sprintf("refused by %s: %.500s: %s", one.document.index, one.reason, one.document.source),
	})
	return document{id: one.document.id, index: w.config.RefusedIndex, source: source}, err
}

// A document that OpenSearch will never take, and why.
type refusal struct {
	document document
	reason   string
}

var errTooLarge = errors.New("the request is too large for OpenSearch")

func (w *writer) write(ctx context.Context, documents []document) ([]refusal, error) {
	if len(documents) == 0 {
		return nil, nil
	}
	refused, err := w.send(ctx, documents)
	if !errors.Is(err, errTooLarge) {
		return refused, err
	}
	if len(documents) == 1 {
		return nil, consumererror.NewPermanent(err)
	}
	half := len(documents) / 2
	first, err := w.write(ctx, documents[:half])
	if err != nil {
		return nil, err
	}
	second, err := w.write(ctx, documents[half:])
	return append(first, second...), err
}

// Each node gets one try, beginning with the one that worked last.
func (w *writer) send(ctx context.Context, documents []document) ([]refusal, error) {
	body := bulkBody(documents)
	var failures []error
	from := w.preferred()
	for try := range w.config.Endpoints {
		node := (from + try) % len(w.config.Endpoints)
		refused, err := w.post(ctx, w.config.Endpoints[node], body, documents)
		if err == nil || errors.Is(err, errTooLarge) {
			w.keepTo(node)
			return refused, err
		}
		failures = append(failures, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(failures...)
}

func (w *writer) preferred() int {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.current != 0 && time.Since(w.since) > returnAfter {
		w.current = 0
	}
	return w.current
}

func (w *writer) keepTo(node int) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if node != w.current {
		w.current, w.since = node, time.Now()
	}
}

// "create" leaves a document alone that is there already, and works for data streams.
func bulkBody(documents []document) []byte {
	var body bytes.Buffer
	for _, one := range documents {
		action, _ := json.Marshal(fields{"create": fields{"_index": one.index, "_id": one.id}})
		body.Write(action)
		body.WriteByte('\n')
		body.Write(one.source)
		body.WriteByte('\n')
	}
	return body.Bytes()
}

type bulkAnswer struct {
	Items []map[string]struct {
		Status int `json:"status"`
		Error  struct {
			Type   string `json:"type"`
			Reason string `json:"reason"`
			Cause  struct {
				Reason string `json:"reason"`
			} `json:"caused_by"`
		} `json:"error"`
	} `json:"items"`
}

// A shard without a primary is said to have none in time for this client to hear it.
const onlyWhatIsRead = "/_bulk?timeout=5s&filter_path=items.*.status,items.*.error.type,items.*.error.reason,items.*.error.caused_by.reason"

func (w *writer) post(ctx context.Context, endpoint string, body []byte, documents []document) ([]refusal, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(endpoint, "/")+onlyWhatIsRead, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-ndjson")
	response, err := w.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return nil, err
	case response.StatusCode == http.StatusRequestEntityTooLarge:
		return nil, errTooLarge
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s: %s: %.300s", endpoint, response.Status, text)
	}
	return judge(endpoint, text, documents)
}

// judge tells documents that are written from those that never will be. Errors: one that may be, later.
func judge(endpoint string, text []byte, documents []document) ([]refusal, error) {
	var answer bulkAnswer
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, fmt.Errorf("%s: %w", endpoint, err)
	}
	if len(answer.Items) != len(documents) {
		return nil, fmt.Errorf("%s: %d documents sent, %d answers", endpoint, len(documents), len(answer.Items))
	}
	var refused []refusal
	for at, item := range answer.Items {
		for _, result := range item {
			reason := strings.TrimSuffix(result.Error.Type+": "+result.Error.Reason+": "+result.Error.Cause.Reason, ": ")
			switch {
			case result.Status/100 == 2 || result.Status == http.StatusConflict:
				// A conflict: it is there.
			case result.Status == http.StatusBadRequest && !mayPass(result.Error.Type, result.Error.Reason):
				refused = append(refused, refusal{documents[at], reason})
			default:
				return nil, fmt.Errorf("%s: %s: %d %.300s", endpoint, documents[at].index, result.Status, reason)
			}
		}
	}
	return refused, nil
}

// What OpenSearch also calls a bad request, although no other document would fare better: it is the cluster that somebody has to see to.
func mayPass(kind, reason string) bool {
	return kind == "index_closed_exception" || kind == "validation_exception" || strings.Contains(reason, "no write index")
}
