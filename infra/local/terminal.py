"""Runs a command on a pseudo-terminal and answers its questions."""

import errno
import fcntl
import os
import pty
import re
import signal
import subprocess
import termios

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# `sam` asks: "Stack Name [patchbay]: ", "Confirm changes before deploy [Y/n]: ".
QUESTION = re.compile(r"[ \t]*(?P<text>[^\n]*?) \[(?P<default>[^\n]*)\]: \Z")


class Terminal:
    """A command on a pseudo-terminal. `output` is what it printed, `asked` its questions."""

    def __init__(self, command, answers, on_question=lambda text, answer: None, **options):
        """`answers` maps patterns of questions to answers; all other questions get Return."""
        self.answers, self.on_question, self.output, self.asked = answers, on_question, "", []
        self.master, slave = pty.openpty()
        # A new session with this controlling terminal, which can be ended as a whole.
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            **options,
        )
        os.close(slave)

    def run(self):
        """Answers questions until the command ends. Returns its exit code."""
        try:
            line = ""
            while chunk := self.read():
                text = chunk.decode(errors="replace")
                self.output += text.replace("\r\n", "\n")
                line = re.split(r"[\r\n]", line + text)[-1]
                if question := QUESTION.match(ANSI.sub("", line)):
                    self.answer(question["text"], question["default"])
                    line = ""
            return self.process.wait()
        finally:
            self.end()

    def read(self):
        try:
            return os.read(self.master, 65_536)
        except OSError as error:
            # Linux: the other side of the terminal is closed.
            if error.errno == errno.EIO:
                return b""
            raise

    def answer(self, text, default):
        answer = next((answer for pattern, answer in self.answers.items() if re.search(pattern, text)), "")
        self.asked.append(text)
        self.on_question(f"{text} [{default}]", answer)
        os.write(self.master, f"{answer}\n".encode())

    def end(self):
        """Ends the command's process group if it is still running."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait()
        os.close(self.master)
