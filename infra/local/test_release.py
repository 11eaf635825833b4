"""Tests of what `make release` makes, as far as nothing has to be built for them."""

import gzip
import io
import json
import os
import re
import shlex
import sys
import tarfile
import tempfile
import unittest
import unittest.mock
import zipfile
from pathlib import Path

from emulator import ROOT

sys.path.insert(0, str(ROOT / "infra" / "release"))

import archives
import changelog
import notices
import release
import sbom
import template
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from samtranslator.yaml_helper import yaml_parse
from transform import transformed

TARGET = "x86_64-unknown-linux-gnu"


class Archives(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)

    def test_a_zip_file_is_the_same_at_any_time_and_in_any_order(self):
        one, other = self.folder / "one.zip", self.folder / "other.zip"
        archives.write_zip(one, {"bootstrap": b"code", "a": b"1"})
        with unittest.mock.patch("time.localtime", return_value=(2030, 2, 3, 4, 5, 6, 0, 0, 0)):
            archives.write_zip(other, {"a": b"1", "bootstrap": b"code"})
        self.assertEqual(one.read_bytes(), other.read_bytes())
        with zipfile.ZipFile(one) as archive:
            self.assertEqual(b"code", archive.read("bootstrap"))
            # Lambda runs it: the permissions are those of an executable.
            self.assertEqual(0o755, archive.getinfo("bootstrap").external_attr >> 16 & 0o777)

    def test_a_tar_archive_is_the_same_at_any_time_and_has_no_user(self):
        one, other = self.folder / "one.tar.gz", self.folder / "other.tar.gz"
        files = {"patchbay": (b"code", 0o755), "LICENSE": (b"text", 0o644)}
        archives.write_tar(one, "folder", files)
        with unittest.mock.patch("time.time", return_value=2e9):
            archives.write_tar(other, "folder", dict(reversed(files.items())))
        self.assertEqual(one.read_bytes(), other.read_bytes())
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(one.read_bytes()))) as archive:
            entries = [(entry.name, entry.mode, entry.mtime, entry.uname) for entry in archive.getmembers()]
        self.assertEqual([("folder/LICENSE", 0o644, 0, ""), ("folder/patchbay", 0o755, 0, "")], entries)


class Template(unittest.TestCase):
    def test_every_functions_code_is_in_the_bucket_under_its_name_and_the_architecture(self):
        text, functions = template.packaged((ROOT / "infra" / "template.yaml").read_text(), "1.2.3")
        self.assertEqual({path.name for path in (ROOT / "functions").iterdir()}, set(functions))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "template.yaml"
            path.write_text(text)
            document = transformed(path)
        found = [one["Properties"]["Code"] for one in document["Resources"].values() if one["Type"] == "AWS::Lambda::Function"]
        expected = [
            {"S3Bucket": {"Ref": "CodeBucket"}, "S3Key": {"Fn::Sub": f"${{CodePrefix}}{name}-${{Architecture}}.zip"}}
            for name in functions
        ]
        by_key = lambda code: code["S3Key"]["Fn::Sub"]
        self.assertEqual(sorted(expected, key=by_key), sorted(found, key=by_key))
        self.assertEqual("patchbay/1.2.3/", document["Parameters"]["CodePrefix"]["Default"])
        self.assertNotIn("Default", document["Parameters"]["CodeBucket"])


class Provenance(unittest.TestCase):
    def test_a_release_is_checked_against_its_own_tag_and_the_workflow_that_tags_start(self):
        workflow = yaml_parse((ROOT / ".github" / "workflows" / "release.yml").read_text())
        # YAML 1.1 reads "on" as true.
        self.assertEqual(["v*"], workflow[True]["push"]["tags"])
        documented = {
            "docs/deploy.md": ("OWNER/REPOSITORY", "VERSION"),
            "examples/github-actions/deploy.yml": ("$PATCHBAY", "$VERSION"),
        }
        found = [path for path in self.documents() if "attestation verify" in (ROOT / path).read_text()]
        self.assertEqual(sorted(documented), sorted(found))
        for path, (repository, version) in documented.items():
            text = (ROOT / path).read_text().replace("\\\n", " ")
            commands = re.findall(r"gh attestation verify .*", text)
            self.assertTrue(commands)
            for command in commands:
                words = shlex.split(command)
                options = dict(zip(words[4::2], words[5::2], strict=True))
                expected = {
                    "--repo": repository,
                    "--signer-workflow": f"{repository}/.github/workflows/release.yml",
                    "--source-ref": f"refs/tags/v{version}",
                }
                self.assertEqual(expected, options, path)

    def documents(self):
        for pattern in ("*.md", "docs/*.md", "examples/**/*"):
            for path in ROOT.glob(pattern):
                if path.suffix in (".md", ".yml", ".yaml", ".sh") and "node_modules" not in path.parts:
                    yield str(path.relative_to(ROOT))


