#!/bin/sh
# reload-haproxy CONTAINER
#
# Makes a running HAProxy read its files again. Its master starts a new worker, which takes over from the old one. When it cannot, because a port is taken for
# instance, the old one goes on as if nothing had happened: its health check sees no difference. So the new one is looked for, and what the master said is
# passed on when there is none.
set -eu

container=$1
master=$(docker inspect --format '{{.State.Pid}}' "$container")
# Between two starts it is 0, and a signal to that would go to whoever sends it.
[ "$master" -gt 1 ] || { echo "$container does not run" >&2; exit 1; }

workers() {
    grep -lsx "PPid:	$master" /proc/[0-9]*/status | sed 's|[^0-9]||g'
}

before=$(workers)
since=$(date +%s)
kill -s USR2 "$master"
deadline=$((since + 10))
while [ "$(date +%s)" -lt "$deadline" ]; do
    sleep 0.2
    for worker in $(workers); do
        printf '%s\n' "$before" | grep -qx "$worker" || exit 0
    done
done
docker logs --since "$since" "$container" 2>&1 | grep ALERT | tail -n 5 | cut -c 1-300 >&2 || true
echo "$container goes on with what it had read before: no new worker has started" >&2
exit 1
