"""What `environment.sh` promises: `python -m unittest discover infra/local`."""

import subprocess
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().with_name("environment.sh")


class APythonEnvironment(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.project = Path(folder.name).resolve() / "project"
        self.project.mkdir()
        (self.project / "requirements.txt").write_text("# nothing but pip\n")

    def make(self):
        """What it said."""
        command = [SCRIPT, "tools", "requirements.txt"]
        return subprocess.run(command, cwd=self.project, check=True, capture_output=True, text=True).stderr

    def test_is_made_once_and_brought_up_to_changed_requirements(self):
        self.assertIn("Installing requirements.txt into tools", self.make())
        self.assertEqual("", self.make())
        kept = self.project / "tools" / "kept"
        kept.touch()
        (self.project / "requirements.txt").write_text("# nothing else either\n")
        self.assertIn("Installing", self.make())
        self.assertTrue(kept.exists())

    def test_is_made_anew_where_the_project_has_been_moved(self):
        self.make()
        self.project = self.project.rename(self.project.with_name("moved"))
        self.assertIn("Installing", self.make())
        # Programs are run by the path that they were installed with.
        pip = subprocess.run([self.project / "tools/bin/pip", "--version"], check=True, capture_output=True, text=True)
        self.assertIn(str(self.project), pip.stdout)


if __name__ == "__main__":
    unittest.main()
