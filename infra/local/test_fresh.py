"""What fresh.py and fresh_check.py promise: `python -m unittest discover infra/local`."""

import os
import re
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

import fresh_check

FRESH = Path(fresh_check.__file__).with_name("fresh.py")
CI = fresh_check.ROOT / ".ci" / "run"


def on_a_fresh_machine(*command, **environment):
    """How a command ends there, and what it prints."""
    run = [sys.executable, FRESH, *command]
    return subprocess.run(run, env=os.environ | environment, capture_output=True, text=True)


class AFreshMachine(unittest.TestCase):
    def test_knows_no_variables_but_those_of_proxies_certificates_language_and_terminal(self):
        leaking = {
            "AWS_PROFILE": "p", "CARGO_HOME": "c", "CARGO_TARGET_DIR": "t", "MAKEFLAGS": "k", "NPM_CONFIG_CACHE": "n",
            "PIP_CACHE_DIR": "p", "PIP_FIND_LINKS": "f", "PYTHONPATH": "p", "RUSTFLAGS": "-g", "XDG_CACHE_HOME": "x",
        }
        passed = {"HTTPS_PROXY": "http://127.0.0.1:1", "SSL_CERT_FILE": "/c", "LANG": "C.UTF-8", "TERM": "xterm"}
        printed = on_a_fresh_machine("env", **leaking, **passed).stdout
        variables = dict(line.split("=", 1) for line in printed.splitlines())
        self.assertEqual({}, {name: value for name, value in variables.items() if name in leaking})
        self.assertEqual(passed, {name: variables.get(name) for name in passed})

    def test_has_an_empty_home_where_cargo_pip_and_npm_keep_their_things_and_which_goes_with_it(self):
        printed = on_a_fresh_machine("sh", "-c", 'echo "$HOME"; ls -A "$HOME"; echo "$CARGO_HOME"; touch "$HOME/left"').stdout
        home, *rest = printed.splitlines()
        self.assertEqual([""], rest)
        self.assertNotEqual(str(Path.home()), home)
        self.assertFalse(Path(home).parent.exists())

    def test_finds_no_tools_that_readme_does_not_ask_for(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("cargo-nextest", "node", "sam"):
                (Path(folder) / name).symlink_to("/bin/true")
            path = f"{folder}:{os.environ['PATH']}"
            script = "for tool in cargo-nextest node npm sam pip; do command -v $tool; done; command -v make"
            printed = on_a_fresh_machine("sh", "-c", script, PATH=path).stdout
            self.assertEqual(["make"], [Path(line).name for line in printed.splitlines()])
            self.assertNotEqual(0, on_a_fresh_machine("node", PATH=path).returncode)

    def test_has_the_toolchain_of_rustup_and_pythons_own_interpreter(self):
        self.assertEqual(0, on_a_fresh_machine("cargo", "--version").returncode)
        printed = on_a_fresh_machine("python3", "-c", "import sys; print(sys.executable)").stdout
        self.assertEqual(str(Path(sys.executable).resolve()), printed.strip())

    def test_ends_as_its_command_does(self):
        self.assertEqual(7, on_a_fresh_machine("sh", "-c", "exit 7").returncode)

    def test_that_is_ended_removes_its_home_after_its_command_has_ended(self):
        script = "trap 'test -d \"$HOME\" && echo there; exit 4' TERM; echo $HOME; while :; do sleep 0.1; done"
        with subprocess.Popen([sys.executable, FRESH, "sh", "-c", script], stdout=subprocess.PIPE, text=True) as running:
            home = Path(running.stdout.readline().strip())
            running.terminate()
            self.assertEqual("there\n", running.stdout.read())
        self.assertEqual(4, running.returncode)
        self.assertFalse(home.parent.exists())

    def test_is_what_continuous_integration_runs_the_tests_on(self):
        self.assertIn("python3 infra/local/fresh.py make test", CI.read_text())


class TheFreshCheck(unittest.TestCase):
    """On a small project, whose `make run` and `make test` take no time."""

    RUN = "@printf 'Shown.\\nCtrl-C takes everything down.\\n'; exec sleep 60"

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.project = Path(folder.name) / "a project"
        self.project.mkdir()

    def check(self, run=RUN, test="@test ! -e uncommitted"):
        """How it ends, and what it prints."""
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

    def test_runs_both_in_a_clone_and_tells_times_and_silences_and_removes_the_clone(self):
        code, printed = self.check(test="@pwd")
        self.assertEqual(0, code, printed)
        self.assertRegex(printed, r"(?m)^make run: \d+ s to what it shows\n  \d+ s of silence after: ")
        self.assertRegex(printed, r"(?m)^make test: \d+ s\n  \d+ s of silence after: ")
        clone = Path(re.search(r"(?m)^/.*/clone$", printed)[0])
        self.assertFalse(clone.parent.exists())

    def test_fails_where_something_is_relied_upon_that_a_fresh_machine_lacks(self):
        for test in ("@test -e uncommitted", "@node --version", "@test -e $$HOME/.cargo"):
            code, printed = self.check(test=test)
            self.assertEqual(1, code, printed)
            self.assertIn("✗ make test has ended with 2", printed)

    def test_fails_where_make_run_does_not_show_what_it_should(self):
        for run, reason in (("@echo Stack", "before it had shown"), (self.RUN.replace("Shown", "✗"), "another way")):
            code, printed = self.check(run=run)
            self.assertEqual(1, code, printed)
            self.assertIn(reason, printed)

    def test_that_is_ended_ends_what_it_runs_and_removes_the_clone(self):
        for run, test in (("@pwd; exec sleep 60", "@echo test"), (self.RUN, "@pwd; exec sleep 60")):
            with self.started(run, test) as check:
                clone = next(Path(line.strip()) for line in check.stdout if line.rstrip().endswith("/clone"))
                check.terminate()
                self.assertNotIn("test\n", check.stdout.readlines())
            self.assertEqual(130, check.returncode)
            self.assertFalse(clone.parent.exists())

    def test_fails_where_something_is_left_running(self):
        elsewhere = "cd / && exec python3 -c 'import time; time.sleep(600)'"
        for command, shown in (
            ("cp /bin/sleep . && exec ./sleep 600", r"\./sleep 600"),
            # Programs of the system, which work in the clone or were given a path in it.
            ("exec sleep 600", "sleep 600"),
            (f'{elsewhere} "$$OLDPWD/emulator"', ".*/clone/emulator"),
            (f'{elsewhere} "--user-data-dir=$$OLDPWD/profile"', ".*/clone/profile"),
        ):
            code, printed = self.check(test=f"@({command}) >/dev/null 2>&1 & sleep 0.5")
            left = re.search(rf"make test has left running: {shown} \((\d+)\)", printed)
            self.assertTrue(left, printed)
            os.kill(int(left[1]), 9)
            self.assertEqual(1, code, printed)


class Silences(unittest.TestCase):
    def test_the_longest_is_told_with_the_words_before_it_and_all_that_are_too_long(self):
        with unittest.mock.patch("time.monotonic", side_effect=[0, 3, 15, 19, 40]):
            silences = fresh_check.Silences()
            for printed in ("Compiling a\n", "\x1b[2K\r  Building [=> ]\r", "done\n", "\n"):
                silences.end(printed)
        self.assertEqual((21, "done"), silences.longest())
        self.assertEqual(["12 s of silence after: Compiling a", "21 s of silence after: done"], silences.told())


if __name__ == "__main__":
    unittest.main()
