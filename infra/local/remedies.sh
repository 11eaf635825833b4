# For prerequisites.sh: how to install what is missing on each system.
# shellcheck shell=sh
# shellcheck disable=SC2154 # set by prerequisites.sh

newline='
'
as_root=$([ "$(id -u)" -eq 0 ] || echo "sudo ")

find_system() {
    if [ "$(uname -s)" = Darwin ]; then
        echo macos
    elif [ -r "$os_release" ]; then
        # shellcheck disable=SC1090 # the system's file
        for id in $(. "$os_release" && echo "${ID:-} ${ID_LIKE:-}"); do
            case $id in
                debian | ubuntu | fedora | arch) echo "$id" && return ;;
                amzn | centos | rhel) echo rhel && return ;;
            esac
        done
    fi
}

system=$(find_system)

# A command for the reader, once.
run_this() {
    case $commands in *"  $1$newline"*) return ;; esac
    commands="$commands  $1$newline"
}

# Packages for the reader, or for apt, each once.
install() {
    for package in "$@"; do
        case " $packages " in *" $package "*) continue ;; esac
        packages="$packages $package"
    done
}

install_rustup() {
    has curl || [ "$system" = macos ] || install curl
    run_this "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
    # shellcheck disable=SC2016 # for the reader's shell
    run_this '. "$HOME/.cargo/env"'
}

# The system has no package of it, or one that cannot be used.
install_chromedriver() {
    has unzip || install unzip
    zip="\$(curl -fsSL https://googlechromelabs.github.io/chrome-for-testing/LATEST_RELEASE_STABLE)/$1/chromedriver-$1.zip"
    run_this "curl -fsSLo /tmp/chromedriver.zip \"https://storage.googleapis.com/chrome-for-testing-public/$zip\""
    run_this "${as_root}unzip -jo /tmp/chromedriver.zip '*/chromedriver' -d /usr/local/bin"
}

install_from_google() {
    # What follows is for this processor.
    [ "$(uname -m)" = x86_64 ] || return 0
    chrome=https://dl.google.com/linux/direct/google-chrome-stable_current
    case $system:$1 in
        *:chromedriver) install_chromedriver linux64 ;;
        rhel:browser) manager "${chrome}_x86_64.rpm" ;;
        ubuntu:browser)
            run_this "curl -fsSLo /tmp/chrome.deb ${chrome}_amd64.deb"
            manager /tmp/chrome.deb
            ;;
    esac
}

# Adds to `packages` and `commands` what installs a prerequisite on this system, if that is known.
remedy() {
    case $system:$1 in
        *:cargo)
            if [ "$problem" = "installed, but not on the PATH" ]; then
                run_this ". \"${CARGO_HOME:-\$HOME/.cargo}/env\""
            elif has cargo && is_from_rustup; then
                run_this "rustup update stable"
            else
                install_rustup
            fi
            ;;
        *:cargo-clippy | *:cargo-fmt) is_from_rustup || install_rustup ;;
        *:rust:*)
            has rustup || install_rustup
            run_this "rustup target add ${1#rust:}"
            ;;
        *:loopback | *:disk:*) ;;
        macos:cc | macos:git | macos:make | macos:strip) run_this "xcode-select --install" ;;
        macos:chromedriver) install_chromedriver "mac-$(uname -m | sed 's/x86_64/x64/')" ;;
        macos:*)
            # shellcheck disable=SC2016 # for the reader's shell
            has brew || run_this '/bin/bash -c "$(curl -fsSL https://raw.githubusercontent.com/Homebrew/install/HEAD/install.sh)"'
            run_this "brew install $(echo "$1" | sed 's/browser/--cask google-chrome/')"
            ;;
        debian:python | ubuntu:python | fedora:python | rhel:python)
            venv=""
            case $system in debian | ubuntu) venv=-venv ;; esac
            case $problem in
                # The system's own programs need the system's python3.
                *"too old"*)
                    manager "python$oldest_python${venv:+ python$oldest_python$venv}"
                    link="mkdir -p ~/.local/bin && ln -sf \"\$(command -v python$oldest_python)\" ~/.local/bin/python3"
                    run_this "$link && export PATH=\"\$HOME/.local/bin:\$PATH\""
                    ;;
                *) install "python3$venv" ;;
            esac
            ;;
        debian:cc | ubuntu:cc) install gcc libc6-dev ;;
        *:cc) install gcc ;;
        *:strip) install binutils ;;
        ubuntu:browser | ubuntu:chromedriver | rhel:browser | rhel:chromedriver) install_from_google "$1" ;;
        debian:chromedriver) install chromium-driver ;;
        *:browser | arch:chromedriver) install chromium ;;
        *) install "$1" ;;
    esac
}

# The command that installs packages on this system.
manager() {
    case $system in
        debian | ubuntu) run_this "${as_root}apt-get install $*" ;;
        fedora | rhel) run_this "${as_root}dnf install $*" ;;
        arch) run_this "${as_root}pacman -S --needed $*" ;;
        *) run_this "with the package manager of this system: $*" ;;
    esac
}

# The packages come first: the other commands may need them.
print_remedies() {
    others=$commands commands=""
    # shellcheck disable=SC2086 # several packages
    [ -z "$packages" ] || manager $packages
    commands=$commands$others
    [ -z "$commands" ] || printf 'Install what is missing:\n%s' "$commands"
}

# Installs the missing packages if that needs no password.
install_packages() {
    case $system in debian | ubuntu) ;; *) return 1 ;; esac
    [ -n "$packages" ] && has apt-get || return 1
    [ -z "$as_root" ] || sudo -n true 2>/dev/null || return 1
    echo "Installing$packages ..." >&2
    step=$(! has python3 || echo "python3 infra/local/step.py")
    # shellcheck disable=SC2086 # several words, or none
    $step ${as_root:+sudo -n} apt-get -qq update \
        && $step ${as_root:+sudo -n} env DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends --yes $packages
}
