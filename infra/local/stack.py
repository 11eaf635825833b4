"""Patchbay's stack on this machine: the very template, deployed with `sam deploy` to an emulated AWS.

    python stack.py [--] COMMAND [ARGUMENT ...]

brings the stack up, runs the command with the stack's addresses in its environment, and takes the stack down again
when the command ends. Nothing stays behind but the log: the emulator and the functions that it started are stopped by
process id.

The command finds in its environment:
    API_URL, QUEUE_URL, DEAD_LETTER_QUEUE_URL, LEDGER_TABLE, SECRET_PREFIX    the stack
    AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY    the emulated AWS
    STACK_LOG                                                                 the file with the functions' log lines
"""

import ctypes
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
TARGET = ROOT / "target"
RUNS = TARGET / "local"
STACK = "patchbay"
REGION = "eu-central-1"
FUNCTIONS = [
    "webhook-receiver",
    "message-dispatcher",
    "agentless-sender",
    "receipt-poster",
    "card-sender",
    "inbound-sender",
    "agent-sender",
]
# Shorter than in production, so that a crash is made good within half a minute.
PARAMETERS = {
    "DispatcherTimeoutSeconds": "20",
    "QueueVisibilityTimeoutSeconds": "25",
    "LogLevel": "DEBUG",
    "SenderTimeoutSeconds": "15",
    # Nothing here outlives the run; and with it the template insists on the proportion of the first two.
    "DeletionProtection": "false",
    # The emulator knows no alarms over the sum of several metrics.
    "Alarms": "false",
}
STARTUP_SECONDS = 60
LOCAL_HOSTS = "127.0.0.1,localhost,.localhost"


def say(text):
    print(f"\033[2m{text}\033[0m" if sys.stderr.isatty() else text, file=sys.stderr, flush=True)


def dies_with_us(end):
    """For `preexec_fn`: the kernel sends `end` to the process when we are gone, even killed (Linux only)."""

    def prepare():
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if sys.platform == "linux":
            PR_SET_PDEATHSIG = 1
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, end)

    return prepare


def clean_environment():
    """Takes out whatever could lead a client to another AWS than the emulated one."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    for name in ("no_proxy", "NO_PROXY"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), LOCAL_HOSTS]))


class Run:
    """The folder of one run: several stacks may be up at the same time."""

    def __init__(self):
        for old in RUNS.glob("run-*"):
            if not is_running(int(old.name.removeprefix("run-"))):
                shutil.rmtree(old, ignore_errors=True)
        self.folder = RUNS / f"run-{os.getpid()}"
        self.template = self.folder / "infra" / "template.yaml"
        self.temporary = self.folder / "tmp"
        self.temporary.mkdir(parents=True)
        self.log = self.folder / "functions.log"
        self.log.touch()

    def stage(self):
        """Lays the template beside the built functions as it expects them, so that it is deployed unchanged."""
        self.template.parent.mkdir()
        shutil.copy(ROOT / "infra" / "template.yaml", self.template)
        for function in FUNCTIONS:
            bootstrap = self.folder / "target" / "lambda" / function / "bootstrap"
            bootstrap.parent.mkdir(parents=True)
            shutil.copy2(TARGET / "debug" / function, bootstrap)

    def clean(self):
        """Removes all but the logs, which the next run removes."""
        for folder in ("infra", "target", "tmp"):
            shutil.rmtree(self.folder / folder, ignore_errors=True)


def is_running(pid):
    try:
        os.kill(pid, 0)
        return True
    except ProcessLookupError:
        return False
    except PermissionError:
        return True


class Emulator:
    """MiniStack, in a process group of its own."""

    def __init__(self, run):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self.log = run.folder / "emulator.log"
        own = {"GATEWAY_PORT": str(self.port), "BIND_HOST": "127.0.0.1", "MINISTACK_REGION": REGION}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [VENV / "emulator" / "bin" / "ministack"],
                env=os.environ | self.environment | own | {"TMPDIR": str(run.temporary)},
                cwd=run.temporary,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=dies_with_us(signal.SIGKILL),
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
            except (subprocess.TimeoutExpired, ProcessLookupError):
                continue
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


class LogFollower(threading.Thread):
    """Copies the functions' log lines from the emulated CloudWatch into a file."""

    def __init__(self, client, path):
        super().__init__(daemon=True)
        self.logs, self.path, self.seen, self.stopped = client("logs"), path, {}, threading.Event()

    def run(self):
        while not self.stopped.wait(1):
            self.copy()

    def copy(self):
        with self.path.open("a") as file:
            for group in self.logs.describe_log_groups()["logGroups"]:
                name = group["logGroupName"]
                for page in self.logs.get_paginator("filter_log_events").paginate(logGroupName=name):
                    for event in page["events"]:
                        lines = self.seen.setdefault((name, event["logStreamName"]), set())
                        key = (event["timestamp"], event["message"])
                        if key not in lines and event["message"].startswith("{"):
                            file.write(event["message"].rstrip() + "\n")
                        lines.add(key)

    def stop(self):
        self.stopped.set()
        self.join()
        self.copy()


def deploy(run, client):
    client("s3").create_bucket(Bucket=STACK, CreateBucketConfiguration={"LocationConstraint": REGION})
    machine = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")
    overrides = PARAMETERS | {"Architecture": machine}
    result = subprocess.run(
        [VENV / "bin" / "sam", "deploy", "--template-file", run.template, "--stack-name", STACK, "--s3-bucket", STACK]
        + ["--region", REGION, "--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-progressbar"]
        + ["--parameter-overrides", *(f"{name}={value}" for name, value in overrides.items())],
        env=os.environ | {"SAM_CLI_TELEMETRY": "0", "TMPDIR": str(run.temporary)},
        cwd=run.folder,
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
    add_routes(run.template, resources, client)
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
    # A shell that starts it in the background has it ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    clean_environment()
    started = time.monotonic()
    run, emulator, follower, child = Run(), None, None, None
    try:
        run.stage()
        say("Starting the emulated AWS ...")
        emulator = Emulator(run)
        emulator.wait()
        os.environ.update(emulator.environment)
        import boto3

        client = lambda service: boto3.client(service, endpoint_url=emulator.url)
        say("Deploying infra/template.yaml with `sam deploy` ...")
        resources, outputs = deploy(run, client)
        follower = LogFollower(client, run.log)
        follower.start()
        environment = {
            "API_URL": f"http://{resources['Api']}.execute-api.localhost:{emulator.port}",
            "QUEUE_URL": outputs["MessageQueueUrl"],
            "DEAD_LETTER_QUEUE_URL": outputs["DeadLetterQueueUrl"],
            "LEDGER_TABLE": outputs["LedgerTable"],
            "SECRET_PREFIX": "patchbay",
            "STACK_LOG": str(run.log),
        }
        say(f"The stack is up after {time.monotonic() - started:.0f} s: {environment['API_URL']}")
        # Ctrl-C reaches the command too; it ends as it sees fit, and the stack is taken down after it.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        child = subprocess.Popen(command, env=os.environ | environment, preexec_fn=dies_with_us(signal.SIGTERM))
        return child.wait()
    except KeyboardInterrupt:
        return 130
    finally:
        # From here on nothing may come between.
        for end in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(end, signal.SIG_IGN)
        if child and child.poll() is None:
            child.terminate()
            child.wait()
        if follower:
            follower.stop()
        if emulator:
            emulator.stop()
        run.clean()
        say(f"The stack is down. The functions' log lines: {run.log}")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    sys.exit(main(arguments[1:] if arguments[:1] == ["--"] else arguments))
