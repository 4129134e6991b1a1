#!/bin/sh
# await-healthy [--timeout SECONDS] [--check CMD] [--open-if CMD --open TEXT [--open-after SECONDS]] CONTAINER
#
# Waits until the container's own health check, run here rather than at Docker's interval, succeeds; --check is another command in the container. When
# the CMD of --open-if succeeds, something outside this host is missing: that is said as "open: TEXT" and is no failure; --open-after gives the service
# that long to be healthy without it. A container that keeps crashing fails at once, with its log.
set -eu

timeout=120 check="" open_if="" open="" open_after=0
while [ $# -gt 1 ]; do
    case $1 in
        --timeout) timeout=$2 ;;
        --check) check=$2 ;;
        --open-if) open_if=$2 ;;
        --open) open=$2 ;;
        --open-after) open_after=$2 ;;
        *) echo "await-healthy: unknown option $1" >&2; exit 2 ;;
    esac
    shift 2
done
container=$1

[ -n "$check" ] || check=$(docker inspect --format '{{range .Config.Healthcheck.Test}}{{println .}}{{end}}' "$container" | sed 1d)
restarts_before=$(docker inspect --format '{{.RestartCount}}' "$container")
deadline=$(($(date +%s) + timeout))
may_be_open=$(($(date +%s) + open_after))

fail() {
    echo "last lines of docker logs $container:" >&2
    docker logs --tail 12 "$container" 2>&1 | cut -c 1-300 >&2
    echo "$container $1" >&2
    exit 1
}

# The container must be the same process before and after the check: a service that dies while it starts is not healthy.
healthy() {
    pid=$(docker inspect --format '{{if .State.Running}}{{.State.Pid}}{{end}}' "$container")
    [ -n "$pid" ] && message=$(timeout 10 docker exec "$container" /bin/sh -c "$check" 2>&1) &&
        [ "$(docker inspect --format '{{.State.Pid}}' "$container")" = "$pid" ]
}

message=""
while ! healthy; do
    if [ -n "$open_if" ] && sh -c "$open_if" >/dev/null 2>&1; then
        if [ "$(date +%s)" -ge "$may_be_open" ]; then
            echo "open: $open"
            exit 0
        fi
    else
        restarts=$(docker inspect --format '{{.RestartCount}}' "$container")
        [ $((restarts - restarts_before)) -lt 3 ] || fail "does not stay up ($restarts restarts)"
        [ "$(docker inspect --format '{{.State.Status}}' "$container")" != exited ] || fail "has exited"
    fi
    [ "$(date +%s)" -lt "$deadline" ] || fail "is not healthy after $timeout s: ${message:-no message from its health check}"
    sleep 0.3
done
