# shellcheck shell=bash
# Read by bin/opensearch, and the only thing that upstream's does not do: see open-files.c.
if [ "$(ulimit -Hn)" != unlimited ] && [ "$(ulimit -Hn)" -lt 65535 ]; then
    echo "This machine allows $(ulimit -Hn) open files, fewer than OpenSearch insists on: the lab's image makes it start all the same." >&2
    export LD_PRELOAD=/usr/local/lib/open-files.so
fi
