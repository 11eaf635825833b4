"""Builds what a release contains into target/dist, except the command for macOS and the signatures.

    python release.py ARCHITECTURE ...

The exit code is 1 if something could not be built here.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import command
from archives import write_zip
from crates import ROOT
from deploy import allow_only, stamped
from notices import notices, released
from sbom import VERSION, write_sbom
from template import packaged

BUILT = ROOT / "target" / "release-build"
DIST = ROOT / "target" / "dist"
TARGETS = {"arm64": "aarch64-unknown-linux-gnu", "x86_64": "x86_64-unknown-linux-gnu"}
CHECKSUMS = "SHA256SUMS"


def can_build_for(target):
    libraries = ["rustc", "--print", "target-libdir", "--target", target]
    return Path(subprocess.run(libraries, capture_output=True, text=True, check=True).stdout.strip()).is_dir()


def build(architecture, functions, *variables):
    """The functions, and apart from them the command, whose dependencies have other features."""
    make = ["make", "--no-print-directory", "build", f"ARCHITECTURE={architecture}", f"FUNCTIONS={functions}", *variables]
    for packages in ([], ["PACKAGES=patchbay"]):
        subprocess.run([*make, *packages], cwd=ROOT, check=True)


def assemble(architectures):
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir(parents=True)
    text, functions = packaged((ROOT / "infra" / "template.yaml").read_text(), VERSION)
    if len(architectures) == 1:
        text = allow_only(text, *architectures)
    (DIST / "template.yaml").write_text(stamped(text))
    for architecture in architectures:
        built, target = BUILT / architecture, TARGETS[architecture]
        for function in functions:
            binary = built / function / "bootstrap"
            write_zip(DIST / f"{function}-{architecture}.zip", {"bootstrap": binary.read_bytes()})
            write_sbom(DIST / f"{function}-{architecture}.cdx.json", function, target, binary)
        command.archive(built / "patchbay" / "bootstrap", target, DIST)
    (DIST / command.NOTICES).write_text(notices(released()))
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in DIST.iterdir()}
    (DIST / CHECKSUMS).write_text("".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items())))
    print(f"\n{DIST.relative_to(ROOT)} has:")
    for path in sorted(DIST.iterdir()):
        print(f"  {path.stat().st_size:>10,}  {path.name}")


def main(wanted):
    possible = [architecture for architecture in wanted if can_build_for(TARGETS[architecture])]
    for architecture in possible:
        build(architecture, BUILT / architecture)
    if possible:
        assemble(possible)
    for architecture in wanted:
        if architecture not in possible:
            target = TARGETS[architecture]
            print(f"✗ Nothing for {architecture}: Rust cannot build for it yet (rustup target add {target})", flush=True)
    return 0 if possible == wanted else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
