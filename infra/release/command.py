"""The archive of the command for one system. On macOS, which `make release` cannot build for, this also builds it:

    python3 command.py TARGET FOLDER
"""

import os
import subprocess
import sys
from pathlib import Path

from archives import write_tar
from crates import ROOT
from notices import notices, released
from sbom import write_sbom

SYSTEMS = {
    "x86_64-unknown-linux-gnu": "linux-x86_64",
    "aarch64-unknown-linux-gnu": "linux-arm64",
    "x86_64-apple-darwin": "macos-x86_64",
    "aarch64-apple-darwin": "macos-arm64",
}
NOTICES = "THIRD-PARTY-NOTICES.txt"


def archive(binary, target, folder):
    """The command with its licences, and its bill of materials."""
    name = f"patchbay-{SYSTEMS[target]}"
    files = {"patchbay": (binary.read_bytes(), 0o755), "LICENSE": ((ROOT / "LICENSE").read_bytes(), 0o644)}
    files[NOTICES] = (notices(released()).encode(), 0o644)
    write_tar(folder / f"{name}.tar.gz", name, files)
    write_sbom(folder / f"{name}.cdx.json", "patchbay", target, binary)


def main(target, folder):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    flags = f"--remap-path-prefix={os.environ.get('CARGO_HOME', Path.home() / '.cargo')}=/cargo"
    build = ["cargo", "build", "--release", "--locked", "--package=patchbay", "--target", target, "--target-dir=target"]
    subprocess.run(build, cwd=ROOT, env=os.environ | {"CARGO_BUILD_RUSTFLAGS": flags}, check=True)
    archive(ROOT / "target" / target / "release" / "patchbay", target, folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
