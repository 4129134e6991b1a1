#!/bin/sh
# keep-opensearch --node NAME --port PORT [--scheme https|http] [--roll ALIAS]... [--roll-age AGE] [--roll-size SIZE] [--keep SECONDS] \
#     [--home DIR] [--config DIR] [--run DIR]
#
# Goes on beside OpenSearch, in its container. What it does is the cluster's business, and the elected manager's node does it, each time that it looks:
#   - every ten seconds: primaries that are none are opened anew (mend_primaries),
#   - every minute: a restart that nobody finished does not leave the cluster without new copies for ever, and indices are rolled over and deleted,
#     where the plugin for that is not there.
set -eu

node="" port=9200 scheme=https roll="" roll_age=1d roll_size=20gb keep=604800
home=/usr/share/opensearch config=/etc/opensearch run=/run/opensearch
while [ $# -gt 1 ]; do
    case $1 in
        --node) node=$2 ;;
        --port) port=$2 ;;
        --scheme) scheme=$2 ;;
        --roll) roll="$roll $2" ;;
        --roll-age) roll_age=$2 ;;
        --roll-size) roll_size=$2 ;;
        --keep) keep=$2 ;;
        --home) home=$2 ;;
        --config) config=$2 ;;
        --run) run=$2 ;;
        *) echo "keep-opensearch: unknown option $1" >&2; exit 2 ;;
    esac
    shift 2
done
say() { echo "keep-opensearch: $1"; }

api() { # PATH [curl's options]
    path=$1
    shift
    if [ "$scheme" = https ]; then set -- -K "$config/keeper.curl" "$@"; fi
    curl -s -m 20 "$@" "$scheme://127.0.0.1:$port$path"
}
send() { # METHOD PATH JSON
    api "$2" -X "$1" -H 'Content-Type: application/json' -d "$3"
}

is_manager() { [ "$(api '/_cat/cluster_manager?h=node' | tr -d ' \n')" = "$node" ]; }

# A manager that is elected while another node comes back makes the copies of what that node had primaries without a new term (OpenSearch, issue 19150, all
# versions since 2.10). Such a primary is one in the cluster's state and none in its node: it takes no writes, and no copy of it is made, until it is
# opened anew; nor are others, since two that do not begin are as many as a node makes at a time. What shows it is a copy whose making does not begin:
# whatever else delays one, delays it for a second or two. Nothing is lost: what was acknowledged is on the disk that the primary is opened from.
STUCK_SECONDS=15 AGAIN_SECONDS=120
mend_primaries() {
    api '/_cat/recovery?active_only=true&expand_wildcards=all&time=s&h=type,stage,time,shard,source_node,index' |
        while read -r type stage time shard source index; do
            time=${time%s}
            case "$type $stage $time" in "peer init "*[!0-9]* | "peer init ") continue ;; "peer init "*) ;; *) continue ;; esac
            [ "$time" -ge "$STUCK_SECONDS" ] || continue
            mark=$run/tmp/mended-$index-$shard
            now=$(date +%s)
            [ $((now - $(cat "$mark" 2>/dev/null || echo 0))) -ge "$AGAIN_SECONDS" ] || continue
            echo "$now" >"$mark"
            say "the copy of $index, shard $shard, has not begun for $time s: its primary on $source is opened anew"
            send POST '/_cluster/reroute?filter_path=acknowledged,error.reason' \
                "{\"commands\":[{\"cancel\":{\"index\":\"$index\",\"shard\":$shard,\"node\":\"$source\",\"allow_primary\":true}}]}"
            echo
        done
}

# One that nobody finished within half an hour.
end_restart() {
    since=$(api /.otel-ha/_source/restart | sed -n 's/.*"since":\([0-9]*\).*/\1/p')
    [ -n "$since" ] && [ $(($(date +%s) - since)) -gt 1800 ] || return 0
    say "a restart has not been finished for half an hour: copies are made again"
    send PUT /_cluster/settings '{"persistent":{"cluster.routing.allocation.enable":null}}' >/dev/null
    api /.otel-ha/_doc/restart -X DELETE >/dev/null
}

# An index is rolled over and, when all in it is old enough, deleted.
roll_over() {
    [ ! -d "$home/plugins/opensearch-index-management" ] || return 0
    for alias in $roll; do
        send POST "/$alias/_rollover" "{\"conditions\":{\"max_age\":\"$roll_age\",\"max_size\":\"$roll_size\"}}" |
            grep -o '"new_index":"[^"]*","rolled_over":true' || true
        delete_old "$alias"
    done
}

# All of an index is older than the one after it: that one's age counts. The newest is written to.
delete_old() { # ALIAS
    oldest=$((($(date +%s) - keep) * 1000))
    before=""
    api "/_cat/indices/$1-*?h=index,creation.date&s=index" | while read -r index created; do
        case $created in "" | *[!0-9]*) break ;; esac
        if [ -n "$before" ] && [ "$created" -lt "$oldest" ]; then
            say "$before is older than what is kept, and deleted"
            api "/$before" -X DELETE >/dev/null
        fi
        before=$index
    done
}

mkdir -p "$run/tmp"
round=0
while sleep 10; do
    round=$((round + 1))
    is_manager || continue
    mend_primaries || true
    [ $((round % 6)) -eq 0 ] || continue
    end_restart || true
    roll_over || true
done
