#!/bin/sh
# may-stop-object-store --container NAME --layout pooled|mirrored --port PORT --data DIR --drives N [--peer HOST:PORT]... [--timeout S]
#     [--peer-grace S] [--force true]
#
# Asked before the object store's container is replaced. Succeeds when that harms nobody, or is a short pause that others bridge; fails, with what
# would be right, when it would stop what clients still read. Drives that belong to a store of another shape are an error, too: the new container would
# not start on them. N is the number of drives that the whole store will have. Standard input tells what makes the container another one; it is
# there only so that this runs again.
set -eu

container="" layout=pooled port=9000 data="" drives=0 peers="" timeout=30 grace=10 force=false
while [ $# -gt 1 ]; do
    case $1 in
        --container) container=$2 ;;
        --layout) layout=$2 ;;
        --port) port=$2 ;;
        --data) data=$2 ;;
        --drives) drives=$2 ;;
        --peer) peers="$peers${peers:+ }$2" ;;
        --timeout) timeout=$2 ;;
        --peer-grace) grace=$2 ;;
        --force) force=$2 ;;
        *) echo "may-stop-object-store: unknown option $1" >&2; exit 2 ;;
    esac
    shift 2
done
cat >/dev/null

override="set objectStoreForceStop to true to stop it all the same"
refuse() {
    echo "$container is not replaced: $1" >&2
    exit 1
}

# MinIO writes its shape into each drive when it first starts.
check_drives() {
    [ -d "$data/data1" ] || refuse "$data/data1 is not there. Is the disk mounted? If it is to begin empty: mkdir -p $data/data1 $data/data2"
    format=$data/data1/.minio.sys/format.json
    [ -f "$format" ] || return 0
    have=$(sed -n 's/.*"sets":\[\[\(.*\)\]\].*/\1/p' "$format" | tr ',' '\n' | grep -c . || true)
    [ "$have" = 0 ] || [ "$have" = "$drives" ] ||
        refuse "the drives in $data belong to a store of $have drives, and with objectStore \"$layout\" it has $drives. Move them away, as docs/operations.md tells under \"Another objectStore\", or set objectStore back"
}

# status HOST:PORT PATH: the HTTP status, 000 when nothing answers.
status() {
    # shellcheck disable=SC2016
    code=$(timeout 5 bash -c 'exec 3<>"/dev/tcp/$0/$1" && printf "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n" "$2" "$0" >&3 && read -r _ code _ <&3 && echo "$code"' \
        "${1%:*}" "${1#*:}" "/minio/health/$2" 2>/dev/null || echo 000)
    # So a port with TLS answers who speaks in the clear. While TLS is switched on or off the two hosts differ: what is asked is what answers.
    if [ "$code" = 400 ]; then code=$(status_with_tls "$1" "$2"); fi
    echo "$code"
}
# The host may have no client for that, the container has; it asks again and again, hence the limit. A store that is about to get TLS is whole or not
# whatever its certificate: --insecure.
status_with_tls() { # HOST:PORT PATH
    case $2 in
        cluster) option="" ;;
        cluster/read) option=--cluster-read ;;
        *) option=--maintenance ;;
    esac
    # shellcheck disable=SC2086
    case $(docker exec -e MC_HOST_asked="https://$1" "$container" timeout 3 mc --insecure ready asked $option 2>&1) in
        *"is ready"*) echo 200 ;;
        *"not ready"*) echo 503 ;;
        *) echo 000 ;;
    esac
}
here() {
    status "127.0.0.1:$port" "$1"
}

# Peers at which nothing listens.
away() {
    for peer in $peers; do
        # shellcheck disable=SC2016
        timeout 2 bash -c ': <"/dev/tcp/$0/$1"' "${peer%:*}" "${peer#*:}" 2>/dev/null || printf '%s ' "$peer"
    done
}

# Tries COMMAND until it succeeds; not longer than --timeout, and with a peer that does not listen not longer than --peer-grace.
wait_for() {
    start=$(date +%s)
    until "$@"; do
        waited=$(($(date +%s) - start))
        if [ "$waited" -ge "$timeout" ]; then return 1; fi
        if [ "$waited" -ge "$grace" ] && [ -n "$(away)" ]; then return 1; fi
        sleep 0.5
    done
}

serves_reads() {
    [ "$(here cluster/read)" = 200 ]
}
# Known, that is: a store that gives no answer in time may just be busy.
serves_none() {
    [ "$(here cluster/read)" = 503 ] || refuses_connections
}
refuses_connections() {
    code=0
    # shellcheck disable=SC2016
    timeout 2 bash -c ': <"/dev/tcp/127.0.0.1/$0"' "$port" 2>/dev/null || code=$?
    [ "$code" = 1 ]
}
# After a wait: as good as gone.
is_mute() {
    for _ in 1 2 3; do
        if [ "$(here cluster/read)" != 000 ]; then return 1; fi
    done
    echo "note: $container answers nobody; it is replaced"
}
is_whole() {
    [ "$(here cluster)" = 200 ] || serves_none
}
can_spare_us() {
    [ "$(here 'cluster?maintenance=true')" = 200 ] || serves_none
}
a_peer_is_well() {
    for peer in $peers; do
        if [ "$(status "$peer" cluster)" = 200 ]; then return 0; fi
    done
    return 1
}

# Two hosts can never spare one of them: while both are there, a restart is a pause of writes, which wait on disk.
ask_pair() {
    if wait_for is_whole; then
        if serves_reads; then echo "note: the object store takes no writes while $container is replaced; they are made up for"; fi
        return 0
    fi
    if is_mute; then return 0; fi
    gone=$(away)
    if [ -z "$gone" ]; then
        echo "note: $peers listens but does not work with $container, as between the two halves of a change of the root password, of TLS or of the console; it is replaced"
        return 0
    fi
    refuse "nothing listens at ${gone% }, so this half of the object store is all there is to read from, and stopping it would stop that. Bring the other host back (pulumi up for it), or $override"
}

ask_pool() {
    if wait_for can_spare_us || is_mute; then return 0; fi
    gone=$(away)
    refuse "the object store cannot spare another host${gone:+; nothing listens at ${gone% }}. Bring it back to full health (mc admin info), or $override"
}

# Each store is whole by itself, and the other host's services read theirs meanwhile. A host that is away for long must not keep this one from changes.
ask_mirrored() {
    if serves_none || wait_for a_peer_is_well || is_mute; then return 0; fi
    gone=$(away)
    if [ -n "$gone" ]; then
        echo "note: nothing listens at ${gone% }: what is only in the buckets cannot be read while $container is replaced"
        return 0
    fi
    refuse "the store at $peers listens but is not well, and stopping this one would leave none. Look at that host's container first, or $override"
}

check_drives
running=$(docker inspect --format '{{.State.Running}}' "$container" 2>/dev/null) || exit 0
if [ "$running" != true ]; then exit 0; fi
case "$force $layout $peers" in
    true*) echo "note: $container is replaced without asking (objectStoreForceStop)" ;;
    *" mirrored "*) ask_mirrored ;;
    *" "*" "*" "*) ask_pool ;;
    *) ask_pair ;;
esac
