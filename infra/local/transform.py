"""Prints infra/template.yaml after the SAM transform, as JSON. Tests read it.

    python transform.py [TEMPLATE]
"""

import json
import os
import sys
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parents[1] / "template.yaml"


def transformed(template=TEMPLATE):
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator
    from samtranslator.yaml_helper import yaml_parse

    document = yaml_parse(Path(template).read_text())
    # SAM expects the functions' code in S3, where a release has it.
    for resource in document["Resources"].values():
        code = resource["Properties"].get("CodeUri") if resource["Type"] == "AWS::Serverless::Function" else None
        if isinstance(code, str):
            resource["Properties"]["CodeUri"] = {"Bucket": "local", "Key": code}
    return Translator({}, Parser()).translate(document, {})


if __name__ == "__main__":
    json.dump(transformed(*sys.argv[1:2]), sys.stdout, indent=1, default=str)
