#!/bin/sh
# The first process of a lab host: keeps sshd and dockerd running, as systemd would, and stops them in order.
set -eu

# The container runtime mounts these read-only; on a real host root may set sysctls.
mount -o remount,rw /proc/sys 2>/dev/null || true
# Docker wants a cgroup of its own for each host: two hosts share this machine's hierarchy.
cgroup="${LAB_CGROUP:-/otel-ha-lab}"
# By itself all of that counts as much as one thread of anybody else here, and the deployer, which is another machine in earnest, has many.
shares=8192
for way in "cpu$cgroup/cpu.shares $shares" ".$cgroup/cpu.weight 800"; do
    file=/sys/fs/cgroup/${way% *}
    [ -e "${file%"$cgroup"/*}/cgroup.procs" ] || continue
    mkdir -p "${file%/*}"
    echo "${way#* }" >"$file" 2>/dev/null || true
done

keep() {
    name=$1
    shift
    while :; do
        "$@" >>"/var/log/$name.log" 2>&1 || true
        [ -e /run/stopping ] && return 0
        echo "$(date -Is) $name ended; starting it again" >>"/var/log/$name.log"
        sleep 1
    done
}

stop() {
    touch /run/stopping
    # dockerd stops its containers gracefully before it ends.
    if [ -s /run/docker.pid ]; then
        pid=$(cat /run/docker.pid)
        kill "$pid" 2>/dev/null || true
        while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
    fi
    pkill -x sshd || true
    exit 0
}
trap stop TERM INT

# As fstab would, before Docker looks at the directories. A host whose disks are missing must not start on empty ones.
lab-disks mount >>/var/log/disks.log 2>&1

# As ifupdown would, before an interface comes up; here somebody else plugs the cable in. Whatever they say, the host starts.
run-parts /etc/network/if-pre-up.d >>/var/log/if-pre-up.log 2>&1 || true

# What a server needs to open, OpenSearch for one, is more than some machines give.
runtime=runc
files=$(awk '/^Max open files/ { print $5 }' /proc/self/limits)
if [ "$files" != unlimited ] && [ "$files" -lt 65536 ]; then runtime=lab-runc; fi

mkdir -p /run/sshd
chmod 755 /run/sshd
keep sshd /usr/sbin/sshd -D -e &
keep dockerd dockerd --cgroup-parent "$cgroup" --add-runtime lab-runc=/usr/local/sbin/lab-runc --default-runtime "$runtime" &
# A shell runs its trap only between commands: wait returns at a signal.
while :; do wait || true; done
