#!/bin/sh
# drill-undo arm ID SECONDS COMMAND | undo ID | undo-all | list
#
# arm: runs COMMAND after SECONDS, whoever is still there to ask for it. undo: runs it now instead; nothing when there is no such ID.
# list: names what is armed, one per line.
set -eu
directory=/run/otel-ha-drill
mkdir -p "$directory"

undo() {
    [ -e "$directory/$1.undo" ] || return 0
    if [ -e "$directory/$1.pid" ]; then
        # The timer's whole group: its sleep must not stay behind.
        kill -- "-$(cat "$directory/$1.pid")" 2>/dev/null || true
    fi
    sh "$directory/$1.undo"
    rm -f "$directory/$1.undo" "$directory/$1.pid"
}

list() {
    find "$directory" -name '*.undo' | sed 's|.*/||; s|\.undo$||'
}

case $1 in
    arm)
        undo "$2"
        printf '%s\n' "$4" >"$directory/$2.undo"
        # A session of its own, so that it outlives the connection; its number is the group's.
        timer="echo \$\$ >$directory/$2.pid; sleep $3; sh $directory/$2.undo; rm -f $directory/$2.undo $directory/$2.pid"
        setsid sh -c "$timer" </dev/null >/dev/null 2>&1 &
        ;;
    undo) undo "$2" ;;
    undo-all) for id in $(list); do undo "$id"; done ;;
    list) list ;;
    *) echo "drill-undo: unknown command $1" >&2; exit 2 ;;
esac
