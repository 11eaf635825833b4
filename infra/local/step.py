"""Runs one step of `make`, and says that it still runs where it prints nothing for a while.

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

PATIENCE_SECONDS = 8


def chunks(source, patience):
    """What comes out of a pipe or a terminal, as it comes, and nothing each time that nothing came for so many seconds."""
    while True:
        if not select.select([source], [], [], patience)[0]:
            yield b""
            continue
        try:
            chunk = os.read(source, 65_536)
        except OSError:
            # Linux's way to say that a terminal has no other side any more.
            return
        if not chunk:
            return
        yield chunk


def shown_progress():
    """Has cargo show at a terminal what it shows there, though it writes to a pipe."""
    if not sys.stdout.isatty():
        return {}
    columns = shutil.get_terminal_size().columns
    return {"CARGO_TERM_COLOR": "always", "CARGO_TERM_PROGRESS_WHEN": "always", "CARGO_TERM_PROGRESS_WIDTH": str(columns)}


def see_out(process):
    """Whatever is to end us ends the process, and we end after it. Ctrl-C has reached it already."""
    signal.signal(signal.SIGINT, lambda *_: None)
    for end in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(end, lambda *_: process.terminate())


def exit_code(process):
    """As a shell has it for a process that a signal has ended."""
    code = process.wait()
    return code if code >= 0 else 128 - code


def main(command):
    started = time.monotonic()
    ours, theirs = os.pipe()
    process = subprocess.Popen(command, env=os.environ | shown_progress(), stdout=theirs, stderr=theirs)
    see_out(process)
    os.close(theirs)
    # A bar that is shown is written over.
    line = "\r\x1b[K" if sys.stdout.isatty() else ""
    for chunk in chunks(ours, PATIENCE_SECONDS):
        still = f"{line}  ... {shlex.join(command)}: {time.monotonic() - started:.0f} s\n"
        sys.stdout.buffer.write(chunk or still.encode())
        sys.stdout.buffer.flush()
    return exit_code(process)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) if sys.argv[1:] else __doc__)
