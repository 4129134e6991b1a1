#!/bin/sh
# firewall apply [--seconds N] DIR < RULES   loads rules, to be taken back after N seconds unless they are confirmed; prints another text each time
# firewall confirm [--again] DIR             keeps them, when asked over an SSH connection that was made since; --again: loads them as apply does when
#                                            they were taken back by an earlier run
# firewall load DIR                          what was confirmed, as at boot
# firewall check DIR                         a line for each thing that is not as it was confirmed; fails when there is one
# firewall remove DIR                        table, entry for the boot, files
#
# DIR: wanted.nft, the last rules asked for; rules.nft, the last ones confirmed, for the boot; loaded.txt, the table as nft shows it since;
# pending/, while rules wait: what was in force before, and since when they are. No table but inet otel_ha is ever touched.
set -eu
umask 022
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

usage() {
    echo "usage: firewall apply|confirm|load|check|remove [--seconds N] [--again] DIR" >&2
    exit 2
}

[ $# -ge 2 ] || usage
verb=$1 seconds=20 again=false token=""
shift
while [ $# -gt 1 ]; do
    case $1 in
        --seconds) seconds=$2; shift 2 ;;
        --token) token=$2; shift 2 ;;
        --again) again=true; shift ;;
        *) usage ;;
    esac
done
dir=$1
self=$0
pending=$dir/pending
unit=/etc/systemd/system/otel-ha-firewall.service
hook=/etc/network/if-pre-up.d/otel-ha-firewall

fail() {
    echo "firewall: $1" >&2
    exit 1
}

# One at a time: the timer, the boot and the deployer may meet.
lock() {
    exec 9>/run/otel-ha-firewall.lock
    flock -w 60 9 || fail "something else has held /run/otel-ha-firewall.lock for a minute; look at: fuser -v /run/otel-ha-firewall.lock"
}

# Without counters, which change by themselves.
shown() {
    nft --stateless list table inet otel_ha 2>/dev/null || true
}

# The first line makes the second one possible when there is no table.
emptying() {
    printf 'table inet otel_ha\ndelete table inet otel_ha\n'
}

in_force() {
    [ ! -e "$pending/token" ] && cmp -s "$dir/wanted.nft" "$dir/rules.nft" && [ -s "$dir/loaded.txt" ] &&
        shown | cmp -s - "$dir/loaded.txt"
}

waiting() {
    [ -s "$pending/loaded.txt" ] && shown | cmp -s - "$pending/loaded.txt"
}

# --- Trying

# When a process began, in the kernel's ticks, and its parent. The name, in parentheses, may hold blanks.
birth() {
    sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 20
}
parent() {
    sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 2
}

# The process of this SSH connection; none when the server is another one than OpenSSH, or this is no SSH session.
connection() {
    pid=$$
    while [ "$pid" -gt 1 ]; do
        case $(cat "/proc/$pid/comm") in sshd*) echo "$pid"; return 0 ;; esac
        pid=$(parent "$pid")
    done
}

is_newer_than_rules() {
    ours=$(connection)
    [ -z "$ours" ] || [ "$(birth "$ours")" -ge "$(cat "$pending/since")" ]
}

# The timer must outlive this session, on a host with logind, too, and must hold neither its output nor the lock.
arm() {
    set -- "$self" expire --token "$token" --seconds "$seconds" "$dir"
    if [ -d /run/systemd/system ] &&
        systemd-run --quiet --collect --unit="otel-ha-firewall-$token" "$@" >/dev/null 2>&1 </dev/null 9>&-; then
        return 0
    fi
    setsid "$@" >/dev/null 2>&1 </dev/null 9>&- &
}

# What is in force now is what to go back to, unless that waits to be confirmed itself.
try() {
    if [ ! -e "$pending/token" ]; then
        rm -rf "$pending"
        mkdir "$pending"
        shown >"$pending/former.nft"
    fi
    token=$(cat /proc/sys/kernel/random/uuid)
    echo "$token" >"$pending/token"
    rm -f "$pending/loaded.txt" "$dir/refused"
    arm
    if ! message=$(nft -f "$dir/wanted.nft" 2>&1); then
        restore
        fail "nft does not load the rules; what was in force before is in force: $message"
    fi
    shown >"$pending/loaded.txt"
    sh -c 'cat /proc/$$/stat' | sed 's/.*) //' | cut -d ' ' -f 20 >"$pending/since"
    echo "$token"
}

# A table that cannot be had back is no reason to leave one that locks people out.
restore() {
    if [ -s "$pending/former.nft" ]; then
        { emptying; cat "$pending/former.nft"; } | nft -f - || emptying | nft -f -
    else
        emptying | nft -f -
    fi
    rm -rf "$pending"
}

apply() {
    mkdir -p "$dir"
    cat >"$dir/wanted.nft.part"
    if ! message=$(nft -c -f "$dir/wanted.nft.part" 2>&1); then
        rm -f "$dir/wanted.nft.part"
        printf '%s\n' "$message" | head -n 15 >&2
        fail "the rules are not valid (see above); nothing has changed"
    fi
    mv "$dir/wanted.nft.part" "$dir/wanted.nft"
    if in_force; then
        cat /proc/sys/kernel/random/uuid
    else
        try
    fi
}

