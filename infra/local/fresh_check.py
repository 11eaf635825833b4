"""Whether the project does on a machine that has never seen it what README says: `make run` up to its table, and `make test`.

    python3 fresh_check.py [PROJECT]

Both are run in a new clone of HEAD in a temporary folder, in the environment of fresh.py. Afterwards it says how long each
took and where it was silent for longest, and leaves nothing behind.
"""

import fcntl
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

from fresh import fresh_environment
from step import chunks, exit_code, see_out

ROOT = Path(__file__).resolve().parents[2]
# What `make run` says last, and how it marks what went another way than it should.
SHOWN, WRONG = "Ctrl-C takes everything down", "✗"
CTRL_C = b"\x03"
# What README promises, and what is certainly a failure: this machine may have other things to do.
PROMISED_SECONDS, FAILURE_SECONDS = 10, 60
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Failed(Exception):
    """The project relies on what a fresh machine does not have, or does not do what it should."""


class Silences:
    """When something was printed, and after which words it was not."""

    def __init__(self):
        self.last, self.words, self.all = time.monotonic(), "its start", []

    def end(self, printed):
        now = time.monotonic()
        self.all.append((now - self.last, self.words))
        self.last = now
        if lines := [line.strip() for line in re.split(r"[\r\n]", ANSI.sub("", printed)) if line.strip()]:
            self.words = lines[-1][:100]

    def longest(self):
        return max(self.all)

    def told(self):
        """The longest one, and the others that were too long."""
        too_long = [silence for silence in self.all if silence[0] > PROMISED_SECONDS]
        return [f"{seconds:.0f} s of silence after: {words}" for seconds, words in too_long or [self.longest()]]


class Part:
    """A command in the clone, whose output is passed on as it comes."""

    def __init__(self, command, folder, environment, at_a_terminal=False):
        self.name, self.output, self.silences, self.shown_after = " ".join(command), "", Silences(), None
        self.started = time.monotonic()
        # At a terminal programs show their progress in another way than in a file.
        self.ours, theirs = pty.openpty() if at_a_terminal else os.pipe()
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=theirs if at_a_terminal else subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=(lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)) if at_a_terminal else None,
        )
        see_out(self.process)
        # It does not share our terminal.
        signal.signal(signal.SIGINT, lambda *_: self.process.terminate())
        os.close(theirs)

    def follow(self, last_words=None):
        """Until the command ends; where `last_words` are said, they are answered with Ctrl-C."""
        for chunk in chunks(self.ours, None):
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
            text = chunk.decode(errors="replace")
            self.output += text
            self.silences.end(text)
            if last_words and not self.shown_after and last_words in self.output:
                self.shown_after = self.seconds()
                os.write(self.ours, CTRL_C)
        self.silences.end("")
        os.close(self.ours)
        return exit_code(self.process)

    def seconds(self):
        return time.monotonic() - self.started

    def report(self):
        took = f"{self.shown_after:.0f} s to what it shows" if self.shown_after else f"{self.seconds():.0f} s"
        return [f"{self.name}: {took}", *(f"  {line}" for line in self.silences.told())]


def run(folder, environment):
    """`make run`, as somebody at a terminal sees it who ends it with Ctrl-C."""
    part = Part(["make", "run"], folder, environment, at_a_terminal=True)
    code = part.follow(SHOWN)
    if not part.shown_after:
        raise Failed(f"make run has ended with {code} before it had shown everything")
    if WRONG in part.output:
        raise Failed(f"make run shows {WRONG}: something went another way than it should")
    return part


def test(folder, environment):
    part = Part(["make", "test"], folder, environment)
    if code := part.follow():
        raise Failed(f"make test has ended with {code}")
    return part


def left_running(folder):
    """The programs from the folder that still run."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            program = os.readlink(process / "exe")
        except OSError:
            continue
        if program.startswith(f"{folder}/"):
            yield f"{program} ({process.name})"


def main(project=ROOT):
    with fresh_environment() as (folder, environment):
        clone = folder / "clone"
        # Not of its files as they are, but of what others get.
        subprocess.run(["git", "clone", "--quiet", "--no-local", project, clone], check=True)
        report = []
        try:
            for part in (run, test):
                done = part(clone, environment)
                report += done.report()
                if done.silences.longest()[0] > FAILURE_SECONDS:
                    raise Failed(f"{done.name} was silent for more than {FAILURE_SECONDS} s")
                if left := list(left_running(folder)):
                    raise Failed(f"{done.name} has left running: {', '.join(left)}")
        except Failed as failure:
            report.append(f"✗ {failure}")
            return 1
        else:
            report.append("✓ A fresh machine can do it.")
            return 0
        finally:
            print("", *report, sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
