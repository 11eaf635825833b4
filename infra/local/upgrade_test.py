"""Tests `make deploy` on the emulated AWS: first guided, then with the saved answers, without a terminal, and over a running
stack.

    python upgrade_test.py [FROM]

The upgraded stack runs the commit FROM (default HEAD^), built from that commit's source. Messages flow through it in both
directions during the upgrade. The exit code is 0 only if none was lost, duplicated or reordered.

Functions are built as `make deploy` builds them, but for this machine's processor and without optimisation, which saves
minutes and does not affect the result.
"""

import contextlib
import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import tomlkit
from emulator import ROOT, TARGET, emulated_aws, ignore_signals
from patch_emulator import patch_emulator, resources_of
from pipeline_test import PipelineTest
from stack import ARCHITECTURE, PARAMETERS, addresses
from terminal import Terminal

FOLDER = TARGET / "upgrade-test"
TRAFFIC = TARGET / "debug" / "upgrade-traffic"
SCRIPTS = Path(__file__).parent
# Answers to questions of `sam deploy --guided`; all others are answered with Return.
ANSWERS = {rf"^Parameter {name}$": value for name, value in PARAMETERS.items()}
UPGRADE = "upgrade"
UPGRADED_STACK = f"patchbay-{UPGRADE}"
# The bus of an event source belongs to one stack, and the first stack has that of PARAMETERS.
EVENT_SOURCE = f"{PARAMETERS['GenesysEventSource']}-{UPGRADE}"


class Failed(Exception):
    """A step did not have the expected result."""


def step(text):
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


def note(text):
    print(f"  {text}", flush=True)


@contextlib.contextmanager
def timed(text):
    started = time.monotonic()
    yield
    note(f"{text} ({time.monotonic() - started:.0f} s)")


def git(*arguments):
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True).stdout.strip()


