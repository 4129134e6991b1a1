#!/bin/sh
# drill-watch MARKER VIP|- HAPROXY_CONTAINER|-
#
# Prints what changes on this host, one line each, as it changes: "tick MS", "ip TEXT", "docker NANOS NAME ACTION", "haproxy TEXT". Ends
# when the file MARKER has gone, or when nobody reads any more. "-": there is no virtual IP, or no HAProxy.
set -u
marker=$1 vip=$2 haproxy=$3
export TZ=UTC

mkdir -p "$(dirname "$marker")"
: >"$marker"
trap '' PIPE
trap 'trap "" TERM; rm -f "$marker"; kill 0 2>/dev/null' EXIT INT TERM

if [ "$vip" != - ]; then
    if ip -o -4 addr show | grep -q " $vip/"; then echo "vip held"; else echo "vip absent"; fi
    ip -ts -o monitor address | sed -u 's/^/ip /' &
fi
docker events --filter type=container --format '{{.TimeNano}} {{.Actor.Attributes.name}} {{.Action}}' |
    grep --line-buffered -v ' exec_' | sed -u 's/^/docker /' &
while [ "$haproxy" != - ] && [ -e "$marker" ]; do
    docker logs --follow --since 0s --timestamps "$haproxy" 2>&1 |
        grep --line-buffered -E 'Server .* is (UP|DOWN)|has no server available' | sed -u 's/^/haproxy /'
    sleep 0.2
done &

while [ -e "$marker" ] && echo "tick $(date +%s%3N)" 2>/dev/null; do sleep 1; done
