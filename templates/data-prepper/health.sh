#!/bin/sh
# Whether Data Prepper works, in its container: every pipeline reads from its buffer, which it does once its sinks are ready, and every source listens. That
# the process runs says nothing: a pipeline whose sink never gets ready stays silent for ever.
#
# PIPELINES, SOURCE_PORTS, API_PORT, API_USER.
set -eu

: "${CONFIG:=/etc/data-prepper}" "${RUN:=/tmp/data-prepper}"
if [ -s "$RUN/waits" ]; then
    echo "waits for OpenSearch: $(cat "$RUN/waits")"
    exit 1
fi
# shellcheck source=/dev/null
. "$CONFIG/secrets.env"

metrics=$(printf 'user = "%s:%s"\n' "$API_USER" "$OWN_PASSWORD" |
    curl -K - -sS -f --max-time 4 --cacert "$CONFIG/trusted.pem" "https://127.0.0.1:$API_PORT/metrics/prometheus" 2>&1) || {
    echo "its API does not answer: $metrics"
    exit 1
}
stuck=""
for pipeline in $PIPELINES; do
    name=$(printf '%s' "$pipeline" | tr - _)
    printf '%s\n' "$metrics" |
        grep -Eq "^${name}_BlockingBuffer_readTimeElapsed_seconds_count(\{[^}]*\})? [1-9]" || stuck="$stuck $pipeline"
done
if [ -n "$stuck" ]; then
    echo "stuck: the sinks of these pipelines are not ready:$stuck"
    exit 1
fi
for port in $SOURCE_PORTS; do
    # Any answer will do: without the password it is a refusal.
    curl -s -o /dev/null --max-time 2 --cacert "$CONFIG/trusted.pem" "https://127.0.0.1:$port/" || {
        echo "no source listens on port $port"
        exit 1
    }
done
