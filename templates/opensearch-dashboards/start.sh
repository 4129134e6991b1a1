#!/bin/sh
# start.sh PROGRAM ARGUMENT...
#
# In Dashboards' container, around its own entry point: once it works, which may be long after its start, index patterns and dashboards are made what they
# should be.
set -u

: "${CONFIG:=/etc/opensearch-dashboards}" "${PAUSE:=10}"
"$@" &
program=$!
trap 'kill -TERM "$program" 2>/dev/null' TERM INT

{
    until sh "$CONFIG/health.sh" >/dev/null 2>&1 && sh "$CONFIG/objects.sh" import >/dev/null 2>&1; do
        sleep "$PAUSE"
        kill -0 "$program" 2>/dev/null || exit 0
    done
} &

# A signal ends the first wait before the program has ended.
wait "$program"
code=$?
while kill -0 "$program" 2>/dev/null; do
    wait "$program"
    code=$?
done
exit "$code"