class BillOfMaterials(unittest.TestCase):
    def test_lists_what_is_linked_and_is_valid(self):
        with unittest.mock.patch.dict(os.environ, PATCHBAY_COMMIT="3f2a1b"):
            document = sbom.sbom("webhook-receiver", TARGET, b"binary")
        self.assertIsNone(JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document)))
        own = document["metadata"]["component"]
        self.assertEqual(("webhook-receiver", f"{sbom.VERSION}+3f2a1b"), (own["name"], own["version"]))
        components = {one["name"]: one for one in document["components"]}
        # In the binary; of another function; a macro, which only the build runs; a test's.
        present = {name: name in components for name in ("serde_json", "card-sender", "serde_derive", "proptest")}
        self.assertEqual({"serde_json": True, "card-sender": False, "serde_derive": False, "proptest": False}, present)
        self.assertRegex(components["serde_json"]["purl"], r"^pkg:cargo/serde_json@1\.")
        self.assertRegex(components["serde_json"]["hashes"][0]["content"], "^[0-9a-f]{64}$")
        edges = {edge["ref"]: edge["dependsOn"] for edge in document["dependencies"]}
        self.assertIn(components["shared"]["bom-ref"], edges[own["bom-ref"]])
        self.assertIn(components["serde_json"]["purl"], edges[components["shared"]["bom-ref"]])


class Notices(unittest.TestCase):
    def package(self, licence, **files):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        for name, text in files.items():
            (Path(temporary.name) / name).write_text(text)
        manifest = str(Path(temporary.name) / "Cargo.toml")
        return {"name": "some", "version": "1.0.0", "license": licence, "manifest_path": manifest}

    def test_packages_with_the_same_text_share_it(self):
        packages = [self.package("MIT", LICENSE="Some text"), self.package("MIT", COPYING="Some  text\n") | {"name": "other"}]
        text = notices.notices(packages)
        self.assertIn("some 1.0.0 (MIT)\nother 1.0.0 (MIT)\n\nSome text\n", text)
        self.assertEqual(1, text.count("Some"))

    def test_a_dependency_without_a_licence_text_is_refused(self):
        with self.assertRaisesRegex(notices.NoLicenceText, r"some 1\.0\.0 \(MIT\)"):
            notices.notices([self.package("MIT", **{"license.rs": "source code"})])

    def test_the_apache_licence_is_the_same_for_everybody(self):
        self.assertEqual([notices.APACHE.read_text()], notices.texts(self.package("MIT/Apache-2.0")))


class Changelog(unittest.TestCase):
    TEXT = """\
# Changelog

## [Unreleased]

## [11.1.0] - 2026-03-01

### Fixed

- Eleven.

## 1.1.0

- One, see 1.0.0.

## [1.1.0-rc.1] - 2026-01-01

- The candidate.

## [1.0.0] - 2025-12-01
"""

    def test_the_notes_of_a_release_are_the_section_of_exactly_its_version(self):
        for version, notes in (
            ("11.1.0", "### Fixed\n\n- Eleven."),
            ("1.1.0", "- One, see 1.0.0."),
            ("1.1.0-rc.1", "- The candidate."),
        ):
            self.assertEqual(notes, changelog.section(self.TEXT, version))

    def test_a_version_without_notes_is_not_published(self):
        for version in ("1.0.0", "1.1", "0.1.0", "Fixed", ""):
            with self.assertRaisesRegex(SystemExit, f"no section with text for the version {version}"):
                changelog.section(self.TEXT, version)

    def test_every_heading_of_the_projects_own_changelog_names_a_version(self):
        names = changelog.HEADING.findall(changelog.CHANGELOG.read_text())
        self.assertTrue(names)
        for name in names:
            self.assertRegex(name, r"^(\[(Unreleased|\d+\.\d+\.\d+\S*)\]|Unreleased|\d+\.\d+\.\d+\S*)$")


class Release(unittest.TestCase):
    def test_says_what_cannot_be_built_here_and_fails(self):
        with unittest.mock.patch.multiple(
            release, can_build_for=lambda target: target.startswith("x86_64"), build=lambda *_: None, assemble=lambda _: None
        ), unittest.mock.patch("sys.stdout", io.StringIO()) as output:
            complete, incomplete = release.main(["x86_64"]), release.main(["arm64", "x86_64"])
        self.assertEqual((0, 1), (complete, incomplete))
        self.assertIn("Nothing for arm64: Rust cannot build for it yet (rustup target add aarch64-unknown", output.getvalue())


if __name__ == "__main__":
    unittest.main()
