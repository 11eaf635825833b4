"""Patchbay's stack on this machine: infra/template.yaml, deployed unchanged with `sam deploy` to an emulated AWS.

    python stack.py [--] COMMAND [ARGUMENT ...]

starts the stack, runs the command with the stack's addresses in its environment, and stops the stack when the command
ends. Only the log remains; the emulator and its functions are stopped by process id.

The command's environment has:
    API_URL, QUEUE_URL, RETRY_QUEUE_URL, DEAD_LETTER_QUEUE_URL, LEDGER_TABLE, SECRET_PREFIX    the stack
    PARKING_QUEUE_URL                                                         where failed messages are kept
    EVENT_SOURCE, EVENT_QUEUE_URL, EVENT_FUNCTION                             of conversation events
    EVENT_DEAD_LETTER_QUEUE_URL                                               of those that could not be processed
    PATCHBAY_STACK                                                            its name
    AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY    the emulated AWS
    STACK_LOG                                                                 the file with the functions' log lines
    PORTS_FOLDER                                                              where tests record the ports that they used
"""

import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from emulator import REGION, ROOT, TARGET, VENV, emulated_aws, ignore_signals, kill_with_parent, say
from log_follower import LogFollower
from patch_emulator import patch_emulator, resources_of
from response_times import ResponseTimes
from step import chunks

STACK = "patchbay"
# Shorter times than in production: a message is redelivered within half a minute of a crash. `sam` passes on only
# parameters that the template has.
PARAMETERS = {
    "DispatcherTimeoutSeconds": "20",
    "QueueVisibilityTimeoutSeconds": "25",
    "LogLevel": "DEBUG",
    # Tests look at all metrics.
    "MetricsByIntegration": "true",
    # So long that tokens can be renewed, and too short to wait for the interval of HighLevel's rate limit.
    "SenderTimeoutSeconds": "17",
    # The simulated platform puts events there.
    "GenesysEventSource": "aws.partner/genesys.com/cloud/32aa07aa-db1b-4987-abd0-9483601ec29d/patchbay",
    # A rotation waits this long.
    "ConfigurationCacheSeconds": "10",
    # As in an account that requires a path.
    "RolePath": "/functions/",
    # Nothing outlives the run; with protection the template also enforces the ratio of the first two.
    "DeletionProtection": "false",
    # The emulator does not support alarms on metric math.
    "Alarms": "false",
}
# How often progress is reported.
REPORT_SECONDS = 5
# `sam deploy` prints this repeatedly for each file.
UPLOADS = re.compile(r"Uploading to (\S+)")
ARCHITECTURE = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")


def stage(folder):
    """Places the template relative to the built functions as its CodeUri paths expect."""
    template = folder / "infra" / "template.yaml"
    template.parent.mkdir()
    shutil.copy(ROOT / "infra" / "template.yaml", template)
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda function: stage_function(folder, function.name), (ROOT / "functions").iterdir()))
    return template


def stage_function(folder, name):
    bootstrap = folder / "target" / "lambda" / name / "bootstrap"
    bootstrap.parent.mkdir(parents=True)
    # Debug information is half of the file, and would take as long to package and upload as the rest.
    subprocess.run(["strip", "-o", bootstrap, TARGET / "debug" / name], check=True)


