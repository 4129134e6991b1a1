#!/bin/sh
# setup-dashboards [--timeout SECONDS] [--open-timeout SECONDS] [--check true] CONTAINER
#
# Waits until OpenSearch Dashboards works, and gives it the index patterns and dashboards of its objects.ndjson: only when they are different from what is
# there. While OpenSearch does not answer, as before the other hosts are set up, that is waited for up to the open timeout; then it is said as "open:" and
# is no failure: the container does all this by itself. --check true: changes nothing, and fails when something is different.
set -eu

timeout=300 open_timeout=300 do=import
while [ $# -gt 1 ]; do
    case $1 in
        --timeout) timeout=$2 ;;
        --open-timeout) open_timeout=$2 ;;
        --check) [ "$2" != true ] || do=look ;;
        *) echo "setup-dashboards: unknown option $1" >&2; exit 2 ;;
    esac
    shift 2
done
container=$1
lib=$(dirname "$0")
open_by=$(($(date +%s) + open_timeout))

while ! said=$("$lib/await-healthy" --timeout "$timeout" "$container" 2>&1); do
    case $said in
        *"$container is not healthy after "*": waits for OpenSearch: "*)
            [ "$(date +%s)" -ge "$open_by" ] || continue
            echo "open: OpenSearch Dashboards waits for OpenSearch (${said##*: waits for OpenSearch: }); it starts by itself then"
            exit 0 ;;
    esac
    printf '%s\n' "$said" >&2
    exit 1
done

if said=$(docker exec "$container" /bin/sh /etc/opensearch-dashboards/objects.sh "$do" 2>&1); then
    case $said in
        same) ;;
        *) echo "note: index patterns and dashboards are imported: $said" ;;
    esac
else
    printf 'index patterns and dashboards: %s\n' "$said" >&2
    exit 1
fi
