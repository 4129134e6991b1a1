#!/bin/sh
# Runs a command with the SSH key of SSH_KEY (its text, or the name of a file with it) in an agent that ends with the command:
#   docs/ci/with-key.sh npx otel-ha status
# Without SSH_KEY the command runs as it is, for runners that have a key of their own.
set -eu
[ -n "${SSH_KEY:-}" ] || exec "$@"
[ "${1:-}" = --in-agent ] || exec ssh-agent "$0" --in-agent "$@"
shift
if [ -f "$SSH_KEY" ]; then key=$(cat "$SSH_KEY"); else key=$SSH_KEY; fi
# Copied text may have lost its last newline, without which a key cannot be read.
printf '%s\n' "$key" | ssh-add -q -
unset key SSH_KEY
status=0
"$@" || status=$?
# A killed command leaves it for ten seconds, after which it ends by itself.
kill "$SSH_AGENT_PID"
exit $status
