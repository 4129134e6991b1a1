#!/bin/sh
# opensearch-session PORT SCHEME NODE STEP... < the administrator's certificate and key, a line "--- users", the users
#
# Runs inside OpenSearch's container, by setup-opensearch and may-stop-opensearch, as whom nothing is refused. The certificate is there while this runs,
# in memory, and nowhere else in the container. Steps, in the order in which they are given; each says what it changes:
#
#   uuid          the cluster's id, when this node is part of one that has a manager; fails while the node does not answer
#   initialised   fails until users can log in
#   status        STATUS NODES UNASSIGNED INITIALIZING RELOCATING of the cluster
#   desired       makes the cluster what /etc/opensearch/desired.txt says, line by line: KIND NAME JSON
#   users         makes the users: ROLE NAME HASH DIGEST; notes that this node needs them
#   retire        deletes users of ours that no node needs any more
#   certificates  has this node read its certificates again
#   lock, force-lock, unlock   nodes are restarted one at a time: who is
#   primaries, allocate        while a node is restarted only primaries are assigned; all again, unless another node is restarted
#   flush         writes what is in memory, so that less is read again after a restart
#   check         says what users and desired would change, and changes nothing
set -eu

port=$1 scheme=$2 node=$3
shift 3
config=${OTEL_HA_CONFIG:-/etc/opensearch}
trusted=${OTEL_HA_TRUSTED:-/run/opensearch/tls/trusted.pem}
url=$scheme://127.0.0.1:$port
umask 077
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
while IFS= read -r line && [ "$line" != "--- users" ]; do printf '%s\n' "$line"; done >"$work/admin.pem"
cat >"$work/users"
{
    printf 'silent\nshow-error\nmax-time = 60\n'
    if [ "$scheme" = https ]; then printf 'cert = "%s"\ncacert = "%s"\n' "$work/admin.pem" "$trusted"; fi
} >"$work/curlrc"
check=false
security=_plugins/_security/api
plugins='_cat/plugins?h=component'

# What is sent goes by standard input: the list of processes shows arguments. The answer is in $body, its status in $status.
call() { # METHOD PATH [JSON]
    if [ "$1" = GET ]; then
        if told "$2"; then return 0; fi
    else
        rm -f "$work/questions"
    fi
    if [ $# -gt 2 ]; then
        status=$(printf '%s' "$3" | curl -K "$work/curlrc" -o "$work/body" -w '%{http_code}' -X "$1" \
            -H 'Content-Type: application/json' --data-binary @- "$url/$2") || status=000
    else
        status=$(curl -K "$work/curlrc" -o "$work/body" -w '%{http_code}' -X "$1" "$url/$2" </dev/null) || status=000
    fi
    body=$(cat "$work/body" 2>/dev/null || true)
}

# Asks all questions (lines of standard input) over one connection: to make a new one for each is most of what a look costs both sides. The answers are
# good until something is changed.
ask_ahead() {
    cat >"$work/ahead"
    rm -f "$work"/told.*
    number=0
    echo globoff >"$work/ahead.curlrc"
    while IFS= read -r question; do
        number=$((number + 1))
        printf 'url = "%s/%s"\noutput = "%s/told.%d"\n' "$url" "$question" "$work" "$number" >>"$work/ahead.curlrc"
    done <"$work/ahead"
    curl -K "$work/curlrc" -K "$work/ahead.curlrc" -w '%{http_code}\n' >"$work/statuses" 2>/dev/null </dev/null || true
    mv "$work/ahead" "$work/questions"
}

# Only what is there, or is not; all else is asked once more.
told() { # PATH
    [ -e "$work/questions" ] || return 1
    number=0
    while IFS= read -r question <&3 && IFS= read -r status <&4; do
        number=$((number + 1))
        [ "$question" = "$1" ] || continue
        case $status in 200 | 404) ;; *) return 1 ;; esac
        body=$(cat "$work/told.$number" 2>/dev/null || true)
        return 0
    done 3<"$work/questions" 4<"$work/statuses"
    return 1
}

