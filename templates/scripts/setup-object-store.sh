#!/bin/sh
# setup-object-store --container NAME --port PORT [--peer HOST:PORT]... [--timeout S] [--peer-grace S] < one line per client: USER SECRET BUCKET
#
# Waits for the store's write quorum, then makes buckets and one user per client that may touch its own bucket only. Peers are the other hosts of a
# pool: while too many are away there is no quorum, which is said as "open: ..." and is no failure; their own run of this script completes the work.
# Without peers the store needs nobody, and no quorum is a failure. A # starts a comment.
set -eu

container="" port=9000 peers="" timeout=90 grace=20
while [ $# -gt 1 ]; do
    case $1 in
        --container) container=$2 ;;
        --port) port=$2 ;;
        --peer) peers="$peers $2" ;;
        --peer-grace) grace=$2 ;;
        --timeout) timeout=$2 ;;
        *) echo "setup-object-store: unknown option $1" >&2; exit 2 ;;
    esac
    shift 2
done
clients=$(cat)
deadline=$(($(date +%s) + timeout))
restarts_before=$(docker inspect --format '{{.RestartCount}}' "$container")

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

# The container's health check asks for the write quorum.
has_quorum() {
    "$(dirname "$0")/await-healthy" --timeout 0 "$container" >/dev/null 2>&1 </dev/null
}

# A peer that is about to come up, as when both hosts are set up at once, gets a moment; one that is absent does not hold us.
seen=$(date +%s)
until has_quorum; do
    now=$(date +%s)
    [ "$(docker inspect --format '{{.State.Status}}' "$container")" != exited ] || fail "has exited"
    [ $(($(docker inspect --format '{{.RestartCount}}' "$container") - restarts_before)) -lt 3 ] || fail "does not stay up"
    gone=$(away)
    if [ -z "$gone" ]; then seen=$now; fi
    if [ $((now - seen)) -ge "$grace" ]; then
        echo "open: the object store has no write quorum: nothing listens at${gone}. Buckets and users follow with the other host's pulumi up"
        exit 0
    fi
    if [ "$now" -ge "$deadline" ]; then
        [ -n "$peers" ] || fail "has no write quorum after $timeout s: are all of its drives there?"
        echo "open: the object store has no write quorum, though$peers listens (does it have the same root credentials yet?): run pulumi up for that host"
        exit 0
    fi
    sleep 0.5
done

# In the container: mc reads the root credentials from the environment and each secret from standard input, never from an argument.
printf '%s\n' "$clients" | docker exec -i -e OTEL_HA_PORT="$port" "$container" /bin/sh -c '
set -eu
set -a
. "$MINIO_CONFIG_ENV_FILE"
set +a
export MC_CONFIG_DIR=/tmp/.mc
export MC_HOST_store="http://$MINIO_ROOT_USER:$MINIO_ROOT_PASSWORD@127.0.0.1:$OTEL_HA_PORT"
policy=/tmp/client-policy.$$
trap "rm -f $policy" EXIT
while read -r user secret bucket; do
    case $user in "" | "#") continue ;; esac
    mc --quiet mb --ignore-existing "store/$bucket" >/dev/null </dev/null
    printf "%s\n%s\n" "$user" "$secret" | mc --quiet admin user add store >/dev/null
    cat >"$policy" <<EOF
{ "Version": "2012-10-17", "Statement": [
  { "Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads"],
    "Resource": ["arn:aws:s3:::$bucket"] },
  { "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload"],
    "Resource": ["arn:aws:s3:::$bucket/*"] } ] }
EOF
    mc --quiet admin policy create store "$bucket-client" "$policy" >/dev/null </dev/null
    if ! out=$(mc --quiet admin policy attach store "$bucket-client" --user "$user" 2>&1 </dev/null); then
        case $out in *"already in effect"*) ;; *) echo "$out" >&2; exit 1 ;; esac
    fi
done
'
