"""What `make deploy` promises before it has spoken to AWS: `python -m unittest discover infra/local`."""

import io
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import deploy
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

    def test_the_architecture_is_that_of_the_binaries(self):
        for architecture in ("arm64", "x86_64"):
            functions = self.build(receiver=architecture, sender=architecture)
            self.assertEqual(architecture, deploy.built_for(self.template, functions))

    def test_binaries_that_lambda_could_not_run_are_not_deployed(self):
        for wrong in ({"receiver": "arm64", "sender": "x86_64"}, {"receiver": "riscv64", "sender": "riscv64"}):
            with self.assertRaisesRegex(SystemExit, "not built for one architecture"):
                deploy.built_for(self.template, self.build(**wrong))

    def test_functions_that_were_not_built_are_named(self):
        with self.assertRaisesRegex(SystemExit, "sender has not been built"):
            deploy.built_for(self.template, self.build(receiver="arm64"))

    def test_the_deployed_template_takes_no_other_architecture_and_is_otherwise_the_same(self):
        folder = self.folder / "staged"
        staged, _ = deploy.stage(folder, self.template, self.build(receiver="x86_64", sender="x86_64"))
        self.assertEqual(TEMPLATE.replace("[arm64, x86_64]", "[x86_64]"), staged.read_text())
        self.assertTrue((staged.parent / "../target/lambda/sender/bootstrap").is_file())

    def test_the_projects_own_template_can_be_bound_to_an_architecture(self):
        text = (deploy.ROOT / "infra" / "template.yaml").read_text()
        self.assertEqual(text.replace("[arm64, x86_64]", "[arm64]"), deploy.for_architecture(text, "arm64"))

    def test_each_environment_has_answers_of_its_own(self):
        self.assertEqual({}, deploy.answers(self.config, "default"))
        self.config.write_text(
            'version = 0.1\n[default.deploy.parameters]\nstack_name = "a"\n[default.global.parameters]\nregion = "r"\n'
            "[half.deploy.parameters]\nconfirm_changeset = true\n"
        )
        self.assertEqual({"stack_name": "a", "region": "r"}, deploy.answers(self.config, "default"))
        for unanswered in ("staging", "half"):
            self.assertEqual({}, deploy.answers(self.config, unanswered))

    def test_what_was_answered_is_passed_on_and_the_built_architecture_comes_last(self):
        for saved in ('A="1" B=""', ['A="1"', 'B=""'], {"A": "1", "B": ""}):
            overrides = deploy.overrides({"parameter_overrides": saved}, "arm64")
            self.assertEqual('--parameter-overrides A="1" B="" Architecture=arm64', " ".join(overrides))

    def test_without_a_terminal_the_first_deploy_asks_nothing_and_leaves_nothing(self):
        nobody = unittest.mock.patch.object(sys, "stdin", io.StringIO())
        with nobody, self.assertRaisesRegex(SystemExit, "needs a terminal"):
            deploy.first_deploy(self.template, "arm64", self.config, "staging")
        self.assertFalse(self.config.exists())


class OnATerminal(unittest.TestCase):
    def ask(self, program, answers):
        terminal = Terminal([sys.executable, "-c", program], answers)
        return terminal.run(), terminal

    def test_questions_are_answered_and_all_others_get_return(self):
        program = "print([input('\\x1b[1mName\\x1b[0m [me]: '), input('Good [Y/n]: ')])"
        code, terminal = self.ask(program, {"^Name$": "you"})
        self.assertEqual((0, ["Name", "Good"]), (code, terminal.asked))
        self.assertIn("['you', '']", terminal.output)

    def test_what_only_looks_like_a_question_is_not_answered(self):
        program = "import sys; print('file [x]: found'); print('10%\\r', end='', flush=True); sys.exit(3)"
        code, terminal = self.ask(program, {})
        self.assertEqual((3, []), (code, terminal.asked))

    def test_the_command_has_a_terminal(self):
        code, _ = self.ask("import os, sys; sys.exit(not (sys.stdin.isatty() and os.open('/dev/tty', os.O_RDWR)))", {})
        self.assertEqual(0, code)


if __name__ == "__main__":
    unittest.main()
