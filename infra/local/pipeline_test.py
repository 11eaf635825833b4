"""Part of `make upgrade-test`: a deployment without a terminal by the example for pipelines, and a stack that is deleted and
created again around what it has left."""

import json
import subprocess
import sys

import tomlkit
from emulator import ROOT
from stack import PARAMETERS

STACK = "patchbay-staging"
# The logical ids and outputs of what stays, with the name of its identifier.
KEPT = {
    "MessageQueue": ("MessageQueueUrl", "AWS::SQS::Queue", "QueueUrl"),
    "RetryQueue": ("RetryQueueUrl", "AWS::SQS::Queue", "QueueUrl"),
    "DeadLetterQueue": ("DeadLetterQueueUrl", "AWS::SQS::Queue", "QueueUrl"),
    "ParkingQueue": ("ParkingQueueUrl", "AWS::SQS::Queue", "QueueUrl"),
    "Ledger": ("LedgerTable", "AWS::DynamoDB::Table", "TableName"),
}


class PipelineTest:
    def __init__(self, run, client, environment, make):
        """`make` is the command `make deploy` with this run's variables."""
        self.client, self.environment = client, environment
        self.samconfig = run.folder / "pipeline.toml"
        self.command = [*make, f"SAMCONFIG={self.samconfig}", "CONFIG_ENV=staging"]

    def write_samconfig(self):
        """The example with values for this machine."""
        document = tomlkit.parse((ROOT / "infra" / "samconfig.example.toml").read_text())
        parameters = document["staging"]["deploy"]["parameters"]
        self.client("s3").create_bucket(
            Bucket=parameters["s3_bucket"], CreateBucketConfiguration={"LocationConstraint": parameters["region"]}
        )
        # The bus of an event source belongs to one stack.
        local = {name: value for name, value in PARAMETERS.items() if name not in ("Alarms", "GenesysEventSource")}
        parameters["parameter_overrides"].extend(f"{name}={value}" for name, value in local.items())
        self.samconfig.write_text(tomlkit.dumps(document))

    def deploy(self, *variables):
        """The exit code and output of a deployment without a terminal."""
        options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True}
        ended = subprocess.run([*self.command, *variables], env=self.environment, cwd=ROOT, **options)
        return ended.returncode, ended.stdout + ended.stderr

    def outputs(self):
        [stack] = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def test_first_deploy(self):
        self.write_samconfig()
        code, output = self.deploy()
        assert code != 0 and "NEW_STACK=yes" in output, f"{output}\nA new stack was not refused"
        assert "Compiling" not in output and "cargo" not in output, f"{output}\nIt was built before it was refused"
        code, output = self.deploy("NEW_STACK=yes")
        assert code == 0 and "ApiUrl" in output, f"{output}\nThe first deployment without a terminal failed"

    def test_restore(self):
        before, cloudformation = self.outputs(), self.client("cloudformation")
        ledger = self.client("dynamodb")
        ledger.put_item(TableName=before["LedgerTable"], Item={"key": {"S": "kept"}})
        cloudformation.delete_stack(StackName=STACK)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})
        template = subprocess.run([sys.executable, ROOT / "infra" / "kept.py"], capture_output=True, text=True, check=True).stdout
        assert set(KEPT) == set(json.loads(template)["Resources"]), "other resources stay than are imported here"
        resources = [
            {"ResourceType": kind, "LogicalResourceId": name, "ResourceIdentifier": {identifier: before[output]}}
            for name, (output, kind, identifier) in KEPT.items()
        ]
        change = {"StackName": STACK, "ChangeSetName": "import"}
        parameters = [{"ParameterKey": "DeletionProtection", "ParameterValue": PARAMETERS["DeletionProtection"]}]
        cloudformation.create_change_set(
            **change, ChangeSetType="IMPORT", TemplateBody=template, ResourcesToImport=resources, Parameters=parameters
        )
        cloudformation.get_waiter("change_set_create_complete").wait(**change, WaiterConfig={"Delay": 1})
        cloudformation.execute_change_set(**change)
        cloudformation.get_waiter("stack_import_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})
        code, output = self.deploy()
        assert code == 0, f"{output}\nThe restored stack could not be deployed"
        after = self.outputs()
        for output, *_ in KEPT.values():
            assert before[output] == after[output], f"{output} was {before[output]}, and is {after[output]}"
        assert "Item" in ledger.get_item(TableName=after["LedgerTable"], Key={"key": {"S": "kept"}}), "the ledger is another one"
