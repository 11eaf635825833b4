"""Writes docs/openapi.yaml as a page into a folder, by Redoc. It loads nothing from elsewhere.

    .venv/openapi/bin/python infra/openapi/reference.py FOLDER
"""

import json
import shutil
import sys
from importlib.metadata import files
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs/openapi.yaml"
BUNDLE = "redoc.standalone.js"
# Redoc would load its logo from there.
LOGO, NO_IMAGE = "https://cdn.redoc.ly/redoc/logo-mini.svg", "data:,"
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Patchbay: API reference</title>
<style>body {{ margin: 0 }}</style>
<main id="reference"></main>
<noscript>This page needs JavaScript. <a href="openapi.yaml">The OpenAPI document</a> does not.</noscript>
<script src="{bundle}"></script>
<script type="application/json" id="document">{document}</script>
<script>
  const openapi = JSON.parse(document.getElementById("document").textContent);
  Redoc.init(openapi, {{ downloadUrls: [{{ title: "openapi.yaml", url: "openapi.yaml" }}] }}, document.getElementById("reference"));
</script>
</html>
"""


def main(folder):
    document = YAML(typ="safe").load(DOCUMENT)
    folder.mkdir(parents=True, exist_ok=True)
    # So that no text of the document ends the script element.
    embedded = json.dumps(document, ensure_ascii=False).replace("<", "\\u003c")
    (folder / "index.html").write_text(PAGE.format(document=embedded, bundle=BUNDLE))
    # Its package needs Django to be imported.
    bundle = next(file for file in files("drf-spectacular-sidecar") if file.name == BUNDLE).read_text()
    if LOGO not in bundle:
        raise SystemExit("Redoc has another logo: nothing may be loaded from elsewhere.")
    (folder / BUNDLE).write_text(bundle.replace(LOGO, NO_IMAGE))
    shutil.copy(DOCUMENT, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
