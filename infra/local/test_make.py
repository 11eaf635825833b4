"""What the steps of `make` promise: `python -m unittest discover infra/local`."""

import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import stack
from emulator import ROOT

SCRIPTS = Path(__file__).parent


class AStep(unittest.TestCase):
    def run_step(self, *command):
        return subprocess.run([sys.executable, SCRIPTS / "step.py", *command], capture_output=True, text=True)

    def test_passes_on_what_is_printed_and_ends_as_its_command_does(self):
        ended = self.run_step("sh", "-c", "echo out; echo error >&2; exit 3")
        self.assertEqual((3, "out\nerror\n"), (ended.returncode, ended.stdout))
        self.assertEqual(128 + signal.SIGTERM, self.run_step("sh", "-c", "kill $$").returncode)

    def test_says_that_it_still_runs_where_its_command_is_silent(self):
        quick = "import step, sys; step.PATIENCE_SECONDS = 0.1; sys.exit(step.main(['sleep', '1']))"
        ended = subprocess.run([sys.executable, "-c", quick], cwd=SCRIPTS, capture_output=True, text=True)
        self.assertIn("  ... sleep 1: 0 s\n", ended.stdout)

    def test_that_is_ended_ends_its_command_and_passes_on_what_that_says_last(self):
        script = "trap 'echo ended; exit 4' TERM; echo begun; while :; do sleep 0.1; done"
        command = [sys.executable, SCRIPTS / "step.py", "sh", "-c", script]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
            self.assertEqual("begun\n", running.stdout.readline())
            running.terminate()
            self.assertEqual("ended\n", running.stdout.read())
        self.assertEqual(4, running.returncode)


class SamDeploy(unittest.TestCase):
    def test_tells_how_many_files_are_uploaded_and_then_how_many_resources_are_made(self):
        printed = "\rUploading to p/a  1 / 2\rUploading to p/a  2 / 2\n\rUploading to p/b  1 / 2"
        self.assertEqual("2 files uploaded", stack.progress(printed))
        printed += "CREATE_IN_PROGRESS  AWS::SQS::Queue\nCREATE_COMPLETE  AWS::SQS::Queue\n"
        self.assertEqual("1 resources made", stack.progress(printed))

    def test_that_fails_shows_all_that_was_said(self):
        with self.assertRaisesRegex(SystemExit, "no such bucket\n\nsam deploy failed"):
            stack.sam_deploy(["sh", "-c", "echo no such bucket; exit 1"])


class Advisories(unittest.TestCase):
    def check(self, fetch, check):
        """How the check ends, and what it says, when cargo-deny's steps end so."""
        with tempfile.TemporaryDirectory() as folder:
            cargo_deny = Path(folder) / "cargo-deny"
            cargo_deny.write_text(
                f'#!/bin/sh\ncase "$*" in *"fetch db") echo "fatal: no network" >&2; exit {fetch} ;; esac\n'
                f'echo "checked: $*"; exit {check}\n'
            )
            cargo_deny.chmod(0o755)
            ended = subprocess.run([SCRIPTS / "advisories.sh", cargo_deny], capture_output=True, text=True)
            return ended.returncode, ended.stdout

    def test_that_cannot_be_fetched_are_said_to_be_skipped(self):
        code, said = self.check(fetch=1, check=1)
        self.assertEqual(0, code)
        self.assertRegex(said, "SKIPPED: .*\n.*no network")
        self.assertNotIn("checked", said)

    def test_that_concern_a_dependency_are_a_failure(self):
        self.assertEqual(1, self.check(fetch=0, check=1)[0])

    def test_that_concern_none_are_none(self):
        code, said = self.check(fetch=0, check=0)
        self.assertEqual(0, code)
        # What was fetched is what is checked: a connection that ends in between is no finding.
        self.assertIn("checked: --offline --locked check advisories", said)


class OneBuild(unittest.TestCase):
    """Cargo builds a crate once for each set of features. With tests the sets are others, unless something sees to it."""

    def features(self, edges):
        """The features of each of other people's crates."""
        tree = ["cargo", "tree", "--locked", "--workspace", "--prefix", "none", "--edges", edges, "--format", "{p}|{f}"]
        printed = subprocess.run(tree, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        lines = {line.removesuffix(" (*)") for line in printed.splitlines() if line}
        return {line for line in lines if str(ROOT) not in line}

    def test_serves_the_tests_and_what_they_test(self):
        without, with_tests = self.features("normal,build"), self.features("normal,build,dev")
        known = {line.split("|")[0] for line in without}
        added = {line for line in with_tests - without if line.split("|")[0] in known}
        self.assertEqual(set(), added, "tests/Cargo.toml must ask for these features as well")


class Requirements(unittest.TestCase):
    def test_are_pinned_and_nothing_is_compiled_that_is_there_as_a_wheel(self):
        for path in SCRIPTS.glob("requirements*.txt"):
            for line in path.read_text().splitlines():
                self.assertRegex(line, r"^(#.*|[A-Za-z0-9._-]+==\S+)$", path)
        self.assertNotRegex((ROOT / "Makefile").read_text(), r"cargo install (?!--locked --path cli)")


if __name__ == "__main__":
    unittest.main()