# What is there (status 200), or is not (404).
look() { # PATH
    for wait in 1 1 2 2 3; do
        call GET "$1"
        case $status in 200 | 404) return 0 ;; 429 | 503) sleep "$wait" ;; *) break ;; esac
    done
    must GET "$1"
}

# Nodes that are set up at once write the same, and delete the same; who comes second hears of a conflict, or that it is not there.
must() { # METHOD PATH [JSON]
    for wait in 1 1 2 2 3 0; do
        call "$@"
        case $1$status in DELETE404) return 0 ;; esac
        case $status in 2*) return 0 ;; 409 | 429 | 503) sleep "$wait" ;; *) break ;; esac
    done
    echo "OpenSearch does not take $1 /$2: $status $(printf '%s' "$body" | cut -c 1-600)" >&2
    exit 1
}

# The server gives an object's members in an order of its own.
normal() { tr -d '\n' | tr -s '{},[]' '\n' | sort; }
same() { [ "$(printf '%s' "$1" | normal)" = "$(printf '%s' "$2" | normal)" ]; }

# Says that something is another one than it should be; whether it is to be changed.
differs() { # WHAT
    if $check; then echo "differs: $1"; return 1; fi
    echo "changed: $1"
}

# Where the server tells an entry of desired.txt, or a user.
told_at() { # KIND NAME
    case $1 in
        setting) echo '_cluster/settings?flat_settings=true&filter_path=persistent' ;;
        role) echo "$security/roles/$2" ;;
        mapping) echo "$security/rolesmapping/$2" ;;
        user) echo "$security/internalusers/$2" ;;
        template) echo "_index_template/$2?filter_path=index_templates.index_template" ;;
        policy) echo "_plugins/_ism/policies/$2" ;;
        index) echo "$2/_alias" ;;
        live) echo "$2/_settings?flat_settings=true" ;;
        repository) echo "_snapshot/$2" ;;
    esac
}

# Puts what is not as it should be. As the server tells it, it is JSON, with what it adds.
settle() { # WHAT PATH JSON JSON-AS-TOLD
    look "$2"
    if [ "$status" = 200 ] && same "$body" "$4"; then return 0; fi
    if differs "$1"; then must PUT "${2%%\?*}" "$3"; fi
}

# The same for what is put together with others of its kind: each time the nodes read all of it again.
settle_later() { # WHAT PATH JSON JSON-AS-TOLD
    look "$2"
    entry=${2##*/} list=${2%/*}
    if [ "$status" = 200 ] && same "$body" "{\"$entry\":$4}"; then return 0; fi
    if differs "$1"; then printf ',{"op":"add","path":"/%s","value":%s}' "$entry" "$3" >>"$work/later.${list##*/}"; fi
}

# Mappings name roles.
put_together() {
    for list in roles rolesmapping internalusers; do
        [ -e "$work/later.$list" ] || continue
        must PATCH "$security/$list" "[$(cut -c 2- "$work/later.$list")]"
        rm "$work/later.$list"
    done
    [ -e "$work/later.settings" ] || return 0
    must PUT _cluster/settings "{\"persistent\":{$(cut -c 2- "$work/later.settings")}}"
    rm -f "$work/later.settings" "$work/settings"
}

inner() { inner=${1#?}; printf '%s' "${inner%?}"; }

has_plugin() { # NAME
    if [ ! -e "$work/plugins" ]; then must GET "$plugins"; printf '%s\n' "$body" >"$work/plugins"; fi
    grep -q "^$1 *$" "$work/plugins"
}

setting() { # KEY JSON
    if [ ! -e "$work/settings" ]; then
        must GET "$(told_at setting)"
        printf '%s\n' "$body" | tr '{}' '\n' >"$work/settings"
    fi
    case $2 in
        null) grep -qF "\"$1\":" "$work/settings" || return 0 ;;
        *) ! grep -qF "\"$1\":$2" "$work/settings" || return 0 ;;
    esac
    if differs "setting $1"; then printf ',"%s":%s' "$1" "$2" >>"$work/later.settings"; fi
}

# One that is there is told from one that is not by an error, and two that make it at once are no error.
index() { # NAME JSON: NAME is an alias, or the index itself
    look "$(told_at index "$1")"
    [ "$status" = 404 ] || return 0
    differs "index $1" || return 0
    case $2 in *"\"$1\":{"*) first=$1-000001 ;; *) first=$1 ;; esac
    call PUT "$first" "$2"
    case $status$body in 2* | *resource_already_exists_exception*) ;; *) must PUT "$first" "$2" ;; esac
}

