"""Deploys what was built to the AWS account of the environment, with `sam deploy`.

    python deploy.py [--config-env ENV] [--config-file FILE] [--template FILE] [--functions FOLDER]

The first time `sam deploy --guided` asks, and writes the answers into samconfig.toml; from then on they are used. Every
environment has a section of its own there, and thereby a stack of its own. The file is the deployer's: git ignores it.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import boto3
import tomlkit
from botocore.exceptions import BotoCoreError, ClientError
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parents[1]
SAM = ROOT / ".venv" / "bin" / "sam"
# "e_machine" of the ELF header (https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html).
ELF_MACHINES = {62: "x86_64", 183: "arm64"}
NO_ANSWERS = "version = 0.1\n"


def built_for(template, functions):
    """The architecture of the functions that the template names, read from the very binaries."""
    names = [
        Path(resource["Properties"]["CodeUri"]).name
        for resource in yaml_parse(template.read_text())["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
    ]
    found = {}
    for name in names:
        bootstrap = functions / name / "bootstrap"
        if not bootstrap.is_file():
            sys.exit(f"{name} has not been built: {bootstrap} is not there")
        with bootstrap.open("rb") as file:
            header = file.read(20)
        found[name] = ELF_MACHINES.get(int.from_bytes(header[18:20], "little")) if header[:4] == b"\x7fELF" else None
    if len(set(found.values())) != 1 or None in found.values():
        sys.exit(f"The functions were not built for one architecture of Lambda: {found}")
    return found.popitem()[1]


def for_architecture(template, architecture):
    """The template's text, which now refuses every architecture but the one: no answer can make the functions fail."""
    allowed = re.compile(r"^(  Architecture:\n(?:    .*\n)*?    AllowedValues: )\[.*\]$", re.MULTILINE)
    text, places = allowed.subn(rf"\g<1>[{architecture}]", template)
    if places != 1:
        sys.exit("The template has no parameter Architecture with its AllowedValues in one line")
    return text


def stage(folder, template, functions):
    """Lays the template beside the built functions as it expects them, and says for what they were built."""
    architecture = built_for(template, functions)
    staged = folder / "infra" / "template.yaml"
    staged.parent.mkdir(parents=True)
    staged.write_text(for_architecture(template.read_text(), architecture))
    (folder / "target").mkdir()
    (folder / "target" / "lambda").symlink_to(functions.resolve())
    return staged, architecture


def answers(config_file, config_env):
    """What was answered for this environment; nothing if it was never deployed from here."""
    try:
        document = tomlkit.parse(config_file.read_text()).unwrap()
    except FileNotFoundError:
        return {}
    environment = document.get(config_env, {})
    deploy = environment.get("deploy", {}).get("parameters", {})
    return environment.get("global", {}).get("parameters", {}) | deploy if deploy.get("stack_name") else {}


def overrides(saved, architecture):
    """The saved parameters, and the architecture: what the command line says replaces all of what is saved."""
    parameters = saved.get("parameter_overrides", [])
    if isinstance(parameters, str):
        parameters = [parameters]
    elif isinstance(parameters, dict):
        parameters = [f'{name}="{value}"' for name, value in parameters.items()]
    return ["--parameter-overrides", *parameters, f"Architecture={architecture}"]


def heed_aws_region():
    """Has boto3 and `sam` go by AWS_REGION, as the other tools do: they know AWS_DEFAULT_REGION only, and `sam` would
    propose us-east-1."""
    if region := os.environ.get("AWS_REGION"):
        os.environ["AWS_DEFAULT_REGION"] = region


def session(saved):
    return boto3.Session(profile_name=saved.get("profile"), region_name=saved.get("region"))


def account(saved):
    """Whom the credentials are of; asked first, so that nobody answers questions in vain."""
    try:
        client = session(saved)
        return client.client("sts", region_name=client.region_name or "us-east-1").get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"AWS cannot be used with the credentials of the environment: {error}")


def stack_of(saved):
    """The stack that the answers are for, as CloudFormation describes it; none where it does not know it."""
    try:
        stacks = session(saved).client("cloudformation").describe_stacks(StackName=saved["stack_name"])["Stacks"]
    except ClientError as error:
        # So it answers where there is none.
        if error.response["Error"]["Code"] == "ValidationError" and "does not exist" in str(error):
            return None
        sys.exit(f"AWS does not tell whether the stack {saved['stack_name']} is there: {error}")
    except BotoCoreError as error:
        sys.exit(f"AWS does not tell whether the stack {saved['stack_name']} is there: {error}")
    return stacks[0]


