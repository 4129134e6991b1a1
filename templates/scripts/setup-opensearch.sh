#!/bin/sh
# setup-opensearch --container NAME --node NAME --port PORT [--scheme https|http] --admin DIR --data DIR [--members N] [--peer HOST:PORT]...
#     [--timeout S] [--peer-grace S] [--green-timeout S] [--only STEP]
#
# Waits until this node is part of a cluster, makes the cluster what desired.txt and the users say, ends a restart that may-stop-opensearch has begun, and
# waits until all copies of all data are there. Only what differs is changed, and said. Peers are the transport ports of the other members: while
# too few of them are there no cluster can be, which is said as "open: ..." and is no failure; what runs for the next member completes it.
#
# DIR of --admin holds admin.pem and users, for root only. In DIR of --data, beside the data, the file "formed" says which cluster this host belongs to:
# see start-opensearch. With --only there is no waiting; STEP is one of opensearch-session's.
set -eu

container="" node="" port=9200 scheme=https admin="" data="" members=1 peers="" timeout=120 grace=45 green_timeout=600 only=""
while [ $# -gt 1 ]; do
    case $1 in
        --container) container=$2 ;;
        --node) node=$2 ;;
        --port) port=$2 ;;
        --scheme) scheme=$2 ;;
        --admin) admin=$2 ;;
        --data) data=$2 ;;
        --members) members=$2 ;;
        --peer) peers="$peers $2" ;;
        --timeout) timeout=$2 ;;
        --peer-grace) grace=$2 ;;
        --green-timeout) green_timeout=$2 ;;
        --only) only=$2 ;;
        *) echo "setup-opensearch: unknown option $1" >&2; exit 2 ;;
    esac
    shift 2
done
lib=$(dirname "$0")

session() { # STEP...
    { cat "$admin/admin.pem" 2>/dev/null || true; echo "--- users"; cat "$admin/users" 2>/dev/null || true; } |
        docker exec -i "$container" /bin/sh -c "$(cat "$lib/opensearch-session")" opensearch-session "$port" "$scheme" "$node" "$@"
}

fail() {
    echo "last lines of docker logs $container:" >&2
    docker logs --tail 12 "$container" 2>&1 | cut -c 1-300 >&2
    echo "$container $1" >&2
    exit 1
}

# Peers at which nothing listens.
away() {
    for peer in $peers; do
        timeout 2 bash -c ": </dev/tcp/${peer%:*}/${peer#*:}" 2>/dev/null || printf ' %s' "$peer"
    done
}

# The members that are needed, and this host is one of them.
enough_away() {
    gone=$(away)
    # shellcheck disable=SC2086
    set -- $gone
    [ $((members - $#)) -lt $((members / 2 + 1)) ]
}

await_cluster() {
    restarts_before=$(docker inspect --format '{{.RestartCount}}' "$container")
    deadline=$(($(date +%s) + timeout))
    seen=$(date +%s)
    while :; do
        now=$(date +%s)
        # Hosts that are set up at once start at once: until this one answers, the others may not do so either.
        if uuid=$(session uuid 2>/dev/null); then [ -z "$uuid" ] || break; else seen=$now; fi
        [ "$(docker inspect --format '{{.State.Status}}' "$container")" != exited ] || fail "has exited"
        [ $(($(docker inspect --format '{{.RestartCount}}' "$container") - restarts_before)) -lt 3 ] || fail "does not stay up"
        if ! enough_away; then seen=$now; fi
        if [ $((now - seen)) -ge "$grace" ]; then
            echo "open: the cluster waits for its second node: nothing listens at$(away). Users, templates and settings follow with that host's pulumi up"
            exit 0
        fi
        [ "$now" -lt "$deadline" ] || stuck
        sleep 0.5
    done
}

stuck() {
    if [ -e "$data/formed" ] && [ ! -d "$data/nodes" ]; then
        fail "has joined no cluster after $timeout s: this host belongs to cluster $(cat "$data/formed"), and its data is gone, so it may not form another one. Bring the members back that have data; if none has, remove $data/formed on all hosts"
    fi
    fail "is part of no cluster after $timeout s, though its peers listen:$peers"
}

# The last line of defence: by this nobody writes into a second cluster for long.
remember() {
    if [ -e "$data/formed" ] && [ "$(cat "$data/formed")" != "$uuid" ]; then
        fail "belongs to cluster $uuid, but this host belonged to $(cat "$data/formed") before. Two clusters have been formed of the same members: stop this one, and bring the members back that have the data; if this one is the right one, remove $data/formed"
    fi
    [ -e "$data/formed" ] || { printf '%s\n' "$uuid" >"$data/.formed.new" && mv "$data/.formed.new" "$data/formed"; }
    chmod 0644 "$data/formed"
}

await_users() {
    until session initialised 2>/dev/null; do
        [ "$(date +%s)" -lt "$deadline" ] || fail "lets nobody log in after $timeout s"
        sleep 0.5
    done
}

await_green() {
    deadline=$(($(date +%s) + green_timeout))
    while :; do
        # shellcheck disable=SC2046
        set -- $(session status)
        if [ "$1" = green ]; then return 0; fi
        if [ "$(date +%s)" -ge "$deadline" ] || { [ "$2" != unknown ] && [ "$2" -lt "$members" ] && [ -n "$(away)" ]; }; then break; fi
        sleep 1
    done
    if [ "$2" = unknown ] || [ "$2" -lt "$members" ]; then
        echo "open: the cluster is $1 with $2 of $members nodes; what is missing comes with the others"
        return 0
    fi
    fail "is part of a cluster that is $1 after $green_timeout s, with $2 of $members nodes, $3 shards unassigned and $4 initializing; see GET _cluster/allocation/explain"
}

if [ -n "$only" ]; then
    # The first host of three has no cluster yet, and nobody in it to take away.
    if [ "$only" = retire ] && ! { uuid=$(session uuid 2>/dev/null) && [ -n "$uuid" ]; }; then
        echo "open: the cluster has no manager; a user whom no node needs any more stays until the next change of passwords"
        exit 0
    fi
    session "$only"
    exit 0
fi
cat >/dev/null
await_cluster
await_users
remember
session desired users unlock allocate
"$lib/await-healthy" --timeout "$timeout" "$container" </dev/null
await_green