# Of the indices that are there already: the template is for new ones.
live() { # PATTERN JSON of settings whose values are all text
    look "$(told_at live "$1")"
    [ "$status" = 200 ] || return 0
    told=$body
    found=$(printf '%s' "$told" | grep -o '"settings":{' | wc -l)
    for pair in $(inner "$2" | tr ',' ' '); do
        [ "$(printf '%s' "$told" | grep -oF "$pair" | wc -l)" -eq "$found" ] && continue
        if differs "setting of $1: $pair"; then must PUT "$1/_settings" "{$pair}"; fi
    done
}

# The server adds much to a policy: its description says which one it is.
policy() { # NAME JSON
    has_plugin opensearch-index-management || return 0
    look "$(told_at policy "$1")"
    at=""
    if [ "$status" = 200 ]; then
        case $body in *"$(printf '%s' "$2" | grep -o '"description":"[^"]*"')"*) return 0 ;; esac
        sequence=$(printf '%s' "$body" | sed -n 's/.*"_seq_no":\([0-9]*\).*/\1/p')
        term=$(printf '%s' "$body" | sed -n 's/.*"_primary_term":\([0-9]*\).*/\1/p')
        at="?if_seq_no=$sequence&if_primary_term=$term"
    fi
    if differs "policy $1"; then must PUT "_plugins/_ism/policies/$1$at" "$2"; fi
}

# A setting of a plugin that is not there is an error.
for_plugins() { # JSON
    if has_plugin opensearch-index-management; then printf '%s' "$1"; return 0; fi
    printf '%s' "$1" | sed 's/,"plugins":{"index_state_management":{[^}]*}}//'
}

repository() { # NAME JSON
    case $2 in
        '{"type":"s3"'*)
            has_plugin repository-s3 || { echo "the image has no plugin repository-s3, which snapshots in S3 need; add it to the image, or change the setting snapshots" >&2; exit 1; }
    esac
    settle "snapshot repository $1" "$(told_at repository "$1")" "$2" "{\"$1\":$2}"
}

# Without TLS there is nobody to log in.
applies() { # KIND
    case $scheme/$1 in http/role | http/mapping) return 1 ;; esac
}

desired() {
    while read -r kind name json; do
        if applies "$kind"; then told_at "$kind" "$name"; fi
    done <"$config/desired.txt" | { echo "$plugins"; sort -u; } | ask_ahead
    while read -r kind name json; do
        applies "$kind" || continue
        case $kind in role | mapping | setting) ;; *) put_together ;; esac
        case $kind in
            "" | "#") ;;
            setting) setting "$name" "$json" ;;
            role) settle_later "role $name" "$(told_at role "$name")" "$json" \
                "{\"reserved\":false,\"hidden\":false,\"static\":false,$(inner "$json")}" ;;
            mapping) settle_later "role mapping $name" "$(told_at mapping "$name")" "$json" \
                "{\"hosts\":[],\"users\":[],\"reserved\":false,\"hidden\":false,\"and_backend_roles\":[],$(inner "$json")}" ;;
            template) json=$(for_plugins "$json"); settle "index template $name" "$(told_at template "$name")" "$json" \
                "{\"index_templates\":[{\"index_template\":$json}]}" ;;
            policy) policy "$name" "$json" ;;
            index) index "$name" "$json" ;;
            live) live "$name" "$json" ;;
            repository) repository "$name" "$json" ;;
            *) echo "desired.txt: unknown kind $kind" >&2; exit 2 ;;
        esac
    done <"$config/desired.txt"
    put_together
}

