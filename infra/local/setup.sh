#!/bin/sh
# Makes .venv: the tools that build, check and deploy, and the emulated AWS in .venv/emulator. Does nothing when both
# are as the requirements files say.
set -eu
cd "$(dirname "$0")/../.."

make_environment() { # folder, requirements file
    if ! cmp -s "$2" "$1/requirements.txt"; then
        echo "Installing $2 into $1 ..." >&2
        # An environment that was left half-made is made anew.
        "$1/bin/python" -m pip --version >/dev/null 2>&1 || python3 -m venv --clear "$1"
        "$1/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --requirement "$2"
        cp "$2" "$1/requirements.txt"
    fi
}

python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || {
    echo "Python 3.10 or newer with its venv module is needed (on Debian: apt-get install python3-venv)." >&2
    exit 1
}
make_environment .venv infra/local/requirements.txt
make_environment .venv/emulator infra/local/requirements-emulator.txt
