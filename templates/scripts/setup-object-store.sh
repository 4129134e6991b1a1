#!/bin/sh
# setup-object-store --container NAME --port PORT [--group NODE] [--peer HOST:PORT]... [--timeout S] [--peer-grace S] [--check true] \
#     [--retire USER]... < one line per client: USER SECRET BUCKET ROLE
#
# Waits for the store's write quorum, then makes buckets and one user per client that may touch its own bucket only. ROLE is all (read, write, delete),
# upload (write, and read what tells of Prometheus' blocks, their meta.json) or read. Peers are the other hosts of a pool: while too many are away, or
# are not yet as this one, there is no quorum, which is said as "open: ..." and is no failure; their own run of this script completes the work. Without
# peers the store needs nobody, and no quorum is a failure. A # starts a comment. With --check nothing is waited for and nothing changed: what is there
# and what should be is told, for `otel-ha verify`. --retire removes a user that no host needs any more. The users of a node are in a group of its name,
# so that the last one to leave a user is known: see retire-object-store-users.
set -eu

container="" port=9000 group="" peers="" timeout=90 grace=20 check=false retired=""
while [ $# -gt 1 ]; do
    case $1 in
        --container) container=$2 ;;
        --port) port=$2 ;;
        --group) group=$2 ;;
        --peer) peers="$peers $2" ;;
        --peer-grace) grace=$2 ;;
        --timeout) timeout=$2 ;;
        --check) check=$2 ;;
        --retire) retired="$retired $2" ;;
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

# Peers whose store is not this one's yet: other root credentials, or TLS on one side only. Their own run of this changes that, and nothing before it.
strangers() {
    # shellcheck disable=SC2016
    timeout 20 docker exec -e OTEL_HA_PEERS="$peers" "$container" /bin/sh -c '
set -a
. "$MINIO_CONFIG_ENV_FILE"
set +a
export MC_CONFIG_DIR=/tmp/.mc
for peer in $OTEL_HA_PEERS; do
    export MC_HOST_peer="http${SSL_CERT_FILE:+s}://$MINIO_ROOT_USER:$MINIO_ROOT_PASSWORD@$peer"
    case $(timeout 3 mc --json ls peer 2>&1 </dev/null) in
        *InvalidAccessKeyId* | *SignatureDoesNotMatch* | *"HTTP response to HTTPS client"* | *"HTTP request to an HTTPS server"* | *x509:*) printf " %s" "$peer" ;;
    esac
done' 2>/dev/null || true
}

open_though() { # PEERS
    echo "open: the object store has no write quorum, though$1 listens (does it have the same root credentials, TLS and console settings yet?): run pulumi up for that host"
    exit 0
}

# The container's health check asks for the write quorum.
has_quorum() {
    "$(dirname "$0")/await-healthy" --timeout 0 "$container" >/dev/null 2>&1 </dev/null
}

# A peer that is about to come up, as when both hosts are set up at once, gets a moment; one that is absent does not hold us.
seen=$(date +%s) asked=0 strange=""
until [ "$check" = true ] || has_quorum; do
    now=$(date +%s)
    [ "$(docker inspect --format '{{.State.Status}}' "$container")" != exited ] || fail "has exited"
    [ $(($(docker inspect --format '{{.RestartCount}}' "$container") - restarts_before)) -lt 3 ] || fail "does not stay up"
    gone=$(away)
    if [ -z "$gone" ] && [ -n "$peers" ] && [ $((now - asked)) -ge 3 ]; then
        asked=$now
        strange=$(strangers)
    fi
    if [ -z "$gone$strange" ]; then seen=$now; fi
    if [ $((now - seen)) -ge "$grace" ]; then
        [ -n "$gone" ] || open_though "$strange"
        echo "open: the object store has no write quorum: nothing listens at${gone}. Buckets and users follow with the other host's pulumi up"
        exit 0
    fi
    if [ "$now" -ge "$deadline" ]; then
        [ -n "$peers" ] || fail "has no write quorum after $timeout s: are all of its drives there?"
        open_though "$peers"
    fi
    sleep 0.5
done

# In the container: mc reads the root credentials from the environment and each secret from standard input, never from an argument.
printf '%s\n' "$clients" | docker exec -i -e OTEL_HA_PORT="$port" -e OTEL_HA_CHECK="$check" -e OTEL_HA_GROUP="$group" -e OTEL_HA_RETIRED="$retired" "$container" /bin/sh -c '
set -eu
set -a
. "$MINIO_CONFIG_ENV_FILE"
set +a
export MC_CONFIG_DIR=/tmp/.mc
# The container of a store with TLS has this, for mc.
scheme=http${SSL_CERT_FILE:+s}
export MC_HOST_store="$scheme://$MINIO_ROOT_USER:$MINIO_ROOT_PASSWORD@127.0.0.1:$OTEL_HA_PORT"
clients=$(cat)

