"""Prints a template with only the resources that stay when the stack is deleted, to import them into a new stack.

    python kept.py > kept.json

docs/deploy.md says how to use it.
"""

import json
import sys
from pathlib import Path

from samtranslator.yaml_helper import yaml_parse

TEMPLATE = Path(__file__).parent / "template.yaml"


def kept(template):
    """Parameters and conditions stay too: the resources refer to them."""
    resources = template["Resources"].items()
    stays = {name: one for name, one in resources if one.get("DeletionPolicy", "").startswith("Retain")}
    return {section: template[section] for section in ("Parameters", "Conditions")} | {"Resources": stays}


if __name__ == "__main__":
    json.dump(kept(yaml_parse(TEMPLATE.read_text())), sys.stdout, indent=1)
