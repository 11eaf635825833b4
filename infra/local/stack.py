"""Patchbay's stack on this machine: the very template, deployed with `sam deploy` to an emulated AWS.

    python stack.py [--] COMMAND [ARGUMENT ...]

brings the stack up, runs the command with the stack's addresses in its environment, and takes the stack down again
when the command ends. Nothing stays behind: the emulator and the functions that it started are stopped by process id.

The command finds in its environment:
    API_URL, QUEUE_URL, DEAD_LETTER_QUEUE_URL, LEDGER_TABLE, SECRET_PREFIX    the stack
    AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY    the emulated AWS
    STACK_LOG                                                                 where the functions' log lines go
"""

import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
TARGET = ROOT / os.environ.get("CARGO_TARGET_DIR", "target")
STAGE = TARGET / "local"
STACK = "patchbay"
REGION = "eu-central-1"
FUNCTIONS = ["webhook-receiver", "message-dispatcher"]
# Shorter than in production, so that a crash is made good within half a minute.
PARAMETERS = {"DispatcherTimeoutSeconds": "15", "QueueVisibilityTimeoutSeconds": "20", "LogLevel": "DEBUG"}
STARTUP_SECONDS = 60


def say(text):
    print(f"\033[2m{text}\033[0m" if sys.stderr.isatty() else text, file=sys.stderr, flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Emulator:
    """MiniStack, in a process group of its own."""

    def __init__(self):
        self.url = f"http://127.0.0.1:{free_port()}"
        port = self.url.rsplit(":", 1)[1]
        self.environment = {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            # Without these an AWS profile or an instance's role could get in between.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self.log = STAGE / "stack.log"
        self.temporary = STAGE / "tmp"
        self.temporary.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [VENV / "emulator" / "bin" / "ministack"],
                env=os.environ
                | self.environment
                | {
                    "GATEWAY_PORT": port,
                    "BIND_HOST": "127.0.0.1",
                    "MINISTACK_REGION": REGION,
                    "TMPDIR": str(self.temporary),
                },
                cwd=self.temporary,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait(self):
        deadline = time.monotonic() + STARTUP_SECONDS
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=2):
                    return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    sys.exit(f"The emulated AWS did not start; see {self.log}")
                time.sleep(0.05)

    def stop(self):
        """Ends the emulator and every function that it started, and waits until they are gone."""
        for end in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, end)
                self.process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                continue
            except ProcessLookupError:
                break
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        shutil.rmtree(self.temporary, ignore_errors=True)


def stage():
    """Lays the template beside the built functions, in the places that it expects, so that it is deployed unchanged."""
    (STAGE / "infra").mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "infra" / "template.yaml", STAGE / "infra" / "template.yaml")
    for function in FUNCTIONS:
        bootstrap = STAGE / "target" / "lambda" / function / "bootstrap"
        bootstrap.parent.mkdir(parents=True, exist_ok=True)
        bootstrap.unlink(missing_ok=True)
        shutil.copy2(TARGET / "debug" / function, bootstrap)
    return STAGE / "infra" / "template.yaml"


def deploy(template, environment):
    import boto3

    client = lambda service: boto3.client(service, endpoint_url=environment["AWS_ENDPOINT_URL"])
    client("s3").create_bucket(
        Bucket=STACK, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    machine = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")
    overrides = PARAMETERS | {"Architecture": machine}
    result = subprocess.run(
        [VENV / "bin" / "sam", "deploy", "--template-file", template, "--stack-name", STACK, "--s3-bucket", STACK]
        + ["--region", REGION, "--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-progressbar"]
        + ["--parameter-overrides", *(f"{name}={value}" for name, value in overrides.items())],
        env=os.environ | environment | {"SAM_CLI_TELEMETRY": "0"},
        cwd=STAGE,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if result.returncode != 0:
        sys.exit(f"{result.stdout}\nsam deploy failed")
    cloudformation = client("cloudformation")
    resources = {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for resource in cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
    }
    outputs = {
        output["OutputKey"]: output["OutputValue"]
        for output in cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]
    }
    add_routes(template, resources, client)
    return resources, outputs


def add_routes(template, resources, client):
    """Adds the HTTP API's routes: the emulator does not read them from the OpenAPI document that SAM generates."""
    from samtranslator.yaml_helper import yaml_parse

    gateway, functions = client("apigatewayv2"), client("lambda")
    declared = yaml_parse(template.read_text())["Resources"]
    for name, resource in declared.items():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        arn = functions.get_function(FunctionName=resources[name])["Configuration"]["FunctionArn"]
        for event in resource["Properties"].get("Events", {}).values():
            if event["Type"] != "HttpApi":
                continue
            route = event["Properties"]
            api = resources[route["ApiId"]["Ref"]]
            integration = gateway.create_integration(
                ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion="2.0"
            )
            gateway.create_route(
                ApiId=api,
                RouteKey=f"{route['Method']} {route['Path']}",
                Target=f"integrations/{integration['IntegrationId']}",
            )


def main(command):
    if not command:
        sys.exit(__doc__)
    for end in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(end, lambda *_: sys.exit(1))
    started = time.monotonic()
    template = stage()
    say("Starting the emulated AWS ...")
    emulator = Emulator()
    child = None
    try:
        emulator.wait()
        os.environ.update(emulator.environment)
        say("Deploying infra/template.yaml with `sam deploy` ...")
        resources, outputs = deploy(template, emulator.environment)
        port = emulator.url.rsplit(":", 1)[1]
        environment = {
            "API_URL": f"http://{resources['Api']}.execute-api.localhost:{port}",
            "QUEUE_URL": outputs["MessageQueueUrl"],
            "DEAD_LETTER_QUEUE_URL": outputs["DeadLetterQueueUrl"],
            "LEDGER_TABLE": outputs["LedgerTable"],
            "SECRET_PREFIX": "patchbay",
            "STACK_LOG": str(emulator.log),
        }
        say(f"The stack is up after {time.monotonic() - started:.0f} s: {environment['API_URL']}")
        # Ctrl-C reaches the command too; it ends as it sees fit, and the stack is taken down after it.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        child = subprocess.Popen(
            command,
            env=os.environ | environment,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        return child.wait()
    except KeyboardInterrupt:
        return 130
    finally:
        if child and child.poll() is None:
            child.terminate()
            child.wait()
        emulator.stop()
        say("The stack is down.")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    sys.exit(main(arguments[1:] if arguments[:1] == ["--"] else arguments))
