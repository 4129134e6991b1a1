#!/bin/sh
# What a client is shown: the certificate at an address ends in less than so many days. Needs openssl, and no login.
#   docs/ci/expiry.sh DAYS ADDRESS…     HOST:PORT, or https://HOST:PORT; http:// is said to have none
# Ends with 0: all last longer; 1: one does not, or shows none.
set -eu
days=$1
shift
status=0
for address in "$@"; do
    case $address in http://*)
        echo "$address: no TLS (tls: off)"
        continue
        ;;
    esac
    address=${address#https://}
    # s_client ends with an error for a CA that it does not know; what counts is whether there is a certificate.
    certificate=$(timeout 20 openssl s_client -connect "$address" -servername "${address%:*}" </dev/null 2>/dev/null | openssl x509 2>/dev/null) || certificate=
    if [ -z "$certificate" ]; then
        echo "$address shows no certificate" >&2
        status=1
        continue
    fi
    until=$(printf '%s\n' "$certificate" | openssl x509 -noout -enddate | cut -d= -f2)
    if printf '%s\n' "$certificate" | openssl x509 -noout -checkend $((days * 86400)) >/dev/null; then
        echo "$address: valid until $until"
    else
        echo "$address: valid until $until, which is in less than $days days; run otel-ha up" >&2
        status=1
    fi
done
exit $status
