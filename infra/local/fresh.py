"""Runs a command as on a machine that has never seen this project.

    python3 fresh.py COMMAND [ARGUMENT ...]

HOME, and with it what cargo, pip and npm keep there, is an empty folder, which is removed afterwards. PATH has what README
asks for and the system's ordinary programs, nothing else: a tool that the project neither installs nor asks for is not
found. Of the environment's variables only those pass that tell of proxies, certificates, language and terminal.
"""

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from step import exit_code, see_out

SYSTEM = "/usr/sbin:/usr/bin:/sbin:/bin"
RUSTUP = "cargo cargo-clippy cargo-fmt clippy-driver rustc rustdoc rustfmt rustup"
# What README asks for, and after that what installs it where it is missing.
ASKED_FOR = "ar as cc gcc ld ranlib strip chromium chromedriver curl git make"
INSTALLS = "apt-get sudo"
# POSIX and its like: the project's scripts, compilers and Chromium's start-up use them.
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


def path_of_programs(folder):
    """A folder with links to all that may be used."""
    folder.mkdir()
    for name in RUSTUP.split():
        if not (program := shutil.which(name)):
            sys.exit(f"{name} is not on the PATH: rustup is needed, with clippy and rustfmt")
        # rustup goes by the name that it is called by.
        (folder / name).symlink_to(program)
    for name in (ASKED_FOR + ORDINARY).split():
        program = shutil.which(name, path=SYSTEM) or shutil.which(name)
        # What is missing may yet be installed.
        (folder / name).symlink_to(program or f"/usr/bin/{name}")
    # What installs packages runs their scripts, which may use all of the system.
    for name in INSTALLS.split():
        if program := shutil.which(name, path=SYSTEM):
            write_script(folder / name, f"PATH={SYSTEM} exec {program}")
    # Python takes the place where it is found for the place where it lives, and environments made by it remember that.
    write_script(folder / "python3", f"exec {shlex.quote(str(Path(sys.executable).resolve()))}")
    return folder


def write_script(path, command):
    path.write_text(f'#!/bin/sh\n{command} "$@"\n')
    path.chmod(0o755)


@contextlib.contextmanager
def fresh_environment():
    """A temporary folder, and the variables of an environment in it. What is left in the folder is removed."""
    with tempfile.TemporaryDirectory(prefix="patchbay-", ignore_cleanup_errors=True) as folder:
        folder = Path(folder).resolve()
        for name in ("home", "tmp"):
            (folder / name).mkdir()
        environment = {name: os.environ[name] for name in PASSED_ON.split() if name in os.environ}
        environment |= {
            "HOME": str(folder / "home"),
            "PATH": str(path_of_programs(folder / "bin")),
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
            sys.exit(f"{command[0]} is not one of the programs that a fresh machine has")
        process = subprocess.Popen([program, *command[1:]], env=environment)
        see_out(process)
        return exit_code(process)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
