#!/bin/sh
# Checks the dependencies against the advisories of RustSec, where these can be had; says so where not.
#
#     advisories.sh CARGO_DENY
#
# Fetching them is a step of its own: where that went well, the check itself fails only for what it finds.
set -eu
cargo_deny=$1
# A connection over which nothing comes is given up.
export GIT_HTTP_LOW_SPEED_LIMIT=1000 GIT_HTTP_LOW_SPEED_TIME=8

echo "Fetching the advisories of RustSec ..."
if ! said=$("$cargo_deny" --locked fetch db 2>&1); then
    echo "SKIPPED: the check of the dependencies against the advisories of RustSec, which could not be fetched:"
    echo "$said" | sed '/^$/d; s/^/  /' | tail -n 1
    exit
fi
exec "$cargo_deny" --offline --locked check advisories
