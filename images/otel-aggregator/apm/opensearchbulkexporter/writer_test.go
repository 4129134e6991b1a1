package opensearchbulkexporter

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.uber.org/zap"
)

// An OpenSearch that answers what the test says, and notes what it is asked.
type fake struct {
	*httptest.Server
	bodies []string
}

func newFake(t *testing.T, answer func(body string) (int, string)) *fake {
	f := &fake{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		f.bodies = append(f.bodies, string(body))
		status, text := answer(string(body))
		writer.WriteHeader(status)
		_, _ = io.WriteString(writer, text)
	}))
	t.Cleanup(f.Close)
	return f
}

func items(all ...string) string {
	return `{"items":[` + strings.Join(all, ",") + `]}`
}

const created = `{"create":{"status":201}}`

func failed(status int, kind, reason string) string {
	return fmt.Sprintf(`{"create":{"status":%d,"error":{"type":"%s","reason":"%s"}}}`, status, kind, reason)
}

func always(status int, text string) func(string) (int, string) {
	return func(string) (int, string) { return status, text }
}

func newTestWriter(endpoints ...string) *writer {
	config := defaultConfig().(*Config)
	config.Endpoints = endpoints
	w := &writer{config: config, client: http.DefaultClient}
	w.telemetry = component.TelemetrySettings{Logger: zap.NewNop()}
	return w
}

func two() []document {
	return []document{{"1", "otel-logs", []byte(`{"a":1}`)}, {"2", "otel-logs", []byte(`{"a":2}`)}}
}

func TestWhatIsThereAlreadyIsWritten(t *testing.T) {
	server := newFake(t, always(200, items(created, failed(409, "version_conflict_engine_exception", "exists"))))
	if err := newTestWriter(server.URL).writeAll(context.Background(), two(), nil); err != nil {
		t.Error(err)
	}
	want := `{"create":{"_id":"1","_index":"otel-logs"}}` + "\n" + `{"a":1}` + "\n" + `{"create":{"_id":"2","_index":"otel-logs"}}` + "\n" + `{"a":2}` + "\n"
	if server.bodies[0] != want {
		t.Errorf("sent %s", server.bodies[0])
	}
}

func TestWhatMayPassIsKept(t *testing.T) {
	for name, answer := range map[string]func(string) (int, string){
		"busy":            always(429, "too many requests"),
		"no manager":      always(503, "no cluster manager"),
		"wrong password":  always(401, "Unauthorized"),
		"cut off":         always(200, `{"items":[`),
		"too few answers": always(200, items(created)),
		"read only":       always(200, items(created, failed(403, "cluster_block_exception", "read-only"))),
		"busy document":   always(200, items(created, failed(429, "rejected_execution_exception", "full"))),
		"no index":        always(200, items(created, failed(404, "index_not_found_exception", "no such index"))),
		"no write index":  always(200, items(created, failed(400, "illegal_argument_exception", "no write index is defined for alias"))),
		"too many shards": always(200, items(created, failed(400, "validation_exception", "maximum shards open"))),
	} {
		server := newFake(t, answer)
		err := newTestWriter(server.URL).writeAll(context.Background(), two(), nil)
		if err == nil || consumererror.IsPermanent(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatIsRefusedIsKeptAsText(t *testing.T) {
	server := newFake(t, func(body string) (int, string) {
		if strings.Contains(body, `"serviceName":"otel-refused"`) {
			return 200, items(created)
		}
		return 200, items(created, failed(400, "mapper_parsing_exception", "failed to parse"))
	})
	if err := newTestWriter(server.URL).writeAll(context.Background(), two(), nil); err != nil {
		t.Error(err)
	}
	if len(server.bodies) != 2 || !strings.Contains(server.bodies[1], `failed to parse: {\"a\":2}"`) || !strings.Contains(server.bodies[1], `"_id":"2"`) {
		t.Errorf("sent %v", server.bodies)
	}
}

func TestAnotherNodeIsAsked(t *testing.T) {
	away := httptest.NewServer(http.NotFoundHandler())
	away.Close()
	busy := newFake(t, always(503, "no cluster manager"))
	well := newFake(t, always(200, items(created, created)))
	w := newTestWriter(away.URL, busy.URL, well.URL)
	for range 2 {
		if err := w.writeAll(context.Background(), two(), nil); err != nil {
			t.Error(err)
		}
	}
	// The one that worked is kept to for a while.
	if len(busy.bodies) != 1 || len(well.bodies) != 2 {
		t.Errorf("asked %d and %d times", len(busy.bodies), len(well.bodies))
	}
}

func TestWhatIsTooLargeIsHalved(t *testing.T) {
	server := newFake(t, func(body string) (int, string) {
		if strings.Count(body, "\n") > 2 {
			return 413, ""
		}
		return 200, items(created)
	})
	if err := newTestWriter(server.URL).writeAll(context.Background(), two(), nil); err != nil {
		t.Error(err)
	}
	if len(server.bodies) != 3 {
		t.Errorf("%d requests", len(server.bodies))
	}
}
