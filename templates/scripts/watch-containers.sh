#!/bin/sh
# watch-containers install [--interval S] [--max-kib N] [--skip NAME]... DIR   has run go on from now on, after a reboot, too
# watch-containers run     [the same] DIR                                      until it is ended
# watch-containers check   [the same] DIR                                      a line for each thing that is not as install left it; fails when there is one
# watch-containers remove DIR                                                  ends it; what it wrote is removed
#
# What a collector in a container may not ask for itself, because it has no way to the container engine, as files that it reads:
#   DIR/containers/NAME.log     a link to the engine's own log of each container, but for those that are skipped: the collectors' own
#   DIR/metrics.jsonl           a line of OTLP for each container and round
#   DIR/journal.jsonl           the host's journal, where there is one
#   DIR/events/events.jsonl     what the engine says has happened
# A file that has grown over N KiB becomes FILE.1; there are never more than these two.
set -eu
umask 077
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

usage() {
    echo "usage: watch-containers install|run|check|remove [--interval S] [--max-kib N] [--skip NAME]... DIR" >&2
    exit 2
}

[ $# -ge 2 ] || usage
verb=$1 interval=10 max_kib=16384 skip=" " options=""
shift
while [ $# -gt 1 ]; do
    case $1 in
        --interval) interval=$2 ;;
        --max-kib) max_kib=$2 ;;
        --skip) skip="$skip$2 " ;;
        *) usage ;;
    esac
    options="$options$1 $2 "
    shift 2
done
dir=$1
self=$0
run_dir=${OTEL_HA_RUN:-/run}
etc=${OTEL_HA_ETC:-/etc}
name=otel-ha-watch-containers
unit=$etc/systemd/system/$name.service
hook=$etc/network/if-pre-up.d/$name

# --- Watching

# A reader has the old file open, or finds it by its beginning.
append() {
    if [ -e "$1" ] && [ "$(wc -c <"$1")" -gt $((max_kib * 1024)) ]; then mv "$1" "$1.1"; fi
    cat >>"$1"
}

containers() {
    ids=$(docker ps --all --quiet --no-trunc) || return 1
    [ -n "$ids" ] || return 0
    # One that goes meanwhile is no matter. An id is letters and digits.
    # shellcheck disable=SC2086
    docker inspect --format \
        '{{.Id}} {{.Name}} {{.Config.Image}} {{.State.Running}} {{.State.Pid}} {{.RestartCount}} {{.State.StartedAt}} {{json .LogPath}} {{json .State}}' \
        $ids 2>/dev/null || true
}

link_logs() {
    for link in "$dir"/containers/*.log; do
        [ -L "$link" ] || continue
        own=${link##*/}
        case $names in *" ${own%.log} "*) ;; *) rm -f "$link" ;; esac
    done
}

# The engine keeps a log of its own where another driver is set: then there is no path.
link_log() { # NAME PATH
    case $skip in *" $1 "*) return 0 ;; esac
    [ -n "$2" ] || return 0
    [ "$(readlink "$dir/containers/$1.log" 2>/dev/null)" = "$2" ] || ln -sfn "$2" "$dir/containers/$1.log"
}

# Where the kernel keeps the figures of a process' group: version 2, or one tree for each controller.
group() { # PID CONTROLLER
    root=${OTEL_HA_CGROUPS:-/sys/fs/cgroup}
    lines=$(cat "${OTEL_HA_PROC:-/proc}/$1/cgroup" 2>/dev/null) || return 1
    path=$(printf '%s\n' "$lines" | sed -n "s/^[0-9]*:\([^:]*,\)\{0,1\}$2\(,[^:]*\)\{0,1\}:\(.*\)/\3/p" | head -n 1)
    if [ -n "$path" ]; then
        echo "$root/$2$path"
    else
        path=$(printf '%s\n' "$lines" | sed -n 's/^0:://p')
        [ -n "$path" ] || return 1
        echo "$root$path"
    fi
}

number() { # FILE    nothing when it holds no number: "max"
    value=$(cat "$1" 2>/dev/null) || return 0
    case $value in "" | *[!0-9]*) ;; *) echo "$value" ;; esac
}

field() { # FILE NAME
    sed -n "s/^$2 //p" "$1" 2>/dev/null || true
}

gauge() { # NAME UNIT VALUE
    [ -n "$3" ] || return 0
    printf ',{"name":"%s","unit":"%s","gauge":{"dataPoints":[{"timeUnixNano":"%s","asInt":"%s"}]}}' "$1" "$2" "$now" "$3"
}