may() { # RESOURCE ACTION...
    resource=$1
    shift
    actions=$(printf "\"s3:%s\", " "$@")
    echo "{ \"Effect\": \"Allow\", \"Action\": [${actions%, }], \"Resource\": [\"arn:aws:s3:::$resource\"] }"
}

# Any role may list the bucket: without that a missing object is forbidden rather than missing.
policy_text() { # BUCKET ROLE
    write="PutObject ListMultipartUploadParts AbortMultipartUpload"
    # shellcheck disable=SC2086
    case $2 in
        all) objects=$(may "$1/*" GetObject DeleteObject $write) ;;
        upload) objects="$(may "$1/*" $write), $(may "$1/*/meta.json" GetObject)" ;;
        read) objects=$(may "$1/*" GetObject) ;;
        *) echo "setup-object-store: unknown role \"$2\"; write all, upload or read" >&2; exit 2 ;;
    esac
    list=$(may "$1" ListBucket GetBucketLocation ListBucketMultipartUploads)
    echo "{ \"Version\": \"2012-10-17\", \"Statement\": [ $list, $objects ] }"
}

# What is there as mc tells it, and what should be. That the user has no such policy yet, or another secret, is an answer and no error.
tell() { # USER KEY BUCKET ROLE
    echo "client $1 $3 $3-$4"
    printf "want %s " "$3-$4"
    policy_text "$3" "$4" | while read -r line; do printf "%s " "$line"; done
    echo
    mc --json admin policy info store "$3-$4" </dev/null || true
    export MC_HOST_client="$scheme://$1:$2@127.0.0.1:$OTEL_HA_PORT"
    case $(mc --json ls "client/$3/.otel-ha/" 2>&1 </dev/null) in *SignatureDoesNotMatch*) echo "other-secret $1" ;; esac
}

# Policies of a user that it has, and as no client gets.
surplus() { # USER
    has=$(mc --json admin user info store "$1" 2>/dev/null </dev/null) || return 0
    case $has in *"\"policyName\":\""*) ;; *) return 0 ;; esac
    has=${has#*\"policyName\":\"}
    should=" "
    while read -r client _ bucket role; do
        if [ "$client" = "$1" ]; then should="$should$bucket-$role "; fi
    done <<EOF
$clients
EOF
    IFS=,
    for name in ${has%%\"*}; do
        case $should in *" $name "*) ;; *) echo "$name" ;; esac
    done
    unset IFS
}

if [ "$OTEL_HA_CHECK" = true ]; then
    if [ -n "$OTEL_HA_GROUP" ]; then echo "group $OTEL_HA_GROUP"; fi
    mc --json ls store </dev/null
    mc --json admin user list store </dev/null
fi
policy=/tmp/client-policy.$$
trap "rm -f $policy" EXIT
while read -r user secret bucket role; do
    case $user in "" | "#") continue ;; esac
    if [ "$OTEL_HA_CHECK" = true ]; then
        tell "$user" "$secret" "$bucket" "$role"
        continue
    fi
    policy_text "$bucket" "$role" >"$policy"
    mc --quiet mb --ignore-existing "store/$bucket" >/dev/null </dev/null
    printf "%s\n%s\n" "$user" "$secret" | mc --quiet admin user add store >/dev/null
    # Before the policy: see retire-object-store-users, which takes users with a policy and without a group away.
    if [ -n "$OTEL_HA_GROUP" ]; then mc --quiet admin group add store "$OTEL_HA_GROUP" "$user" >/dev/null </dev/null; fi
    mc --quiet admin policy create store "$bucket-$role" "$policy" >/dev/null </dev/null
    if ! out=$(mc --quiet admin policy attach store "$bucket-$role" --user "$user" 2>&1 </dev/null); then
        case $out in *"already in effect"*) ;; *) echo "$out" >&2; exit 1 ;; esac
    fi
    for name in $(surplus "$user"); do
        mc --quiet admin policy detach store "$name" --user "$user" >/dev/null </dev/null
    done
done <<EOF
$clients
EOF
for user in $OTEL_HA_RETIRED; do
    mc --quiet admin user remove store "$user" >/dev/null </dev/null
done
if [ "$OTEL_HA_CHECK" = true ]; then echo told; fi
'
