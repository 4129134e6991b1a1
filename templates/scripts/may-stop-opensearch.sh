#!/bin/sh
# may-stop-opensearch --container NAME --node NAME --port PORT [--scheme https|http] --admin DIR [--members N] [--timeout S] [--force true]
#
# Asked before a node's container is replaced. Succeeds when the cluster has all its nodes and all copies of its data, so that it can spare one: then no
# other node is restarted, only primaries are assigned, and what is in memory is written, until setup-opensearch ends that. Fails, with what would be
# right, when stopping the node would leave data without a copy, or the cluster without its quorum. Standard input tells what makes the container
# another one; it is there only so that this runs again.
set -eu

container="" node="" port=9200 scheme=https admin="" members=1 timeout=120 force=false
while [ $# -gt 1 ]; do
    case $1 in
        --container) container=$2 ;;
        --node) node=$2 ;;
        --port) port=$2 ;;
        --scheme) scheme=$2 ;;
        --admin) admin=$2 ;;
        --members) members=$2 ;;
        --timeout) timeout=$2 ;;
        --force) force=$2 ;;
        *) echo "may-stop-opensearch: unknown option $1" >&2; exit 2 ;;
    esac
    shift 2
done
cat >/dev/null
lib=$(dirname "$0")
override="set opensearchForceStop to true to stop it all the same"

session() { # STEP...
    { cat "$admin/admin.pem" 2>/dev/null || true; echo "--- users"; } |
        docker exec -i "$container" /bin/sh -c "$(cat "$lib/opensearch-session")" opensearch-session "$port" "$scheme" "$node" "$@"
}

refuse() {
    session unlock >/dev/null 2>&1 || true
    echo "$container is not replaced: $1, or $override" >&2
    exit 1
}

# Another node may be under way: it gets the same time.
take_turn() {
    until held=$(session lock 2>&1); do
        case $held in
            "held by "*) [ "$(date +%s)" -lt "$deadline" ] || refuse "${held#held by } is being restarted. Let its pulumi up end, or run it again" ;;
            *) refuse "the cluster does not take its turn: $held" ;;
        esac
        sleep 1
    done
}

await_spare() {
    while :; do
        # shellcheck disable=SC2046
        set -- $(session status)
        if [ "$1 $2 $5" = "green $members 0" ]; then return 0; fi
        [ "$(date +%s)" -lt "$deadline" ] ||
            refuse "the cluster is $1 with $2 of $members nodes, $3 shards unassigned, $4 initializing, $5 relocating, and cannot spare another node. Bring it back to green with all nodes first"
        sleep 1
    done
}

running=$(docker inspect --format '{{.State.Running}}' "$container" 2>/dev/null) || exit 0
if [ "$running" != true ]; then exit 0; fi
uuid=$(session uuid 2>/dev/null) || uuid=""
if [ -z "$uuid" ]; then
    echo "note: $container is part of no cluster that works; it is replaced"
    exit 0
fi
deadline=$(($(date +%s) + timeout))
if [ "$force" = true ]; then
    echo "note: $container is replaced without asking (opensearchForceStop)"
    session force-lock primaries flush || true
elif [ "$members" -lt 3 ]; then
    echo "note: $members members cannot spare one: nothing is written while $container is replaced"
    session flush
else
    take_turn
    await_spare
    session primaries flush
fi
