#!/bin/sh
# Makes a host ready for the stack: checks first and reports every problem at once, then directories, sysctls and helper scripts.
# The program puts the settings in front of this text (ADDRESS, DIRECTORIES, PORTS, ...) and the helper scripts behind it.
# Runs as root on the host. Safe to run again at any time.
# shellcheck disable=SC2154
set -eu

problems=""

problem() {
    problems="${problems}host ${ADDRESS}: $1
"
}

# version_at_least HAVE WANT
version_at_least() {
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

# Short and full names are the same machine.
check_name() {
    name=$(cat /proc/sys/kernel/hostname)
    [ -z "$HOST_NAME" ] || [ "${name%%.*}" = "${HOST_NAME%%.*}" ] ||
        problem "the machine calls itself $name, not $HOST_NAME; correct nodeAddress or hostName"
}

check_docker() {
    if ! command -v docker >/dev/null 2>&1; then
        problem "docker is not installed; install Docker ${MINIMUM_DOCKER} or newer (Debian: apt-get install docker.io)"
        return 0
    fi
    if ! version=$(docker version --format '{{.Server.Version}}' 2>/dev/null) || [ -z "$version" ]; then
        problem "the Docker daemon does not answer; start it (systemctl start docker) and look at its log"
        return 0
    fi
    version_at_least "$version" "$MINIMUM_DOCKER" || problem "Docker $version is too old; ${MINIMUM_DOCKER} or newer is needed"
}

check_firewall() {
    [ "$FIREWALL" = true ] || return 0
    if ! command -v nft >/dev/null 2>&1; then
        problem "nft is not installed; install nftables (Debian: apt-get install nftables), or set firewall to false"
    elif ! message=$(nft list tables 2>&1); then
        problem "nft does not work here: $(printf '%s' "$message" | head -n 1); load the kernel's nf_tables, or set firewall to false"
    fi
    # From another address the peer would not hear VRRP, and take the virtual IP, too.
    if [ -z "$VRRP_INTERFACE" ] || ! addresses=$(ip -4 -o addr show dev "$VRRP_INTERFACE" 2>/dev/null); then return 0; fi
    case "$addresses " in
        *" $ADDRESS/"* | *" $ADDRESS "*) ;;
        *) problem "$VRRP_INTERFACE does not have the address $ADDRESS, by which the other node's firewall knows VRRP; correct networkInterface, or set vrrpUnicast to true" ;;
    esac
}

# A port held by one of our own containers is fine: this script runs again after every change of its settings.
held_by_us() {
    id=$(sed -n 's/.*\([0-9a-f]\{64\}\).*/\1/p' "/proc/$1/cgroup" 2>/dev/null | head -n 1)
    [ -n "$id" ] || return 1
    name=$(docker inspect --format '{{.Name}}' "$id" 2>/dev/null) || return 1
    case " $CONTAINERS " in *" ${name#/} "*) return 0 ;; esac
    return 1
}

check_ports() {
    command -v ss >/dev/null 2>&1 || { problem "the command ss is missing; install iproute2"; return 0; }
    while read -r port key use; do
        [ -n "$port" ] || continue
        line=$(ss -Hltnp "sport = :$port" 2>/dev/null | head -n 1)
        [ -n "$line" ] || continue
        pid=$(printf '%s' "$line" | sed -n 's/.*pid=\([0-9]*\).*/\1/p')
        if [ -n "$pid" ] && held_by_us "$pid"; then continue; fi
        who=$(printf '%s' "$line" | sed -n 's/.*users:(("\([^"]*\)".*/\1/p')
        problem "port $port ($use) is in use by ${who:-another process}${pid:+ (pid $pid)}; stop it, or set $key to a free port"
    done <<EOF
$PORTS
EOF
}

# The nearest existing parent tells which file system a directory that does not exist yet will be on. What a directory holds already counts
# as room that it has.
check_disk() {
    while read -r needs key path; do
        [ -n "$path" ] || continue
        at=$path held=0
        while [ ! -d "$at" ]; do at=$(dirname "$at"); done
        free=$(df -Pk "$at" | awk 'NR == 2 { print $4 }')
        if [ "$needs" -gt 0 ] && [ "$at" = "$path" ]; then held=$(du -sk "$path" | cut -f 1); fi
        wanted=$((MINIMUM_FREE_KIB + needs))
        [ $((free + held)) -ge "$wanted" ] ||
            problem "only $((free / 1024)) MiB free for $path; $((wanted / 1024)) MiB are needed: make room, or lower $key"
    done <<EOF
$DATA_PATHS
EOF
}

# Prometheus refuses samples more than 10 minutes ahead and the object store drives more than 15 minutes apart.
check_clock() {
    if command -v timedatectl >/dev/null 2>&1 && synced=$(timedatectl show --property=NTPSynchronized --value 2>/dev/null); then
        [ "$synced" = no ] && problem "the clock is not synchronised; enable NTP (timedatectl set-ntp true, or chrony)"
    elif command -v chronyc >/dev/null 2>&1; then
        chronyc tracking 2>/dev/null | grep -q 'Leap status *: Normal' || problem "chrony says the clock is not synchronised; see chronyc tracking"
    fi
    [ "$(date +%Y)" -ge 2025 ] || problem "the clock shows $(date); set it and enable NTP"
    return 0
}

check_reaches() {
    while read -r endpoint key use; do
        [ -n "$endpoint" ] || continue
        timeout 5 bash -c ": </dev/tcp/${endpoint%:*}/${endpoint##*:}" 2>/dev/null ||
            problem "nothing answers at $endpoint ($use); correct $key, or open the way there"
    done <<EOF
$REACHES
EOF
}

make_directories() {
    while read -r mode owner path; do
        [ -n "$path" ] || continue
        mkdir -p "$path"
        chown "$owner" "$path"
        chmod "$mode" "$path"
    done <<EOF
$DIRECTORIES
EOF
}

# Files that are there already, and may be open, are told as well; one that has gone meanwhile is no matter.
make_synchronous() {
    while read -r path; do
        [ -n "$path" ] || continue
        if chattr +S "$path" 2>/dev/null; then
            chattr -R +S "$path" 2>/dev/null || true
        else
            echo "warning: host ${ADDRESS}: $path cannot be made synchronous (chattr +S):" \
                "what was written there in the last seconds before a power cut will be missing on this host"
        fi
    done <<EOF
$SYNCHRONOUS
EOF
}

apply_sysctls() {
    [ -n "$SYSCTLS" ] || return 0
    mkdir -p /etc/sysctl.d
    printf '%s\n' "$SYSCTLS" >/etc/sysctl.d/90-otel-ha.conf
    while read -r key _ value; do
        [ -n "$key" ] || continue
        file=/proc/sys/$(printf '%s' "$key" | tr . /)
        [ "$(cat "$file" 2>/dev/null)" = "$value" ] || printf '%s' "$value" >"$file" || problem "cannot set $key to $value"
    done <<EOF
$SYSCTLS
EOF
}

# install_script NAME < text
install_script() {
    cat >"$LIB/.$1"
    chmod 0755 "$LIB/.$1"
    mv "$LIB/.$1" "$LIB/$1"
}

report() {
    [ -z "$problems" ] && return 0
    printf '%s' "$problems" >&2
    exit 1
}

check_name
check_docker
check_firewall
check_ports
check_disk
check_clock
check_reaches
report
make_directories
make_synchronous
apply_sysctls
report
mkdir -p "$LIB"
