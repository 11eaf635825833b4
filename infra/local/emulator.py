"""The emulated AWS of one run: MiniStack in its own process group, and the poller of its queues."""

import contextlib
import ctypes
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
TARGET = ROOT / "target"
RUNS = TARGET / "local"
REGION = "eu-central-1"
STARTUP_SECONDS = 60
# MiniStack collects a function's output until nothing comes for 5 ms, which is also Python's thread switch interval; later
# output would only appear with the next invocation, perhaps minutes later. So both times are changed.
# MiniStack's own SQS poller is switched off in favour of poller.py. It accepts a partner's events and drops them: they go to
# the bus of the event source's name. It overwrites versions of a secret, which AWS never changes. Its policy simulator does not
# know the path of a role; AWS refuses an ARN without it.
# It finds every group of a FIFO queue. AWS finds the groups of the first 120,000 messages, in flight or not; a test makes this
# window smaller for a queue of its own by a tag.
# Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-fifo.html.
# emulated_logs.py, in the folder that is the argument, has what its CloudWatch Logs lacks.
MINISTACK = """
import sys

sys.path.append(sys.argv.pop())
import emulated_logs
from ministack.app import main
from ministack.core.lambda_runtime import Worker
from ministack.services import cloudwatch_logs, eventbridge, iam, lambda_svc, secretsmanager, sqs
from ministack.services.cloudformation import provisioners

emulated_logs.install(cloudwatch_logs, provisioners)
sys.setswitchinterval(0.001)
Worker._drain_stderr_bounded.__defaults__ = (0.25, 0.012, 1.0)
assert callable(lambda_svc._poll_sqs)
lambda_svc._poll_sqs = lambda: False


def put_partner_events(data):
    entries = [entry | {"EventBusName": entry["Source"]} for entry in data["Entries"]]
    return eventbridge._put_events({"Entries": entries}, allow_aws_source=True)


assert callable(eventbridge._put_partner_events)
eventbridge._put_partner_events = put_partner_events
collect_fifo = sqs._collect_fifo


def collect_from_window(queue, *arguments):
    window = int(queue["tags"].get("window", 120_000))
    return collect_fifo(queue | {"messages": queue["messages"][:window]}, *arguments)


sqs._collect_fifo = collect_from_window
put_secret_value = secretsmanager._put_secret_value


def put_immutable_secret_value(data):
    _, secret = secretsmanager._resolve(data.get("SecretId"))
    version = data.get("ClientRequestToken")
    existing = (secret or {}).get("Versions", {}).get(version)
    if existing is None or secret.get("DeletedDate"):
        return put_secret_value(data)
    if existing["SecretString"] != data.get("SecretString"):
        return secretsmanager.error_response_json("ResourceExistsException", "This version has another value.", 400)
    answer = {"ARN": secret["ARN"], "Name": secret["Name"], "VersionId": version, "VersionStages": existing["Stages"]}
    return secretsmanager.json_response(answer)


secretsmanager._put_secret_value = put_immutable_secret_value
simulate = iam._IAM_HANDLERS["SimulatePrincipalPolicy"]


def simulate_for_role_with_path(parameters):
    [arn] = parameters["PolicySourceArn"]
    name = arn.rpartition("/")[2]
    if iam._roles.get(name, {}).get("Arn") != arn:
        return iam._error(404, "NoSuchEntity", f"There is no role {arn}.", ns="iam")
    return simulate(parameters | {"PolicySourceArn": [f"{arn.partition('/')[0]}/{name}"]})


iam._IAM_HANDLERS["SimulatePrincipalPolicy"] = simulate_for_role_with_path
sys.exit(main())
"""
LOCAL_HOSTS = "127.0.0.1,localhost,.localhost"


def say(text):
    print(f"\033[2m{text}\033[0m" if sys.stderr.isatty() else text, file=sys.stderr, flush=True)


