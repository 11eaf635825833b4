"""Runs a command as on a new machine.

    python3 fresh.py COMMAND [ARGUMENT ...]

HOME, with the caches of cargo, pip and npm, is an empty folder that is removed afterwards. PATH has only what README.md asks
for and ordinary system programs, so that a tool that the project neither installs nor asks for is not found. Only environment
variables for proxies, certificates, language and terminal are passed on.
"""

import contextlib
import os
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

from step import Child

SYSTEM = "/usr/sbin:/usr/bin:/sbin:/bin"
RUSTUP = "cargo cargo-clippy cargo-fmt clippy-driver rustc rustdoc rustfmt rustup"
# What README.md asks for, and below what installs missing packages.
REQUIRED = "ar as cc gcc ld ranlib strip chromium google-chrome chromedriver curl git make"
INSTALLS = "apt-get sudo"
# POSIX utilities and similar, used by the project's scripts, compilers and Chromium's start script.
ORDINARY = """
    awk basename bash cat chmod cmp cp cut date dd df diff dirname du echo env expr false file find findmnt free getconf
    getopt grep egrep gzip head hostname id install kill ldd less ln locale ls lsb_release mkdir mkfifo mktemp more mv
    nproc od paste pkg-config printf ps pwd readlink realpath rm rmdir sed seq setsid sh sha256sum sleep sort stat stty sync
    tail tar tee test timeout touch tr true tty uname uniq wc which whoami xargs xdg-settings
"""
PASSED_ON = """
    LANG LC_ALL LC_CTYPE TERM TZ
    http_proxy https_proxy no_proxy all_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY
    SSL_CERT_FILE SSL_CERT_DIR CARGO_HTTP_CAINFO CURL_CA_BUNDLE GIT_SSL_CAINFO NODE_EXTRA_CA_CERTS PIP_CERT REQUESTS_CA_BUNDLE
"""


def create_path(folder):
    """A folder for PATH with links to all permitted programs."""
    folder.mkdir()
    for name in RUSTUP.split():
        if not (program := shutil.which(name)):
            sys.exit(f"{name} is not on the PATH: rustup is needed, with clippy and rustfmt")
        # rustup's proxies choose the tool by the name they are called by.
        (folder / name).symlink_to(program)
    for name in (REQUIRED + ORDINARY).split():
        program = shutil.which(name, path=SYSTEM) or shutil.which(name)
        # A missing program may be installed later.
        (folder / name).symlink_to(program or f"/usr/bin/{name}")
    # Package managers run maintainer scripts, which may use all system programs.
    for name in INSTALLS.split():
        if program := shutil.which(name, path=SYSTEM):
            write_script(folder / name, f"PATH={SYSTEM} exec {program}")
    # A script, not a link: Python derives its prefix from the path it is found by, and environments record it.
    write_script(folder / "python3", f"exec {shlex.quote(str(Path(sys.executable).resolve()))}")
    return folder


def write_script(path, command):
    path.write_text(f'#!/bin/sh\n{command} "$@"\n')
    path.chmod(0o755)


@contextlib.contextmanager
def fresh_environment():
    """A temporary folder, removed afterwards, and environment variables that use it."""
    with tempfile.TemporaryDirectory(prefix="patchbay-", ignore_cleanup_errors=True) as folder:
        folder = Path(folder).resolve()
        for name in ("home", "tmp"):
            (folder / name).mkdir()
        environment = {name: os.environ[name] for name in PASSED_ON.split() if name in os.environ}
        environment |= {
            "HOME": str(folder / "home"),
            "PATH": str(create_path(folder / "bin")),
            "TMPDIR": str(folder / "tmp"),
            "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", str(Path.home() / ".rustup")),
        }
        yield folder, environment


def main(command):
    if not command:
        sys.exit(__doc__)
    with fresh_environment() as (_, environment):
        program = shutil.which(command[0], path=environment["PATH"])
        if not program:
            sys.exit(f"{command[0]} is not one of the programs that a new machine has")
        return Child([program, *command[1:]], env=environment).exit_code()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
