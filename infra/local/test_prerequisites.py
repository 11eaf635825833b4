"""Tests of prerequisites.sh and browser.sh, on machines that have only some programs."""

import os
import re
import subprocess
import unittest

from emulator import ROOT
from machine import AMAZON, OLDEST_RUST, ROCKY, RUSTUP, SCRIPTS, UBUNTU, Machine


class Check(Machine):
    def test_says_nothing_where_nothing_is_missing(self):
        self.lacks()
        for command in ("run", "watch", "test", "check", "unit", "end-to-end", "bench", "docs", "setup"):
            self.assertEqual((0, ""), self.check(command))
        self.assertEqual((0, ""), self.check("deploy", targets=["aarch64-unknown-linux-gnu"]))

    def test_names_everything_that_is_missing_at_once(self):
        names = ["make", "python3", "cargo", "cc", "strip", "curl", "Chromium or Google Chrome", "chromedriver"]
        names += ["git", "cargo-clippy", "cargo-fmt"]
        self.assertEqual({name: "missing" for name in names}, self.problems("test"))
        self.assertIn("make test needs what this machine lacks:", self.check("test")[1])

    def test_each_command_asks_for_what_it_needs_only(self):
        self.lacks("chromium", "chromedriver", "curl", "strip", "git")
        for command in ("build", "deploy", "release", "bench", "docs", "setup"):
            self.assertEqual((0, ""), self.check(command))
        self.assertEqual({"strip": "missing"}, self.problems("run"))
        self.assertEqual({"git": "missing"}, self.problems("unit"))
        self.assertEqual({"git": "missing"}, self.problems("check"))
        wanted = {"strip", "curl", "chromedriver", "Chromium or Google Chrome"}
        self.assertEqual(wanted, set(self.problems("end-to-end")))
        self.assertEqual(wanted | {"git"}, set(self.problems("test")))
        self.assertEqual({"python3"}, set(self.without("python3").problems("docs")))

    def without(self, name):
        (self.bin / name).unlink()
        return self

    def test_a_command_that_it_does_not_know_is_an_error(self):
        code, said = self.check("fly")
        self.assertEqual((2, "prerequisites.sh knows no command fly\n"), (code, said))

    def test_a_compiler_without_the_headers_of_the_c_library_is_not_enough(self):
        self.lacks("cc")
        self.script("cc", "exit 1")
        self.assertEqual(["sudo apt-get install gcc libc6-dev"], self.commands("run"))
        self.assertIn("headers", self.problems("run")["cc"])

    def test_a_full_disk(self):
        self.lacks()
        self.script("df", "echo Filesystem; echo /dev/vda1 9 9 1048576 9 /")
        self.script("du", "echo 1048576 target")
        self.assertEqual({"disk": "1 GB free, 3 GB needed"}, self.problems("run"))
        self.assertEqual({"disk": "1 GB free, 7 GB needed"}, self.problems("test"))
        self.script("du", "echo 6291456 target; echo 1048576 .venv")
        self.assertEqual((0, ""), self.check("test"))

    def test_a_machine_whose_loopback_address_cannot_be_used(self):
        self.lacks()
        self.python("import socket; socket.socket.bind = None")
        self.assertEqual({"127.0.0.1": "programs cannot listen at this address"}, self.problems("run"))


class Python(Machine):
    OLD = "sys.version_info = (3, 9, 18)"
    LINK = 'mkdir -p ~/.local/bin && ln -sf "$(command -v python3.11)" ~/.local/bin/python3 && export PATH="$HOME/.local/bin:$PATH"'

    def test_one_that_is_too_old_is_told_with_its_version_and_gets_a_newer_one_beside_it(self):
        self.lacks("python3")
        self.python(self.OLD)
        self.assertEqual({"python3": "3.9.18 is too old, 3.11 or newer is needed"}, self.problems("run"))
        self.assertEqual(["sudo dnf install python3.11", self.LINK], self.commands("run", AMAZON))
        self.assertEqual(["sudo dnf install python3.11", self.LINK], self.commands("run", ROCKY))
        self.assertEqual(["sudo apt-get install python3.11 python3.11-venv", self.LINK], self.commands("run", UBUNTU))
        self.system("Darwin", "arm64")
        self.script("brew", "exit 0")
        self.assertEqual(["brew install python"], self.commands("run"))

    def test_newer_ones_are_taken(self):
        self.lacks("python3")
        for version in ("3, 11, 0", "3, 14, 1", "4, 0, 0"):
            self.python(f"sys.version_info = ({version})")
            self.assertEqual((0, ""), self.check("run"))

    def test_debians_lacks_ensurepip_until_python3_venv_is_installed(self):
        self.lacks("python3")
        self.python("sys.modules['ensurepip'] = None")
        self.assertRegex(self.problems("run")["python3"], r"^3\.\d+\.\d+ has no venv or ensurepip module$")
        self.assertEqual(["sudo apt-get install python3-venv"], self.commands("run"))


