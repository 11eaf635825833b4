"""Patchbay's stack on this machine: the very template, deployed with `sam deploy` to an emulated AWS.

    python stack.py [--] COMMAND [ARGUMENT ...]

brings the stack up, runs the command with the stack's addresses in its environment, and takes the stack down again
when the command ends. Nothing stays behind but the log: the emulator and the functions that it started are stopped by
process id.

The command finds in its environment:
    API_URL, QUEUE_URL, DEAD_LETTER_QUEUE_URL, LEDGER_TABLE, SECRET_PREFIX    the stack
    PATCHBAY_STACK                                                            its name
    AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY    the emulated AWS
    STACK_LOG                                                                 the file with the functions' log lines
    PORTS_FOLDER                                                              where tests note the ports that they used
"""

import os
import platform
import shutil
import signal
import subprocess
import sys
import threading
import time

from emulator import REGION, ROOT, TARGET, VENV, dies_with_us, emulated_aws, end_undisturbed, say
from gaps import close_gaps, resources_of

STACK = "patchbay"
# Shorter than in production, so that a crash is made good within half a minute. `sam` passes on only those that the
# template has.
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
ARCHITECTURE = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")


class LogFollower(threading.Thread):
    """Copies the functions' log lines from the emulated CloudWatch into a file."""

    # How far back it looks for lines that have come later than newer ones. The emulator answers with the first 10,000
    # lines of a function and no more, and does nothing else while it writes them out.
    OVERLAP_MILLISECONDS = 60_000

    def __init__(self, client, path):
        super().__init__(daemon=True)
        self.logs, self.path, self.seen, self.newest = client("logs"), path, {}, {}
        self.stopped = threading.Event()

    def run(self):
        while not self.stopped.wait(1):
            self.copy()

    def copy(self):
        for group in self.logs.describe_log_groups()["logGroups"]:
            name = group["logGroupName"]
            lines = [line.rstrip() + "\n" for line in self.new_lines(name) if line.startswith("{")]
            if lines:
                with self.path.open("a") as file:
                    file.write("".join(lines))

    def new_lines(self, group):
        since = max(0, self.newest.get(group, 0) - self.OVERLAP_MILLISECONDS)
        for page in self.logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since):
            for event in page["events"]:
                self.newest[group] = max(self.newest.get(group, 0), event["timestamp"])
                lines = self.seen.setdefault((group, event["logStreamName"]), set())
                key = (event["timestamp"], event["message"])
                if key not in lines:
                    lines.add(key)
                    yield event["message"]

    def stop(self):
        self.stopped.set()
        self.join()
        self.copy()


def stage(folder):
    """Lays the template beside the built functions as it expects them, so that it is deployed unchanged."""
    template = folder / "infra" / "template.yaml"
    template.parent.mkdir()
    shutil.copy(ROOT / "infra" / "template.yaml", template)
    for function in (ROOT / "functions").iterdir():
        bootstrap = folder / "target" / "lambda" / function.name / "bootstrap"
        bootstrap.parent.mkdir(parents=True)
        shutil.copy2(TARGET / "debug" / function.name, bootstrap)
    return template


def deploy(run, client):
    """Deploys the functions as `cargo build` made them."""
    template = stage(run.folder)
    client("s3").create_bucket(Bucket=STACK, CreateBucketConfiguration={"LocationConstraint": REGION})
    overrides = PARAMETERS | {"Architecture": ARCHITECTURE}
    result = subprocess.run(
        [VENV / "bin" / "sam", "deploy", "--template-file", template, "--stack-name", STACK, "--s3-bucket", STACK]
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
    close_gaps(template, STACK, client)


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
