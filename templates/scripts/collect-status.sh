#!/bin/bash
# Settings before: VIP, CONTAINERS (names), PROBES (lines of NAME ADDRESS PORT PATH PATTERN).
#
# Tells what `otel-ha status` wants to know of a host, in sections that begin with "== ". Asks every endpoint at the same time, over HTTP by bash
# alone: a host need not have curl. Ends within four seconds, whatever hangs.
set -eu

echo "== time $(date +%s.%N)"

ask() {
    exec 3<>"/dev/tcp/$1/$2" || exit 0
    printf 'GET %s HTTP/1.0\r\nHost: %s\r\n\r\n' "$3" "$1" >&3
    read -r answer <&3 || exit 0
    echo "${answer%$'\r'}"
    grep -E -- "$4" <&3 || true
}
export -f ask

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
while read -r name address port path pattern; do
    timeout 3 bash -c 'ask "$@"' - "$address" "$port" "$path" "$pattern" >"$work/$name" 2>/dev/null &
done <<<"$PROBES"

echo "== address"
ip -4 -o addr show | grep -F " $VIP/" || true

format='{{.Name}} {{.Id}} {{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}} {{.RestartCount}}'
format="$format {{.Image}} {{with index .Config.Labels \"otel-ha.config\"}}{{.}}{{else}}-{{end}} {{.State.StartedAt}}"
echo "== containers"
# Those that are missing are not there to be listed. No answer at all is something else.
# shellcheck disable=SC2086
said=$(timeout 4 docker inspect --type container --format "$format" $CONTAINERS 2>"$work/docker-errors") || true
echo "$said"
# shellcheck disable=SC2016
grep -v 'No such container' "$work/docker-errors" || true
echo "== images"
# shellcheck disable=SC2046
timeout 4 docker image inspect --format '{{.Id}} {{join .RepoTags " "}}' $(echo "$said" | cut -d ' ' -f 6 | sort -u) 2>/dev/null || true
timeout 4 docker version --format 'docker {{.Server.Version}}' 2>&1 | sed 's/^/== /' | tail -n 1

wait
while read -r name _; do
    echo "== http $name"
    cat "$work/$name"
done <<<"$PROBES"
echo "== end"
