"""A machine for the tests of prerequisites.sh, with a user, an operating system and only some programs."""

import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
import unittest
from pathlib import Path

from emulator import ROOT

SCRIPTS = Path(__file__).parent
# What every system has.
BASIC = "awk cat chmod df dirname du env sed sh sort touch true"
ALL = "python3 cargo rustup rustc cc chromium chromedriver make strip curl git unzip cargo-clippy cargo-fmt"
DEBIAN = 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nNAME="Debian GNU/Linux"\nID=debian\n'
UBUNTU = "NAME=Ubuntu\nID=ubuntu\nID_LIKE=debian\n"
MINT = 'NAME="Linux Mint"\nID=linuxmint\nID_LIKE="ubuntu debian"\n'
FEDORA = 'NAME="Fedora Linux"\nID=fedora\n'
AMAZON = 'NAME="Amazon Linux"\nID="amzn"\nID_LIKE="fedora"\n'
ROCKY = 'NAME="Rocky Linux"\nID="rocky"\nID_LIKE="rhel centos fedora"\n'
ARCH = 'NAME="Arch Linux"\nID=arch\n'
OTHER = "NAME=Other\nID=other\n"
RUSTUP = ["curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh", '. "$HOME/.cargo/env"']
OLDEST_RUST = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["rust-version"]


class Machine(unittest.TestCase):
    """A machine with a user, an operating system and programs."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.bin, self.home, self.log = self.folder / "bin", self.folder / "home", self.folder / "log"
        self.bin.mkdir()
        self.home.mkdir()
        for name in BASIC.split():
            (self.bin / name).symlink_to(shutil.which(name))
        self.user(1000)
        self.system("Linux")

    def script(self, name, text):
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def user(self, number):
        self.script("id", f"echo {number}")

    def system(self, kernel, processor="x86_64"):
        self.script("uname", f'case "$1" in -s) echo {kernel} ;; -m) echo {processor} ;; esac')

    def python(self, change=""):
        """Python, perhaps with something changed before it runs what it is given with -c."""
        real = shlex.join([sys.executable, "-c", f"import sys\n{change}\nexec(sys.argv[1] if sys.argv[1:] else '')"])
        self.script("python3", f'[ "$1" != -c ] || exec {real} "$2"\nexec {shlex.quote(sys.executable)} "$@"')

    def cargo(self, version, rustup=True):
        self.script("cargo", f"echo 'cargo {version} (83884b4a2 2026-03-05)'")
        if rustup:
            self.script("rustup", "exit 0")

    def has(self, *names):
        """Installs programs that work."""
        for name in names:
            match name:
                case "python3":
                    self.python()
                case "cargo":
                    self.cargo(OLDEST_RUST, rustup=False)
                case "rustc":
                    self.script(name, f"echo {self.folder}")
                case "cc":
                    self.script(name, "cat >/dev/null")
                case _:
                    self.script(name, "exit 0")

    def lacks(self, *names):
        self.has(*(name for name in ALL.split() if name not in names))

    def check(self, command="test", os_release=DEBIAN, targets=()):
        """The exit code and the output."""
        file = self.folder / "os-release"
        file.write_text(os_release)
        run = [self.bin / "sh", SCRIPTS / "prerequisites.sh", "--os-release", file, command, *targets]
        environment = {"PATH": str(self.bin), "HOME": str(self.home), "LOG": str(self.log), "BIN": str(self.bin)}
        ended = subprocess.run(run, env=environment, capture_output=True, text=True)
        return ended.returncode, ended.stdout + ended.stderr

    def commands(self, *arguments, **options):
        """The commands that it tells to install what is missing."""
        code, said = self.check(*arguments, **options)
        self.assertEqual(1, code, said)
        advice = said.partition("Install what is missing:\n")[2]
        return [line.strip() for line in advice.splitlines() if line.startswith("  ")]

    def problems(self, *arguments, **options):
        """What it says is missing or wrong, by name."""
        code, said = self.check(*arguments, **options)
        self.assertEqual(1, code, said)
        lines = re.findall(r"(?m)^  (.+?): (.+)$", said.partition("Install what is missing:")[0])
        return dict(lines)
