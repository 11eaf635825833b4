"""Tests of the scripts that the Makefile runs."""

import os
import random
import signal
import string
import subprocess
import sys
import tempfile
import tomllib
import unittest
from pathlib import Path

import stack
from emulator import ROOT

SCRIPTS = Path(__file__).parent


class Step(unittest.TestCase):
    def run_step(self, *command):
        return subprocess.run([sys.executable, SCRIPTS / "step.py", *command], capture_output=True, text=True)

    def test_passes_on_output_and_exit_code(self):
        ended = self.run_step("sh", "-c", "echo out; echo error >&2; exit 3")
        self.assertEqual((3, "out\nerror\n"), (ended.returncode, ended.stdout))
        self.assertEqual(128 + signal.SIGTERM, self.run_step("sh", "-c", "kill $$").returncode)

    def test_reports_that_a_silent_command_is_still_running(self):
        quick = "import step, sys; step.SILENCE_SECONDS = 0.1; sys.exit(step.main(['sleep', '3']))"
        ended = subprocess.run([sys.executable, "-c", quick], cwd=SCRIPTS, capture_output=True, text=True)
        self.assertRegex(ended.stdout, r"  \.\.\. sleep 3: \d+ s\n")

    def test_sigterm_ends_the_command_and_its_last_output_is_passed_on(self):
        script = "trap 'echo ended; exit 4' TERM; echo begun; while :; do sleep 0.1; done"
        command = [sys.executable, SCRIPTS / "step.py", "sh", "-c", script]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
            self.assertEqual("begun\n", running.stdout.readline())
            running.terminate()
            self.assertEqual("ended\n", running.stdout.read())
        self.assertEqual(4, running.returncode)


class SamDeploy(unittest.TestCase):
    def test_progress_counts_uploaded_files_and_then_created_resources(self):
        printed = "\rUploading to p/a  1 / 2\rUploading to p/a  2 / 2\n\rUploading to p/b  1 / 2"
        self.assertEqual("2 files uploaded", stack.progress(printed))
        printed += "CREATE_IN_PROGRESS  AWS::SQS::Queue\nCREATE_COMPLETE  AWS::SQS::Queue\n"
        self.assertEqual("1 resources created", stack.progress(printed))

    def test_a_failure_shows_the_whole_output(self):
        with self.assertRaisesRegex(SystemExit, "no such bucket\n\nsam deploy failed"):
            stack.sam_deploy(["sh", "-c", "echo no such bucket; exit 1"])


class Advisories(unittest.TestCase):
    def check(self, fetch, check, **environment):
        """The exit code and output of the check when cargo-deny's steps exit with these codes."""
        with tempfile.TemporaryDirectory() as folder:
            cargo_deny = Path(folder) / "cargo-deny"
            cargo_deny.write_text(
                f'#!/bin/sh\ncase "$*" in *"fetch db") echo "fatal: no network" >&2; exit {fetch} ;; esac\n'
                f'echo "checked: $*"; exit {check}\n'
            )
            cargo_deny.chmod(0o755)
            environment = {"PATH": os.environ["PATH"]} | environment
            command = [SCRIPTS / "advisories.sh", cargo_deny]
            ended = subprocess.run(command, env=environment, capture_output=True, text=True)
            return ended.returncode, ended.stdout

    def test_the_check_is_skipped_if_they_cannot_be_fetched(self):
        code, said = self.check(fetch=1, check=1)
        self.assertEqual(0, code)
        self.assertRegex(said, "SKIPPED: .*\n.*no network")
        self.assertNotIn("checked", said)

    def test_where_they_are_required_it_is_a_failure_that_they_cannot_be_fetched(self):
        code, said = self.check(fetch=1, check=0, ADVISORIES="required")
        self.assertEqual(1, code)
        self.assertIn("no network", said)

    def test_a_finding_is_a_failure(self):
        self.assertEqual(1, self.check(fetch=0, check=1)[0])

    def test_no_finding_is_a_success(self):
        code, said = self.check(fetch=0, check=0)
        self.assertEqual(0, code)
        # Offline: a connection failure in this step is not a finding.
        self.assertIn("checked: --offline --locked check advisories", said)


class Secrets(unittest.TestCase):
    def scan(self, folder):
        command = [SCRIPTS / "secrets.sh", ROOT / ".venv/audit/bin/kingfisher", folder]
        return subprocess.run(command, capture_output=True, text=True)

    def commit(self, folder, content):
        (Path(folder) / "file").write_text(content)
        author = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
        subprocess.run(["git", "-C", folder, "add", "file"], check=True)
        subprocess.run(["git", "-C", folder, *author, "commit", "--quiet", "--message", "test"], check=True)

    def test_a_secret_is_found_after_it_was_removed_and_is_not_printed(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["git", "init", "--quiet", folder], check=True)
            self.commit(folder, "clean\n")
            self.assertEqual(0, self.scan(folder).returncode)
            # Made here, so that this file has none.
            key = "AKIA" + "".join(random.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=16))
            secret = "".join(random.choices(string.ascii_letters + string.digits, k=40))
            self.commit(folder, f"aws_access_key_id = {key}\naws_secret_access_key = {secret}\n")
            self.commit(folder, "clean again\n")
            ended = self.scan(folder)
        self.assertNotEqual(0, ended.returncode, ended.stdout)
        self.assertNotIn(secret, ended.stdout)


class OneBuild(unittest.TestCase):
    """Cargo builds a crate once per set of features: tests must not add features to the dependencies."""

    def features(self, edges):
        """The features of each third-party crate."""
        tree = ["cargo", "tree", "--locked", "--workspace", "--prefix", "none", "--edges", edges, "--format", "{p}|{f}"]
        printed = subprocess.run(tree, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        lines = {line.removesuffix(" (*)") for line in printed.splitlines() if line}
        return {line for line in lines if str(ROOT) not in line}

    def test_tests_add_no_features_to_dependencies(self):
        without, with_tests = self.features("normal,build"), self.features("normal,build,dev")
        known = {line.split("|")[0] for line in without}
        added = {line for line in with_tests - without if line.split("|")[0] in known}
        self.assertEqual(set(), added, "tests/Cargo.toml must list these features as well")


class Profiles(unittest.TestCase):
    def test_released_functions_unwind_so_that_a_panic_ends_one_message_and_not_the_process(self):
        # cargo-lambda adds panic="abort" to a profile that does not say it.
        profiles = tomllib.loads((ROOT / "Cargo.toml").read_text())["profile"]
        self.assertEqual("unwind", profiles["release"].get("panic"))


class Requirements(unittest.TestCase):
    def test_are_pinned_with_hashes_and_cargo_tools_are_installed_as_wheels(self):
        paths = list(SCRIPTS.glob("requirements*.txt"))
        self.assertTrue(paths)
        for path in paths:
            self.assertRegex(path.read_text(), r"\A(#.*\n)+([a-z0-9._-]+==\S+( \\\n    --hash=sha256:[0-9a-f]{64})+\n)+\Z", path)
        self.assertNotRegex((ROOT / "Makefile").read_text(), r"cargo install (?!--locked --path cli)")


if __name__ == "__main__":
    unittest.main()