expire() {
    sleep "$seconds"
    lock
    [ "$(cat "$pending/token" 2>/dev/null)" = "$token" ] || exit 0
    restore
    date +%s >"$dir/refused"
    logger -t otel-ha "firewall: nobody confirmed the rules within $seconds s; the former ones are in force again" 2>/dev/null || true
}

# --- Keeping

# To be told once, to the run that it happened to.
was_refused_just_now() {
    [ -s "$dir/refused" ] || return 1
    at=$(cat "$dir/refused")
    rm -f "$dir/refused"
    [ $(($(date +%s) - at)) -lt 60 ]
}

confirm() {
    if waiting; then
        is_newer_than_rules ||
            fail "this SSH connection was there before the rules, so that it does not show that another one can be made; they will be taken back"
        keep
    elif ! in_force; then
        was_refused_just_now &&
            fail "the rules were taken back: nobody confirmed them over a new SSH connection in time. What was in force before is so again. If they shut SSH out, correct templates/firewall; then up again"
        [ -s "$dir/wanted.nft" ] || fail "there are no rules in $dir; have Pulumi run the command before this one: pulumi up --replace"
        if $again; then
            try
            return 0
        fi
        fail "the rules are not in force. Change them, or try the same ones once more: pulumi up --replace '**-firewall-rules'"
    fi
    at_boot
}

keep() {
    cp "$dir/wanted.nft" "$dir/rules.nft.part"
    sync "$dir/rules.nft.part" 2>/dev/null || true
    mv "$dir/rules.nft.part" "$dir/rules.nft"
    mv "$pending/loaded.txt" "$dir/loaded.txt"
    rm -rf "$pending"
}

load() {
    rm -rf "$pending"
    [ -s "$dir/rules.nft" ] || exit 0
    nft -f "$dir/rules.nft"
    shown >"$dir/loaded.txt"
}

# --- At boot

unit_text() {
    cat <<EOF
[Unit]
Description=Who may connect to the ports of otel-ha
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target docker.service shutdown.target
Conflicts=shutdown.target
RequiresMountsFor=$dir
# nftables.service empties everything when it starts, stops or reloads.
After=nftables.service
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=$self load $dir
ExecReload=$self load $dir

[Install]
WantedBy=sysinit.target nftables.service
EOF
}

# A network that does not come up would lock everybody out, too.
hook_text() {
    cat <<EOF
#!/bin/sh
# Before an interface comes up: who may connect to the ports of otel-ha.
$self load $dir || echo "otel-ha: the firewall could not be loaded" >&2
exit 0
EOF
}

# write FILE MODE < text. Nothing when it is there already.
write() {
    cat >"$1.part"
    if cmp -s "$1.part" "$1"; then
        rm -f "$1.part"
        return 1
    fi
    chmod "$2" "$1.part"
    mv "$1.part" "$1"
}

at_boot() {
    if [ -d /run/systemd/system ]; then
        if unit_text | write "$unit" 0644; then systemctl daemon-reload; fi
        systemctl --quiet enable otel-ha-firewall.service
        # Not waited for: it needs the lock. It loads what is loaded, and is active from then on.
        systemctl --no-block start otel-ha-firewall.service
    elif [ -d "${hook%/*}" ]; then
        if hook_text | write "$hook" 0755; then :; fi
    else
        echo "warning: the firewall does not outlive a reboot of this host, which has neither systemd nor ifupdown: run $self load $dir there before the network is up"
    fi
}

not_at_boot() {
    if [ -e "$unit" ]; then
        systemctl --quiet disable otel-ha-firewall.service 2>/dev/null || true
        rm -f "$unit"
        systemctl daemon-reload 2>/dev/null || true
    fi
    rm -f "$hook"
}

# --- Looking, and taking away

check() {
    found=0
    say() { echo "$1"; found=1; }
    [ -s "$dir/rules.nft" ] || say "$dir/rules.nft is missing"
    cmp -s "$dir/wanted.nft" "$dir/rules.nft" || say "$dir/rules.nft is not what was asked for last ($dir/wanted.nft)"
    [ ! -e "$pending/token" ] || say "rules wait to be confirmed"
    if ! shown | cmp -s - "$dir/loaded.txt"; then
        say "the table inet otel_ha is not what was loaded:"
        shown | diff -u "$dir/loaded.txt" - 2>&1 | tail -n +3 || true
    fi
    if [ -d /run/systemd/system ]; then
        unit_text | cmp -s - "$unit" || say "$unit is not as it was written"
        systemctl --quiet is-enabled otel-ha-firewall.service 2>/dev/null || say "otel-ha-firewall.service is not enabled"
    elif [ -d "${hook%/*}" ]; then
        hook_text | cmp -s - "$hook" || say "$hook is not as it was written"
    fi
    return "$found"
}

remove() {
    if command -v nft >/dev/null 2>&1; then emptying | nft -f -; fi
    not_at_boot
    rm -rf "$pending"
    for file in wanted.nft wanted.nft.part rules.nft rules.nft.part loaded.txt refused; do rm -f "$dir/$file"; done
    if [ -d "$dir" ]; then rmdir "$dir"; fi
}

case $verb in
    expire) expire ;;
    apply | confirm | load | check | remove) lock && "$verb" ;;
    *) usage ;;
esac
