#!/bin/sh
# Checks the dependencies against the RustSec advisories. If they cannot be fetched, says that the check is skipped; with
# ADVISORIES=required, as in continuous integration, that is a failure.
#
#     advisories.sh CARGO_DENY
#
# They are fetched separately, so that the check itself fails only for findings.
set -eu
cargo_deny=$1
# Give up on a stalled connection.
export GIT_HTTP_LOW_SPEED_LIMIT=1000 GIT_HTTP_LOW_SPEED_TIME=8

echo "Fetching the RustSec advisories ..."
if ! output=$("$cargo_deny" --locked fetch db 2>&1); then
    echo "SKIPPED: the check against the RustSec advisories, which could not be fetched:"
    echo "$output" | sed '/^$/d; s/^/  /' | tail -n 1
    [ "${ADVISORIES:-}" != required ]
    exit
fi
exec "$cargo_deny" --offline --locked check advisories
