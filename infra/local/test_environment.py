"""Tests of environment.py."""

import contextlib
import io
import shutil
import subprocess
import sys
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
        self.require(f"{wheel(self.project, 'added')}\n")
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
        self.require(f"{wheel(self.project, 'inner')}\n", "inner.txt")
        pairs = ["tools=requirements.txt", "tools/inner=inner.txt"]
        self.make(*pairs)
        installed = "tools/inner/lib/*/site-packages/inner-1.dist-info"
        self.assertTrue(list(self.project.glob(installed)))
        (self.project / "tools/made").unlink()
        self.assertNotIn("inner.txt", self.make(*pairs))
        self.assertTrue(list(self.project.glob(installed)))

    def test_a_failure_is_reported_with_pips_output_and_leaves_it_outdated(self):
        self.require("./no-such-package-1-py3-none-any.whl\n")
        said = self.make(code=1)
        self.assertIn("no-such-package", said)
        self.assertIn("tools could not be created from requirements.txt", said)
        self.assertFalse((self.project / "tools/made").exists())

    def test_progress_is_reported(self):
        self.require(f"{wheel(self.project, 'one')}\n{wheel(self.project, 'two')}\n")
        tools = environment.Environment(self.project / "tools", self.project / "requirements.txt")
        before = tools.installed()
        often = unittest.mock.patch.object(environment, "REPORT_SECONDS", 0)
        with often, contextlib.redirect_stderr(io.StringIO()) as said:
            self.assertTrue(environment.make_all([tools]))
        self.assertIn(f"  2 packages: 0 downloaded, {before} installed\n", said.getvalue())
        self.assertEqual((2, before + 2), (tools.downloaded(), tools.installed()))


if __name__ == "__main__":
    unittest.main()
