"""Tests of environment.py."""

import contextlib
import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
import unittest.mock
import zipfile
from pathlib import Path

import environment

SCRIPT = Path(environment.__file__)


def wheel(folder, name):
    """An empty package."""
    files = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    path = folder / f"{name}-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(f"{name}-1.dist-info/{file}", text)
    return path


def source(folder, name):
    """An empty package that has to be built."""
    path = folder / f"{name}-1.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(tarfile.TarInfo(f"{name}-1/setup.py"))
    return path


def required(path):
    """The requirement of a package, with its hash."""
    return f"{path} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


class EnvironmentTest(unittest.TestCase):
    # Creating an environment takes seconds: the tests share one, and each leaves it up to date.
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.project = Path(folder.name).resolve() / "project"
        cls.project.mkdir()

    def setUp(self):
        self.require("# nothing but pip\n")
        self.make()

    def require(self, text, name="requirements.txt"):
        (self.project / name).write_text(text)

    def make(self, *pairs, folder=None, code=0):
        """Returns what was printed."""
        command = [sys.executable, SCRIPT, *(pairs or ["tools=requirements.txt"])]
        made = subprocess.run(command, cwd=folder or self.project, capture_output=True, text=True)
        self.assertEqual(code, made.returncode, made.stderr)
        return made.stderr

    def test_is_created_once_and_updated_when_requirements_change(self):
        self.assertEqual("", self.make())
        kept = self.project / "tools" / "kept"
        kept.touch()
        self.require(required(wheel(self.project, "added")))
        self.assertIn("Installing requirements.txt into tools", self.make())
        self.assertTrue(kept.exists())
        self.assertTrue(list(self.project.glob("tools/lib/*/site-packages/added-1.dist-info")))

    def test_is_recreated_when_the_project_has_moved(self):
        moved = self.project.with_name("moved")
        shutil.copytree(self.project, moved, symlinks=True)
        self.assertIn("Installing", self.make(folder=moved))
        # Scripts contain the path of their interpreter.
        pip = subprocess.run([moved / "tools/bin/pip", "--version"], check=True, capture_output=True, text=True)
        self.assertIn(str(moved), pip.stdout)

    def test_nested_environments_survive_when_it_is_recreated(self):
        self.require(required(wheel(self.project, "inner")), "inner.txt")
        pairs = ["tools=requirements.txt", "tools/inner=inner.txt"]
        self.make(*pairs)
        installed = "tools/inner/lib/*/site-packages/inner-1.dist-info"
        self.assertTrue(list(self.project.glob(installed)))
        (self.project / "tools/made").unlink()
        self.assertNotIn("inner.txt", self.make(*pairs))
        self.assertTrue(list(self.project.glob(installed)))

    def test_a_package_without_its_hash_or_with_another_one_is_refused(self):
        path = wheel(self.project, "changed")
        for line, reason in (
            (f"{path}\n", "Hashes are required"),
            (f"{path} --hash=sha256:{'0' * 64}\n", "DO NOT MATCH THE HASHES"),
        ):
            self.require(line)
            self.assertIn(reason, self.make(code=1))
        self.assertFalse(list(self.project.glob("tools/lib/*/site-packages/changed-1.dist-info")))

    def test_a_package_that_would_have_to_be_built_is_refused(self):
        path = source(self.project, "unbuilt")
        self.require(f"--no-index\n--find-links {self.project}\nunbuilt==1{required(path).removeprefix(str(path))}")
        self.assertIn("No matching distribution found for unbuilt==1", self.make(code=1))

    def test_a_failure_is_reported_with_pips_output_and_leaves_it_outdated(self):
        self.require("./no-such-package-1-py3-none-any.whl\n")
        said = self.make(code=1)
        self.assertIn("no-such-package", said)
        self.assertIn("tools could not be created from requirements.txt", said)
        self.assertFalse((self.project / "tools/made").exists())

    def test_progress_is_reported(self):
        # With a hash on a line of its own, as lock.sh writes it.
        self.require("".join(required(wheel(self.project, name)).replace(" ", " \\\n    ") for name in ("one", "two")))
        tools = environment.Environment(self.project / "tools", self.project / "requirements.txt")
        before = tools.installed()
        often = unittest.mock.patch.object(environment, "REPORT_SECONDS", 0)
        with often, contextlib.redirect_stderr(io.StringIO()) as said:
            self.assertTrue(environment.make_all([tools]))
        self.assertIn(f"  2 packages: 0 downloaded, {before} installed\n", said.getvalue())
        self.assertEqual((2, before + 2), (tools.downloaded(), tools.installed()))


if __name__ == "__main__":
    unittest.main()
