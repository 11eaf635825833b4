"""The licence texts of everything that is linked into the functions and the command.

    python notices.py            # checks that each dependency has one
    python notices.py FILE       # writes them
"""

import re
import sys
from pathlib import Path

from crates import ROOT, is_third_party, licence, linked

TARGETS = [
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
]
NAMES = re.compile(r"(licen[cs]e|copying|copyright|notice|unlicense)([-_.].*)?(?<!\.rs)", re.IGNORECASE)
APACHE = ROOT / "LICENSE"
# Packages that leave the text out; this is the one of their repository.
LEFT_OUT = {name: Path(__file__).parent / "licences" / "nugine-simd.txt" for name in ("base64-simd", "vsimd")}
STANDARD_LIBRARY = "Rust's standard library (MIT OR Apache-2.0), copyright of the Rust Project's contributors"


class NoLicenceText(Exception):
    """A dependency may not be released without it."""


def released():
    """What is linked into any of the binaries of a release."""
    packages = [path.name for path in (ROOT / "functions").iterdir()] + ["patchbay"]
    found = {}
    for target in TARGETS:
        found |= linked(target, *packages)
    return sorted((one for one in found.values() if is_third_party(one)), key=lambda one: (one["name"], one["version"]))


def texts(package):
    """The licence texts in a package's source."""
    folder = Path(package["manifest_path"]).parent
    if files := sorted(path for path in folder.rglob("*") if path.is_file() and NAMES.fullmatch(path.name)):
        return [path.read_text(errors="replace") for path in files]
    if package["name"] in LEFT_OUT:
        return [LEFT_OUT[package["name"]].read_text()]
    # Its text is the same for everybody.
    if "Apache-2.0" in licence(package):
        return [APACHE.read_text()]
    raise NoLicenceText(
        f"{package['name']} {package['version']} ({licence(package)}) has no licence text in its package: add the one of its "
        f"repository to LEFT_OUT in {Path(__file__).relative_to(ROOT)}"
    )


def notices(packages):
    """Each text once, below the packages that it applies to."""
    owners = {}
    for package in packages:
        title = f"{package['name']} {package['version']} ({licence(package)})"
        for text in texts(package):
            same = " ".join(text.split())
            owners.setdefault(same, (text.strip(), []))[1].append(title)
    sections = [f"{STANDARD_LIBRARY}\n\n{APACHE.read_text().strip()}"]
    sections += ["\n".join(dict.fromkeys(titles)) + f"\n\n{text}" for text, titles in owners.values()]
    head = "Patchbay contains these components of others, under their own licences."
    line = "\n\n" + "-" * 80 + "\n\n"
    return line.join([head, *sections]) + "\n"


def main(output=None):
    try:
        text = notices(released())
    except NoLicenceText as error:
        return str(error)
    if output:
        Path(output).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