def earlier(commit):
    """The commit to upgrade from, or HEAD if there is no such commit."""
    found = git("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}")
    if not found:
        note(f"There is no commit {commit} here (a shallow clone, or the first commit): upgrading from HEAD instead.")
        found = git("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if not found:
        raise Failed("The upgrade needs an earlier commit, but this is not a git checkout")
    return found


@contextlib.contextmanager
def source_of(commit):
    """A temporary folder with the commit's files."""
    folder = FOLDER / "source"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        archive = subprocess.Popen(["git", "archive", commit], cwd=ROOT, stdout=subprocess.PIPE)
        # -m: cargo compares modification times, and the last run may have built another commit.
        unpacked = subprocess.run(["tar", "--extract", "-m", "--directory", folder], stdin=archive.stdout)
        if archive.wait() != 0 or unpacked.returncode != 0:
            raise Failed(f"git cannot extract the files of {commit}")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def build_folder():
    """A separate target folder for the earlier commit, because cargo does not distinguish a crate's commits. It starts with
    the dependencies that the current build has compiled."""
    folder, unfinished = FOLDER / "build", FOLDER / "build.part"
    if not folder.exists():
        shutil.rmtree(unfinished, ignore_errors=True)
        # `debug` without a target triple has what runs at build time.
        for profile in (Path("debug"), Path(f"{platform.machine()}-unknown-linux-gnu") / "debug"):
            for part in ("build", "deps", ".fingerprint"):
                source, target = TARGET / profile / part, unfinished / profile / part
                shutil.copytree(source, target, ignore=executables, copy_function=link_or_copy)
        unfinished.rename(folder)
    return folder


LIBRARIES = {".rlib", ".rmeta", ".so"}


def executables(folder, names):
    """Executables and their object files next to the libraries: they are many and large, and not needed."""
    return [name for name in names if Path(folder).name == "deps" and Path(name).suffix not in LIBRARIES | {".d"}]


def link_or_copy(source, target):
    # The compiler replaces libraries but writes other files in place.
    return os.link(source, target) if Path(source).suffix in LIBRARIES else shutil.copy2(source, target)


class UpgradeTest:
    def __init__(self, run, emulator):
        import boto3

        self.run, self.emulator, self.client = run, emulator, boto3.client
        self.log = run.folder / "upgrade-test.log"
        self.samconfig = run.folder / "samconfig.toml"
        # Variables of an outer make would override those given to the inner one.
        outer = ("MAKE", "MFLAGS")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(outer)}
        self.environment["TMPDIR"] = str(run.temporary)

    def make(self, goal, *variables):
        own = [f"ARCHITECTURE={ARCHITECTURE}", "PROFILE=dev", f"SAMCONFIG={self.samconfig}"]
        return ["make", "--no-print-directory", "--directory", str(ROOT), goal, *own, *variables]

    def run_on_terminal(self, command, answers):
        """Runs a command that must succeed, and prints its questions with the answers."""
        show = lambda question, answer: note(f"? {question} {answer or '⏎'}")
        terminal = Terminal(command, answers, show, env=self.environment, cwd=ROOT)
        try:
            code = terminal.run()
        finally:
            with self.log.open("a") as log:
                log.write(terminal.output)
        if code != 0:
            raise Failed(f"{terminal.output}\n{' '.join(command)}\nexited with {code}")
        return terminal

    def deploy(self, answers, *variables):
        return self.run_on_terminal(self.make("deploy", *variables), answers)

    def test_first_deploy(self):
        """A deployment that asks for the parameters, and another that uses the saved answers."""
        functions = f"FUNCTIONS={FOLDER / 'current'}"
        with timed("make deploy, the first time: built, asked for the parameters, deployed"):
            guided = self.deploy(ANSWERS | {"^Deploy this changeset": "y"}, functions)
        if "Stack Name" not in guided.asked or not self.samconfig.is_file():
            raise Failed("The first deployment did not ask, or did not save the answers")
        shown = guided.output.rpartition("The stack patchbay:")[2]
        for line in shown.rstrip().split("\n"):
            note(f"│ {line}")
        if "ApiUrl" not in shown or "patchbay doctor" not in shown:
            raise Failed("The deployment did not print the outputs and the next steps")
        with timed("make deploy, the second time: used samconfig.toml, and changed nothing"):
            again = self.deploy({}, functions)
        if again.asked or "No changes to deploy" not in again.output:
            raise Failed(f"{again.output}\nThe second deployment asked again, or changed something")
        self.check_functions_respond("patchbay")

    def test_pipeline(self):
        step("A deployment without a terminal")
        make = self.make("deploy", f"FUNCTIONS={FOLDER / 'current'}")
        pipeline = PipelineTest(self.run, self.client, self.environment, make)
        try:
            with timed("refused without NEW_STACK, and deployed with it"):
                pipeline.test_first_deploy()
            with timed("deleted, imported what had stayed, and deployed again"):
                pipeline.test_restore()
        except AssertionError as failure:
            raise Failed(failure) from failure

    def check_functions_respond(self, stack):
        """The deployed routes exist, and the functions behind them respond."""
        patch_emulator(ROOT / "infra" / "template.yaml", stack, self.client)
        api = resources_of(stack, self.client)["Api"]
        url = f"{self.emulator.url}/_aws/execute-api/{api}/$default/integrations/none/webhook"
        try:
            urllib.request.urlopen(urllib.request.Request(url, b"{}", {"content-type": "application/json"}), timeout=60)
            raise Failed("The stack accepted an unsigned webhook")
        except urllib.error.HTTPError as error:
            if b"urn:patchbay:problem:" not in error.read():
                raise Failed(f"The functions do not respond: {error}") from error
        note("The functions respond, and refuse an unsigned webhook")

    def test_upgrade(self, commit):
        """Deploys the current source over a stack that runs the earlier commit, while messages flow."""
        name = git("show", "--no-patch", "--format=%h, %s", commit)
        step(f"A stack of the earlier commit ({name})")
        with source_of(commit) as source, timed("built, and deployed as a separate environment"):
            functions = FOLDER / "earlier"
            # Makes each function's package differ even where both commits build the same binary.
            for function in (source / "functions").iterdir():
                (functions / function.name).mkdir(parents=True, exist_ok=True)
                (functions / function.name / "commit").write_text(commit)
            before = [f"SOURCE={source}", f"FUNCTIONS={functions}", f"CARGO_TARGET_DIR={build_folder()}"]
            before += [f"CONFIG_ENV={UPGRADE}"]
            # The upgrade must not wait for input.
            answers = ANSWERS | {"^Confirm changes before deploy": "n", "has no authentication": "y"}
            answers["^Parameter GenesysEventSource$"] = EVENT_SOURCE
            self.deploy(answers, *before)
            patch_emulator(source / "infra" / "template.yaml", UPGRADED_STACK, self.client)
        self.answer_new_parameters()
        old = self.code_checksums()
        step("The upgrade, while messages flow")
        deploy = self.make("deploy", f"FUNCTIONS={FOLDER / 'current'}", f"CONFIG_ENV={UPGRADE}")
        patch = [sys.executable, str(SCRIPTS / "patch_emulator.py"), str(ROOT / "infra" / "template.yaml"), UPGRADED_STACK]
        script = f'exec >>{shlex.quote(str(self.log))} 2>&1 </dev/null; {shlex.join(deploy)} && exec {shlex.join(patch)}'
        succeeded = self.run_under_load(["sh", "-c", script])
        new = self.code_checksums()
        changed = [function for function in old if old[function] != new.get(function)]
        note(f"{len(changed)} of {len(old)} functions were replaced")
        if len(changed) != len(old):
            raise Failed("Not all functions were upgraded")
        if not succeeded:
            raise Failed("See above")

    def answer_new_parameters(self):
        """Adds parameters that the earlier commit does not have to the saved answers: a local stack cannot use all
        defaults."""
        document = tomlkit.parse(self.samconfig.read_text())
        parameters = document[UPGRADE]["deploy"]["parameters"]
        saved = parameters["parameter_overrides"]
        values = PARAMETERS | {"GenesysEventSource": EVENT_SOURCE}
        # Another path would replace the roles, and the emulator's new ones lack batch actions until it is patched.
        del values["RolePath"]
        new = [f'{name}="{value}"' for name, value in values.items() if f" {name}=" not in f" {saved}"]
        if new:
            parameters["parameter_overrides"] = " ".join([saved, *new])
            self.samconfig.write_text(tomlkit.dumps(document))
            note(f"Parameters that the earlier commit does not have, added to samconfig.toml: {' '.join(new)}")

    def code_checksums(self):
        functions = self.client("lambda").list_functions()["Functions"]
        own = [function for function in functions if function["FunctionName"].startswith(f"{UPGRADED_STACK}-")]
        return {function["FunctionName"]: function["CodeSha256"] for function in own}

    def run_under_load(self, command):
        environment = self.environment | addresses(UPGRADED_STACK, self.client, self.emulator)
        process = subprocess.Popen([TRAFFIC, *command], env=environment, start_new_session=True)
        try:
            return process.wait() == 0
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait()


def main(commit):
    started = time.monotonic()
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        with emulated_aws() as (run, emulator):
            try:
                test = UpgradeTest(run, emulator)
                step("The first deployment")
                test.test_first_deploy()
                test.test_pipeline()
                test.test_upgrade(earlier(commit))
            except Failed as failure:
                print(f"\n{failure}\n✗ The upgrade test failed. Its whole output: {test.log}", flush=True)
                return 1
            finally:
                ignore_signals()
        print(f"\n✓ The upgrade test succeeded, in {time.monotonic() - started:.0f} s.")
        return 0
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2] or ["HEAD^"]))
