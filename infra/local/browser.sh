#!/bin/sh
# Prints the path of the browser that the tests use. The exit code is 1 if there is none.
set -eu

for name in chromium google-chrome google-chrome-stable chromium-browser \
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" /Applications/Chromium.app/Contents/MacOS/Chromium; do
    path=$(command -v "$name") || continue
    case $path in
        # A snap sees neither the tests' temporary folders nor another HOME.
        /snap/*) ;;
        *) echo "$path" && exit ;;
    esac
done
exit 1
