#!/bin/bash
# heed-foreign-adverts VIP PORT PEER first|second <LOG
#
# Passes Keepalived's log on. While only one of the two nodes has a new password, each drops what the other says of itself, and would take the virtual
# IP, too. So who hears such adverts waits, by the file that keepalived.conf tracks: a node that has not the address, as long as somebody else answers
# there, which a dead owner does not; of two owners the second, if the first one's HAProxy is there to serve. PORT is HAProxy's on both nodes.
set -u
vip=$1 port=$2 peer=$3 rank=$4
file=${OTEL_HA_FOREIGN_ADVERTS:-/run/otel-ha.foreign-adverts}
password=${OTEL_HA_VRRP_PASSWORD:-/etc/keepalived/authentication.conf}
export LC_ALL=C

# Keepalived looks at no advert while it waits. After so many seconds it listens again: by itself it would take the address after three missed adverts
# and more, and one that is foreign makes it wait anew.
LISTEN_AGAIN=${OTEL_HA_LISTEN_AGAIN:-10}

# connect HOST: 0 when it takes a connection, 2 when it refuses one, 1 when nobody is there.
connect() {
    # shellcheck disable=SC2016
    if said=$(timeout 1 bash -c ': <"/dev/tcp/$0/$1"' "$1" "$port" 2>&1); then return 0; fi
    case $said in *refused*) return 2 ;; *) return 1 ;; esac
}
must_wait() {
    if ip -4 -o addr show | grep -qF " $vip/"; then
        [ "$rank" = second ] && connect "$peer"
    else
        connect "$vip"
        [ $? -ne 1 ]
    fi
}

heed() {
    local until=$((SECONDS + LISTEN_AGAIN)) known waits=0 now
    known=$(stat -c %Y "$password")
    # With another password of its own it may understand them.
    while [ "$SECONDS" -lt "$until" ] && [ "$(stat -c %Y "$password")" = "$known" ]; do
        if must_wait; then now=1; else now=0; fi
        [ "$now" = "$waits" ] || echo "$now" >"$file"
        waits=$now
        sleep 0.25
    done
    [ "$waits" = 0 ] || echo 0 >"$file"
}

# Nothing here may hold the log up: Keepalived would wait for it, and send no adverts, however many a stranger sends.
heeds=""
while IFS= read -r line; do
    printf '%s\n' "$line"
    case $line in
        *") received an invalid passwd!"* | *") received a "*" auth, expecting "*)
            if [ -z "$heeds" ] || ! kill -0 "$heeds" 2>/dev/null; then
                heed </dev/null >/dev/null &
                heeds=$!
            fi
            ;;
    esac
done
