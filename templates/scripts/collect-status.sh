#!/bin/bash
# Settings before: VIP, CONTAINERS (names), PROBES (lines of NAME ADDRESS PORT PATH PATTERN; PATH - only connects), CERTIFICATES (lines of NAME FILE).
#
# Tells what `otel-ha status` wants to know of a host, in sections that begin with "== ". Asks every endpoint at the same time, over HTTP by bash
# alone: a host need not have curl. Ends within seconds, whatever hangs.
set -eu

echo "== time $(date +%s.%N)"

# Few processes: the host may be busy, which is when people ask.
ask() { # ADDRESS PORT PATH PATTERN
    exec 3<>"/dev/tcp/$1/$2" || exit 0
    if [ "$3" = "-" ]; then echo connected && exit 0; fi
    printf 'GET %s HTTP/1.0\r\nHost: %s\r\n\r\n' "$3" "$1" >&3
    read -t 2 -r answer <&3 || exit 0
    echo "${answer%$'\r'}"
    if [ "$4" != "-" ]; then exec timeout 2 grep -E -- "$4" <&3; fi
}
export -f ask

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
question() { # NAME ADDRESS PORT PATH PATTERN
    # Only elsewhere a connection can be neither made nor refused.
    if [ "$2" = 127.0.0.1 ]; then
        ask "${@:2}" >"$work/$1" 2>/dev/null &
    else
        timeout 2 bash -c 'ask "$@"' - "${@:2}" >"$work/$1" 2>/dev/null &
    fi
}
while read -r name address port path pattern; do
    question "$name" "$address" "$port" "$path" "$pattern"
done <<<"$PROBES"

echo "== address"
ip -4 -o addr show | grep -F " $VIP/" || true

format='{{.Name}} {{.Id}} {{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}} {{.RestartCount}}'
format="$format {{.Image}} {{with index .Config.Labels \"otel-ha.config\"}}{{.}}{{else}}-{{end}} {{.State.StartedAt}}"
format="$format {{if .Config.Healthcheck}}{{range .Config.Healthcheck.Test}}{{.}} {{end}}{{end}}"
echo "== containers"
# Those that are missing are not there to be listed.
# shellcheck disable=SC2086
found=$(timeout 4 docker inspect --type container --format "$format" $CONTAINERS 2>/dev/null) || true
echo "$found"

# What speaks TLS has a client for it in its container.
ask_inside() { # CONTAINER CHECK
    case $(timeout 4 docker exec "$1" /bin/sh -c "$2" 2>&1) in
        *"is ready"*) echo "HTTP/1.1 200 OK" ;;
        *"not ready"*) echo "HTTP/1.1 503 Service Unavailable" ;;
    esac
}

# Where a container's own health check asks, which holds for the container that runs, whatever the settings say today.
asked=""
while read -r name _ _ _ _ _ _ _ check; do
    if [[ $check =~ http://127\.0\.0\.1:([0-9]+)(/[^\ \"\)]*) ]]; then
        port=${BASH_REMATCH[1]} path=${BASH_REMATCH[2]}
    elif [[ $check =~ /dev/tcp/127\.0\.0\.1/([0-9]+).*GET\ (/[^\ ]*) ]]; then
        port=${BASH_REMATCH[1]} path=${BASH_REMATCH[2]}
    elif [[ $check == *" mc ready "* ]]; then
        asked="$asked ${name#/}"
        ask_inside "${name#/}" "${check#CMD-SHELL }" >"$work/${name#/}" 2>/dev/null &
        continue
    else
        continue
    fi
    asked="$asked ${name#/}"
    question "${name#/}" 127.0.0.1 "$port" "$path" -
done <<<"$found"

echo "== images"
# shellcheck disable=SC2046
timeout 4 docker image inspect --format '{{.Id}} {{range .RepoTags}}{{.}} {{end}}' $(echo "$found" | cut -d ' ' -f 6 | sort -u) 2>/dev/null || true
timeout 4 docker version --format '{{.Server.Version}}' 2>/dev/null | sed 's/^/== docker /'

# Nothing but certificates: a file may have the key, too.
while read -r name file; do
    if [ -z "$name" ]; then continue; fi
    echo "== certificate $name"
    sed -n '/^-----BEGIN CERTIFICATE-----$/,/^-----END CERTIFICATE-----$/p' "$file" 2>/dev/null || true
done <<<"$CERTIFICATES"

wait
for name in $asked $(cut -d ' ' -f 1 <<<"$PROBES"); do
    echo "== http $name"
    cat "$work/$name"
done
echo "== end"
