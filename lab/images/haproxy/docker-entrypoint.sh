#!/bin/sh
# As the official image: options alone mean haproxy, and haproxy runs as a master (reload by SIGUSR2) in the foreground.
set -eu

case "${1:-}" in
-*) set -- haproxy "$@" ;;
esac
if [ "${1:-}" = haproxy ]; then
    shift
    set -- haproxy -W -db "$@"
fi
exec "$@"
