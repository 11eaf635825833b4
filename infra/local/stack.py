"""Patchbay's stack on this machine: the very template, deployed with `sam deploy` to an emulated AWS.

    python stack.py [--] COMMAND [ARGUMENT ...]

brings the stack up, runs the command with the stack's addresses in its environment, and takes the stack down again
when the command ends. Nothing stays behind but the log: the emulator and the functions that it started are stopped by
process id.

The command finds in its environment:
    API_URL, QUEUE_URL, DEAD_LETTER_QUEUE_URL, LEDGER_TABLE, SECRET_PREFIX    the stack
    PARKING_QUEUE_URL                                                         where failed messages are kept
    PATCHBAY_STACK                                                            its name
    AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY    the emulated AWS
    STACK_LOG                                                                 the file with the functions' log lines
    PORTS_FOLDER                                                              where tests note the ports that they used
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

from emulator import REGION, ROOT, TARGET, VENV, dies_with_us, emulated_aws, end_undisturbed, say
from gaps import close_gaps, resources_of
from log_follower import LogFollower
from step import chunks

STACK = "patchbay"
# Shorter than in production, so that a crash is made good within half a minute. `sam` passes on only those that the
# template has.
PARAMETERS = {
    "DispatcherTimeoutSeconds": "20",
    "QueueVisibilityTimeoutSeconds": "25",
    "LogLevel": "DEBUG",
    "SenderTimeoutSeconds": "15",
    # A rotation waits for it.
    "ConfigurationCacheSeconds": "10",
    # Nothing here outlives the run; and with it the template insists on the proportion of the first two.
    "DeletionProtection": "false",
    # The emulator knows no alarms over the sum of several metrics.
    "Alarms": "false",
}
# How long it may be before something is said again.
PATIENCE_SECONDS = 5
# What `sam deploy` prints of each file, again and again.
UPLOADS = re.compile(r"Uploading to (\S+)")
ARCHITECTURE = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")


def stage(folder):
    """Lays the template beside the built functions as it expects them, so that it is deployed unchanged."""
    template = folder / "infra" / "template.yaml"
    template.parent.mkdir()
    shutil.copy(ROOT / "infra" / "template.yaml", template)
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda function: stage_function(folder, function.name), (ROOT / "functions").iterdir()))
    return template


def stage_function(folder, name):
    bootstrap = folder / "target" / "lambda" / name / "bootstrap"
    bootstrap.parent.mkdir(parents=True)
    # What debuggers want is half of it, and takes as long to pack and upload as the rest.
    subprocess.run(["strip", "-o", bootstrap, TARGET / "debug" / name], check=True)


def deploy(run, client):
    """Deploys the functions as `cargo build` made them."""
    template = stage(run.folder)
    client("s3").create_bucket(Bucket=STACK, CreateBucketConfiguration={"LocationConstraint": REGION})
    overrides = PARAMETERS | {"Architecture": ARCHITECTURE}
    sam_deploy(
        [VENV / "bin" / "sam", "deploy", "--template-file", template, "--stack-name", STACK, "--s3-bucket", STACK]
        + ["--region", REGION, "--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset"]
        + ["--parameter-overrides", *(f"{name}={value}" for name, value in overrides.items())],
        # The emulated CloudFormation may be asked more often than AWS's how far it has come.
        env=os.environ | {"SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "0.5", "TMPDIR": str(run.temporary)},
        cwd=run.folder,
    )
    close_gaps(template, STACK, client)


def sam_deploy(command, **options):
    """Runs `sam deploy`, saying how far it has come; all that it said is shown if it fails."""
    pipe = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, **pipe, **options) as sam:
        output, said = "", time.monotonic()
        for chunk in chunks(sam.stdout.fileno(), PATIENCE_SECONDS):
            output += chunk.decode(errors="replace")
            if time.monotonic() - said >= PATIENCE_SECONDS:
                said = time.monotonic()
                say(f"  {progress(output)}")
    if sam.returncode != 0:
        sys.exit(f"{output}\nsam deploy failed")


def progress(output):
    """How far `sam deploy` has come, by what it has printed."""
    if made := output.count("CREATE_COMPLETE"):
        return f"{made} resources made"
    return f"{len(set(UPLOADS.findall(output)))} files uploaded"


def addresses(stack, client, emulator):
    """What a command needs to know of a deployed stack."""
    outputs = {
        output["OutputKey"]: output["OutputValue"]
        for output in client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
    }
    return {
        "API_URL": f"http://{resources_of(stack, client)['Api']}.execute-api.localhost:{emulator.port}",
        "QUEUE_URL": outputs["MessageQueueUrl"],
        "DEAD_LETTER_QUEUE_URL": outputs["DeadLetterQueueUrl"],
        # A stack from before there was one is upgraded in the rehearsal.
        "PARKING_QUEUE_URL": outputs.get("ParkingQueueUrl", ""),
        "LEDGER_TABLE": outputs["LedgerTable"],
        "SECRET_PREFIX": outputs.get("SecretPrefix", stack),
        "PATCHBAY_STACK": stack,
    }


def main(command):
    if not command:
        sys.exit(__doc__)
    started = time.monotonic()
    log, follower, child = None, None, None
    try:
        with emulated_aws() as (run, emulator):
            try:
                import boto3

                log = run.log
                client = lambda service: boto3.client(service, endpoint_url=emulator.url)
                say("Deploying infra/template.yaml with `sam deploy` ...")
                deploy(run, client)
                follower = LogFollower(client, run.log)
                follower.start()
                environment = addresses(STACK, client, emulator) | {"STACK_LOG": str(run.log), "PORTS_FOLDER": str(run.ports)}
                say(f"The stack is up after {time.monotonic() - started:.0f} s: {environment['API_URL']}")
                # Ctrl-C reaches the command too; it ends as it sees fit, and the stack is taken down after it.
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                child = subprocess.Popen(command, env=os.environ | environment, preexec_fn=dies_with_us(signal.SIGTERM))
                return child.wait()
            finally:
                end_undisturbed()
                if child and child.poll() is None:
                    child.terminate()
                    child.wait()
                if follower:
                    follower.stop()
    except KeyboardInterrupt:
        return 130
    finally:
        say(f"The stack is down. The functions' log lines: {log}")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    sys.exit(main(arguments[1:] if arguments[:1] == ["--"] else arguments))
