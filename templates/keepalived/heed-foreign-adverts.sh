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

# Keepalived looks at no advert while it waits. After so many seconds it may listen again: to be as before it takes 3 adverts and more, to hear one is enough.
LISTEN_AGAIN=10

# connect HOST: 0 when it takes a connection, 2 when it refuses one, 1 when nobody is there.
connect() {
    # shellcheck disable=SC2016
    if said=$(timeout 1 bash -c ': <"/dev/tcp/$0/$1"' "$1" "$port" 2>&1); then return 0; fi
    case $said in *refused*) return 2 ;; *) return 1 ;; esac
}
holds() {
    ip -4 -o addr show | grep -qF " $vip/"
}
must_wait() {
    if holds; then
        [ "$rank" = second ] && connect "$peer"
    else
        connect "$vip"
        [ $? -ne 1 ]
    fi
}

waits=0
wait_or_not() { # 0|1
    if [ "$waits" = "$1" ]; then return 0; fi
    waits=$1
    echo "$waits" >"$file"
}

heard="" # When the last foreign advert was; empty: long ago.
begun="" # Of a line that is not whole yet.
while :; do
    if IFS= read -r -t 1 line; then
        line=$begun$line begun=""
        printf '%s\n' "$line"
        case $line in
            *") received an invalid passwd!"* | *") received a "*" auth, expecting "*) heard=$SECONDS known=$(stat -c %Y "$password") ;;
        esac
    elif [ $? -gt 128 ]; then
        begun=$begun$line
    else
        exit 0
    fi
    if [ -z "$heard" ]; then continue; fi
    if [ $((SECONDS - heard)) -ge "$LISTEN_AGAIN" ] || [ "$(stat -c %Y "$password")" != "$known" ]; then
        heard=""
        wait_or_not 0
    elif must_wait; then
        wait_or_not 1
    else
        wait_or_not 0
    fi
done
