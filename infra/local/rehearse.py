"""`make deploy` on this machine as on AWS: first guided, then with what was answered, then over a running stack.

    python rehearse.py [FROM]

The stack that is upgraded runs the commit FROM (HEAD^ if nothing is said), built from that commit's source, while
messages flow through it both ways. The exit code is 0 only if none was lost, doubled or out of order.

Functions are built as `make deploy` builds them, for this machine's processor and without optimising: that is minutes
faster, and what is rehearsed does not depend on it.
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
from emulator import ROOT, TARGET, emulated_aws, end_undisturbed
from gaps import close_gaps, resources_of
from stack import ARCHITECTURE, PARAMETERS, addresses
from terminal import Terminal

FOLDER = TARGET / "rehearsal"
TRAFFIC = TARGET / "debug" / "upgrade-traffic"
SCRIPTS = Path(__file__).parent
# The questions of `sam deploy --guided` that get another answer than Return.
ANSWERS = {rf"^Parameter {name}$": value for name, value in PARAMETERS.items()}
UPGRADE = "upgrade"
UPGRADED_STACK = f"patchbay-{UPGRADE}"


class Failed(Exception):
    """The rehearsal has shown that something does not work."""


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
    """The commit to upgrade from, or the present one if there is no such commit."""
    found = git("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}")
    if not found:
        note(f"There is no commit {commit} here (a shallow clone, or the first commit): this one is both.")
        found = git("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if not found:
        raise Failed("An upgrade needs an earlier commit, and this is no git checkout")
    return found


@contextlib.contextmanager
def source_of(commit):
    """The commit's files, for as long as they are needed."""
    folder = FOLDER / "source"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        archive = subprocess.Popen(["git", "archive", commit], cwd=ROOT, stdout=subprocess.PIPE)
        # As new as they are here: cargo goes by that, and another commit may have been built last time.
        unpacked = subprocess.run(["tar", "--extract", "--touch", "--directory", folder], stdin=archive.stdout)
        if archive.wait() != 0 or unpacked.returncode != 0:
            raise Failed(f"The files of {commit} cannot be had from git")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def build_folder():
    """A target folder of the earlier commit's own, as cargo takes the same crate of two commits for one. It begins with
    what the present build has made of other people's crates."""
    folder, unfinished = FOLDER / "build", FOLDER / "build.part"
    if not folder.exists():
        shutil.rmtree(unfinished, ignore_errors=True)
        # Without a target: what only runs while building.
        for made in (Path("debug"), Path(f"{platform.machine()}-unknown-linux-gnu") / "debug"):
            for part in ("build", "deps", ".fingerprint"):
                shutil.copytree(
                    TARGET / made / part, unfinished / made / part, ignore=programs, copy_function=link_or_copy
                )
        unfinished.rename(folder)
    return folder


LIBRARIES = {".rlib", ".rmeta", ".so"}


def programs(folder, names):
    """Of what lies beside the libraries, programs and their parts: they are many, and large."""
    return [name for name in names if Path(folder).name == "deps" and Path(name).suffix not in LIBRARIES | {".d"}]


def link_or_copy(source, target):
    # The compiler replaces libraries, and writes other files in place.
    return os.link(source, target) if Path(source).suffix in LIBRARIES else shutil.copy2(source, target)


