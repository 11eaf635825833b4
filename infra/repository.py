"""Prints the address of the repository that this copy comes from, as a browser opens it: the remote `origin` on GitHub.

Nothing if there is none. Other hosts have other addresses for a file.
"""

import re
import subprocess
from pathlib import Path

# By https, which may contain credentials, or by ssh.
REMOTE = re.compile(r"(?:https://(?:[^/@]+@)?|ssh://git@|git@)github\.com[:/](?P<name>[\w.-]+/[\w.-]+?)(?:\.git)?/?")


def address(remote):
    """The address of the repository whose remote this is; empty if it is not on GitHub."""
    match = REMOTE.fullmatch(remote)
    return f"https://github.com/{match['name']}" if match else ""


def origin():
    command = ["git", "-C", Path(__file__).parent, "remote", "get-url", "origin"]
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    except FileNotFoundError:
        return ""


if __name__ == "__main__":
    print(address(origin()))
