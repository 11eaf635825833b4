"""Creates or updates Python virtual environments from requirements files, in parallel.

    python environment.py FOLDER=REQUIREMENTS ...

Does nothing when they are up to date. Reports progress every few seconds. Only the first environment has pip, which also
installs into the others. It takes only packages as built by others, whose hash is in the file: no package's code runs to
install it.
"""

import platform
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

REPORT_SECONDS = 5
# pip's output line for a package file, not for its metadata.
DOWNLOADED = re.compile(r"^\s*(?:Downloading|Using cached|Processing) \S+\.whl(?:\s|$)", re.MULTILINE)
INSTALL = ["install", "--require-hashes", "--only-binary", ":all:", "--no-deps"]


def say(text):
    print(text, file=sys.stderr, flush=True)


def call(command, output=subprocess.PIPE):
    subprocess.run(command, check=True, stdout=output, stderr=subprocess.STDOUT, text=True)


class Environment:
    """One environment. `error` is empty, or the reason why it could not be created."""

    def __init__(self, folder, requirements):
        self.folder, self.requirements = Path(folder), Path(requirements)
        self.python, self.made, self.log = self.folder / "bin" / "python", self.folder / "made", self.folder / "pip.log"
        text = self.requirements.read_text()
        # Lines with hashes are indented.
        self.packages = sum(1 for line in text.splitlines() if line and line[0] not in "# ")
        # Its scripts contain its absolute path.
        self.place = f"# made in {self.folder.absolute()} by Python {platform.python_version()}\n"
        self.as_required = self.place + text
        self.error = ""

    def is_up_to_date(self):
        return self.made.is_file() and self.made.read_text() == self.as_required

    def prepare(self, *options):
        """Recreates an environment that is incomplete or was moved. Nested environments stay."""
        usable = self.made.is_file() and self.made.read_text().startswith(self.place) and self.python.exists()
        self.made.unlink(missing_ok=True)
        self.log.unlink(missing_ok=True)
        if not usable:
            for part in ("bin", "include", "lib"):
                shutil.rmtree(self.folder / part, ignore_errors=True)
            self.folder.mkdir(parents=True, exist_ok=True)
            call([sys.executable, "-m", "venv", *options, self.folder])

    def install(self, pip):
        # --no-compile: Python compiles modules on first use, and most are never used.
        options = ["--disable-pip-version-check", "--python", self.python, *INSTALL, "--no-compile"]
        with self.log.open("w") as log:
            call([*pip, *options, "--requirement", self.requirements], log)
        self.made.write_text(self.as_required)

    def try_to(self, step, *arguments):
        if not self.error:
            try:
                step(*arguments)
            except (OSError, subprocess.CalledProcessError) as error:
                said = getattr(error, "output", None) or (self.log.read_text() if self.log.is_file() else "")
                self.error = f"{said}\n{error}"

    def downloaded(self):
        return len(DOWNLOADED.findall(self.log.read_text())) if self.log.is_file() else 0

    def installed(self):
        found = self.folder.glob("lib/python*/site-packages/*.dist-info")
        # pip and setuptools are preinstalled.
        return sum(1 for package in found if not package.name.startswith(("pip-", "setuptools-")))


def make_all(environments):
    """Creates or updates the outdated ones. Returns whether all succeeded."""
    first, stale = environments[0], [environment for environment in environments if not environment.is_up_to_date()]
    for environment in stale:
        say(f"Installing {environment.requirements} into {environment.folder} ...")
    for environment in stale:
        environment.try_to(environment.prepare, *([] if environment is first else ["--without-pip"]))
    pip = [first.python, "-m", "pip"]
    threads = [threading.Thread(target=environment.try_to, args=(environment.install, pip)) for environment in stale]
    for thread in threads:
        thread.start()
    reported = time.monotonic()
    for thread in threads:
        while thread.is_alive():
            thread.join(timeout=0.1)
            if time.monotonic() - reported >= REPORT_SECONDS:
                reported = time.monotonic()
                packages, downloaded, installed = (
                    sum(counts) for counts in zip(*((one.packages, one.downloaded(), one.installed()) for one in stale))
                )
                say(f"  {packages} packages: {downloaded} downloaded, {installed} installed")
    failed = [environment for environment in stale if environment.error]
    for environment in failed:
        say(f"{environment.error}\n{environment.folder} could not be created from {environment.requirements}.")
    return not failed


if __name__ == "__main__":
    try:
        sys.exit(not make_all([Environment(*pair.split("=", 1)) for pair in sys.argv[1:]]))
    except KeyboardInterrupt:
        sys.exit(130)
