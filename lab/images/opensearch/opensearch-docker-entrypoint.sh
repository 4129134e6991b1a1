#!/bin/bash
# What the entry point of upstream's image does that the lab needs: settings in the environment become options, and another command than opensearch is run as it is.
set -euo pipefail

if [ $# -eq 0 ] || [ "${1:0:1}" = - ]; then set -- opensearch "$@"; fi
[ "$1" = opensearch ] || exec "$@"

export OPENSEARCH_HOME=/usr/share/opensearch
export OPENSEARCH_PATH_CONF=$OPENSEARCH_HOME/config
# Else the server looks for its cgroup's figures where the host has them.
export OPENSEARCH_JAVA_OPTS="-Dopensearch.cgroups.hierarchy.override=/ ${OPENSEARCH_JAVA_OPTS:-}"
# Group-writable, as upstream's.
umask 0002

if [ "$(id -u)" = 0 ]; then
    echo "OpenSearch cannot run as root. Please start your container as another user." >&2
    exit 1
fi
if [ "${DISABLE_INSTALL_DEMO_CONFIG:-}" != true ]; then
    echo "This image has no demonstration certificates: set DISABLE_INSTALL_DEMO_CONFIG=true and give it some." >&2
    exit 1
fi

options=()
[ "${DISABLE_SECURITY_PLUGIN:-}" != true ] || options+=(-Eplugins.security.disabled=true)
while IFS= read -r -d '' variable; do
    key=${variable%%=*} value=${variable#*=}
    if [[ $key =~ ^[a-z0-9_]+\.[a-z0-9_]+ || $key == processors ]] && [ -n "$value" ]; then options+=("-E$key=$value"); fi
done < <(env -0)

# Upstream's does not exec, so that a signal to the container does not reach the server there.
exec "$@" ${options[@]+"${options[@]}"}
