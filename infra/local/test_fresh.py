"""Tests of fresh.py and fresh_check.py."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

import fresh_check

FRESH = Path(fresh_check.__file__).with_name("fresh.py")
CI = fresh_check.ROOT / ".ci" / "run"


def run_fresh(*command, **environment):
    """The completed command."""
    run = [sys.executable, FRESH, *command]
    return subprocess.run(run, env=os.environ | environment, capture_output=True, text=True)


class NewMachine(unittest.TestCase):
    def test_only_variables_of_proxies_certificates_language_and_terminal_are_passed_on(self):
        leaking = {
            "AWS_PROFILE": "p", "CARGO_HOME": "c", "CARGO_TARGET_DIR": "t", "MAKEFLAGS": "k", "NPM_CONFIG_CACHE": "n",
            "PIP_CACHE_DIR": "p", "PIP_FIND_LINKS": "f", "PYTHONPATH": "p", "RUSTFLAGS": "-g", "XDG_CACHE_HOME": "x",
        }
        passed = {"HTTPS_PROXY": "http://127.0.0.1:1", "SSL_CERT_FILE": "/c", "LANG": "C.UTF-8", "TERM": "xterm"}
        printed = run_fresh("env", **leaking, **passed).stdout
        variables = dict(line.split("=", 1) for line in printed.splitlines())
        self.assertEqual({}, {name: value for name, value in variables.items() if name in leaking})
        self.assertEqual(passed, {name: variables.get(name) for name in passed})

    def test_home_is_empty_and_removed_afterwards(self):
        printed = run_fresh("sh", "-c", 'echo "$HOME"; ls -A "$HOME"; echo "$CARGO_HOME"; touch "$HOME/left"').stdout
        home, *rest = printed.splitlines()
        self.assertEqual([""], rest)
        self.assertNotEqual(str(Path.home()), home)
        self.assertFalse(Path(home).parent.exists())

    def test_tools_that_readme_does_not_ask_for_are_not_found(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("cargo-nextest", "node", "sam"):
                (Path(folder) / name).symlink_to("/bin/true")
            path = f"{folder}:{os.environ['PATH']}"
            script = "for tool in cargo-nextest node npm sam pip; do command -v $tool; done; command -v make"
            printed = run_fresh("sh", "-c", script, PATH=path).stdout
            self.assertEqual(["make"], [Path(line).name for line in printed.splitlines()])
            self.assertNotEqual(0, run_fresh("node", PATH=path).returncode)

    def test_the_rust_toolchain_and_the_python_interpreter_are_found(self):
        self.assertEqual(0, run_fresh("cargo", "--version").returncode)
        printed = run_fresh("python3", "-c", "import sys; print(sys.executable)").stdout
        self.assertEqual(str(Path(sys.executable).resolve()), printed.strip())

    def test_the_exit_code_is_that_of_the_command(self):
        self.assertEqual(7, run_fresh("sh", "-c", "exit 7").returncode)

    def test_sigterm_removes_home_after_the_command_has_ended(self):
        script = "trap 'test -d \"$HOME\" && echo there; exit 4' TERM; echo $HOME; while :; do sleep 0.1; done"
        with subprocess.Popen([sys.executable, FRESH, "sh", "-c", script], stdout=subprocess.PIPE, text=True) as running:
            home = Path(running.stdout.readline().strip())
            running.terminate()
            self.assertEqual("there\n", running.stdout.read())
        self.assertEqual(4, running.returncode)
        self.assertFalse(home.parent.exists())

    def test_sigterm_before_the_command_runs_ends_it_too(self):
        script = (
            "import os, signal, subprocess, step\n"
            "start = subprocess.Popen\n"
            "subprocess.Popen = lambda *command: (os.kill(os.getpid(), signal.SIGTERM), start(*command))[1]\n"
            "raise SystemExit(step.Child(['sleep', '60']).exit_code())\n"
        )
        ended = subprocess.run([sys.executable, "-c", script], cwd=FRESH.parent, timeout=50)
        self.assertEqual(128 + signal.SIGTERM, ended.returncode)

    def test_continuous_integration_uses_it(self):
        self.assertIn("python3 infra/local/fresh.py make test", CI.read_text())


class FreshCheck(unittest.TestCase):
    """On a small project whose `make run` and `make test` are quick."""

    RUN = "@printf 'Shown.\\nCtrl-C takes everything down.\\n'; exec sleep 60"

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.project = Path(folder.name) / "a project"
        self.project.mkdir()

    def check(self, run=RUN, test="@test ! -e uncommitted"):
        """The exit code and the output."""
        with self.started(run, test) as check:
            printed = check.communicate()[0]
        return check.returncode, printed

    def started(self, run, test):
        (self.project / "Makefile").write_text(f"run:\n\t{run}\ntest:\n\t{test}\n")
        git = ["git", "-c", "user.name=n", "-c", "user.email=e@example.com", "-C", self.project]
        for arguments in (["init", "--quiet"], ["add", "Makefile"], ["commit", "--quiet", "--message", "c"]):
            subprocess.run([*git, *arguments], check=True)
        (self.project / "uncommitted").touch()
        check = [sys.executable, FRESH.with_name("fresh_check.py"), self.project]
        return subprocess.Popen(check, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def test_both_run_in_a_clone_and_times_are_reported_and_the_clone_is_removed(self):
        code, printed = self.check(test="@pwd")
        self.assertEqual(0, code, printed)
        self.assertRegex(printed, r"(?m)^make run: \d+ s until everything was shown\n  \d+ s without output after: ")
        self.assertRegex(printed, r"(?m)^make test: \d+ s\n  \d+ s without output after: ")
        clone = Path(re.search(r"(?m)^/.*/clone$", printed)[0])
        self.assertFalse(clone.parent.exists())

    def test_fails_if_something_is_used_that_a_new_machine_lacks(self):
        for test in ("@test -e uncommitted", "@node --version", "@test -e $$HOME/.cargo"):
            code, printed = self.check(test=test)
            self.assertEqual(1, code, printed)
            self.assertIn("✗ make test exited with 2", printed)

    def test_fails_if_make_run_does_not_show_the_expected_output(self):
        for run, reason in (("@echo Stack", "before it had shown"), (self.RUN.replace("Shown", "✗"), "unexpected result")):
            code, printed = self.check(run=run)
            self.assertEqual(1, code, printed)
            self.assertIn(reason, printed)

    def test_sigterm_ends_the_commands_and_removes_the_clone(self):
        for run, test in (("@pwd; exec sleep 60", "@echo test"), (self.RUN, "@pwd; exec sleep 60")):
            with self.started(run, test) as check:
                clone = next(Path(line.strip()) for line in check.stdout if line.rstrip().endswith("/clone"))
                check.terminate()
                self.assertNotIn("test\n", check.stdout.readlines())
            self.assertEqual(130, check.returncode)
            self.assertFalse(clone.parent.exists())

    def test_fails_if_a_process_is_left_running(self):
        elsewhere = "cd / && exec python3 -c 'import time; time.sleep(600)'"
        for command, shown in (
            ("cp /bin/sleep . && exec ./sleep 600", r"\./sleep 600"),
            # System programs with a working directory or an argument in the clone.
            ("exec sleep 600", "sleep 600"),
            (f'{elsewhere} "$$OLDPWD/emulator"', ".*/clone/emulator"),
            (f'{elsewhere} "--user-data-dir=$$OLDPWD/profile"', ".*/clone/profile"),
        ):
            code, printed = self.check(test=f"@({command}) >/dev/null 2>&1 & sleep 2")
            left = re.search(rf"make test left processes running: {shown} \((\d+)\)", printed)
            self.assertTrue(left, printed)
            os.kill(int(left[1]), 9)
            self.assertEqual(1, code, printed)


class Silences(unittest.TestCase):
    def test_the_report_has_all_that_were_too_long_with_the_last_line_before_each(self):
        with unittest.mock.patch("time.monotonic", side_effect=[0, 3, 15, 19, 40]):
            silences = fresh_check.Silences()
            for printed in ("Compiling a\n", "\x1b[2K\r  Building [=> ]\r", "done\n", "\n"):
                silences.end(printed)
        self.assertEqual((21, "done"), silences.longest())
        self.assertEqual(["12 s without output after: Compiling a", "21 s without output after: done"], silences.report())


if __name__ == "__main__":
    unittest.main()
