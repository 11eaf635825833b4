"""Runs a command on a pseudo-terminal, answers its questions, and prints what the terminal showed.

    python at_a_terminal.py '[["the question's words", "the answer"], ...]' COMMAND [ARGUMENT ...]
"""

import json
import os
import pty
import select
import sys
import time

answers, command = json.loads(sys.argv[1]), sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(command[0], command)
shown, seen, deadline = b"", 0, time.monotonic() + 120
while time.monotonic() < deadline:
    if not select.select([terminal], [], [], 1)[0]:
        continue
    try:
        shown += os.read(terminal, 4096)
    except OSError:
        break
    if answers and answers[0][0].encode() in shown[seen:]:
        seen = len(shown)
        os.write(terminal, answers.pop(0)[1].encode() + b"\r")
else:
    os.kill(pid, 9)
print(shown.decode(errors="replace"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
