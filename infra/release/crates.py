"""The crates that are linked into a binary: without those that only its build or its tests use."""

import functools
import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def cargo(*arguments):
    return subprocess.run(["cargo", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout


@functools.cache
def metadata(target):
    """What cargo knows of all packages and of their dependencies on this platform."""
    return json.loads(cargo("metadata", "--locked", "--format-version", "1", "--filter-platform", target))


@functools.cache
def linked(target, *packages):
    """What is linked into the binaries of these packages, themselves and others of this workspace included, by id."""
    tree = ["tree", "--locked", "--target", target, "--edges", "normal,no-proc-macro", "--prefix", "none"]
    lines = cargo(*tree, "--format", "{p}", *(f"--package={package}" for package in packages)).splitlines()
    # "name v1.2.3 (path)", and "(*)" after a package that was listed before.
    used = {tuple(line.split()[:2]) for line in lines if line}
    found = {one["id"]: one for one in metadata(target)["packages"] if (one["name"], f"v{one['version']}") in used}
    assert len(found) == len(used), f"cargo tree and cargo metadata disagree about {packages}"
    return found


def is_third_party(package):
    return package["source"] is not None


def dependencies(package_id, packages, target):
    """The ids of those packages on which one of them depends."""
    node = next(node for node in metadata(target)["resolve"]["nodes"] if node["id"] == package_id)
    return sorted(dependency for dependency in node["dependencies"] if dependency in packages)


def licence(package):
    """The SPDX expression; older packages separate alternatives by a slash."""
    return package["license"].replace("/", " OR ")
