#!/bin/sh
# await-data-prepper [--timeout SECONDS] [--green-timeout SECONDS] [--restarts N] CONTAINER
#
# Waits until every pipeline of Data Prepper runs. One that is stuck (see health.sh) does not recover by itself: the container is started anew, N times at
# most. While OpenSearch cannot be written to, as before the other hosts are set up, that is waited for up to the green timeout; then it is said as "open:"
# and is no failure: the container goes on by itself.
set -eu

timeout=120 green_timeout=300 restarts=2
while [ $# -gt 1 ]; do
    case $1 in
        --timeout) timeout=$2 ;;
        --green-timeout) green_timeout=$2 ;;
        --restarts) restarts=$2 ;;
        *) echo "await-data-prepper: unknown option $1" >&2; exit 2 ;;
    esac
    shift 2
done
container=$1
lib=$(dirname "$0")
green_by=$(($(date +%s) + green_timeout))
restarted=0

while ! said=$("$lib/await-healthy" --timeout "$timeout" "$container" 2>&1); do
    case $said in
        *"$container is not healthy after "*) reason=${said##*"$container is not healthy after "} ;;
        # It ends by itself, with a reason: again would be the same.
        *) printf '%s\n' "$said" >&2; exit 1 ;;
    esac
    case $reason in
        *": waits for OpenSearch: "*)
            [ "$(date +%s)" -ge "$green_by" ] || continue
            echo "open: Data Prepper waits for OpenSearch (${reason#*: waits for OpenSearch: }); it starts by itself then"
            exit 0 ;;
    esac
    if [ "$restarted" -ge "$restarts" ]; then
        printf '%s\n' "$said" >&2
        [ "$restarts" -eq 0 ] || echo "$container was started anew $restarted times, and is no better" >&2
        exit 1
    fi
    restarted=$((restarted + 1))
    echo "note: $container is started anew, since it is not healthy after $reason"
    docker restart --time 10 "$container" >/dev/null
done