def insist_on_the_stack(saved, account, config_file):
    """Ends here if the stack was deployed elsewhere, and nobody wants another: it would be empty, and the messages would
    go on to the old one."""
    if stack_of(saved):
        return
    place = f"the account {account} has no stack {saved['stack_name']!r} in {session(saved).region_name}"
    print(f"The answers in {config_file} are of a stack that was deployed before, but {place}.")
    remedy = "Use the credentials and the region of the stack"
    if not sys.stdin.isatty():
        sys.exit(f"Nothing was deployed. {remedy}, or deploy in a terminal, where a new one can be had.")
    if input("Is a new, empty one to be made there? [y/N]: ").strip().lower() not in ("y", "yes"):
        sys.exit(f"Nothing was deployed. {remedy}.")


def first_deploy(staged, architecture, config_file, config_env):
    """Has `sam` ask, with proposals for what it cannot know."""
    if not sys.stdin.isatty():
        sys.exit(
            f"{config_file} has no answers for the environment {config_env!r} yet: the first deploy asks, and needs a "
            "terminal. Run it in one, or bring the file along."
        )
    stack = "patchbay" if config_env == "default" else f"patchbay-{config_env}"
    print("The first deploy asks, and remembers the answers in", config_file)
    print("Return takes what stands in brackets. Leave the architecture as it is: the functions were built for it.")
    # A file of another name than the usual must be there before sam writes into it.
    if not config_file.exists():
        config_file.write_text(NO_ANSWERS)
    command = ["--guided", "--stack-name", stack, "--capabilities", "CAPABILITY_IAM", "--confirm-changeset"]
    # Stacks with one prefix would have their integrations in common.
    parameters = ["--parameter-overrides", f"Architecture={architecture}", f"SecretPrefix={stack}"]
    try:
        return sam_deploy(staged, config_file, config_env, command + parameters)
    finally:
        if config_file.read_text() == NO_ANSWERS:
            config_file.unlink()


def sam_deploy(staged, config_file, config_env, arguments):
    command = [SAM, "deploy", "--template-file", staged, "--config-file", config_file, "--config-env", config_env]
    return subprocess.run(command + arguments, env=os.environ | {"SAM_CLI_TELEMETRY": "0"}).returncode


def show(saved):
    """What the stack says of itself, and what comes next."""
    stack, region = saved["stack_name"], session(saved).region_name
    outputs = (stack_of(saved) or {}).get("Outputs", [])
    if not outputs:
        return print(f"\nThe stack {stack} is not there.")
    print(f"\nThe stack {stack}:")
    for output in sorted(outputs, key=lambda output: output["OutputKey"]):
        print(f"  {output['OutputKey']:<18} {output['OutputValue']}")
    environment = {"PATCHBAY_STACK": stack, "AWS_REGION": region, "AWS_PROFILE": saved.get("profile")}
    print("\nWhat comes next:")
    print("  cargo install --locked --path cli    # the command `patchbay`, once on each machine")
    print("  export " + " ".join(f"{name}={value}" for name, value in environment.items() if value))
    print("  patchbay integration add acme        # connects a platform under that name; asks for what it needs")
    print("  patchbay doctor                      # checks everything, and says what to put right")


def main():
    # Ended from outside, it tidies up as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    heed_aws_region()
    options = argparse.ArgumentParser(description="Deploys Patchbay with `sam deploy`.")
    options.add_argument("--config-env", default="default", metavar="ENV", help="the section of samconfig.toml")
    options.add_argument("--config-file", default=ROOT / "infra" / "samconfig.toml", type=Path, metavar="FILE")
    options.add_argument("--template", default=ROOT / "infra" / "template.yaml", type=Path, metavar="FILE")
    options.add_argument("--functions", default=ROOT / "target" / "lambda", type=Path, metavar="FOLDER")
    options = options.parse_args()
    config_file = options.config_file.resolve()
    saved = answers(config_file, options.config_env)
    with tempfile.TemporaryDirectory() as folder:
        staged, architecture = stage(Path(folder), options.template, options.functions)
        owner = account(saved)
        print(f"AWS account {owner}, environment {options.config_env!r}, functions for {architecture}")
        if saved:
            insist_on_the_stack(saved, owner, config_file)
            arguments = ["--no-fail-on-empty-changeset", *overrides(saved, architecture)]
            code = sam_deploy(staged, config_file, options.config_env, arguments)
        else:
            code = first_deploy(staged, architecture, config_file, options.config_env)
    if code != 0:
        return code
    saved = answers(config_file, options.config_env)
    if saved:
        show(saved)
    else:
        print(f"The answers are not in {config_file} under {options.config_env!r}: the next deploy will ask again.")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
