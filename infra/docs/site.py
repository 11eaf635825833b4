"""Makes the documentation site from README.md and the other documents, in the order of README.md's table of guides.

    python site.py FOLDER REFERENCE [--repository URL]

REFERENCE is the folder that infra/openapi/reference.py has written. The documents keep their places in a copy of the tree, so
that the links between them work. Links to docs/openapi.yaml lead to the reference. Links to other files lead to the
repository; without its address they are plain text. Ends with an error if a link or an image within the site leads nowhere.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[2]
# A link in Markdown that is no image, with an optional heading.
LINK = re.compile(r"(?<!!)\[(?P<text>[^\[\]]+)\]\((?P<target>[^()\s]+)\)")
GUIDE = re.compile(r"^\| \[(?P<title>[^\]]+)\]\((?P<path>[^)#]+\.md)\)", re.MULTILINE)
# The state of a workflow, relative to the document's page on GitHub.
BADGE = re.compile(r"^\[!\[.*\.\./\.\./actions/.*$\n", re.MULTILINE)
FENCE = re.compile(r"(^ *```.*?^ *```$)", re.MULTILINE | re.DOTALL)
# The API reference is a page of its own.
OPENAPI, REFERENCE = "docs/openapi.yaml", "api/index.html"
BOOK = """[book]
title = "Patchbay"
language = "en"
src = "src"

[output.html]
default-theme = "light"
preferred-dark-theme = "navy"
{repository}
[output.html.search]
limit-results = 20
"""


class Pages(HTMLParser):
    """The ids, links and images of a page."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids.update(value for name, value in attributes.items() if name in ("id", "name"))
        if target := attributes.get({"a": "href", "img": "src"}.get(tag)):
            self.links.append(target)


def documents():
    """The paths of the documents, with their titles: the introduction, the guides, and what README.md mentions later."""
    readme = (ROOT / "README.md").read_text()
    guides = [(match["title"], match["path"]) for match in GUIDE.finditer(readme)]
    found = [*ROOT.glob("*.md"), *ROOT.glob("examples/*/README.md")]
    others = sorted(path.relative_to(ROOT).as_posix() for path in found)
    listed = {"README.md", *(path for _, path in guides)}
    return [("introduction", "README.md"), *guides, *((title(path), path) for path in others if path not in listed)]


def title(path):
    return re.search(r"^# (.+)$", (ROOT / path).read_text(), re.MULTILINE)[1]


def with_links(text, path, pages, repository):
    """The document's text with links to files that are not on the site leading to the repository."""

    def link(match):
        target = urlsplit(match["target"])
        if target.scheme or not target.path:
            return match[0]
        file = os.path.normpath(Path(path).parent / target.path)
        if file in pages:
            # mdBook writes a folder's README.md to index.html.
            return match[0].replace("README.md", "index.md")
        if file == OPENAPI:
            return f"[{match['text']}]({os.path.relpath(REFERENCE, Path(path).parent)})"
        if file.startswith("docs/") and (ROOT / file).is_file():
            return match[0]
        return f"[{match['text']}]({repository}/blob/HEAD/{file})" if repository else match["text"]

    text = text.replace("](../../actions/", f"]({repository}/actions/") if repository else BADGE.sub("", text)
    parts = FENCE.split(text)
    return "".join(part if part.lstrip().startswith("```") else LINK.sub(link, part) for part in parts)


def write_source(book, reference, repository):
    source = book / "src"
    pages = documents()
    paths = {path for _, path in pages}
    for _, path in pages:
        target = source / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(with_links((ROOT / path).read_text(), path, paths, repository))
    for file in (ROOT / "docs").iterdir():
        if file.is_file() and file.suffix != ".md":
            shutil.copy(file, source / "docs" / file.name)
    shutil.copytree(reference, (source / REFERENCE).parent)
    (source / "reference.md").write_text(f"# API reference\n\n[Every route, field and response of the API]({REFERENCE}).\n")
    pages.insert(1 + [path for _, path in pages].index("docs/api.md"), ("API reference", "reference.md"))
    summary = [f"- [{title[:1].upper()}{title[1:]}]({path})" for title, path in pages]
    (source / "SUMMARY.md").write_text("# Summary\n\n" + "\n".join(summary) + "\n")
    line = f'git-repository-url = "{repository}"\n' if repository else ""
    (book / "book.toml").write_text(BOOK.format(repository=line))


def dead_links(site):
    """The links of the site's pages to files or headings of the site that do not exist."""
    pages = {file: Pages(file.read_text()) for file in site.rglob("*.html")}
    dead = []
    for file, page in pages.items():
        for link in page.links:
            target = urlsplit(link)
            if target.scheme or target.netloc:
                continue
            other = (file.parent / unquote(target.path)).resolve() if target.path else file
            other = other / "index.html" if other.is_dir() else other
            known = pages.get(other)
            if not other.exists() or (target.fragment and known and unquote(target.fragment) not in known.ids):
                dead.append(f"{file.relative_to(site)}: {link}")
    return dead


def main():
    arguments = argparse.ArgumentParser(description="Makes the documentation site.")
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("reference", type=Path, help="the folder of the API reference")
    arguments.add_argument("--repository", default="", help="its address, such as https://github.com/acme/patchbay")
    options = arguments.parse_args()
    site = options.folder.resolve()
    book = site.with_name(site.name + "-source")
    shutil.rmtree(book, ignore_errors=True)
    write_source(book, options.reference, options.repository.rstrip("/"))
    subprocess.run([ROOT / ".venv/docs/bin/mdbook", "build", "--dest-dir", site, book], check=True)
    dead = dead_links(site)
    if dead:
        sys.exit("These links of the site lead nowhere:\n" + "\n".join(dead))


if __name__ == "__main__":
    main()