counter() { # NAME UNIT MICROSECONDS START
    [ -n "$3" ] || return 0
    printf ',{"name":"%s","unit":"%s","sum":{"aggregationTemporality":2,"isMonotonic":true,"dataPoints":[{"startTimeUnixNano":"%s","timeUnixNano":"%s","asDouble":%d.%06d}]}}' \
        "$1" "$2" "$4" "$now" $(($3 / 1000000)) $(($3 % 1000000))
}

cpu_microseconds() { # PID
    at=$(group "$1" cpuacct) || return 0
    if [ -e "$at/cpu.stat" ] && used=$(field "$at/cpu.stat" usage_usec) && [ -n "$used" ]; then
        echo "$used"
    else
        used=$(number "$at/cpuacct.usage")
        [ -z "$used" ] || echo $((used / 1000))
    fi
}

# Without what the kernel keeps of files and can drop at any time.
memory() { # PID
    at=$(group "$1" memory) || return 0
    used=$(number "$at/memory.current")
    [ -n "$used" ] || used=$(number "$at/memory.usage_in_bytes")
    cached=$(field "$at/memory.stat" inactive_file)
    limit=$(number "$at/memory.max")
    # A limit that is none is a number that no machine has.
    [ -n "$limit" ] || limit=$(number "$at/memory.limit_in_bytes")
    [ -n "$limit" ] && [ "${#limit}" -lt 18 ] || limit=""
    [ -z "$used" ] || gauge container.memory.usage By $((used - ${cached:-0}))
    gauge container.memory.usage.limit By "$limit"
}

figures() { # ID NAME IMAGE RUNNING PID RESTARTS STARTED STATE
    running=0 healthy=""
    [ "$4" != true ] || running=1
    case $8 in *'"Health":{"Status":"healthy"'*) healthy=1 ;; *'"Health":{"Status":"unhealthy"'*) healthy=0 ;; esac
    printf '{"resourceMetrics":[{"resource":{"attributes":['
    printf '{"key":"%s","value":{"stringValue":"%s"}},' container.name "$2" container.id "$1" container.image.name "$3"
    printf '{"key":"service.name","value":{"stringValue":"%s"}}]},"scopeMetrics":[{"scope":{"name":"watch-containers"},"metrics":[' "$2"
    printf '{"name":"container.running","unit":"1","gauge":{"dataPoints":[{"timeUnixNano":"%s","asInt":"%s"}]}}' "$now" "$running"
    gauge container.healthy 1 "$healthy"
    gauge container.restarts '{restart}' "$6"
    if [ "$running" = 1 ]; then
        start=$(date -d "$7" +%s%N 2>/dev/null || echo 0)
        counter container.cpu.time s "$(cpu_microseconds "$5")" "$start"
        memory "$5"
        at=$(group "$5" pids) && gauge container.pids.count '{thread}' "$(number "$at/pids.current")"
        [ "$start" = 0 ] || gauge container.uptime s $(((now - start) / 1000000000))
    fi
    printf ']}]}]}\n'
}

