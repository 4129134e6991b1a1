#!/bin/sh
# flush-loki --container NAME [--port PORT] [--timeout S]
#
# Has this host's Loki write what it holds in memory to its bucket, and waits for that, up to --timeout (120 s). Loki publishes the index of it within
# 20 minutes. It is asked on loopback, where it answers whatever else is shut.
#
#   --container  one with an HTTP client in the host's network: the object store's. The host itself needs none.
#   --port       Loki's (3100)
set -eu

usage() {
    echo "usage: flush-loki --container NAME [--port PORT] [--timeout S]" >&2
    exit 2
}

container="" port=3100 timeout=120
while [ $# -ge 2 ]; do
    case $1 in
        --container) container=$2 ;;
        --port) port=$2 ;;
        --timeout) timeout=$2 ;;
        *) usage ;;
    esac
    shift 2
done
if [ $# -gt 0 ] || [ -z "$container" ]; then usage; fi
loki=http://127.0.0.1:$port

flush() {
    docker exec "$container" wget -q -O /dev/null --post-data "" "$loki/flush" ||
        { echo "flush-loki: Loki at $loki does not take POST /flush; is it ready?" >&2; exit 1; }
    deadline=$(($(date +%s) + timeout))
    until [ "$(docker exec "$container" wget -q -O - "$loki/metrics" | awk '/^loki_ingester_flush_queue_length/ { sum += $2 } END { print sum + 0 }')" = 0 ]; do
        [ "$(date +%s)" -lt "$deadline" ] || { echo "flush-loki: Loki at $loki still has chunks to write after $timeout s; does its bucket take writes?" >&2; exit 1; }
        sleep 1
    done
}

# Twice: the queue is empty while its last chunks are still on their way. The second time a worker takes a stream only when it is done with the first.
flush
flush
