#!/bin/sh
# Puts the server together as upstream's archive has it, from what Maven Central has of it: the server with the one module that the network needs, and
# each other module and plugin. A module is published as bare jars, so that its descriptor and its permissions are written here.
#   assemble.sh ARTIFACTS HOME
set -eu

artifacts=$1
home=$2
version=2.19.1

# module NAME CLASS MODULE-IT-EXTENDS JAR...    (a dash for none)
module() {
    name=$1 class=$2 extends=$3
    shift 3
    [ "$extends" != - ] || extends=
    dir=$home/modules/$name
    mkdir -p "$dir"
    for jar; do cp "$artifacts/$jar.jar" "$dir/"; done
    cat >"$dir/plugin-descriptor.properties" <<EOF
name=$name
description=$name
version=$version
opensearch.version=$version
java.version=11
classname=$class
extended.plugins=$extends
has.native.controller=false
EOF
}

# may NAME PERMISSION...    what the module's code is allowed beyond what all code is
may() {
    name=$1
    shift
    {
        echo 'grant {'
        for permission; do echo "  permission $permission;"; done
        echo '};'
    } >"$home/modules/$name/plugin-security.policy"
}

# plugin NAME    published as a zip with its descriptor; its own configuration goes to the server's, as opensearch-plugin would do it
plugin() {
    dir=$home/plugins/$1
    unzip -q "$artifacts/$1-$version.0.zip" -d "$dir"
    [ ! -d "$dir/config" ] || mv "$dir/config" "$home/config/$1"
    [ ! -d "$dir/tools" ] || chmod 750 "$dir"/tools/*
}

unzip -q "$artifacts/opensearch-$version.zip" -d "${home%/*}"
mv "${home%/*}/opensearch-$version" "$home"

module lang-painless org.opensearch.painless.PainlessPlugin - \
    lang-painless-$version opensearch-scripting-painless-spi-$version antlr4-runtime-4.13.1 \
    asm-9.7 asm-analysis-9.7 asm-commons-9.7 asm-tree-9.7 asm-util-9.7
may lang-painless 'java.lang.RuntimePermission "createClassLoader"' 'java.lang.RuntimePermission "getClassLoader"'

module lang-mustache org.opensearch.script.mustache.MustachePlugin - lang-mustache-client-$version compiler-0.9.14
may lang-mustache 'java.lang.RuntimePermission "accessDeclaredMembers"'

module ingest-common org.opensearch.ingest.common.IngestCommonPlugin lang-painless \
    ingest-common-$version opensearch-grok-$version opensearch-dissect-$version joni-2.2.1 jcodings-1.0.61

module analysis-common org.opensearch.analysis.common.CommonAnalysisPlugin lang-painless analysis-common-$version

module mapper-extras org.opensearch.index.mapper.MapperExtrasPlugin - mapper-extras-client-$version

module reindex org.opensearch.index.reindex.ReindexPlugin - \
    reindex-client-$version opensearch-rest-client-$version opensearch-ssl-config-$version \
    httpclient-4.5.14 httpcore-4.4.16 httpasyncclient-4.1.5 httpcore-nio-4.4.16 commons-codec-1.16.1 commons-logging-1.2
may reindex 'java.net.SocketPermission "*", "connect"' 'java.net.NetPermission "getProxySelector"'

plugin opensearch-security
plugin opensearch-job-scheduler

mkdir -p "$home/data" "$home/logs"
# What upstream's image has instead of the archive's.
cp "$artifacts/log4j2.properties" "$home/config/"
cat >"$home/config/opensearch.yml" <<EOF
cluster.name: docker-cluster
network.host: 0.0.0.0
EOF
# Three servers that live for minutes share two processors: what the second compiler wins is less than what it takes.
echo '-XX:TieredStopAtLevel=1' >>"$home/config/jvm.options"
sed -i 's/^OPENSEARCH_BUNDLED_JDK=false$/OPENSEARCH_BUNDLED_JDK=true/' "$home/bin/opensearch-env"
# However it is started.
sed -i '2i . /usr/local/lib/open-files.sh' "$home/bin/opensearch"