watch_containers() {
    all=$(containers) || return 0
    now=$(date +%s%N)
    names=" "
    while read -r id own image is_running pid restarts started log state; do
        [ -n "$id" ] || continue
        own=${own#/}
        names="$names$own "
        log=${log#\"}
        link_log "$own" "${log%\"}"
        figures "$id" "$own" "$image" "$is_running" "$pid" "$restarts" "$started" "$state"
    done >"$dir/state/figures" <<EOF
$all
EOF
    append "$dir/metrics.jsonl" <"$dir/state/figures"
    link_logs
}

# Health checks are commands in containers, too: thousands an hour.
watch_events() {
    until=$(date +%s)
    since=$(cat "$dir/state/since" 2>/dev/null) || since=$until
    if [ "$since" != "$until" ]; then
        docker events --since "$since" --until "$until" --format '{{json .}}' >"$dir/state/events" 2>/dev/null || return 0
        sed '/"Action":"exec_/d' "$dir/state/events" | (umask 022 && append "$dir/events/events.jsonl")
    fi
    put "$dir/state/since" "$until"
}

put() { # FILE TEXT
    echo "$2" >"$1.part"
    mv "$1.part" "$1"
}

# The cursor moves when all of it is there: what was cut off comes once more, and is known by its content.
watch_journal() {
    command -v journalctl >/dev/null 2>&1 || return 0
    [ -s "$dir/state/journal-since" ] || put "$dir/state/journal-since" "@$(date +%s)"
    if [ -s "$dir/state/cursor" ]; then set -- --after-cursor="$(cat "$dir/state/cursor")"; else set -- --since="$(cat "$dir/state/journal-since")"; fi
    journalctl --quiet --no-pager --output=json --output-fields=MESSAGE,PRIORITY,SYSLOG_IDENTIFIER,_SYSTEMD_UNIT,_PID "$@" \
        >"$dir/state/journal" 2>/dev/null || return 0
    [ -s "$dir/state/journal" ] || return 0
    append "$dir/journal.jsonl" <"$dir/state/journal"
    cursor=$(tail -n 1 "$dir/state/journal" | sed -n 's/.*"__CURSOR" *: *"\([^"]*\)".*/\1/p')
    [ -z "$cursor" ] || put "$dir/state/cursor" "$cursor"
}

make_directories() {
    mkdir -p "$dir/containers" "$dir/events" "$dir/state"
    # What has happened is for the collector of the cluster, too, which is not root.
    chmod 0711 "$dir"
    chmod 0700 "$dir/containers" "$dir/state"
    chmod 0755 "$dir/events"
}

run() {
    exec 9>"$run_dir/$name.lock"
    flock -n 9 || exit 0
    echo $$ >"$run_dir/$name.pid"
    make_directories
    while :; do
        watch_containers
        watch_events
        watch_journal
        [ "$interval" != 0 ] || exit 0
        # The children of a shell that is ended stay: without the lock, the next one need not wait for this.
        sleep "$interval" 9>&-
    done
}

# --- Going on

unit_text() {
    cat <<EOF
[Unit]
Description=Files of otel-ha about the containers of this host
After=docker.service
RequiresMountsFor=$dir

[Service]
ExecStart=$self run $options$dir
Restart=always
RestartSec=5
Nice=10
NoNewPrivileges=yes
PrivateTmp=yes
ProtectHome=yes

[Install]
WantedBy=multi-user.target
EOF
}

hook_text() {
    cat <<EOF
#!/bin/sh
# At boot: files of otel-ha about the containers of this host.
setsid $self run $options$dir >/dev/null 2>&1 </dev/null &
exit 0
EOF
}

# write FILE MODE < text
write() {
    cat >"$1.part"
    chmod "$2" "$1.part"
    mv "$1.part" "$1"
}

has_systemd() {
    [ -d "$run_dir/systemd/system" ]
}

running() {
    pid=$(cat "$run_dir/$name.pid" 2>/dev/null) && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q "watch-containers run "
}

end() {
    if running; then kill "$pid"; fi
    # Its lock is what the next one waits for.
    flock -w 10 "$run_dir/$name.lock" -c : || { echo "watch-containers: the one that runs does not end (pid ${pid:-unknown})" >&2; exit 1; }
}

# Begins anew whenever it is called: the script, or what it was told, may be another.
install() {
    make_directories
    if has_systemd; then
        unit_text | write "$unit" 0644
        systemctl daemon-reload
        systemctl --quiet enable "$name.service"
        systemctl restart "$name.service"
    else
        end
        if [ -d "${hook%/*}" ]; then
            hook_text | write "$hook" 0755
        else
            echo "warning: what is known about the containers of this host ends with a reboot: it has neither systemd nor ifupdown; run $self install $options$dir then"
        fi
        # shellcheck disable=SC2086
        setsid "$self" run $options"$dir" >/dev/null 2>&1 </dev/null &
    fi
}

check() {
    found=0
    say() { echo "$1"; found=1; }
    if has_systemd; then
        unit_text | cmp -s - "$unit" || say "$unit is not as it was written"
        systemctl --quiet is-enabled "$name.service" 2>/dev/null || say "$name.service is not enabled"
        systemctl --quiet is-active "$name.service" 2>/dev/null || say "$name.service is not running"
    else
        [ ! -d "${hook%/*}" ] || hook_text | cmp -s - "$hook" || say "$hook is not as it was written"
        running || say "watch-containers is not running"
    fi
    return "$found"
}

remove() {
    if has_systemd; then
        systemctl --quiet disable --now "$name.service" 2>/dev/null || true
        rm -f "$unit"
        systemctl daemon-reload
    else
        rm -f "$hook"
        end
    fi
    rm -f "$run_dir/$name.pid" "$run_dir/$name.lock"
    rm -rf "$dir/containers" "$dir/events" "$dir/state"
    rm -f "$dir"/metrics.jsonl* "$dir"/journal.jsonl*
    if [ -d "$dir" ]; then rmdir "$dir"; fi
}

case $verb in
    install | run | check | remove) "$verb" ;;
    *) usage ;;
esac
