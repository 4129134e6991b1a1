#!/bin/sh
# put-file [--mode M] [--owner U:G] [--check CMD] [--reload CMD --container NAME [--works CMD] [--spec LABEL]] PATH < content
#
# Writes PATH as one transaction: temporary file, validator, rename and, where a running container reads it, reload and health
# check. When the reload or the health check fails, the previous content is put back, or the file removed when there was none: a
# failed run leaves the host as Pulumi's state describes it. A container whose label otel-ha.spec is another one than LABEL is about to be
# made anew, with what the file needs: it is left alone. CMD runs with $DIR (the file's directory) and $CANDIDATE (name of the new file in it); that of
# --works runs in the container, instead of its health check.
set -eu

mode=0644 owner=0:0 check="" reload="" container="" works="" spec=""
while [ $# -gt 1 ]; do
    case $1 in
        --mode) mode=$2 ;;
        --owner) owner=$2 ;;
        --check) check=$2 ;;
        --reload) reload=$2 ;;
        --container) container=$2 ;;
        --works) works=$2 ;;
        --spec) spec=$2 ;;
        *) echo "put-file: unknown option $1" >&2; exit 2 ;;
    esac
    shift 2
done
path=$1
lib=$(dirname "$0")
DIR=$(dirname "$path")
CANDIDATE=.$(basename "$path").new
export DIR CANDIDATE
new=$DIR/$CANDIDATE
old=$DIR/.$(basename "$path").old

[ -d "$DIR" ] || mkdir -p "$DIR"
umask 077
# A run that was killed between rename and health check leaves the text before it: what is in place may not have been taken.
interrupted=false
if [ -e "$old" ]; then interrupted=true; fi
trap 'rm -f "$new" "$old"' EXIT
cat >"$new"
chown "$owner" "$new"
chmod "$mode" "$new"

if [ -n "$check" ] && ! message=$(timeout 120 sh -c "$check" 2>&1 </dev/null); then
    printf '%s\n' "$message" | tail -n 15 >&2
    echo "$path: the new content is not valid (see above); the file is unchanged" >&2
    exit 1
fi

if ! $interrupted && [ -f "$path" ] && cmp -s "$new" "$path"; then
    mv "$new" "$path"
    exit 0
fi
await_healthy() { # SECONDS
    "$lib/await-healthy" --timeout "$1" --check "$works" "$container" </dev/null
}
well_before=false
if [ -n "$reload" ] && await_healthy 0 >/dev/null 2>&1; then well_before=true; fi
had_old=false
if $interrupted; then
    had_old=true
elif [ -f "$path" ]; then
    cp -p "$path" "$old.part"
    mv "$old.part" "$old"
    had_old=true
fi
sync "$new" 2>/dev/null || true
mv "$new" "$path"

status() {
    docker inspect --format '{{.State.Status}}' "$container" 2>/dev/null || echo absent
}
if [ -z "$reload" ]; then exit 0; fi
case $(status) in running | restarting) ;; *) exit 0 ;; esac
if [ -n "$spec" ] && [ "$(docker inspect --format '{{index .Config.Labels "otel-ha.spec"}}' "$container")" != "$spec" ]; then exit 0; fi

# A service that was not well before, perhaps because of this very file, may not be there to hear a signal: it is started anew.
if ! $well_before; then reload="docker restart $container"; fi
apply() {
    sh -c "$reload" >/dev/null </dev/null && await_healthy 30
}
apply && exit 0
if $had_old; then
    mv "$old" "$path"
    apply || echo "$container is not healthy with the previous content of $path either; look at: docker logs $container" >&2
    echo "$path: $container did not take the new content (see above); the previous content is back in place" >&2
else
    # Left in place, it would look like done to the next run.
    rm -f "$path"
    echo "$path: $container did not take the content (see above); the file is gone again" >&2
fi
exit 1
