"""Prints shared/schema/delivery.schema.json: the schema `Delivery` of docs/openapi.yaml, with all that it refers to.

    .venv/bin/python infra/openapi/delivery_schema.py > shared/schema/delivery.schema.json
"""

import json
from pathlib import Path

import yaml

DOCUMENT = Path(__file__).parents[2] / "docs/openapi.yaml"
COMPONENTS = "#/components/schemas/"


def as_json_schema(value, names):
    """The value with its references in `$defs`, whose names are added to `names`. `discriminator` is only OpenAPI's."""
    if isinstance(value, list):
        return [as_json_schema(element, names) for element in value]
    if not isinstance(value, dict):
        return value
    members = {}
    for name, member in value.items():
        if name == "$ref":
            names.append(target := member.removeprefix(COMPONENTS))
            members[name] = f"#/$defs/{target}"
        elif name != "discriminator":
            members[name] = as_json_schema(member, names)
    return members


def delivery_schema(components):
    names, definitions = [], {}
    delivery = as_json_schema(components["Delivery"], names)
    for name in names:  # It grows meanwhile.
        if name not in definitions:
            definitions[name] = as_json_schema(components[name], names)
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:patchbay:schema:delivery",
        "title": "A delivery to the messaging service",
    }
    return head | delivery | {"$defs": definitions}


if __name__ == "__main__":
    schemas = yaml.safe_load(DOCUMENT.read_text())["components"]["schemas"]
    print(json.dumps(delivery_schema(schemas), indent=2, ensure_ascii=False))
