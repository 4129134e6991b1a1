#!/bin/bash
# Settings before: FILES (lines of SHA256 show|hide PATH), DIRECTORIES (lines of sync|any PATH), SYSCTLS (keys), CONTAINERS (names), IMAGES (lines of
# ID NAME), STORE (a command line, or nothing), CLIENTS (its standard input).
#
# Tells what `otel-ha verify` compares with Pulumi's state, in sections that begin with "== ". Changes nothing. The content of a file is told only where
# it is another one and is no secret. Fields are separated by tabs, paths come last.
set -eu
export LC_ALL=C
MOST_SHOWN=65536

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What takes long goes on beside the rest.
ask_store() {
    [ -n "$STORE" ] || return 0
    printf '%s\n' "$CLIENTS" | timeout 6 sh -c "$STORE" >"$work/store" 2>"$work/store-complaint" || true
}
ask_store &

format='{"name":{{json .Name}},"id":{{json .Id}},"image":{{json .Image}},"ref":{{json .Config.Image}},"status":{{json .State.Status}}'
format="$format"',"created":{{json .Created}},"startedAt":{{json .State.StartedAt}},"labels":{{json .Config.Labels}}'
format="$format"',"command":{{json .Config.Cmd}},"entrypoint":{{json .Config.Entrypoint}},"user":{{json .Config.User}}'
format="$format"',"restart":{{json .HostConfig.RestartPolicy.Name}},"memory":{{json .HostConfig.Memory}},"mounts":{{json .Mounts}}}'
ask_docker() {
    timeout 4 docker version --format '{{.Server.Version}}' >"$work/docker" 2>/dev/null || return 0
    # Those that are missing are not there to be listed.
    # shellcheck disable=SC2086
    [ -z "$CONTAINERS" ] ||
        timeout 4 docker inspect --type container --format "$format" $CONTAINERS >"$work/containers" 2>/dev/null || true
}
ask_docker &

image_id() {
    timeout 4 docker image inspect --format '{{.Id}}' "$1" 2>/dev/null
}
ask_images() {
    while read -r id name; do
        [ -n "$name" ] || continue
        found=$(image_id "$name") || found=absent
        there=there
        if [ "$found" != "$id" ]; then image_id "$id" >/dev/null || there=gone; fi
        printf '%s\t%s\t%s\n' "$found" "$there" "$name"
    done <<<"$IMAGES" >"$work/images"
}
ask_images &

look_at_file() { # SHA256 show|hide PATH
    local mode owner hash state=same content=-
    if [ ! -e "$3" ] && [ ! -L "$3" ]; then
        printf 'absent\t\t\t-\t%s\n' "$3"
        return
    fi
    if [ -L "$3" ] || [ ! -f "$3" ]; then
        printf 'strange\t\t\t-\t%s\n' "$3"
        return
    fi
    read -r mode owner size <<<"$(stat -c '%a %u:%g %s' "$3")"
    read -r hash _ <<<"$(sha256sum <"$3")"
    if [ "$hash" != "$1" ]; then
        state=other
        if [ "$2" = show ] && [ "$size" -le "$MOST_SHOWN" ]; then content=$(base64 -w 0 <"$3"); fi
    fi
    printf '%s\t%s\t%s\t%s\t%s\n' "$state" "$mode" "$owner" "$content" "$3"
}

synchronous() { # PATH
    local attributes
    attributes=$(lsattr -d "$1" 2>/dev/null) || { echo unknown; return; }
    case ${attributes%% *} in *S*) echo yes ;; *) echo no ;; esac
}

look_at_directory() { # sync|any PATH
    local mode owner sync=unknown
    if [ ! -e "$2" ] && [ ! -L "$2" ]; then
        printf 'absent\t\t\t\t%s\n' "$2"
    elif [ ! -d "$2" ]; then
        printf 'strange\t\t\t\t%s\n' "$2"
    else
        read -r mode owner <<<"$(stat -L -c '%a %u:%g' "$2")"
        if [ "$1" = sync ]; then sync=$(synchronous "$2"); fi
        printf 'directory\t%s\t%s\t%s\t%s\n' "$mode" "$owner" "$sync" "$2"
    fi
}

echo "== files"
while read -r hash show path; do
    if [ -n "$path" ]; then look_at_file "$hash" "$show" "$path"; fi
done <<<"$FILES"

echo "== directories"
while read -r sync path; do
    if [ -n "$path" ]; then look_at_directory "$sync" "$path"; fi
done <<<"$DIRECTORIES"

echo "== sysctls"
while read -r key; do
    [ -n "$key" ] || continue
    value=$(tr -s '\t\n ' ' ' 2>/dev/null <"/proc/sys/${key//.//}") || value=""
    printf '%s\t%s\n' "$key" "${value% }"
done <<<"$SYSCTLS" 2>/dev/null

wait
for section in docker containers images; do
    echo "== $section"
    if [ -e "$work/$section" ]; then cat "$work/$section"; fi
done
if [ -n "$STORE" ]; then
    echo "== object-store"
    cat "$work/store"
    echo "== object-store-complaint"
    cut -c 1-300 "$work/store-complaint"
fi
echo "== end"
