#!/bin/sh
# Checks what a command of make needs on this machine, and says all that is missing and how to install it.
#
#     prerequisites.sh [--os-release FILE] COMMAND [RUST_TARGET ...]
#
# Where apt needs no password, it installs the missing packages. The command `prerequisites` prints a line for each program,
# and installs nothing.
set -eu

os_release=/etc/os-release
if [ "$1" = --os-release ]; then
    os_release=$2
    shift 2
fi
cd "$(dirname "$0")/../.."
command=$1
shift
rust_targets=$*
oldest_python=3.11
oldest_rust=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
# What the first run and all tests write into this folder, in GB, with some to spare.
run_gigabytes=4
test_gigabytes=8
# rustup installs the toolchain at the first build, with its progress.
export RUSTUP_AUTO_INSTALL=0

needs() {
    case $1 in
        setup | docs) echo python ;;
        bench | bench-parts | rustdoc) echo python cargo cc ;;
        unit) echo python cargo cc git ;;
        check) echo python cargo cargo-clippy cargo-fmt cc git ;;
        build | deploy | release | release-command)
            echo python cargo cc
            for target in $rust_targets; do echo "rust:$target"; done
            ;;
        run | watch) echo make python cargo cc strip loopback "disk:$run_gigabytes" ;;
        release-test | upgrade-test) echo "$(needs run)" git ;;
        end-to-end) echo make python cargo cc strip loopback curl browser chromedriver "disk:$test_gigabytes" ;;
        test | fresh-check | release-check) echo "$(needs end-to-end)" git cargo-clippy cargo-fmt ;;
        *)
            echo "prerequisites.sh knows no command $1" >&2
            return 2
            ;;
    esac
}

has() {
    command -v "$1" >/dev/null 2>&1
}

first_version() {
    sed -n '1s/^[^0-9]*\([0-9][0-9.]*\).*/\1/p'
}

at_least() {
    printf '%s\n%s\n' "$2" "$1" | sort -t . -k 1,1n -k 2,2n -k 3,3n -C
}

# The cargo that is found is rustup's.
is_from_rustup() {
    has rustup && [ "$(dirname "$(command -v cargo)")" = "$(dirname "$(command -v rustup)")" ]
}

# Sets `name`, `found` and `problem`, which is empty if nothing is wrong.
examine() {
    name=$1 found="" problem=""
    case $1 in
        python)
            name=python3
            found=$(python3 -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) || found=""
            if [ -z "$found" ]; then
                problem="missing"
            elif ! at_least "$found" "$oldest_python"; then
                problem="$found is too old, $oldest_python or newer is needed"
            elif ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
                # Debian has them in a package of their own.
                problem="$found has no venv or ensurepip module"
            fi
            ;;
        cargo)
            found=$(cargo --version 2>/dev/null | first_version)
            if [ -n "$found" ]; then
                at_least "$found" "$oldest_rust" || problem="$found is too old, $oldest_rust or newer is needed"
            elif has cargo && is_from_rustup; then
                found="is installed by rustup at the first build"
            elif [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ]; then
                problem="installed, but not on the PATH"
            else
                problem="missing"
            fi
            ;;
        cc)
            if ! has cc; then
                problem="missing"
            elif ! echo '#include <stdlib.h>' | cc -E -x c - >/dev/null 2>&1; then
                problem="cannot compile (the headers of the C library are missing)"
            fi
            ;;
        browser)
            name="Chromium or Google Chrome"
            browser=$(infra/local/browser.sh) || problem="missing"
            ;;
        loopback)
            name=127.0.0.1
            if has python3 && ! python3 -c 'import socket; socket.socket().bind(("127.0.0.1", 0))' 2>/dev/null; then
                problem="programs cannot listen at this address"
            fi
            ;;
        disk:*)
            name=disk gigabytes=${1#disk:}
            free=$(($(df -Pk . | awk 'NR == 2 { print $4 }') / 1048576))
            found="$free GB free, $gigabytes GB needed"
            # What is built already is not needed once more.
            if [ "$free" -lt "$gigabytes" ]; then
                built=$(($(du -sk target .venv 2>/dev/null | awk '{ kb += $1 } END { print kb + 0 }') / 1048576))
                [ $((free + built)) -ge "$gigabytes" ] || problem="$free GB free, $((gigabytes - built)) GB needed"
            fi
            ;;
        rust:*)
            name="Rust for ${1#rust:}"
            [ -d "$(rustc --print target-libdir --target "${1#rust:}" 2>/dev/null)" ] || problem="missing"
            ;;
        *) has "$1" || problem="missing" ;;
    esac
}

examine_all() {
    lacking="" packages="" commands=""
    for prerequisite in $needed; do
        examine "$prerequisite"
        [ -z "$problem" ] || note_lacking
    done
}

note_lacking() {
    lacking="$lacking  $name: $problem$newline"
    remedy "$prerequisite"
}

# A line for each of these prerequisites that was not reported before.
report() {
    printf '\n%s\n' "$1"
    shift
    for prerequisite in "$@"; do
        case " $reported " in *" $prerequisite "*) continue ;; esac
        reported="$reported $prerequisite"
        examine "$prerequisite"
        if [ -n "$problem" ]; then
            echo "  ✗ $name: $problem"
            note_lacking
        else
            case $prerequisite in
                browser) found=$("$browser" --version 2>/dev/null | first_version) name=$browser ;;
                cc | make | git | curl | chromedriver) found=$("$prerequisite" --version 2>/dev/null | first_version) ;;
            esac
            echo "  ✓ $name${found:+ $found}"
        fi
    done
}

report_all() {
    lacking="" packages="" commands="" reported="" for_running=0
    # shellcheck disable=SC2046 # several prerequisites
    {
        report "To run it (make run):" $(needs run)
        [ -z "$lacking" ] || for_running=1
        report "To test it (make test):" $(needs test)
        if java -version >/dev/null 2>&1; then
            echo "  ✓ java"
        else
            echo "  - java: missing (optional: without it, the clients of OpenAPI Generator are not tested)"
        fi
        report "To deploy it (make deploy):" $(needs deploy)
    }
    echo
    print_remedies
    return $for_running
}

. infra/local/remedies.sh
if [ "$command" = prerequisites ]; then
    report_all
    exit
fi
needed=$(needs "$command")
examine_all
[ -n "$lacking" ] || exit 0
if install_packages; then
    examine_all
    [ -n "$lacking" ] || exit 0
fi
{
    printf 'make %s needs what this machine lacks:\n%s' "$command" "$lacking"
    print_remedies
    echo "CONTRIBUTING.md has the prerequisites of every system, and make prerequisites lists those of this one."
} >&2
exit 1
