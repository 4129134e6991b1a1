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

# The HTTP status as it is told in the clear; 400 by a port with TLS, 000 when nothing answers. In one piece, which the shell's own printf does not send:
# a port with TLS has its answer ready after the first, and one that closes while more arrives takes its answer back.
in_clear() { # HOST:PORT PATH
    # shellcheck disable=SC2016
    timeout 5 bash -c 'exec 3<>"/dev/tcp/$0/$1" && env printf "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n" "$2" "$0" >&3 && read -r _ code _ <&3 && echo "$code"' \
        "${1%:*}" "${1#*:}" "/minio/health/$2" 2>/dev/null || echo 000
}
# While TLS is switched on or off the two hosts differ: what is asked is what answers.
status() { # HOST:PORT PATH
    code=$(in_clear "$1" "$2")
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
    start=$(date +%s) waited=0
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

# Of a change of TLS, or of the root password, the other host has its half: the two are whole again when this one has its own. TLS shows at once. That
# the store does not take what its own file says is not enough: the peer may just be starting.
apart() {
    [ -z "$(away)" ] || return 1
    own=$(in_clear "127.0.0.1:$port" live)
    for peer in $peers; do
        case "$own $(in_clear "$peer" live)" in "400 400" | *000*) ;; *400*) return 0 ;; esac
    done
    [ "$waited" -ge "$grace" ] && has_another_root
}
has_another_root() {
    # shellcheck disable=SC2016
    case $(docker exec "$container" /bin/sh -c '
set -a
. "$MINIO_CONFIG_ENV_FILE"
set +a
export MC_CONFIG_DIR=/tmp/.mc MC_HOST_own="http${SSL_CERT_FILE:+s}://$MINIO_ROOT_USER:$MINIO_ROOT_PASSWORD@127.0.0.1:$0"
timeout 3 mc --json ls own' "$port" 2>&1 </dev/null) in
        *InvalidAccessKeyId* | *SignatureDoesNotMatch*) return 0 ;;
        *) return 1 ;;
    esac
}
is_whole_or_apart() {
    is_whole || apart
}

# Two hosts can never spare one of them: while both are there, a restart is a pause of writes, which wait on disk.
ask_pair() {
    if wait_for is_whole_or_apart && is_whole; then
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