# A hash is not told: the digest is that of the hash that was put last.
users() {
    [ "$scheme" = https ] || return 0
    while read -r role name hash digest; do
        [ -z "$digest" ] || told_at user "$name"
    done <"$work/users" | { told_at setting; cat; } | ask_ahead
    needed=""
    while read -r role name hash digest; do
        [ -n "$digest" ] || continue
        needed="$needed${needed:+,}$name"
        attributes="\"backend_roles\":[\"$role\"],\"attributes\":{\"otel-ha\":\"$digest\"}"
        settle_later "user $name" "$(told_at user "$name")" "{\"hash\":\"$hash\",$attributes}" \
            "{\"hash\":\"\",\"reserved\":false,\"hidden\":false,\"static\":false,\"opendistro_security_roles\":[],$attributes}"
    done <"$work/users"
    setting "cluster.metadata.otel-ha.users.$node" "\"$needed\""
    put_together
}

retire() {
    [ "$scheme" = https ] || return 0
    must GET "$(told_at setting)"
    needed=$(printf '%s' "$body" | grep -o '"cluster.metadata.otel-ha.users.[^"]*":"[^"]*"' | cut -d '"' -f 4 | tr ',' '\n')
    must GET "$security/internalusers"
    ours='"[^"]*":{"hash":"","reserved":[a-z]*,"hidden":[a-z]*,"backend_roles":\["[a-z]*"\],"attributes":{"otel-ha":'
    for name in $(printf '%s' "$body" | grep -o "$ours" | cut -d '"' -f 2); do
        if printf '%s\n' "$needed" | grep -qx "$name"; then continue; fi
        if differs "user $name, whom no node needs any more, is deleted"; then must DELETE "$security/internalusers/$name"; fi
    done
}

holder() {
    call GET .otel-ha/_source/restart
    printf '%s' "$body" | sed -n 's/.*"node":"\([^"]*\)".*/\1/p'
}

# Creating a document that exists fails, whichever node is asked: two cannot have it.
lock() { # _create or _doc
    call PUT ".otel-ha/$1/restart?refresh=true" "{\"node\":\"$node\",\"since\":$(date +%s)}"
    case $status in 2*) return 0 ;; 409) ;; *) must GET _cluster/health; echo "the lock cannot be written: $status $body" >&2; exit 1 ;; esac
    other=$(holder)
    [ "$other" = "$node" ] || { echo "held by $other"; exit 3; }
}

unlock() { if [ "$(holder)" = "$node" ]; then call DELETE '.otel-ha/_doc/restart?refresh=true'; fi; }

allocate() {
    other=$(holder)
    if [ -n "$other" ] && [ "$other" != "$node" ]; then
        echo "open: $other is being restarted; copies are made again when that is done"
        return 0
    fi
    setting cluster.routing.allocation.enable null
    put_together
}

status() {
    call GET '_cluster/health?cluster_manager_timeout=5s&timeout=5s'
    for field in status number_of_nodes unassigned_shards initializing_shards relocating_shards; do
        value=$(printf '%s' "$body" | sed -n "s/.*\"$field\":\"\{0,1\}\([^\",}]*\).*/\1/p")
        printf '%s ' "${value:-unknown}"
    done
    echo
}

uuid() {
    call GET '_cluster/health?local=true'
    [ "$status" != 000 ] || exit 1
    case $body in *'"discovered_cluster_manager":true'*) ;; *) return 0 ;; esac
    call GET '?filter_path=cluster_uuid&pretty=false'
    printf '%s' "$body" | sed -n 's/.*"cluster_uuid":"\([^"]*\)".*/\1/p' | grep -v '^_na_$' || true
}

initialised() {
    [ "$scheme" = https ] || return 0
    call GET _plugins/_security/health
    case $body in *'"status":"UP"'*) ;; *) exit 1 ;; esac
}

for step in "$@"; do
    case $step in
        uuid | initialised | status | desired | users | retire | unlock | allocate) "$step" ;;
        lock) lock _create ;;
        force-lock) lock _doc ;;
        primaries) must PUT _cluster/settings '{"persistent":{"cluster.routing.allocation.enable":"primaries"}}' ;;
        flush) call POST _flush ;;
        certificates) for layer in http transport; do must PUT "$security/ssl/$layer/reloadcerts"; done ;;
        check) check=true; users; desired; allocate ;;
        *) echo "opensearch-session: unknown step $step" >&2; exit 2 ;;
    esac
done