class Rehearsal:
    def __init__(self, run, emulator):
        import boto3

        self.run, self.emulator, self.client = run, emulator, boto3.client
        self.log = run.folder / "rehearsal.log"
        self.samconfig = run.folder / "samconfig.toml"
        # What make hands down to makes that it starts would undo what is given to them here.
        outer = ("MAKE", "MFLAGS")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(outer)}
        self.environment["TMPDIR"] = str(run.temporary)

    def make(self, goal, *variables):
        own = [f"ARCHITECTURE={ARCHITECTURE}", "PROFILE=dev", f"SAMCONFIG={self.samconfig}"]
        return ["make", "--no-print-directory", "--directory", str(ROOT), goal, *own, *variables]

    def on_a_terminal(self, command, answers):
        """Runs a command that must go well; everything that it asks is shown with the answer."""
        tell = lambda question, answer: note(f"? {question} {answer or '⏎'}")
        terminal = Terminal(command, answers, tell, env=self.environment, cwd=ROOT)
        try:
            code = terminal.run()
        finally:
            with self.log.open("a") as log:
                log.write(terminal.output)
        if code != 0:
            raise Failed(f"{terminal.output}\n{' '.join(command)}\nended with {code}")
        return terminal

    def deploy(self, answers, *variables):
        return self.on_a_terminal(self.make("deploy", *variables), answers)

    def first(self):
        """A deploy that asks, and one that does not."""
        functions = f"FUNCTIONS={FOLDER / 'current'}"
        with timed("make deploy, the first time: asked, built, deployed"):
            guided = self.deploy(ANSWERS | {"^Deploy this changeset": "y"}, functions)
        if "Stack Name" not in guided.asked or not self.samconfig.is_file():
            raise Failed("The first deploy did not ask, or did not save the answers")
        shown = guided.output.rpartition("The stack patchbay:")[2]
        for line in shown.rstrip().split("\n"):
            note(f"│ {line}")
        if "ApiUrl" not in shown or "patchbay doctor" not in shown:
            raise Failed("The deploy did not show what it made and what comes next")
        with timed("make deploy, once more: the answers were in samconfig.toml, and nothing was to be changed"):
            again = self.deploy({}, functions)
        if again.asked or "No changes to deploy" not in again.output:
            raise Failed(f"{again.output}\nThe second deploy asked again, or changed something")
        self.answers_at("patchbay")

    def answers_at(self, stack):
        """Whether what was deployed runs: its routes are there, and behind them the functions."""
        close_gaps(ROOT / "infra" / "template.yaml", stack, self.client)
        api = resources_of(stack, self.client)["Api"]
        url = f"{self.emulator.url}/_aws/execute-api/{api}/$default/integrations/none/webhook"
        try:
            urllib.request.urlopen(urllib.request.Request(url, b"{}", {"content-type": "application/json"}), timeout=60)
            raise Failed("The stack has accepted a webhook that nobody has signed")
        except urllib.error.HTTPError as error:
            if b"urn:patchbay:problem:" not in error.read():
                raise Failed(f"The functions do not answer: {error}") from error
        note("The functions answer, and refuse a webhook that nobody has signed")

    def upgrade(self, commit):
        """Deploys the present source over a stack that runs the earlier commit, while messages flow."""
        name = git("show", "--no-patch", "--format=%h, %s", commit)
        step(f"A stack that runs the earlier commit ({name})")
        with source_of(commit) as source, timed("built, and deployed as an environment of its own"):
            functions = FOLDER / "earlier"
            # The functions are to be replaced even where both commits make the same program of one.
            for function in (source / "functions").iterdir():
                (functions / function.name).mkdir(parents=True, exist_ok=True)
                (functions / function.name / "commit").write_text(commit)
            before = [f"SOURCE={source}", f"FUNCTIONS={functions}", f"CARGO_TARGET_DIR={build_folder()}"]
            before += [f"CONFIG_ENV={UPGRADE}"]
            # The upgrade is not to wait for anybody.
            answers = ANSWERS | {"^Confirm changes before deploy": "n", "has no authentication": "y"}
            self.deploy(answers, *before)
            close_gaps(source / "infra" / "template.yaml", UPGRADED_STACK, self.client)
        self.answer_what_is_new()
        old = self.code()
        step("The upgrade, while messages flow")
        deploy = self.make("deploy", f"FUNCTIONS={FOLDER / 'current'}", f"CONFIG_ENV={UPGRADE}")
        gaps = [sys.executable, str(SCRIPTS / "gaps.py"), str(ROOT / "infra" / "template.yaml"), UPGRADED_STACK]
        script = f'exec >>{shlex.quote(str(self.log))} 2>&1 </dev/null; {shlex.join(deploy)} && exec {shlex.join(gaps)}'
        good = self.traffic(["sh", "-c", script])
        new = self.code()
        changed = [function for function in old if old[function] != new.get(function)]
        note(f"{len(changed)} of {len(old)} functions were replaced")
        if len(changed) != len(old):
            raise Failed("What was to be upgraded was not")
        if not good:
            raise Failed("See above")

    def answer_what_is_new(self):
        """Adds to the answers what the earlier commit did not ask for: a local stack cannot be made with all defaults."""
        document = tomlkit.parse(self.samconfig.read_text())
        parameters = document[UPGRADE]["deploy"]["parameters"]
        saved = parameters["parameter_overrides"]
        new = [f'{name}="{value}"' for name, value in PARAMETERS.items() if f" {name}=" not in f" {saved}"]
        if new:
            parameters["parameter_overrides"] = " ".join([saved, *new])
            self.samconfig.write_text(tomlkit.dumps(document))
            note(f"Added to samconfig.toml, as the earlier commit did not ask for it: {' '.join(new)}")

    def code(self):
        """The checksums of the code that the functions run, as AWS tells them."""
        functions = self.client("lambda").list_functions()["Functions"]
        own = [function for function in functions if function["FunctionName"].startswith(f"{UPGRADED_STACK}-")]
        return {function["FunctionName"]: function["CodeSha256"] for function in own}

    def traffic(self, command):
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
                rehearsal = Rehearsal(run, emulator)
                step("A first deploy")
                rehearsal.first()
                rehearsal.upgrade(earlier(commit))
            except Failed as failure:
                print(f"\n{failure}\n✗ The rehearsal has failed. The whole of it: {rehearsal.log}", flush=True)
                return 1
            finally:
                end_undisturbed()
        print(f"\n✓ The rehearsal went well, in {time.monotonic() - started:.0f} s.")
        return 0
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2] or ["HEAD^"]))