def deploy(run, client):
    """Deploys the functions that `cargo build` produced."""
    template = stage(run.folder)
    client("s3").create_bucket(Bucket=STACK, CreateBucketConfiguration={"LocationConstraint": REGION})
    overrides = PARAMETERS | {"Architecture": ARCHITECTURE}
    sam_deploy(
        [VENV / "bin" / "sam", "deploy", "--template-file", template, "--stack-name", STACK, "--s3-bucket", STACK]
        + ["--region", REGION, "--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset"]
        + ["--parameter-overrides", *(f"{name}={value}" for name, value in overrides.items())],
        # The emulator has no rate limit for polling CloudFormation.
        env=os.environ | {"SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "0.5", "TMPDIR": str(run.temporary)},
        cwd=run.folder,
    )
    patch_emulator(template, STACK, client)


def sam_deploy(command, **options):
    """Runs `sam deploy` and reports its progress; on failure, exits with its whole output."""
    pipe = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, **pipe, **options) as sam:
        output, reported = "", time.monotonic()
        for chunk in chunks(sam.stdout.fileno(), REPORT_SECONDS):
            output += chunk.decode(errors="replace")
            if time.monotonic() - reported >= REPORT_SECONDS:
                reported = time.monotonic()
                say(f"  {progress(output)}")
    if sam.returncode != 0:
        sys.exit(f"{output}\nsam deploy failed")


def progress(output):
    """The progress of `sam deploy`, from its output."""
    if created := output.count("CREATE_COMPLETE"):
        return f"{created} resources created"
    return f"{len(set(UPLOADS.findall(output)))} files uploaded"


def addresses(stack, client, emulator):
    """The environment variables that describe a deployed stack."""
    outputs = {
        output["OutputKey"]: output["OutputValue"]
        for output in client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
    }
    resources = resources_of(stack, client)
    return {
        # The emulator has the API at a host name under localhost as well, but not every program resolves those. Everything
        # here uses one address: an integration whose webhooks go to another one belongs to another API.
        "API_URL": f"{emulator.url}/_aws/execute-api/{resources['Api']}/$default",
        "QUEUE_URL": outputs["MessageQueueUrl"],
        # The upgrade test starts from versions without it.
        "RETRY_QUEUE_URL": outputs.get("RetryQueueUrl", ""),
        "DEAD_LETTER_QUEUE_URL": outputs["DeadLetterQueueUrl"],
        # The upgrade test starts from versions without it.
        "PARKING_QUEUE_URL": outputs.get("ParkingQueueUrl", ""),
        "EVENT_SOURCE": PARAMETERS["GenesysEventSource"],
        "EVENT_QUEUE_URL": outputs.get("ConversationEventQueueUrl", ""),
        "EVENT_DEAD_LETTER_QUEUE_URL": outputs.get("ConversationEventDeadLetterQueueUrl", ""),
        "EVENT_FUNCTION": resources.get("ConversationEvents", ""),
        "LEDGER_TABLE": outputs["LedgerTable"],
        "SECRET_PREFIX": outputs.get("SecretPrefix", stack),
        "PATCHBAY_STACK": stack,
    }


def main(command, deploy=deploy):
    if not command:
        sys.exit(__doc__)
    started = time.monotonic()
    log, threads, child = None, [], None
    try:
        with emulated_aws() as (run, emulator):
            try:
                import boto3

                log = run.log
                client = lambda service: boto3.client(service, endpoint_url=emulator.url)
                say("Deploying with `sam deploy` ...")
                deploy(run, client)
                threads = [LogFollower(client, run.log), ResponseTimes(emulator.health_url)]
                for thread in threads:
                    thread.start()
                environment = addresses(STACK, client, emulator) | {"STACK_LOG": str(run.log), "PORTS_FOLDER": str(run.ports)}
                say(f"The stack is up after {time.monotonic() - started:.0f} s: {environment['API_URL']}")
                # Ctrl-C reaches the command too: let it exit first, then stop the stack.
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                child = subprocess.Popen(command, env=os.environ | environment, preexec_fn=kill_with_parent(signal.SIGTERM))
                return child.wait()
            finally:
                ignore_signals()
                if child and child.poll() is None:
                    child.terminate()
                    child.wait()
                for thread in threads:
                    thread.stop()
    except KeyboardInterrupt:
        return 130
    finally:
        say(f"The stack is down. The functions' log lines: {log}")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    sys.exit(main(arguments[1:] if arguments[:1] == ["--"] else arguments))