def kill_with_parent(signal_number):
    """For `preexec_fn`: the kernel sends the signal to the child when this process dies, even by SIGKILL (Linux only)."""

    def prepare():
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if sys.platform == "linux":
            PR_SET_PDEATHSIG = 1
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal_number)

    return prepare


def remove_aws_variables():
    """Removes every variable that could direct a client to the real AWS."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    for name in ("no_proxy", "NO_PROXY"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), LOCAL_HOSTS]))


def claim_tls(client):
    """Marks the client's requests as received over TLS, which the queue policies require: the emulator has plain HTTP only."""
    add_header = lambda request, **_: request.headers.add_header("X-Forwarded-Proto", "https")
    client.meta.events.register("before-sign", add_header)
    return client


class Run:
    """The folder of one run. Several stacks may run at the same time."""

    def __init__(self):
        for old in RUNS.glob("run-*"):
            if not is_running(int(old.name.removeprefix("run-"))):
                shutil.rmtree(old, ignore_errors=True)
        self.folder = RUNS / f"run-{os.getpid()}"
        self.temporary = self.folder / "tmp"
        self.temporary.mkdir(parents=True)
        self.ports = self.folder / "ports"
        self.ports.mkdir()
        self.log = self.folder / "functions.log"
        self.log.touch()

    def clean(self):
        """Removes everything but the logs, which the next run removes."""
        for folder in ("infra", "ports", "target", "tmp"):
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
    """MiniStack in its own process group."""

    def __init__(self, run):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.health_url = f"{self.url}/_ministack/health"
        self.environment = {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            # For the functions: the emulator may be slower than AWS.
            "AWS_TIMEOUT_FACTOR": "2",
        }
        self.log = run.folder / "emulator.log"
        own = {"GATEWAY_PORT": str(self.port), "BIND_HOST": "127.0.0.1", "MINISTACK_REGION": REGION}
        # Enforce the functions' IAM roles.
        own["AUTH"] = "true"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [VENV / "emulator" / "bin" / "python", "-c", MINISTACK, Path(__file__).parent],
                env=os.environ | self.environment | own | {"TMPDIR": str(run.temporary)},
                cwd=run.temporary,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=kill_with_parent(signal.SIGKILL),
            )

    def wait(self):
        deadline = time.monotonic() + STARTUP_SECONDS
        while True:
            try:
                with urllib.request.urlopen(self.health_url, timeout=2):
                    return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    sys.exit(f"The emulated AWS did not start; see {self.log}")
                time.sleep(0.05)

    def stop(self):
        """Ends the emulator and every function that it started, and waits for them."""
        for signal_number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, signal_number)
                self.process.wait(timeout=5)
            except (subprocess.TimeoutExpired, ProcessLookupError):
                continue
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


@contextlib.contextmanager
def emulated_aws():
    """Starts the emulated AWS, directs this process and its children to it, and always stops it."""
    for signal_number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_number, lambda *_: sys.exit(1))
    # A shell starts background jobs with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    remove_aws_variables()
    run, emulator, poller = Run(), None, None
    try:
        say("Starting the emulated AWS ...")
        emulator = Emulator(run)
        emulator.wait()
        os.environ.update(emulator.environment)
        poller = start_poller(run)
        yield run, emulator
    finally:
        ignore_signals()
        if poller:
            poller.stop()
        if emulator:
            emulator.stop()
        run.clean()


def start_poller(run):
    # Imported only now that the environment points to the emulator.
    import boto3
    from poller import Poller

    logging.basicConfig(filename=run.folder / "poller.log", format="%(asctime)s %(message)s")
    logging.getLogger("poller").setLevel(logging.INFO)
    poller = Poller(lambda service, **options: claim_tls(boto3.client(service, **options)))
    poller.start()
    return poller


def ignore_signals():
    """Nothing may interrupt the clean-up."""
    for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_number, signal.SIG_IGN)
