"""Tests `make release`: builds it a second time elsewhere, which must give the same binaries; then deploys it on the
emulated AWS as somebody who only has the files, and sends messages through it.

    python release_test.py

For the processors that Rust can build for here; it says which are left out.
"""

import contextlib
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import stack
from emulator import REGION, ROOT, TARGET, VENV
from patch_emulator import patch_emulator
from upgrade_test import Failed, note, step, timed

sys.path.insert(0, str(ROOT / "infra" / "release"))
import release

BUCKET = "release"


def make(*arguments):
    subprocess.run(["make", "--no-print-directory", "--directory", ROOT, *arguments], check=True)


def commit_of(template):
    """What the template's output Version says after the number."""
    return template.read_text().rpartition(f"Value: {release.VERSION}+")[2].partition("\n")[0]


@contextlib.contextmanager
def elsewhere():
    """A copy of the source, and of the home of cargo, in other folders."""
    with tempfile.TemporaryDirectory(prefix="patchbay-") as folder:
        source, home = Path(folder) / "source", Path(folder) / "cargo"
        for new in (source, home):
            new.mkdir()
        files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
        pack = ["tar", "--create", "--null", "--files-from=-"]
        packed = subprocess.run(pack, cwd=ROOT, input=files, capture_output=True, check=True).stdout
        subprocess.run(["tar", "--extract", "--directory", source], input=packed, check=True)
        for part in Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo")).iterdir():
            (home / part.name).symlink_to(part)
        yield source, home, Path(folder)


def test_reproducible(architecture):
    with elsewhere() as (source, home, folder):
        variables = [f"SOURCE={source}", f"CARGO_TARGET_DIR={folder / 'target'}", f"CARGO_HOME={home}"]
        commit = commit_of(release.DIST / "template.yaml")
        release.build(architecture, folder / "built", *variables, f"PATCHBAY_COMMIT={commit}")
        different = [
            first.parent.name
            for first in sorted((release.BUILT / architecture).glob("*/bootstrap"))
            if first.read_bytes() != (folder / "built" / first.parent.name / "bootstrap").read_bytes()
        ]
    if different:
        raise Failed(f"Another build made other binaries for {architecture}: {', '.join(different)}")
    note(f"A second build in another folder made the same binaries for {architecture}")


def check_checksums(folder):
    subprocess.run(["sha256sum", "--check", "--quiet", release.CHECKSUMS], cwd=folder, check=True)
    listed = {line.split("  ")[1] for line in (folder / release.CHECKSUMS).read_text().splitlines()}
    if unlisted := {path.name for path in folder.iterdir()} - listed - {release.CHECKSUMS}:
        raise Failed(f"{release.CHECKSUMS} does not list {', '.join(sorted(unlisted))}")


def unpack_command(folder):
    name = f"patchbay-{release.command.SYSTEMS[release.TARGETS[stack.ARCHITECTURE]]}"
    with tarfile.open(release.DIST / f"{name}.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    command = folder / name / "patchbay"
    said = subprocess.run([command, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    expected = f"patchbay {release.VERSION}+{commit_of(release.DIST / 'template.yaml')}"
    if said != expected:
        raise Failed(f"The command says {said!r}, the template is of {expected!r}")
    note(said)
    return command


def deploy_release(run, client):
    """Uploads the zip files, and deploys the template with nothing else."""
    template, prefix = release.DIST / "template.yaml", f"patchbay/{release.VERSION}/"
    client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    for code in release.DIST.glob("*.zip"):
        if zipfile.ZipFile(code).namelist() != ["bootstrap"]:
            raise Failed(f"{code} has other files than the function's binary")
        client("s3").upload_file(str(code), BUCKET, prefix + code.name)
    parameters = stack.PARAMETERS | {"Architecture": stack.ARCHITECTURE, "CodeBucket": BUCKET}
    stack.sam_deploy(
        [VENV / "bin" / "sam", "deploy", "--template-file", template, "--stack-name", stack.STACK, "--s3-bucket", BUCKET]
        + ["--region", REGION, "--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset"]
        + ["--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())],
        env=os.environ | {"SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "0.5", "TMPDIR": str(run.temporary)},
        cwd=run.folder,
    )
    patch_emulator(template, stack.STACK, client)


def main():
    possible = [architecture for architecture in release.TARGETS if release.can_build_for(release.TARGETS[architecture])]
    try:
        with timed("make release"):
            make("release", f"ARCHITECTURES={' '.join(possible)}")
        check_checksums(release.DIST)
        for architecture in possible:
            step(f"The same again, for {architecture}")
            test_reproducible(architecture)
        step("The release on the emulated AWS")
        with tempfile.TemporaryDirectory(prefix="patchbay-") as folder:
            command = unpack_command(Path(folder))
            # The doctor first: what the messages need is gone afterwards.
            use = f"{command} doctor && {TARGET}/debug/demo --once"
            if stack.main(["sh", "-ec", use], deploy_release) != 0:
                raise Failed("The released functions or the released command did not work")
    except (Failed, subprocess.CalledProcessError) as failure:
        print(f"\n{failure}\n✗ The release test failed.", flush=True)
        return 1
    for architecture in release.TARGETS.keys() - possible:
        print(f"\nSKIPPED: {architecture}, for which Rust cannot build here (rustup target add {release.TARGETS[architecture]}).")
    print("\n✓ The release test succeeded.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
