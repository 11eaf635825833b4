"""Checks that `make run` and `make test` work on a new machine, as README.md says.

    python3 fresh_check.py [PROJECT]

Both run in a new clone of HEAD in a temporary folder, in the environment of fresh.py. `make run` is ended once it has shown
everything. Reports how long each took and the longest time without output, and leaves nothing behind.
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
from step import Child, chunks

ROOT = Path(__file__).resolve().parents[2]
# The last output of `make run`, and its mark for an unexpected result.
LAST_OUTPUT, FAILURE_MARK = "Ctrl-C takes everything down", "✗"
CTRL_C = b"\x03"
# Longest time without output: the target, and the limit, which allows for a busy machine.
TARGET_SECONDS, FAILURE_SECONDS = 10, 60
# How long browsers and emulators may take to exit.
EXIT_SECONDS = 5
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Silences:
    """Times without output, each with the last line before it."""

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

    def report(self):
        """All that were too long, or else the longest one."""
        too_long = [silence for silence in self.all if silence[0] > TARGET_SECONDS]
        return [f"{seconds:.0f} s without output after: {words}" for seconds, words in too_long or [self.longest()]]


class Part:
    """A command in the clone, whose output is printed as it arrives."""

    def __init__(self, command, folder, environment, on_terminal=False):
        self.name, self.output, self.silences, self.shown_after = " ".join(command), "", Silences(), None
        self.started = time.monotonic()
        # Programs show progress differently on a terminal.
        self.reader, writer = pty.openpty() if on_terminal else os.pipe()
        self.child = Child(
            command,
            ends=(signal.SIGINT, signal.SIGTERM, signal.SIGHUP),
            cwd=folder,
            env=environment,
            stdin=writer if on_terminal else subprocess.DEVNULL,
            stdout=writer,
            stderr=writer,
            start_new_session=True,
            preexec_fn=(lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)) if on_terminal else None,
        )
        os.close(writer)

    def follow(self, last_words=None):
        """Returns the exit code. Sends Ctrl-C when `last_words` appear in the output."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for chunk in chunks(self.reader, None):
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
            text = decoder.decode(chunk)
            self.output += text
            self.silences.end(text)
            if last_words and not self.shown_after and last_words in self.output:
                self.shown_after = self.seconds()
                os.write(self.reader, CTRL_C)
        self.silences.end("")
        os.close(self.reader)
        return self.child.exit_code()

    def seconds(self):
        return time.monotonic() - self.started

    def report(self):
        took = f"{self.shown_after:.0f} s until everything was shown" if self.shown_after else f"{self.seconds():.0f} s"
        return [f"{self.name}: {took}", *(f"  {line}" for line in self.silences.report())]


def run(folder, environment):
    """`make run` on a terminal, ended with Ctrl-C. Returns the part and a failure, if any."""
    part = Part(["make", "run"], folder, environment, on_terminal=True)
    code = part.follow(LAST_OUTPUT)
    if not part.shown_after:
        return part, f"make run exited with {code} before it had shown everything"
    if FAILURE_MARK in part.output:
        return part, f"make run shows {FAILURE_MARK}: an unexpected result"
    return part, None


def test(folder, environment):
    part = Part(["make", "test"], folder, environment)
    code = part.follow()
    return part, f"make test exited with {code}" if code else None


def running(folder):
    """Processes whose executable or working directory is in the folder, or that have a path in it as an argument."""
    for process in Path("/proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        # Less or nothing is readable for zombies and other users' processes.
        places, command = [], []
        for link in ("exe", "cwd"):
            with contextlib.suppress(OSError):
                places.append(os.readlink(process / link))
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
        if any(place == str(folder) or f"{folder}/" in place for place in places + command):
            yield f"{' '.join(command)[:200]} ({process.name})"


def left_running(folder):
    """The same after giving them time to exit."""
    deadline = time.monotonic() + EXIT_SECONDS
    while (left := list(running(folder))) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def main(project=ROOT):
    report, failures = [], []
    with fresh_environment() as (folder, environment):
        clone = folder / "clone"
        # Committed files only, as others get them.
        subprocess.run(["git", "clone", "--quiet", "--no-local", project, clone], check=True)
        for command in (run, test):
            part, failure = command(clone, environment)
            if part.child.is_ending:
                return 130
            report += part.report()
            failures += [failure] if failure else []
            if part.silences.longest()[0] > FAILURE_SECONDS:
                failures.append(f"{part.name} printed nothing for more than {FAILURE_SECONDS} s")
            if left := left_running(folder):
                failures.append(f"{part.name} left processes running: {', '.join(left)}")
    result = [f"✗ {failure}" for failure in failures] or ["✓ It works on a new machine."]
    print("", *report, *result, sep="\n", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
