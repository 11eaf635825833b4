"""What `make deploy` checks in the AWS account before anything is built."""

import math
import os
import sys

import boto3
from botocore.exceptions import BotoCoreError, ClientError

# The template gives two queues the stack's name with a suffix, the longer one "-dead-letters.fifo". SQS allows 80 characters.
LONGEST_STACK_NAME = 62
# Lambda keeps this much of an account's concurrency unreserved.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
UNRESERVED_MINIMUM = 100
# What the two lanes leave to webhooks and callers, or half where there is less: 50 at once are 2,500 webhooks per second.
# `patchbay doctor` has the same rule; docs/limits.md has examples, which tests compare with both.
LEFT_TO_REQUESTS = 50
# The template's defaults for both lanes together.
BOTH_LANES = 120
LANES = ("DispatcherConcurrency", "RetryConcurrency")
# The least that SQS takes as a queue's maximum concurrency.
LEAST = 2
# The maximum concurrency of the queue of conversation events.
EVENTS = 10
# The states in which CloudFormation updates no stack: it has to be deleted first.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-describing-stacks.html
DELETED_FIRST = {
    "ROLLBACK_COMPLETE": "The first deployment failed and was rolled back",
    "ROLLBACK_FAILED": "The first deployment failed, and so did its rollback",
    "CREATE_FAILED": "The first deployment failed",
    "DELETE_FAILED": "Its deletion failed",
}
# Functions that share each parameter's reservation.
RESERVATIONS = {"ReceiverReservedConcurrency": 1, "SenderReservedConcurrency": 5, "DispatcherReservedConcurrency": 1}


def export_default_region():
    """Copies AWS_REGION, which other AWS tools read, to AWS_DEFAULT_REGION: boto3 and `sam` read only that, and `sam` would
    propose us-east-1."""
    if region := os.environ.get("AWS_REGION"):
        os.environ["AWS_DEFAULT_REGION"] = region


def session(saved):
    return boto3.Session(profile_name=saved.get("profile"), region_name=saved.get("region"))


def require_region(saved):
    try:
        region = session(saved).region_name
    except BotoCoreError as error:
        sys.exit(f"The AWS profile cannot be used: {error}")
    if not region:
        sys.exit("No AWS region is set. Choose the region of the stack: export AWS_REGION=eu-central-1")
    return region


def account_id(saved):
    """The account of the credentials."""
    try:
        return session(saved).client("sts").get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"The AWS credentials of the environment do not work: {error}")


def require_short_name(stack):
    if len(stack) > LONGEST_STACK_NAME:
        sys.exit(
            f"The stack's name {stack!r} has {len(stack)} characters. At most {LONGEST_STACK_NAME} are possible: the names "
            "of its queues begin with it."
        )


def find_stack(saved):
    """CloudFormation's description of the stack, or None if it does not exist."""
    try:
        stacks = session(saved).client("cloudformation").describe_stacks(StackName=saved["stack_name"])["Stacks"]
    except (BotoCoreError, ClientError) as error:
        # A ValidationError with this text is the response for a stack that does not exist.
        code = getattr(error, "response", {}).get("Error", {}).get("Code")
        if code == "ValidationError" and "does not exist" in str(error):
            return None
        sys.exit(f"Cannot check whether the stack {saved['stack_name']} exists: {error}")
    return stacks[0]


def must_be_deleted(saved, stack):
    """Whether the stack is in a state from which it cannot be deployed."""
    # With this option `sam deploy` continues a deployment that failed.
    continues = stack["StackStatus"] == "CREATE_FAILED" and saved.get("disable_rollback")
    return stack["StackStatus"] in DELETED_FIRST and not continues


def delete_failed_stack(saved, stack):
    """Deletes a stack that must be deleted, if the user agrees."""
    name, region = saved["stack_name"], session(saved).region_name
    status = stack["StackStatus"]
    print(f"The stack {name} is in the state {status}. {DELETED_FIRST[status]}: {stack.get('StackStatusReason', '')}")
    command = f"aws cloudformation delete-stack --region {region} --stack-name {name}"
    wait = f"aws cloudformation wait stack-delete-complete --region {region} --stack-name {name}"
    if not is_confirmed("It has to be deleted first. Delete it now?"):
        sys.exit(f"Nothing was deployed. Delete the stack, and deploy again:\n  {command}\n  {wait}")
    client = session(saved).client("cloudformation")
    try:
        client.delete_stack(StackName=name)
        client.get_waiter("stack_delete_complete").wait(StackName=name)
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"The stack {name} could not be deleted: {error}")
    print(f"The stack {name} was deleted. docs/deploy.md says what it has left.")


