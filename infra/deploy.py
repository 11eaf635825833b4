"""Deploys Patchbay to the current AWS account with `sam deploy`.

    python deploy.py check  [--config-env ENV] [--config-file FILE] [--template FILE] [--new-stack]
    python deploy.py deploy [--config-env ENV] [--config-file FILE] [--template FILE] [--functions FOLDER]

`check` is run before the functions are built: region, credentials, the stack's name and state, Lambda's concurrency.
`deploy` deploys the built functions, and checks nothing of that.

The first time `sam deploy --guided` asks for the parameters and saves the answers in samconfig.toml; later deployments
use them. Each environment has its own section there, and its own stack. The file belongs to the deployer: git ignores it.

What `sam deploy` and samconfig.toml do not do by themselves: keep the template's architecture equal to that of the binaries,
refuse to create a second, empty stack when the credentials or the region are wrong, give each environment its own secrets,
and propose what fits the account.
"""

import argparse
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import account
import tomlkit
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parents[1]
SAM = ROOT / ".venv" / "bin" / "sam"
# "e_machine" of the ELF header (https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html).
ELF_MACHINES = {62: "x86_64", 183: "arm64"}
NO_ANSWERS = "version = 0.1\n"


def built_architecture(template, functions):
    """The architecture of the functions that the template names, read from their binaries."""
    names = [
        Path(resource["Properties"]["CodeUri"]).name
        for resource in yaml_parse(template.read_text())["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
    ]
    found = {}
    for name in names:
        bootstrap = functions / name / "bootstrap"
        if not bootstrap.is_file():
            sys.exit(f"{name} has not been built: {bootstrap} does not exist")
        with bootstrap.open("rb") as file:
            header = file.read(20)
        found[name] = ELF_MACHINES.get(int.from_bytes(header[18:20], "little")) if header[:4] == b"\x7fELF" else None
    if len(set(found.values())) != 1 or None in found.values():
        sys.exit(f"The functions were not built for one architecture that Lambda supports: {found}")
    return found.popitem()[1]


def allow_only(template, architecture):
    """The template's text, changed to allow no other architecture, so that a wrong answer cannot break the functions."""
    allowed = re.compile(
        r"^(  Architecture:\n(?:    .*\n)*?    Default: ).*(\n(?:    .*\n)*?    AllowedValues: )\[.*\]$", re.MULTILINE
    )
    text, replaced = allowed.subn(rf"\g<1>{architecture}\g<2>[{architecture}]", template)
    if replaced != 1:
        sys.exit("The template has no parameter Architecture with a Default above AllowedValues on one line")
    return text


def with_commit(template, commit):
    """The template's text, with the commit in the output Version, which earlier versions do not have."""
    version = re.compile(r"^(  Version:\n    Description: .*\n    Value: )(\S+)$", re.MULTILINE)
    return version.sub(rf"\g<1>\g<2>+{commit}", template) if commit else template


def with_runbook(template, repository):
    """The template's text, in which alarms link by default to the runbook in this repository."""
    default = re.compile(r"^(  RunbookUrl:\n    Type: String\n    Default: )(\S+)$", re.MULTILINE)
    return default.sub(rf"\g<1>{repository}/blob/HEAD/\g<2>", template) if repository else template


def stamped(template):
    """The template's text with what only the copy knows that it comes from."""
    text = with_commit(template, os.environ.get("PATCHBAY_COMMIT"))
    return with_runbook(text, os.environ.get("PATCHBAY_REPOSITORY"))


def stage(folder, template, functions):
    """Places the template relative to the built functions as its CodeUri paths expect; also returns their architecture."""
    architecture = built_architecture(template, functions)
    staged = folder / "infra" / "template.yaml"
    staged.parent.mkdir(parents=True)
    staged.write_text(allow_only(stamped(template.read_text()), architecture))
    (folder / "target").mkdir()
    (folder / "target" / "lambda").symlink_to(functions.resolve())
    return staged, architecture


def saved_answers(config_file, config_env):
    """The saved parameters of `sam deploy` for this environment; empty if it was never deployed from here."""
    try:
        document = tomlkit.parse(config_file.read_text()).unwrap()
    except FileNotFoundError:
        return {}
    environment = document.get(config_env, {})
    deploy = environment.get("deploy", {}).get("parameters", {})
    return environment.get("global", {}).get("parameters", {}) | deploy if deploy.get("stack_name") else {}


def saved_parameters(saved):
    """The saved template parameters, as `sam deploy` takes them."""
    parameters = saved.get("parameter_overrides", [])
    if isinstance(parameters, str):
        return [parameters]
    if isinstance(parameters, dict):
        return [f'{name}="{value}"' for name, value in parameters.items()]
    return parameters


def overrides(saved, architecture):
    """The saved template parameters and the architecture: overrides on the command line replace all saved ones."""
    return ["--parameter-overrides", *saved_parameters(saved), f"Architecture={architecture}"]


def removed_parameters(saved, template):
    """The saved parameters that the template no longer has. `sam deploy` ignores them silently."""
    known = yaml_parse(template.read_text())["Parameters"]
    return [name for name in saved_values(saved) if name not in known]


def parameter_values(saved, template):
    """The values of all the template's parameters: the saved ones, otherwise the defaults."""
    defaults = yaml_parse(template.read_text())["Parameters"].items()
    return {name: parameter["Default"] for name, parameter in defaults} | saved_values(saved)


def saved_values(saved):
    words = (word for text in saved_parameters(saved) for word in shlex.split(text))
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def check(options, saved):
    """Exits if a deployment would fail, or would not do what the user expects."""
    config_file = options.config_file
    stack_name = saved.get("stack_name") or default_stack(options.config_env)
    account.require_short_name(stack_name)
    region, owner = account.require_region(saved), account.account_id(saved)
    print(f"AWS account {owner} in {region}, environment {options.config_env!r}, stack {stack_name}")
    if not saved and not sys.stdin.isatty():
        sys.exit(
            f"{config_file} has no answers for the environment {options.config_env!r} yet. The first deployment asks for them "
            "and needs a terminal. Without one, write them: infra/samconfig.example.toml is an example."
        )
    place = saved | {"stack_name": stack_name}
    stack = account.find_stack(place)
    if stack and account.must_be_deleted(place, stack):
        account.delete_failed_stack(place, stack)
        stack = None
    elif saved and not stack and not options.new_stack:
        confirm_new_stack(f"the account {owner} has no stack {stack_name!r} in {region}", config_file)
    if not saved:
        return
    account.check_concurrency(saved, stack, parameter_values(saved, options.template))
    if removed := removed_parameters(saved, options.template):
        print(f"{config_file} has parameters that this version does not have: {', '.join(removed)}.")
        print("They have no effect. CHANGELOG.md says what replaces them.")


def confirm_new_stack(missing, config_file):
    """Exits unless the user confirms a new stack: it would be empty, while messages still go to the old one."""
    print(f"The answers in {config_file} belong to a stack that was deployed before, but {missing}.")
    remedy = "Use the credentials and the region of the stack"
    if not sys.stdin.isatty():
        sys.exit(f"Nothing was deployed. {remedy}, or create a new one: make deploy NEW_STACK=yes")
    if not account.is_confirmed("Create a new, empty stack there?"):
        sys.exit(f"Nothing was deployed. {remedy}.")


def default_stack(config_env):
    return "patchbay" if config_env == "default" else f"patchbay-{config_env}"


def first_deploy(staged, architecture, config_file, config_env):
    """`sam deploy --guided`, with defaults that depend on the environment."""
    stack = default_stack(config_env)
    proposed = account.proposed_lanes()
    print("The first deployment asks for the parameters and saves the answers in", config_file)
    print("Return accepts the value in brackets. Keep the architecture: the functions were built for it.")
    # sam only writes to a config file of another name if it exists.
    if not config_file.exists():
        config_file.write_text(NO_ANSWERS)
    command = ["--guided", "--stack-name", stack, "--capabilities", "CAPABILITY_IAM", "--confirm-changeset"]
    # Stacks with the same prefix would share their integrations.
    parameters = ["--parameter-overrides", f"Architecture={architecture}", f"SecretPrefix={stack}", *proposed]
    try:
        return sam_deploy(staged, config_file, config_env, command + parameters)
    finally:
        if config_file.read_text() == NO_ANSWERS:
            config_file.unlink()


def sam_deploy(staged, config_file, config_env, arguments):
    command = [SAM, "deploy", "--template-file", staged, "--config-file", config_file, "--config-env", config_env]
    return subprocess.run(command + arguments, env=os.environ | {"SAM_CLI_TELEMETRY": "0"}).returncode


def print_summary(saved):
    """The stack's outputs and the next steps."""
    stack, region = saved["stack_name"], account.session(saved).region_name
    outputs = (account.find_stack(saved) or {}).get("Outputs", [])
    if not outputs:
        return print(f"\nThe stack {stack} does not exist.")
    print(f"\nThe stack {stack}:")
    for output in sorted(outputs, key=lambda output: output["OutputKey"]):
        print(f"  {output['OutputKey']:<18} {output['OutputValue']}")
    environment = {"PATCHBAY_STACK": stack, "AWS_REGION": region, "AWS_PROFILE": saved.get("profile")}
    print("\nNext steps:")
    print("  cargo install --locked --path cli    # the CLI, once on each machine")
    print("  export " + " ".join(f"{name}={value}" for name, value in environment.items() if value))
    print("  patchbay integration add acme        # connects a platform under that name; prompts for missing values")
    print("  patchbay doctor                      # checks everything, and says what to fix")


def deploy(options, saved):
    with tempfile.TemporaryDirectory() as folder:
        staged, architecture = stage(Path(folder), options.template, options.functions)
        print(f"The functions were built for {architecture}")
        if saved:
            arguments = ["--no-fail-on-empty-changeset", *overrides(saved, architecture)]
            code = sam_deploy(staged, options.config_file, options.config_env, arguments)
        else:
            code = first_deploy(staged, architecture, options.config_file, options.config_env)
    if code != 0:
        sys.exit(code)
    saved = saved_answers(options.config_file, options.config_env)
    if saved:
        print_summary(saved)
    else:
        print(f"{options.config_file} has no answers for {options.config_env!r}: the next deployment will ask again.")


def main():
    # SIGTERM must remove the temporary folder too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    account.export_default_region()
    options = argparse.ArgumentParser(description="Deploys Patchbay with `sam deploy`.")
    options.add_argument("command", choices=["check", "deploy"])
    options.add_argument("--config-env", default="default", metavar="ENV", help="the section of samconfig.toml")
    options.add_argument("--config-file", default=ROOT / "infra" / "samconfig.toml", type=Path, metavar="FILE")
    options.add_argument("--template", default=ROOT / "infra" / "template.yaml", type=Path, metavar="FILE")
    options.add_argument("--functions", default=ROOT / "target" / "lambda", type=Path, metavar="FOLDER")
    options.add_argument("--new-stack", action="store_true", help="the stack may be a new one, without a question")
    options = options.parse_args()
    options.config_file = options.config_file.resolve()
    saved = saved_answers(options.config_file, options.config_env)
    {"check": check, "deploy": deploy}[options.command](options, saved)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
