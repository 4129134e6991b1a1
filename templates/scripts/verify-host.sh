#!/bin/bash
# Settings before: FILES (lines of SHA256 show|hide PATH), DIRECTORIES (lines of sync|any PATH), SYSCTLS (keys), CONTAINERS (names), IMAGES (lines of
# ID NAME), STORE (a command line, or nothing), CLIENTS (its standard input), CLUSTER, WATCH, FIREWALL (command lines, or nothing).
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
    printf '%s\n' "$CLIENTS" | timeout 15 sh -c "$STORE" >"$work/store" 2>"$work/store-complaint" || true
}
ask_store &

# Says what differs; whoever ends early has not told all.
ask_cluster() {
    [ -n "$CLUSTER" ] || return 0
    if timeout 15 sh -c "$CLUSTER" >"$work/cluster" 2>"$work/cluster-complaint" </dev/null; then echo told >>"$work/cluster"; fi
}
ask_cluster &

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
# One question for all; when a name has no image, the answers are not in their places.
ask_images() {
    local ids=() names=() found at=0 id there
    while read -r id name; do
        if [ -n "$name" ]; then ids+=("$id") names+=("$name"); fi
    done <<<"$IMAGES"
    [ "${#names[@]}" -gt 0 ] || return 0
    mapfile -t found < <(timeout 4 docker image inspect --format '{{.Id}}' "${names[@]}" 2>/dev/null)
    for name in "${names[@]}"; do
        if [ "${#found[@]}" = "${#names[@]}" ]; then id=${found[at]}; else id=$(image_id "$name") || id=absent; fi
        there=there
        if [ "$id" != "${ids[at]}" ]; then image_id "${ids[at]}" >/dev/null || there=gone; fi
        printf '%s\t%s\t%s\n' "$id" "$there" "$name"
        at=$((at + 1))
    done >"$work/images"
}
ask_images &

# Few processes: the host may be busy.
tab=$'\t'
look_at_files() {
    local -A wanted=() show=() facts=() hashes=()
    local paths=() regular=() hash shown path fact mode owner size type state content
    while read -r hash shown path; do
        [ -n "$path" ] || continue
        paths+=("$path") wanted[$path]=$hash show[$path]=$shown
    done <<<"$FILES"
    [ "${#paths[@]}" -gt 0 ] || return 0
    while IFS=$tab read -r fact path; do
        facts[$path]=$fact
        case $fact in *" regular"*) regular+=("$path") ;; esac
    done < <(stat -c "%a %u:%g %s %F$tab%n" "${paths[@]}" 2>/dev/null)
    if [ "${#regular[@]}" -gt 0 ]; then
        while read -r hash path; do hashes[$path]=$hash; done < <(sha256sum "${regular[@]}" 2>/dev/null)
    fi
    for path in "${paths[@]}"; do
        read -r mode owner size type <<<"${facts[$path]:-}"
        state=same content=-
        case $type in
            "") state=absent ;;
            regular*)
                if [ "${hashes[$path]:-}" != "${wanted[$path]}" ]; then
                    state=other
                    if [ "${show[$path]}" = show ] && [ "$size" -le "$MOST_SHOWN" ]; then content=$(base64 -w 0 <"$path"); fi
                fi ;;
            *) state=strange ;;
        esac
        printf '%s\t%s\t%s\t%s\t%s\n' "$state" "$mode" "$owner" "$content" "$path"
    done
}

look_at_directories() {
    local -A facts=() attributes=()
    local paths=() asked=() sync path fact mode owner type state
    while read -r sync path; do
        [ -n "$path" ] || continue
        paths+=("$path")
        if [ "$sync" = sync ]; then asked+=("$path"); fi
    done <<<"$DIRECTORIES"
    [ "${#paths[@]}" -gt 0 ] || return 0
    while IFS=$tab read -r fact path; do facts[$path]=$fact; done < <(stat -L -c "%a %u:%g %F$tab%n" "${paths[@]}" 2>/dev/null)
    if [ "${#asked[@]}" -gt 0 ]; then
        while read -r fact path; do
            case $fact in *S*) attributes[$path]=yes ;; *) attributes[$path]=no ;; esac
        done < <(lsattr -d "${asked[@]}" 2>/dev/null)
    fi
    for path in "${paths[@]}"; do
        read -r mode owner type <<<"${facts[$path]:-}"
        case $type in "") state=absent ;; directory) state=directory ;; *) state=strange ;; esac
        printf '%s\t%s\t%s\t%s\t%s\n' "$state" "$mode" "$owner" "${attributes[$path]:-unknown}" "$path"
    done
}

echo "== files"
look_at_files
echo "== directories"
look_at_directories
echo "== sysctls"
while read -r key; do
    [ -n "$key" ] || continue
    words=()
    if [ -r "/proc/sys/${key//.//}" ]; then read -r -a words <"/proc/sys/${key//.//}" || true; fi
    printf '%s\t%s\n' "$key" "${words[*]}"
done <<<"$SYSCTLS"

# Fails when something differs, and says what.
ask_itself() { # SECTION LINE
    [ -n "$2" ] || return 0
    local code=0 said
    echo "== $1"
    said=$(timeout 5 sh -c "$2" 2>"$work/complaint") || code=$?
    case "$code ${said:+something}" in
        0* | "1 something") printf '%s\ntold\n' "$said" ;;
        *) tail -n 1 "$work/complaint" ;;
    esac
}
ask_itself firewall "$FIREWALL"
ask_itself watch "$WATCH"

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
if [ -n "$CLUSTER" ]; then
    echo "== cluster"
    cat "$work/cluster"
    echo "== cluster-complaint"
    cut -c 1-300 "$work/cluster-complaint"
fi
echo "== end"