class Rust(Machine):
    def test_a_distributions_cargo_that_is_too_old_is_replaced_by_rustups(self):
        self.lacks("cargo", "rustup")
        self.cargo("1.75.0", rustup=False)
        problem = f"1.75.0 is too old, {OLDEST_RUST} or newer is needed"
        self.assertEqual({"cargo": problem}, self.problems("run"))
        self.assertEqual(RUSTUP, self.commands("run"))

    def test_a_distributions_cargo_that_is_new_enough_is_taken(self):
        self.lacks("cargo", "rustup")
        for version in (OLDEST_RUST, "1.100.0", "1.99.0-nightly", "2.0.0"):
            self.cargo(version, rustup=False)
            self.assertEqual((0, ""), self.check("run"))

    def test_an_old_toolchain_of_rustup_is_updated_by_rustup(self):
        self.lacks("cargo", "rustup")
        self.cargo("1.75.0")
        self.assertEqual(["rustup update stable"], self.commands("run"))

    def test_rustup_without_the_toolchain_is_enough(self):
        self.lacks("cargo", "rustup")
        self.has("rustup")
        self.script("cargo", 'echo "$RUSTUP_AUTO_INSTALL" >"$LOG"; echo "toolchain is not installed" >&2; exit 1')
        self.assertEqual((0, ""), self.check("run"))
        # The check does not install it: that would take minutes without a word.
        self.assertEqual("0\n", self.log.read_text())

    def test_a_terminal_from_before_the_installation_of_rustup(self):
        self.lacks("cargo", "rustup")
        installed = self.home / ".cargo/bin/cargo"
        installed.parent.mkdir(parents=True)
        installed.symlink_to("/bin/sh")
        self.assertEqual({"cargo": "installed, but not on the PATH"}, self.problems("run"))
        self.assertEqual(['. "$HOME/.cargo/env"'], self.commands("run"))

    def test_rustups_own_command_needs_curl(self):
        self.lacks("cargo", "rustup", "curl")
        self.assertEqual(["sudo apt-get install curl", *RUSTUP], self.commands("run"))

    def test_building_for_another_processor_needs_its_target(self):
        self.lacks("rustc")
        self.script("rustc", f'[ "$4" = x86_64-unknown-linux-gnu ] && echo {self.folder} || echo {self.folder}/none')
        targets = ["aarch64-unknown-linux-gnu", "x86_64-unknown-linux-gnu"]
        self.assertEqual({"Rust for aarch64-unknown-linux-gnu": "missing"}, self.problems("release", targets=targets))
        add = ["rustup target add aarch64-unknown-linux-gnu"]
        self.assertEqual(add, self.commands("release", targets=targets))
        (self.bin / "rustup").unlink()
        self.assertEqual(RUSTUP + add, self.commands("deploy", targets=targets))


class Report(Machine):
    TARGETS = ("aarch64-unknown-linux-gnu",)

    def test_has_a_line_for_each_program_with_its_version(self):
        self.lacks()
        self.script("cc", "cat >/dev/null; echo 'cc (Debian 12.2.0-14) 12.2.0'")
        self.script("git", "echo git version 2.47.3")
        self.script("java", "exit 0")
        code, said = self.check("prerequisites", targets=self.TARGETS)
        self.assertEqual(0, code, said)
        self.assertNotIn("✗", said)
        lines = re.findall("(?m)^  ✓ (.*)$", said)
        self.assertIn("cc 12.2.0", lines)
        self.assertIn("git 2.47.3", lines)
        self.assertIn(f"cargo {OLDEST_RUST}", lines)
        self.assertIn(f"{self.bin}/chromium", lines)
        self.assertIn("Rust for aarch64-unknown-linux-gnu", lines)
        running, testing = (said.index(f"({command}):") for command in ("make run", "make test"))
        self.assertTrue(running < said.index("✓ strip") < testing < said.index("✓ curl"), said)
        # Once each.
        self.assertEqual(1, said.count("python3"))

    def test_fails_only_if_something_for_running_is_missing(self):
        self.lacks("chromium", "chromedriver")
        code, said = self.check("prerequisites", targets=self.TARGETS)
        self.assertEqual(0, code, said)
        self.assertIn("  ✗ chromedriver: missing\n", said)
        self.assertIn("  sudo apt-get install chromium chromium-driver\n", said)
        (self.bin / "cc").unlink()
        code, said = self.check("prerequisites", targets=self.TARGETS)
        self.assertEqual(1, code, said)
        self.assertIn("  ✗ cc: missing\n", said)

    def test_java_is_optional(self):
        self.lacks()
        code, said = self.check("prerequisites", targets=self.TARGETS)
        self.assertEqual(0, code, said)
        self.assertIn("  - java: missing (optional", said)


class Browser(Machine):
    def found(self):
        run = [self.bin / "sh", SCRIPTS / "browser.sh"]
        return subprocess.run(run, env={"PATH": str(self.bin)}, capture_output=True, text=True).stdout.strip()

    def test_it_is_found_by_each_of_its_names(self):
        for name in ("chromium-browser", "google-chrome-stable", "google-chrome", "chromium"):
            self.has(name)
            self.assertEqual(str(self.bin / name), self.found())


class Make(Machine):
    def test_every_command_first_checks_what_it_needs(self):
        makefile = (ROOT / "Makefile").read_text()
        documented = dict(re.findall(r"(?m)^([a-z-]+):(.*) ## ", makefile))
        for command in documented.keys() - {"help", "clean", "prerequisites"}:
            self.assertEqual(f"needs-{command}", documented[command].split()[0], command)
            self.assertIn(f"make {command} needs what this machine lacks", self.check(command)[1])

    def test_nothing_is_done_before_the_check(self):
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
        for command in ("run", "watch", "test", "deploy", "release"):
            make = ["make", "--no-print-directory", "--dry-run", command]
            shown = subprocess.run(make, cwd=ROOT, env=environment, capture_output=True, text=True).stdout
            self.assertEqual(["infra/local/prerequisites.sh", command], shown.split()[:2])


if __name__ == "__main__":
    unittest.main()
