"""Prints a version's section of CHANGELOG.md: the notes of its release.

    python changelog.py VERSION

The exit code is 1 if the version has none.
"""

import re
import sys
from pathlib import Path

CHANGELOG = Path(__file__).resolve().parents[2] / "CHANGELOG.md"
HEADING = re.compile(r"^## +(\S+).*\n", re.MULTILINE)


def section(changelog, version):
    """The text below `## [VERSION] - DATE` (https://keepachangelog.com/en/1.1.0/) or `## VERSION`."""
    _, *parts = HEADING.split(changelog)
    sections = {name.removeprefix("[").removesuffix("]"): text.strip() for name, text in zip(parts[::2], parts[1::2])}
    return sections.get(version) or sys.exit(f"CHANGELOG.md has no section with text for the version {version}.")


if __name__ == "__main__":
    print(section(CHANGELOG.read_text(), sys.argv[1]))