def is_confirmed(question):
    """The user's answer; no without a terminal."""
    return sys.stdin.isatty() and input(f"{question} [y/N]: ").strip().lower() in ("y", "yes")


def concurrency(saved):
    """Lambda's concurrency in the account and region, and what of it no function has reserved; None if it is unknown."""
    try:
        limits = session(saved).client("lambda").get_account_settings()["AccountLimit"]
    except (BotoCoreError, ClientError) as error:
        print(f"Lambda's concurrency in this account could not be read, so it is not checked: {error}")
        return None
    return limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]


def available_to_deliveries(shared):
    """What of the concurrency that functions share both lanes and conversation events may take."""
    return shared - min(LEFT_TO_REQUESTS, shared // 2)


def lanes_that_fit(shared, events=0):
    """The parameters of the direct lane and of the retry lane that leave enough to events, webhooks and callers; none if the
    least is too much."""
    both = min(BOTH_LANES, available_to_deliveries(shared) - events)
    if both < 2 * LEAST:
        return {}
    retry = max(LEAST, both // 6)
    return dict(zip(LANES, (both - retry, retry), strict=True))


def proposed_lanes():
    """The parameters of the lanes that fit the account."""
    limits = concurrency({})
    if limits is None:
        return []
    total, unreserved = limits
    proposed = [f"{name}={value}" for name, value in lanes_that_fit(unreserved).items()]
    reservable = max(0, unreserved - UNRESERVED_MINIMUM)
    print(f"Lambda's concurrency in this account and region is {total}, of which {reservable} can be reserved.")
    if proposed:
        print(f"That fits {' and '.join(proposed)}, which are the proposed values.")
    return proposed


def check_concurrency(saved, stack, parameters):
    """Exits if Lambda would refuse what the parameters reserve, and warns if deliveries may take what webhooks need."""
    limits = concurrency(saved)
    if limits is None:
        return
    total, unreserved = limits
    # Without what the running stack reserves.
    deployed = {one["ParameterKey"]: one["ParameterValue"] for one in (stack or {}).get("Parameters", [])}
    unreserved += reserved(deployed)
    lanes = sum(number(parameters, name) for name in LANES)
    events = EVENTS if parameters.get("GenesysEventSource") else 0
    taken = lanes + events
    needed = total - unreserved + reserved(parameters) + max(UNRESERVED_MINIMUM, taken + LEFT_TO_REQUESTS)
    request = quota_request(needed, session(saved).region_name)
    reservable = max(0, unreserved - UNRESERVED_MINIMUM)
    if reserved(parameters) > reservable:
        sys.exit(
            f"The parameters reserve {reserved(parameters)} concurrent executions: {', '.join(RESERVATIONS)}, the second for "
            f"each of five functions. This account has {total}, of which {reservable} can be reserved: Lambda keeps "
            f"{UNRESERVED_MINIMUM} unreserved. Nothing was deployed. Reserve less, or request more:\n  {request}"
        )
    shared = unreserved - reserved(parameters)
    if not number(parameters, "DispatcherReservedConcurrency") and taken > available_to_deliveries(shared):
        values = " ".join(f"{name}={value}" for name, value in lanes_that_fit(shared, events).items())
        remedy = f"Set {values}, or request" if values else "Request"
        print(
            f"Deliveries may take {taken} of the {shared} concurrent executions that all functions of this account share, and "
            f"then webhooks and callers are refused. {remedy} more:\n  {request}"
        )


def reserved(parameters):
    return sum(number(parameters, name) * functions for name, functions in RESERVATIONS.items())


def number(parameters, name):
    # Earlier versions do not have all parameters.
    value = str(parameters.get(name, 0))
    if not (value.isascii() and value.isdecimal()):
        sys.exit(f"The parameter {name} is {value!r}. It must be a whole number. Nothing was deployed.")
    return int(value)


def quota_request(needed, region):
    """The command that requests so much concurrency."""
    return (
        "aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 "
        f"--desired-value {math.ceil(needed / 1000) * 1000} --region {region}"
    )
