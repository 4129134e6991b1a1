#!/bin/sh
# objects.sh look|import
#
# In Dashboards' container: whether index patterns and dashboards are as they are in objects.ndjson, and makes them so. One of the objects carries the hash
# of all. An import writes all at one time, so that an object with another time has been changed since.
#
# PORT. Prints "same", or what is different; exits 1 then, unless it was to import and has done so.
set -eu

: "${CONFIG:=/etc/opensearch-dashboards}"
objects=$CONFIG/objects.ndjson
answer=""

# The answer's text; fails when it is no 200. The password is in curl.conf: arguments can be seen.
ask() { # PATH CURL-ARGUMENT...
    path=$1
    shift
    answer=$(curl -K "$CONFIG/curl.conf" -sS --max-time 60 -w ' HTTP %{http_code}' -H 'osd-xsrf: true' "$@" "https://127.0.0.1:$PORT$path" 2>&1) || {
        echo "Dashboards does not answer: $answer" >&2
        exit 1
    }
    case $answer in
        *' HTTP 200') answer=${answer% HTTP 200} ;;
        *) printf 'Dashboards refuses %s: %s\n' "$path" "$answer" | cut -c 1-400 >&2; exit 1 ;;
    esac
}

# When each of the objects was written, one a line.
written() { # PATTERN, which the kind must match
    names=$(sed -n 's/^{"type":"\('"$1"'\)","id":"\([^"]*\)".*/{"type":"\1","id":"\2"}/p' "$objects")
    ask /api/saved_objects/_bulk_get -H 'content-type: application/json' --data "[$(printf '%s\n' "$names" | tr '\n' ',' | sed 's/,$//')]"
    times=$(printf '%s' "$answer" | grep -Eo '"updated_at":"[^"]*"') || true
    [ "$(printf '%s\n' "$times" | wc -l)" -eq "$(printf '%s\n' "$names" | wc -l)" ]
}

difference() {
    hash=$(grep -Eo 'otel-ha [0-9a-f]{64}' "$objects") || { echo "$objects has no hash" >&2; exit 1; }
    # Dashboards itself writes the fields that it has found into index patterns.
    written 'index-pattern' || { echo "index patterns are missing"; return; }
    written '[vd][^"]*' || { echo "dashboards are missing"; return; }
    printf '%s' "$answer" | grep -q "$hash" || { echo "they are of another version"; return; }
    [ "$(printf '%s\n' "$times" | sort -u | wc -l)" -eq 1 ] || { echo "some have been changed"; return; }
}

# Not in a condition: a failure in it must end the script.
what=$(difference)
if [ -z "$what" ]; then
    echo same
    exit 0
fi
echo "$what"
[ "$1" = import ] || exit 1
ask "/api/saved_objects/_import?overwrite=true" -F "file=@$objects"
case $answer in
    *'"success":true'*) ;;
    *) printf 'Dashboards has not taken all: %s\n' "$answer" | cut -c 1-1000 >&2; exit 1 ;;
esac
