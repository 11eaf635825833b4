"""A binary's bill of materials in CycloneDX's JSON: https://cyclonedx.org/docs/1.6/json/."""

import functools
import hashlib
import json
import os
import subprocess
import tomllib
import uuid

from crates import ROOT, dependencies, is_third_party, licence, linked

VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]


def write_sbom(path, package, target, binary):
    path.write_text(json.dumps(sbom(package, target, binary.read_bytes()), indent=1) + "\n")


def sbom(package, target, binary):
    """What is linked into the binary, whose own digest it has. The same for every build of a commit."""
    packages = linked(target, package)
    own = next(one for one in packages.values() if one["name"] == package and not is_third_party(one))
    digest = hashlib.sha256(binary).hexdigest()
    commit = os.environ.get("PATCHBAY_COMMIT")
    version = f"{VERSION}+{commit}" if commit else VERSION
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_OID, digest).urn,
        "metadata": {
            "component": component(own) | {"type": "application", "version": version, "hashes": sha256(digest)},
            "tools": {"components": [{"type": "application", "name": "rustc", "version": rustc()}]},
            "properties": [{"name": "cargo:target", "value": target}],
        },
        "components": [component(one) for _, one in sorted(packages.items()) if one is not own],
        "dependencies": [
            {"ref": reference(one), "dependsOn": [reference(packages[it]) for it in dependencies(id, packages, target)]}
            for id, one in sorted(packages.items())
        ],
    }


@functools.cache
def rustc():
    """The compiler's version: another one makes another binary."""
    return subprocess.run(["rustc", "--version"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()[1]


def component(package):
    described = {
        "type": "library",
        "bom-ref": reference(package),
        "name": package["name"],
        "version": package["version"],
        "licenses": [{"expression": licence(package)}],
    }
    if is_third_party(package):
        described |= {"purl": reference(package), "hashes": sha256(checksums()[package["name"], package["version"]])}
        if package["repository"]:
            described["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return described


def reference(package):
    """The package URL; packages of this workspace have none, because they are not on crates.io."""
    kind = "pkg:cargo/" if is_third_party(package) else "patchbay:"
    return f"{kind}{package['name']}@{package['version']}"


def sha256(digest):
    return [{"alg": "SHA-256", "content": digest}]


@functools.cache
def checksums():
    """Of the packages as crates.io has them."""
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    return {(one["name"], one["version"]): one.get("checksum") for one in lock["package"]}
