"""Whether the project does on a machine that has never seen it what README says: `make run` up to its table, and `make test`.

    python3 fresh_check.py [PROJECT]

Both are run in a new clone of HEAD in a temporary folder, in the environment of fresh.py. Afterwards it says how long each
took and where it was silent for longest, and leaves nothing behind.
"""

import codecs
import contextlib
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
from step import chunks, exit_code

ROOT = Path(__file__).resolve().parents[2]
# What `make run` says last, and how it marks what went another way than it should.
SHOWN, WRONG = "Ctrl-C takes everything down", "✗"
CTRL_C = b"\x03"
# What README promises, and what is certainly a failure: this machine may have other things to do.
PROMISED_SECONDS, FAILURE_SECONDS = 10, 60
# Browsers and emulators that were told to end may take a moment.
ENDING_SECONDS = 5
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


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
        os.close(theirs)
        self.interrupted = False
        for end in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(end, self.interrupt)

    def interrupt(self, *_):
        """Ends the command; we see it out."""
        self.interrupted = True
        self.process.terminate()

    def follow(self, last_words=None):
        """Until the command ends; where `last_words` are said, they are answered with Ctrl-C."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for chunk in chunks(self.ours, None):
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
            text = decoder.decode(chunk)
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
    """`make run`, as somebody at a terminal sees it who ends it with Ctrl-C; and what is wrong with it."""
    part = Part(["make", "run"], folder, environment, at_a_terminal=True)
    code = part.follow(SHOWN)
    if not part.shown_after:
        return part, f"make run has ended with {code} before it had shown everything"
    if WRONG in part.output:
        return part, f"make run shows {WRONG}: something went another way than it should"
    return part, None


def test(folder, environment):
    part = Part(["make", "test"], folder, environment)
    code = part.follow()
    return part, f"make test has ended with {code}" if code else None


def running(folder):
    """The processes whose program or working directory is in the folder, or that were given a path in it."""
    for process in Path("/proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        # Of a zombie, and of another user's process, less can be read or nothing.
        places, command = [], []
        for link in ("exe", "cwd"):
            with contextlib.suppress(OSError):
                places.append(os.readlink(process / link))
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
        if any(place == str(folder) or f"{folder}/" in place for place in places + command):
            yield f"{' '.join(command)[:200]} ({process.name})"


def left_running(folder):
    """The same once those that are ending have ended."""
    deadline = time.monotonic() + ENDING_SECONDS
    while (left := list(running(folder))) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def main(project=ROOT):
    report, failures = [], []
    with fresh_environment() as (folder, environment):
        clone = folder / "clone"
        # Not of its files as they are, but of what others get.
        subprocess.run(["git", "clone", "--quiet", "--no-local", project, clone], check=True)
        for command in (run, test):
            part, failure = command(clone, environment)
            if part.interrupted:
                return 130
            report += part.report()
            failures += [failure] if failure else []
            if part.silences.longest()[0] > FAILURE_SECONDS:
                failures.append(f"{part.name} was silent for more than {FAILURE_SECONDS} s")
            if left := left_running(folder):
                failures.append(f"{part.name} has left running: {', '.join(left)}")
    verdict = [f"✗ {failure}" for failure in failures] or ["✓ A fresh machine can do it."]
    print("", *report, *verdict, sep="\n", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
