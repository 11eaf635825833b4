"""Runs a command on a terminal of its own and answers its questions, as somebody at the keyboard would."""

import errno
import fcntl
import os
import pty
import re
import signal
import subprocess
import termios

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# As `sam` asks: "Stack Name [patchbay]: ", "Confirm changes before deploy [Y/n]: ".
QUESTION = re.compile(r"[ \t]*(?P<text>[^\n]*?) \[(?P<proposed>[^\n]*)\]: \Z")


class Terminal:
    """A command on a pseudo-terminal; afterwards `output` is what it showed and `asked` what it asked."""

    def __init__(self, command, answers, asked=lambda text, answer: None, **options):
        """`answers` says what to answer to questions that a pattern fits; all others get Return."""
        self.answers, self.tell, self.output, self.asked = answers, asked, "", []
        self.master, slave = pty.openpty()
        # A session of its own, whose terminal this is: what it starts can be ended as a whole.
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
        """Answers until the command ends; its exit code."""
        try:
            line = ""
            while chunk := self.read():
                text = chunk.decode(errors="replace")
                self.output += text.replace("\r\n", "\n")
                line = re.split(r"[\r\n]", line + text)[-1]
                if question := QUESTION.match(ANSI.sub("", line)):
                    self.answer(question["text"], question["proposed"])
                    line = ""
            return self.process.wait()
        finally:
            self.end()

    def read(self):
        try:
            return os.read(self.master, 65_536)
        except OSError as error:
            # Linux's way to say that nobody is left on the other side.
            if error.errno == errno.EIO:
                return b""
            raise

    def answer(self, text, proposed):
        answer = next((answer for pattern, answer in self.answers.items() if re.search(pattern, text)), "")
        self.asked.append(text)
        self.tell(f"{text} [{proposed}]", answer)
        os.write(self.master, f"{answer}\n".encode())

    def end(self):
        """Ends whatever is still there of the command."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait()
        os.close(self.master)
