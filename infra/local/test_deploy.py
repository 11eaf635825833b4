"""Tests of `make build` and `make deploy` up to the point where something is built or deployed. test_account.py has those of
what is checked in the account."""

import argparse
import io
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import account
import deploy
import repository
from samtranslator.yaml_helper import yaml_parse
from terminal import Terminal

ELF = {"x86_64": 62, "arm64": 183, "riscv64": 243}
TEMPLATE = """\
Parameters:
  Size:
    Type: String
    AllowedValues: [small, large]
  Architecture:
    Type: String
    Default: arm64
    AllowedValues: [arm64, x86_64]
    Description: The processors that the functions were built for
Resources:
  Receiver:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: ../target/lambda/receiver, Architectures: [!Ref Architecture]}
  Sender:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: ../target/lambda/sender}
  Queue:
    Type: AWS::SQS::Queue
"""


class Deploy(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        self.template = self.folder / "template.yaml"
        self.template.write_text(TEMPLATE)
        self.config = self.folder / "samconfig.toml"

    def build(self, **architectures):
        for function, architecture in architectures.items():
            bootstrap = self.folder / "lambda" / function / "bootstrap"
            bootstrap.parent.mkdir(parents=True, exist_ok=True)
            bootstrap.write_bytes(b"\x7fELF" + bytes(14) + ELF[architecture].to_bytes(2, "little") + bytes(40))
        return self.folder / "lambda"

    def test_the_architecture_is_read_from_the_binaries(self):
        for architecture in ("arm64", "x86_64"):
            functions = self.build(receiver=architecture, sender=architecture)
            self.assertEqual(architecture, deploy.built_architecture(self.template, functions))

    def test_binaries_that_lambda_cannot_run_are_refused(self):
        for wrong in ({"receiver": "arm64", "sender": "x86_64"}, {"receiver": "riscv64", "sender": "riscv64"}):
            with self.assertRaisesRegex(SystemExit, "not built for one architecture"):
                deploy.built_architecture(self.template, self.build(**wrong))

    def test_a_missing_binary_is_named(self):
        with self.assertRaisesRegex(SystemExit, "sender has not been built"):
            deploy.built_architecture(self.template, self.build(receiver="arm64"))

    def test_the_deployed_template_allows_only_the_built_architecture_and_is_otherwise_unchanged(self):
        folder = self.folder / "staged"
        staged, _ = deploy.stage(folder, self.template, self.build(receiver="x86_64", sender="x86_64"))
        expected = TEMPLATE.replace("[arm64, x86_64]", "[x86_64]").replace("Default: arm64", "Default: x86_64")
        self.assertEqual(expected, staged.read_text())
        self.assertTrue((staged.parent / "../target/lambda/sender/bootstrap").is_file())

    def test_the_projects_own_template_can_be_restricted_to_an_architecture(self):
        text = (deploy.ROOT / "infra" / "template.yaml").read_text()
        self.assertEqual(text.replace("[arm64, x86_64]", "[arm64]"), deploy.allow_only(text, "arm64"))

    def test_the_output_version_gets_the_commit_that_was_built(self):
        text = (deploy.ROOT / "infra" / "template.yaml").read_text()
        version = yaml_parse(text)["Outputs"]["Version"]["Value"]
        changed = text.replace(f"    Value: {version}\n", f"    Value: {version}+3f2a1b\n")
        self.assertNotEqual(text, changed)
        self.assertEqual(changed, deploy.with_commit(text, "3f2a1b"))
        for unknown in ("", None):
            self.assertEqual(text, deploy.with_commit(text, unknown))

    def test_alarms_link_by_default_to_the_runbook_in_the_repository_of_this_copy(self):
        text = (deploy.ROOT / "infra" / "template.yaml").read_text()
        changed = yaml_parse(deploy.with_runbook(text, "https://github.com/acme/patchbay"))["Parameters"]["RunbookUrl"]
        self.assertEqual("https://github.com/acme/patchbay/blob/HEAD/docs/operate.md", changed["Default"])
        self.assertRegex(changed["Default"], f"^({changed['AllowedPattern']})$")
        self.assertEqual(text, deploy.with_runbook(text, ""))

    def test_the_repositorys_address_has_no_credentials(self):
        expected = "https://github.com/acme/patchbay"
        for remote in [
            "https://github.com/acme/patchbay.git",
            "https://github.com/acme/patchbay",
            "https://user:token@github.com/acme/patchbay.git",
            "git@github.com:acme/patchbay.git",
            "ssh://git@github.com/acme/patchbay.git",
        ]:
            self.assertEqual(expected, repository.address(remote))
        for remote in ["", "/srv/git/patchbay", "https://git.example.com/acme/patchbay", "https://github.com/acme"]:
            self.assertEqual("", repository.address(remote))

    def test_each_environment_has_its_own_answers(self):
        self.assertEqual({}, deploy.saved_answers(self.config, "default"))
        self.config.write_text(
            'version = 0.1\n[default.deploy.parameters]\nstack_name = "a"\n[default.global.parameters]\nregion = "r"\n'
            "[half.deploy.parameters]\nconfirm_changeset = true\n"
        )
        self.assertEqual({"stack_name": "a", "region": "r"}, deploy.saved_answers(self.config, "default"))
        for unanswered in ("staging", "half"):
            self.assertEqual({}, deploy.saved_answers(self.config, unanswered))

    def test_saved_parameters_are_passed_on_with_the_built_architecture_last(self):
        for saved in ('A="1" B=""', ['A="1"', 'B=""'], {"A": "1", "B": ""}):
            overrides = deploy.overrides({"parameter_overrides": saved}, "arm64")
            self.assertEqual('--parameter-overrides A="1" B="" Architecture=arm64', " ".join(overrides))

    def test_saved_parameters_that_the_template_no_longer_has_are_named(self):
        for saved in (
            'Size="small" Colour="dark blue" Architecture="arm64"',
            ["Size=small", "Colour=blue"],
            {"Size": "small", "Colour": "blue"},
        ):
            removed = deploy.removed_parameters({"parameter_overrides": saved}, self.template)
            self.assertEqual(["Colour"], removed, saved)
        self.assertEqual([], deploy.removed_parameters({}, self.template))

    def test_values_that_are_not_saved_are_the_templates_defaults(self):
        template = deploy.ROOT / "infra" / "template.yaml"
        values = deploy.parameter_values({"parameter_overrides": ['RetryConcurrency="2" AlarmEmail=a@b']}, template)
        shown = [values[name] for name in ("RetryConcurrency", "DispatcherConcurrency", "AlarmEmail")]
        self.assertEqual(["2", 100, "a@b"], shown)

    def test_the_example_for_pipelines_asks_nothing_and_has_only_the_templates_parameters(self):
        example, template = (deploy.ROOT / "infra" / name for name in ("samconfig.example.toml", "template.yaml"))
        for environment in ("default", "staging"):
            saved = deploy.saved_answers(example, environment)
            self.assertEqual(deploy.default_stack(environment), saved["stack_name"])
            self.assertEqual(deploy.default_stack(environment), deploy.parameter_values(saved, template)["SecretPrefix"])
            self.assertEqual([], deploy.removed_parameters(saved, template))
            self.assertFalse(saved["confirm_changeset"])
            self.assertEqual("CAPABILITY_IAM", saved["capabilities"])


class Check(unittest.TestCase):
    """What is refused, asked or accepted before anything is built."""

    SAVED = {"stack_name": "patchbay", "region": "eu-central-1"}

    def check(self, saved, stack, answer=None, new_stack=False, config_env="default"):
        """Returns what is printed, or exits. Without an answer there is no terminal."""
        terminal = io.StringIO() if answer is None else unittest.mock.Mock(**{"isatty.return_value": True})
        ask = unittest.mock.patch("builtins.input", return_value=answer)
        printed = unittest.mock.patch("sys.stdout", new_callable=io.StringIO)
        self.checked, self.deleted = [], []
        aws = {
            "require_region": lambda saved: "eu-central-1",
            "account_id": lambda saved: "123456789012",
            "find_stack": lambda saved: stack,
            "check_concurrency": lambda saved, stack, values: self.checked.append((stack, values["RetryConcurrency"])),
            "delete_failed_stack": lambda saved, stack: self.deleted.append(saved["stack_name"]),
        }
        template, file = deploy.ROOT / "infra" / "template.yaml", Path("samconfig.toml")
        options = argparse.Namespace(config_file=file, config_env=config_env, template=template, new_stack=new_stack)
        with unittest.mock.patch.multiple(account, **aws), unittest.mock.patch.object(sys, "stdin", terminal):
            with ask, printed as output:
                deploy.check(options, saved)
                return output.getvalue()

    def test_an_existing_stack_needs_no_confirmation(self):
        stack = {"StackStatus": "UPDATE_COMPLETE"}
        shown = self.check(self.SAVED, stack)
        self.assertEqual("AWS account 123456789012 in eu-central-1, environment 'default', stack patchbay\n", shown)
        self.assertEqual([(stack, 20)], self.checked)

    def test_a_missing_stack_is_refused_without_a_terminal_unless_a_new_one_is_wanted(self):
        with self.assertRaisesRegex(SystemExit, "Nothing was deployed.*NEW_STACK=yes"):
            self.check(self.SAVED, None)
        self.check(self.SAVED, None, new_stack=True)
        self.assertEqual([(None, 20)], self.checked)

    def test_a_new_stack_needs_confirmation(self):
        for answer in ("", "n", "what?"):
            with self.assertRaisesRegex(SystemExit, "Nothing was deployed"):
                self.check(self.SAVED, None, answer)
        self.assertIn("123456789012 has no stack 'patchbay' in eu-central-1", self.check(self.SAVED, None, "y"))

    def test_without_a_terminal_and_answers_the_first_deployment_is_refused(self):
        with self.assertRaisesRegex(SystemExit, "needs a terminal.*samconfig.example.toml"):
            self.check({}, None)
        self.check({}, None, answer="")

    def test_a_stack_that_cannot_be_updated_is_deleted_and_then_no_new_one_is_confirmed(self):
        for status in account.DELETED_FIRST:
            for saved in ({}, self.SAVED):
                self.check(saved, {"StackStatus": status}, answer="n")
                self.assertEqual(["patchbay"], self.deleted, status)

    def test_a_name_that_is_too_long_for_the_queues_is_refused(self):
        environment = "e" * (62 - len("patchbay-"))
        self.check({}, None, answer="", config_env=environment)
        with self.assertRaisesRegex(SystemExit, "has 63 characters. At most 62"):
            self.check({}, None, answer="", config_env=environment + "e")


class PathWithSpaces(unittest.TestCase):
    def test_every_function_is_built_and_deployed(self):
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary).resolve() / "a folder of mine"
            for function in ("receiver", "sender"):
                (folder / "functions" / function).mkdir(parents=True)
            shutil.copy(deploy.ROOT / "Makefile", folder)
            # `make unit` runs these tests, and its variables must not reach the inner make.
            environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
            make = ["make", "--no-print-directory", "--dry-run", "deploy", "PROFILE=dev"]
            shown = subprocess.run(make, cwd=folder, env=environment, capture_output=True, text=True, check=True)
        commands = [shlex.split(line) for line in shown.stdout.replace("\\\n", " ").splitlines()]
        checked, build, deployed = (command for command in commands if command[0] == "cd" or "infra/deploy.py" in command)
        self.assertEqual(["cd", str(folder)], build[:2])
        packages = [build[at + 1] for at, word in enumerate(build) if word == "--package"]
        self.assertEqual(["receiver", "sender"], packages)
        functions = str(folder / "target" / "lambda")
        self.assertEqual(functions, build[build.index("--lambda-dir") + 1])
        self.assertIn(["strip", functions + "/*/bootstrap"], commands)
        self.assertEqual([["infra/deploy.py", "check"], ["infra/deploy.py", "deploy"]], [checked[1:3], deployed[1:3]])
        options = dict(zip(deployed[3::2], deployed[4::2], strict=True))
        infra = folder / "infra"
        self.assertEqual(
            {
                "--config-env": "default",
                "--config-file": str(infra / "samconfig.toml"),
                "--template": str(infra / "template.yaml"),
                "--functions": functions,
            },
            options,
        )


class TerminalTest(unittest.TestCase):
    def ask(self, program, answers):
        terminal = Terminal([sys.executable, "-c", program], answers)
        return terminal.run(), terminal

    def test_matching_questions_are_answered_and_all_others_get_return(self):
        program = "print([input('\\x1b[1mName\\x1b[0m [me]: '), input('Good [Y/n]: ')])"
        code, terminal = self.ask(program, {"^Name$": "you"})
        self.assertEqual((0, ["Name", "Good"]), (code, terminal.asked))
        self.assertIn("['you', '']", terminal.output)

    def test_output_that_only_looks_like_a_question_is_not_answered(self):
        program = "import sys; print('file [x]: found'); print('10%\\r', end='', flush=True); sys.exit(3)"
        code, terminal = self.ask(program, {})
        self.assertEqual((3, []), (code, terminal.asked))

    def test_the_command_has_a_terminal(self):
        code, _ = self.ask("import os, sys; sys.exit(not (sys.stdin.isatty() and os.open('/dev/tty', os.O_RDWR)))", {})
        self.assertEqual(0, code)


if __name__ == "__main__":
    unittest.main()
