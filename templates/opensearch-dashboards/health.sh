#!/bin/sh
# Whether Dashboards works, in its container: it calls itself green, all of its parts and OpenSearch included. When OpenSearch is what is missing, that is
# said, for the gate.
#
# PORT, OPENSEARCH_HOSTS.
set -eu

: "${CONFIG:=/etc/opensearch-dashboards}"

# The password is in curl.conf: arguments can be seen.
status=$(curl -K "$CONFIG/curl.conf" -sS --max-time 3 "https://127.0.0.1:$PORT/api/status" 2>&1) || true
# Of either form (status.v6ApiFormat).
printf '%s' "$status" | grep -Eq '"overall":\{[^{}]*("state":"green"|"level":"available")' && exit 0

said="no host answers"
for host in $OPENSEARCH_HOSTS; do
    if answer=$(curl -K "$CONFIG/curl.conf" -sS -f --max-time 2 "$host/_cluster/health?filter_path=status&timeout=1s&cluster_manager_timeout=1s" 2>&1); then
        case $answer in
            *'"green"'* | *'"yellow"'*)
                echo "is not green: $(printf '%s' "${status:-no answer}" | tr '\n' ' ' | cut -c 1-200)"
                exit 1 ;;
            *) said="the cluster is not green: $answer" ;;
        esac
    else
        said=$answer
    fi
done
echo "waits for OpenSearch: $said"
exit 1
