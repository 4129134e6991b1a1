#!/bin/sh
# In Data Prepper's container, instead of its own entry point. Puts the secrets into copies of its files, in memory, and waits until OpenSearch is green:
# sinks that are set up while it is not may never work (opensearch-project/observability-stack, issue 407). Some shards may stay without their copies for
# hours, as while a host is away: yellow does after GREEN_GRACE seconds. What it waits for is in the file "waits", for health.sh.
#
# OPENSEARCH_HOSTS: URLs. INDICES: what must be there to be written to. GREEN_GRACE.
set -eu
umask 077

: "${HOME_DIRECTORY:=/usr/share/data-prepper}" "${CONFIG:=/etc/data-prepper}" "${RUN:=/tmp/data-prepper}"
# shellcheck source=/dev/null
. "$CONFIG/secrets.env"
mkdir -p "$RUN"
trap 'exit 0' TERM INT

# A file with @NAME@ for secrets.
fill() { # FILE
    while IFS= read -r line || [ -n "$line" ]; do
        while :; do
            case $line in
                *@OWN_PASSWORD@*) line=${line%%@OWN_PASSWORD@*}$OWN_PASSWORD${line#*@OWN_PASSWORD@} ;;
                *@WRITER_USER@*) line=${line%%@WRITER_USER@*}$WRITER_USER${line#*@WRITER_USER@} ;;
                *@WRITER_PASSWORD@*) line=${line%%@WRITER_PASSWORD@*}$WRITER_PASSWORD${line#*@WRITER_PASSWORD@} ;;
                *) break ;;
            esac
        done
        printf '%s\n' "$line"
    done <"$CONFIG/$1" >"$RUN/$1"
}

# The password goes by standard input: arguments can be seen.
ask() { # CURL-ARGUMENT...
    printf 'user = "%s:%s"\n' "$WRITER_USER" "$WRITER_PASSWORD" |
        curl -K - -sS -f --max-time 8 --cacert "$CONFIG/trusted.pem" "$@" 2>&1
}

# Why OpenSearch cannot be written to yet; nothing when it can.
missing() {
    said="no host answers"
    for host in $OPENSEARCH_HOSTS; do
        if answer=$(ask "$host/_cluster/health?filter_path=status&timeout=3s&cluster_manager_timeout=3s"); then
            case $answer in
                *'"green"'*) ;;
                *'"yellow"'*) [ "$(date +%s)" -ge "$may_be_yellow" ] || { echo "the cluster is yellow"; return; } ;;
                *) echo "the cluster is not green: $answer"; return ;;
            esac
            for index in $INDICES; do
                ask -I "$host/$index" >/dev/null || { echo "there is no $index yet"; return; }
            done
            return
        fi
        said=$answer
    done
    echo "$said"
}

fill pipelines.yaml
fill data-prepper-config.yaml
printf '%s' "$KEYSTORE" | base64 -d >"$RUN/keystore.p12"

may_be_yellow=$(($(date +%s) + GREEN_GRACE))
while reason=$(missing) && [ -n "$reason" ]; do
    # Said when it changes; the log is not for repetition.
    [ "$reason" = "$(cat "$RUN/waits" 2>/dev/null)" ] || echo "waits for OpenSearch: $reason"
    printf '%s\n' "$reason" >"$RUN/waits"
    sleep 2 &
    wait $!
done
rm -f "$RUN/waits"
cd "$HOME_DIRECTORY"
exec bin/data-prepper "$RUN/pipelines.yaml" "$RUN/data-prepper-config.yaml"
