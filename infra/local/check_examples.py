"""Checks the examples that deploy a release: what they pass and use are the template's parameters and outputs, and the CDK
app can be synthesized.

    .venv/checkov/bin/python check_examples.py TEMPLATE

TEMPLATE is the template after the SAM transform. checkov's environment has a parser of Terraform's language.
"""

import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import hcl2

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
# The example's dependencies, as setup.sh installs them.
CDK = ROOT / ".venv" / "cdk"
# Those that `make release` adds.
OF_RELEASES = {"CodeBucket", "CodePrefix"}
OUTPUT = re.compile(r"Outputs\.(\w+)|outputs\[\"(\w+)\"\]")


class Examples(unittest.TestCase):
    def setUp(self):
        self.template = json.loads(Path(sys.argv[1]).read_text())

    def assert_parameters(self, named):
        self.assertLessEqual(OF_RELEASES, set(named))
        self.assertEqual(set(), set(named) - set(self.template["Parameters"]) - OF_RELEASES)

    def assert_outputs(self, text):
        used = {one or other for one, other in OUTPUT.findall(text)}
        self.assertIn("ApiUrl", used)
        self.assertEqual(set(), used - set(self.template["Outputs"]))

    def test_terraform(self):
        text = (EXAMPLES / "terraform" / "main.tf").read_text()
        document = hcl2.loads(text)
        # The parser puts every value into a list.
        stack = next(one for one in document["resource"] if "aws_cloudformation_stack" in one)
        stack = stack["aws_cloudformation_stack"]["patchbay"]
        [parameters], [capabilities] = stack["parameters"], stack["capabilities"]
        self.assert_parameters(parameters)
        self.assert_outputs(text)
        self.assertEqual(["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"], capabilities)
        self.assertIn("DomainName", parameters, "without it the stack has no DomainTarget")
        variables = {name for one in document["variable"] for name in one}
        self.assertEqual(variables, set(re.findall(r"\bvar\.(\w+)", text)))
        declared = {f"{kind}.{name}" for one in document["resource"] for kind, body in one.items() for name in body}
        declared |= {f"data.{kind}.{name}" for one in document["data"] for kind, body in one.items() for name in body}
        self.assertEqual(set(), set(re.findall(r"\b(?:data\.)?aws_\w+\.\w+(?=\.)", text)) - declared)

    def test_cdk(self):
        text = synthesized()
        stacks = [one for one in json.loads(text)["Resources"].values() if one["Type"] == "AWS::CloudFormation::Stack"]
        self.assertEqual(1, len(stacks))
        self.assert_parameters(stacks[0]["Properties"]["Parameters"])
        self.assert_outputs(text)
        self.assertIn("/patchbay/0.1.0/template.yaml", json.dumps(stacks[0]["Properties"]["TemplateURL"]))

    def test_the_logs_may_use_the_key_in_every_partition(self):
        terraform = (EXAMPLES / "terraform" / "main.tf").read_text()
        self.assertIn('"logs.${data.aws_region.current.region}.${data.aws_partition.current.dns_suffix}"', terraform)
        principal = {"Fn::Join": ["", ["logs.", {"Ref": "AWS::Region"}, ".", {"Ref": "AWS::URLSuffix"}]]}
        keys = [one for one in json.loads(synthesized())["Resources"].values() if one["Type"] == "AWS::KMS::Key"]
        statements = [statement for key in keys for statement in key["Properties"]["KeyPolicy"]["Statement"]]
        self.assertIn({"Service": principal}, [statement["Principal"] for statement in statements])

    def test_the_workflow_asks_for_a_token_that_the_role_accepts_in_every_partition(self):
        # `sts.${AWS::URLSuffix}` in deployer.yaml. The action's own default is that of most partitions.
        text = (EXAMPLES / "github-actions" / "deploy.yml").read_text()
        audience = "startsWith(vars.AWS_REGION, 'cn-') && 'sts.amazonaws.com.cn' || 'sts.amazonaws.com'"
        self.assertIn(f"          audience: ${{{{ {audience} }}}}\n", text)

    def test_github_actions(self):
        text = (EXAMPLES / "github-actions" / "deploy.yml").read_text()
        overrides = text.partition("--parameter-overrides")[2]
        self.assert_parameters(re.findall(r"\b([A-Z]\w+)=", overrides))
        actions = re.findall(r"uses: (.+)", text)
        self.assertEqual([], [one for one in actions if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", one)])
        self.assertTrue(actions)
        for run in re.findall(r"run: \|\n((?: {10}.*\n|\n)+)", text):
            self.assertNotIn("${{", run, "values come from the environment")


@functools.cache
def synthesized():
    """The template that the CDK app makes."""
    example = EXAMPLES / "cdk"
    settings = json.loads((example / "cdk.json").read_text())
    # Node looks for the dependencies beside the file.
    shutil.copy(example / "patchbay.ts", CDK)
    with tempfile.TemporaryDirectory() as out:
        environment = {"CDK_OUTDIR": out, "CDK_CONTEXT_JSON": json.dumps(settings["context"])}
        command = [ROOT / ".venv" / "bin" / "node", *settings["app"].split()[1:]]
        subprocess.run(command, cwd=CDK, env=os.environ | environment, check=True)
        return (Path(out) / "messaging.template.json").read_text()


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
