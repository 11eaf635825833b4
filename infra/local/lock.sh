#!/bin/sh
# Writes the hashes of all files of each package into the requirements files, after a version in them was changed.
set -eu
cd "$(dirname "$0")/../.."

infra/local/setup.sh lock
for file in infra/local/requirements*.txt; do
    locked=$(sed -n 's/^\([^ #]*==[^ ]*\).*/\1/p' "$file" |
        .venv/lock/bin/uv pip compile --quiet --no-config --no-deps --generate-hashes --no-header --no-annotate -)
    comment=$(grep '^#' "$file")
    printf '%s\n%s\n' "$comment" "$locked" >"$file"
done
