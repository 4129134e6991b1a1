#!/bin/sh
# mirror-buckets --container NAME --port PORT --from HOST:PORT BUCKET...
#
# Fills this host's object store with what the other host's has and this one does not; for objectStore "mirrored". Runs on the host that is to be
# filled, as root, and may run again at any time: what is there already is not copied again, and nothing is deleted.
# What the other host's Loki still has in memory is not there to be copied: flush-loki on that host has it written.
#
#   --container, --port  this host's object store. Its root.env opens the other one, too: both have the same root user.
#   --from               S3 endpoint of the other host's object store
#
# Standard output: a line "BUCKET OBJECTS" for each bucket, the number of objects that were copied. Errors: what mc said, and the bucket's name.
# No secret is in an argument or in the output.
set -eu

usage() {
    echo "usage: mirror-buckets --container NAME --port PORT --from HOST:PORT BUCKET..." >&2
    exit 2
}

container="" port=9000 from=""
while [ $# -ge 2 ]; do
    case $1 in
        --container) container=$2 ;;
        --port) port=$2 ;;
        --from) from=$2 ;;
        --*) echo "mirror-buckets: unknown option $1" >&2; usage ;;
        *) break ;;
    esac
    shift 2
done
case "$container,$from,${1-}" in
    ,* | *,,* | *, | *,--*) usage ;;
esac

# In the container: mc reads credentials from its environment.
mirror() {
    docker exec -i -e OTEL_HA_PORT="$port" -e OTEL_HA_FROM="$from" -e OTEL_HA_BUCKET="$1" "$container" /bin/sh -s <<'END'
set -eu
set -a
. "$MINIO_CONFIG_ENV_FILE"
set +a
export MC_CONFIG_DIR=/tmp/.mc
# The container of a store with TLS has this, for mc; the other host's is alike.
scheme=http${SSL_CERT_FILE:+s}
export MC_HOST_here="$scheme://$MINIO_ROOT_USER:$MINIO_ROOT_PASSWORD@127.0.0.1:$OTEL_HA_PORT"
export MC_HOST_there="$scheme://$MINIO_ROOT_USER:$MINIO_ROOT_PASSWORD@$OTEL_HA_FROM"
copy() {
    mc --json mirror --exclude loki_cluster_seed.json "$@" "there/$OTEL_HA_BUCKET" "here/$OTEL_HA_BUCKET"
}
mc --quiet mb --ignore-existing "here/$OTEL_HA_BUCKET" >/dev/null
# Last what makes the rest count: the compactors of this host look at the bucket meanwhile, and a block or an index with holes is an error to them.
copy --exclude "*/meta.json" --exclude "index/*"
copy
END
}

for bucket in "$@"; do
    if ! said=$(mirror "$bucket" 2>&1); then
        printf '%s\n' "$said" | grep -v '"status":"success"' | tail -n 5 >&2
        echo "mirror-buckets: bucket $bucket could not be copied from $from" >&2
        exit 1
    fi
    echo "$bucket $(printf '%s\n' "$said" | grep -c '"source"' || true)"
done
