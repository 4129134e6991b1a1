#!/bin/sh
# retire-object-store-users --container NAME --port PORT --group NODE --hosts N [--wait S] < one line per user of the node: USER BASE BUCKET
#
# The last step of a rotation, when the node's services work as their new users: takes the node's group down to these, and removes users that no node
# needs any more. Those are in no group, are called BASE, or BASE with what tells one secret from another, and have a policy of BUCKET. They stay until
# each of the N hosts of the store has a group: one without may still work as a user that is in none. While several hosts have no write quorum, as
# between the two halves of a rotation of the store's root, that is said as "open: ..." and is no failure: it is waited for in the background.
set -eu

container="" port=9000 group="" hosts=1 wait="" run=$$
while [ $# -gt 1 ]; do
    case $1 in
        --container) container=$2 ;;
        --port) port=$2 ;;
        --group) group=$2 ;;
        --hosts) hosts=$2 ;;
        --wait) wait=$2 ;;
        --run) run=$2 ;;
        *) echo "retire-object-store-users: unknown option $1" >&2; exit 2 ;;
    esac
    shift 2
done
users=$(cat)
# Who waits gives up when another run has begun: that one knows better whom the node needs.
latest=${OTEL_HA_RUN:-/run}/otel-ha.retire-$container
[ -n "$wait" ] || echo "$run" >"$latest"

# In the container: mc reads the root credentials from the environment.
retire() {
    if ! "$(dirname "$0")/await-healthy" --timeout 0 "$container" >/dev/null 2>&1 </dev/null; then
        said="no write quorum"
        return 1
    fi
    said=$(printf '%s\n' "$users" | docker exec -i -e OTEL_HA_PORT="$port" -e OTEL_HA_GROUP="$group" -e OTEL_HA_HOSTS="$hosts" "$container" /bin/sh -c '
set -eu
set -a
. "$MINIO_CONFIG_ENV_FILE"
set +a
export MC_CONFIG_DIR=/tmp/.mc
export MC_HOST_store="http${SSL_CERT_FILE:+s}://$MINIO_ROOT_USER:$MINIO_ROOT_PASSWORD@127.0.0.1:$OTEL_HA_PORT"
users=$(cat)

needed=""
while read -r user _; do
    case $user in "" | "#") ;; *) needed="$needed $user" ;; esac
done <<EOF
$users
EOF
# shellcheck disable=SC2086
mc --quiet admin group add store "$OTEL_HA_GROUP" $needed >/dev/null </dev/null

# mc tells a user in a line, the groups last.
field() { # LINE NAME
    printf "%s\n" "$1" | sed -n "s/.*\"$2\":\"\([^\"]*\)\".*/\1/p"
}
groups_of() { # LINE
    printf "%s\n" "$1" | sed -n "s/.*\"memberOf\"://p" | grep -o "\"name\":\"[^\"]*\"" | cut -d "\"" -f 4
}
list=$(mc --json admin user list store </dev/null)
printf "%s\n" "$list" | while read -r line; do
    user=$(field "$line" accessKey)
    case "$needed " in *" $user "*) continue ;; esac
    if groups_of "$line" | grep -qxF "$OTEL_HA_GROUP"; then
        mc --quiet admin group rm store "$OTEL_HA_GROUP" "$user" >/dev/null </dev/null
    fi
done

# A user gets its policy last, so that a new one is never taken for an old one.
is_ours() { # USER POLICIES
    while read -r _ base bucket; do
        case ,$2, in *",$bucket-all,"* | *",$bucket-upload,"* | *",$bucket-read,"* | *",$bucket-client,"*) ;; *) continue ;; esac
        case $1 in "$base" | "$base"-[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]) return 0 ;; esac
    done <<EOF
$users
EOF
    return 1
}
list=$(mc --json admin user list store </dev/null)
groups=$(printf "%s\n" "$list" | while read -r line; do groups_of "$line"; done | sort -u | grep -c . || true)
if [ "$groups" -lt "$OTEL_HA_HOSTS" ]; then exit 0; fi
printf "%s\n" "$list" | while read -r line; do
    user=$(field "$line" accessKey)
    if [ -n "$(groups_of "$line")" ] || ! is_ours "$user" "$(field "$line" policyName)"; then continue; fi
    if out=$(mc --quiet admin user remove store "$user" 2>&1 </dev/null); then
        echo "note: the user $user of the object store is not needed any more, and is gone"
    else
        # The other node may have been quicker.
        case $out in *"not exist"*) ;; *) echo "$out" >&2; exit 1 ;; esac
    fi
done
' 2>&1)
}

if [ -n "$wait" ]; then
    deadline=$(($(date +%s) + wait))
    while [ "$(date +%s)" -lt "$deadline" ] && [ "$(cat "$latest")" = "$run" ]; do
        if retire; then exit 0; fi
        sleep 5
    done
    exit 1
fi

if retire; then
    if [ -n "$said" ]; then printf '%s\n' "$said"; fi
    exit 0
fi
# The new users are made when the store has a quorum: by the other host.
case $hosts:$said in
    1:*) ;;
    *"no write quorum" | *"not exist"*)
        echo "open: the object store has no write quorum; users that $group does not need any more go by themselves when it has one"
        printf '%s\n' "$users" |
            setsid "$0" --container "$container" --port "$port" --group "$group" --hosts "$hosts" --wait 3600 --run "$run" >/dev/null 2>&1 &
        exit 0
        ;;
esac
printf '%s\n' "$said" | tail -n 3 >&2
echo "$container: the users that $group does not need any more are still there" >&2
exit 1
