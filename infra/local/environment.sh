#!/bin/sh
# Makes a Python environment, or brings it up to its requirements. Does nothing when it is as they say.
#
#     environment.sh FOLDER REQUIREMENTS
set -eu
folder=$1 requirements=$2
place="# made in $(pwd)/$folder by $(python3 --version)"

if [ "$place
$(cat "$requirements")" = "$(cat "$folder/made" 2>/dev/null)" ]; then
    exit
fi
echo "Installing $requirements into $folder ..." >&2
# One that was left half-made, or that has been moved, is made anew: its programs know it by its path.
if [ "$place" != "$(sed -n 1p "$folder/made" 2>/dev/null)" ] || ! "$folder/bin/python" -m pip --version >/dev/null 2>&1; then
    python3 -m venv --clear "$folder"
fi
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --requirement "$requirements"
{ echo "$place"; cat "$requirements"; } > "$folder/made"
