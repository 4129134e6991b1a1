#!/bin/sh
# Installs the Pulumi CLI into ~/.pulumi/bin, in the version of the SDK in package.json. Does nothing when it is there. Settings, all optional:
#   PULUMI_VERSION   another version, as 3.248.0
#   PULUMI_SHA256    checksum of the archive; with it another archive is refused
#   PULUMI_DOWNLOAD  a directory of archives on a server of your own
set -eu
version=${PULUMI_VERSION:-$(node -p 'require("./package.json").dependencies["@pulumi/pulumi"]')}
bin=$HOME/.pulumi/bin
case $(uname -m) in
    x86_64) arch=x64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) echo "install-pulumi: there is no Pulumi CLI for $(uname -m)" >&2; exit 1 ;;
esac
archive=pulumi-v$version-linux-$arch.tar.gz

if [ "$("$bin/pulumi" version 2>/dev/null || true)" != "v$version" ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    curl -fsSL --retry 3 -o "$work/$archive" "${PULUMI_DOWNLOAD:-https://get.pulumi.com/releases/sdk}/$archive"
    if [ -n "${PULUMI_SHA256:-}" ]; then (cd "$work" && echo "$PULUMI_SHA256  $archive" | sha256sum -c - >&2); fi
    tar -xzf "$work/$archive" -C "$work"
    mkdir -p "$bin"
    mv "$work"/pulumi/* "$bin/"
fi
"$bin/pulumi" version

# For the steps after this one: GitHub has a file for that; elsewhere put ~/.pulumi/bin on PATH.
[ -z "${GITHUB_PATH:-}" ] || echo "$bin" >>"$GITHUB_PATH"
