#!/bin/sh
# start-opensearch --node NAME --member NAME=ADDRESS... --port PORT [--scheme https|http] [--formation first|never] [--heap auto|MIB] \
#     [--roll ALIAS]... [--roll-age AGE] [--roll-size SIZE] [--keep SECONDS] [--home DIR] [--config DIR] [--run DIR]
#
# Entry point of OpenSearch's container. Its root file system is read-only: the configuration that the server reads, and writes its keystore into, is
# put together in memory (--run), of what the image has and of ours (--config, mounted).
#
# A cluster is formed once. cluster.initial_cluster_manager_nodes lets nodes without data make a new one as soon as most of the named ones see each
# other; the server does not look at it where there is data of a cluster. All empty nodes get the same list, so three that start at once, or one of them
# late, or without one of them, still form one: two majorities of three have a node in common. A node that was wiped must join what is there instead.
# It does not get the list when
#   - this host has formed or joined a cluster before (the file "formed" beside the data, which setup-opensearch writes), or
#   - a member answers as part of a cluster: with users, which are kept in the cluster, or with the cluster's id, or
#   - the settings say that there is a cluster (--formation never).
# One wiped node cannot make a cluster even with the list: those that have data do not vote for one that has none. Two that were wiped together with
# their hosts, while the third is away, could; --formation never is for that.
#
# While the server runs, keep-opensearch goes on beside it, in the same directory as "keep.sh": options that are not explained here are its.
set -eu

node="" members="" port=9200 scheme=https formation=first heap=auto keeping=""
home=/usr/share/opensearch config=/etc/opensearch run=/run/opensearch
while [ $# -gt 1 ]; do
    case $1 in
        --node) node=$2 ;;
        --member) members="$members $2" ;;
        --port) port=$2 ;;
        --scheme) scheme=$2 ;;
        --formation) formation=$2 ;;
        --heap) heap=$2 ;;
        --roll | --roll-age | --roll-size | --keep) keeping="$keeping $1 $2" ;;
        --home) home=$2 ;;
        --config) config=$2 ;;
        --run) run=$2 ;;
        *) echo "start-opensearch: unknown option $1" >&2; exit 2 ;;
    esac
    shift 2
done
data=$home/data
say() { echo "start-opensearch: $1"; }

# The image's configuration has what its plugins read; ours is laid over it. Logs go to standard output, where Docker rotates them, and not to files.
configure() {
    cp -R "$home/config/." "$run/"
    rm -rf "$run"/*.pem "$run/opensearch-security"
    cp "$config/opensearch.yml" "$run/opensearch.yml"
    sed -e '/^[0-9:-]*-Xm[sx]/d' -e '/Xlog/d' -e '/HeapDump/d' -e '/ErrorFile/d' "$home/config/jvm.options" >"$run/jvm.options"
    mkdir -p "$run/jvm.options.d" "$run/opensearch-security" "$run/tmp" "$run/logs"
    size=$(heap_mebibytes)
    printf '%s\n' "-Xms${size}m" "-Xmx${size}m" -XX:+ErrorFileToStderr >"$run/jvm.options.d/otel-ha.options"
    cat >"$run/log4j2.properties" <<'END'
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%-25c{1.}] [%node_name]%marker %m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
END
    security
    secure_settings
}

# Half of what the container may have: the rest is for what is not heap, and for the files that Lucene has in memory. Above 31 GiB pointers get longer.
heap_mebibytes() {
    if [ "$heap" != auto ]; then echo "$heap"; return 0; fi
    limit=$(($(sed -n 's/^MemTotal: *\([0-9]*\) kB$/\1/p' /proc/meminfo) / 1024))
    for file in /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; do
        bytes=$(cat "$file" 2>/dev/null) || continue
        case $bytes in *[!0-9]* | "") continue ;; esac
        if [ $((bytes / 1048576)) -lt "$limit" ]; then limit=$((bytes / 1048576)); fi
    done
    half=$((limit / 2))
    if [ "$half" -gt 31744 ]; then half=31744; fi
    echo "$half"
}

# What a cluster begins with: passwords are asked for, and nobody has one. Users and roles are put there by setup-opensearch.
security() {
    cat >"$run/opensearch-security/config.yml" <<'END'
_meta: { type: config, config_version: 2 }
config:
  dynamic:
    kibana: { multitenancy_enabled: false }
    http: { anonymous_auth_enabled: false }
    authc:
      basic_internal_auth_domain:
        http_enabled: true
        transport_enabled: true
        order: 0
        http_authenticator: { type: basic, challenge: true }
        authentication_backend: { type: intern }
END
    for kind in internalusers:internal_users roles:roles rolesmapping:roles_mapping actiongroups:action_groups tenants:tenants nodesdn:nodes_dn; do
        printf '_meta: { type: %s, config_version: 2 }\n' "${kind%%:*}" >"$run/opensearch-security/${kind#*:}.yml"
    done
}

# Secrets that the server takes from its keystore only; a plugin that is not there would make them an error.
secure_settings() {
    for file in "$config"/keystore/*; do
        [ -f "$file" ] || continue
        name=${file##*/}
        case $name in s3.*) [ -d "$home/plugins/repository-s3" ] || continue ;; esac
        OPENSEARCH_PATH_CONF=$run "$home/bin/opensearch-keystore" add --force --stdin "$name" <"$file" >/dev/null
    done
}

