#!/bin/sh
# Makes sure that programs of the system are there, given as pairs of a command and the Debian packages that it takes:
#   infra/local/system-packages.sh 'cc:gcc libc6-dev' chromium:chromium
# Does nothing when all are there; else installs the packages, where that can be done without asking anybody.
set -eu

missing_commands=""
missing_packages=""
for pair in "$@"; do
    if ! command -v "${pair%%:*}" >/dev/null 2>&1; then
        missing_commands="$missing_commands ${pair%%:*}"
        missing_packages="$missing_packages ${pair#*:}"
    fi
done
[ -n "$missing_packages" ] || exit 0

cannot() {
    echo "These commands are needed and are not here:$missing_commands" >&2
    echo "$1 (on Debian: apt-get install$missing_packages)." >&2
    exit 1
}

command -v apt-get >/dev/null 2>&1 || cannot "Please install them"
if [ "$(id -u)" -eq 0 ]; then
    as_root=""
elif sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    cannot "Please install them as root"
fi

echo "Installing$missing_packages ..." >&2
step() {
    python3 "$(dirname "$0")/step.py" "$@"
}
# shellcheck disable=SC2086 # several packages; sudo and its option, or nothing
{
    step $as_root apt-get -qq update || cannot "The lists of packages could not be read; please install them"
    step $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends --yes $missing_packages \
        || cannot "They could not be installed; please do so"
}
for pair in "$@"; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || cannot "They are still missing after an installation"
done
