"""Runs a command on a pseudo-terminal, answers its questions, and prints what the terminal shows.

    python at_a_terminal.py '[["the question's words", "the answer"], ...]' COMMAND [ARGUMENT ...]

A command that a signal has ended has the exit code that a shell has for it.
"""

import json
import os
import pty
import select
import sys
import termios
import time

CTRL_C = "\x03"
answers, command = json.loads(sys.argv[1]), sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(command[0], command)
shown, seen, deadline = b"", 0, time.monotonic() + 120


def accepts_input(answer):
    """Whether the command reads input. It prints the prompt, then turns the echo off; input typed in between is echoed and
    discarded. Ctrl-C works at any time."""
    return answer == CTRL_C or not termios.tcgetattr(terminal)[3] & termios.ECHO


while time.monotonic() < deadline:
    asked = answers and answers[0][0].encode() in shown[seen:]
    if select.select([terminal], [], [], 0.01 if asked else 1)[0]:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:
            break
        shown += chunk
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
    elif asked and accepts_input(answers[0][1]):
        seen = len(shown)
        answer = answers.pop(0)[1]
        os.write(terminal, answer.encode() if answer == CTRL_C else answer.encode() + b"\r")
else:
    os.kill(pid, 9)
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.exit(code if code >= 0 else 128 - code)