# Without a password: who has no users yet says 503, who has some asks for one. Until there is a cluster, its id is _na_.
belongs() { # ADDRESS
    for wait in 1 1 1 0; do
        code=0
        answer=$(curl -s -m 3 -w ' %{http_code}' --cacert "$run/tls/trusted.pem" "$scheme://$1:$port/?filter_path=cluster_uuid&pretty=false") || code=$?
        # One that is just ending, or does not speak TLS.
        [ "$code" -eq 35 ] || break
        sleep "$wait" || true
    done
    case $code in 35 | 51 | 58 | 60 | 77)
        echo "start-opensearch: what listens at $1:$port cannot be believed (curl: $code): it has no certificate of our CA for that address" >&2
        exit 1 ;;
    esac
    case $answer in *" 401" | *" 403") return 0 ;; *'"cluster_uuid":"_na_"'*) return 1 ;; *'"cluster_uuid":"'*) return 0 ;; esac
    return 1
}

# Prints the list, or nothing.
first_members() {
    if [ -e "$data/formed" ]; then
        say "belongs to the cluster $(cat "$data/formed")" >&2
        [ -d "$data/nodes" ] || say "its data is not there: it joins the others, and does not form a cluster" >&2
        return 0
    fi
    if [ "$formation" = never ]; then say "joins the others, and does not form a cluster" >&2; return 0; fi
    names=""
    for member in $members; do
        names="$names${names:+,}${member%%=*}"
        [ "${member%%=*}" != "$node" ] || continue
        if belongs "${member#*=}"; then say "${member%%=*} belongs to a cluster, which this node joins" >&2; return 0; fi
    done
    echo "$names"
}

umask 077
configure
first=$(first_members)
export OPENSEARCH_PATH_CONF="$run" OPENSEARCH_TMPDIR="$run/tmp"
# shellcheck disable=SC2086
/bin/sh "$config/keep.sh" --node "$node" --port "$port" --scheme "$scheme" --home "$home" --config "$config" --run "$run" $keeping &
set --
if [ -n "$first" ]; then
    say "forms a cluster with $first, unless one of them has one"
    set -- "-Ecluster.initial_cluster_manager_nodes=$first"
fi
if [ "$scheme" = http ] && [ -d "$home/plugins/opensearch-security" ]; then set -- "$@" -Eplugins.security.disabled=true; fi
cd "$home"
exec "$home/bin/opensearch" "$@"
