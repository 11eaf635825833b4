"""Runs one step of `make`, and reports that it is still running when it prints nothing for a while.

    python3 step.py COMMAND [ARGUMENT ...]
"""

import os
import select
import shlex
import shutil
import signal
import subprocess
import sys
import time

SILENCE_SECONDS = 8


def chunks(source, timeout):
    """The output of a pipe or a terminal as it arrives; an empty chunk after each `timeout` seconds without output."""
    while True:
        if not select.select([source], [], [], timeout)[0]:
            yield b""
            continue
        try:
            chunk = os.read(source, 65_536)
        except OSError:
            # Linux: the other side of the terminal is closed.
            return
        if not chunk:
            return
        yield chunk


def progress_variables():
    """Makes cargo show colours and progress on a terminal although it writes to a pipe."""
    if not sys.stdout.isatty():
        return {}
    columns = shutil.get_terminal_size().columns
    return {"CARGO_TERM_COLOR": "always", "CARGO_TERM_PROGRESS_WHEN": "always", "CARGO_TERM_PROGRESS_WIDTH": str(columns)}


class Child:
    """A child process. The signals `ends` end it first, then this process, also before it runs. Ctrl-C reaches it by itself."""

    def __init__(self, command, ends=(signal.SIGTERM, signal.SIGHUP), **options):
        self.process, self.is_ending = None, False
        signal.signal(signal.SIGINT, lambda *_: None)
        for signal_number in ends:
            signal.signal(signal_number, self.end)
        self.process = subprocess.Popen(command, **options)
        if self.is_ending:
            self.process.terminate()

    def end(self, *_):
        self.is_ending = True
        if self.process:
            self.process.terminate()

    def exit_code(self):
        """A shell's exit code, 128 + n after signal n."""
        code = self.process.wait()
        return code if code >= 0 else 128 - code


def main(command):
    started = time.monotonic()
    reader, writer = os.pipe()
    child = Child(command, env=os.environ | progress_variables(), stdout=writer, stderr=writer)
    os.close(writer)
    # Overwrites a progress bar.
    line = "\r\x1b[K" if sys.stdout.isatty() else ""
    for chunk in chunks(reader, SILENCE_SECONDS):
        still = f"{line}  ... {shlex.join(command)}: {time.monotonic() - started:.0f} s\n"
        sys.stdout.buffer.write(chunk or still.encode())
        sys.stdout.buffer.flush()
    return child.exit_code()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) if sys.argv[1:] else __doc__)
