#!/bin/sh
# Ensures that system programs are installed, given as pairs of a command and its Debian packages:
#   infra/local/system-packages.sh 'cc:gcc libc6-dev' chromium:chromium
# Does nothing when all are present; otherwise installs the packages if that needs no password.
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
    echo "These commands are required but missing:$missing_commands" >&2
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
    step $as_root apt-get -qq update || cannot "apt-get update failed; please install them"
    step $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends --yes $missing_packages \
        || cannot "The installation failed; please install them"
}
for pair in "$@"; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || cannot "They are still missing after the installation"
done
