"""Closes the gaps between AWS and the emulated one that a deploy leaves; after every deploy there, first or further.

    python gaps.py TEMPLATE STACK
"""

import json
import sys
from pathlib import Path

from emulator import as_if_over_tls
from samtranslator.yaml_helper import yaml_parse


def resources_of(stack, client):
    """The physical ids of the stack's resources, by their logical ones."""
    resources = client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources}


def close_gaps(template, stack, client):
    definitions = yaml_parse(Path(template).read_text())["Resources"]
    ids = resources_of(stack, client)
    add_routes(definitions, ids, client)
    turn_on_time_to_live(definitions, ids, client("dynamodb"))
    allow_plain_text(ids, as_if_over_tls(client("sqs")))
    allow_batches(ids, client)
    count_batches(ids, client("lambda"))


def add_routes(definitions, ids, client):
    """The emulator does not read the HTTP API's routes from the OpenAPI document that SAM generates. Those that are
    there already stay, as they do when AWS updates a stack."""
    gateway, functions = client("apigatewayv2"), client("lambda")
    for name, resource in definitions.items():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        arn = functions.get_function(FunctionName=ids[name])["Configuration"]["FunctionArn"]
        for event in resource["Properties"].get("Events", {}).values():
            if event["Type"] != "HttpApi":
                continue
            route = event["Properties"]
            api, key = ids[route["ApiId"]["Ref"]], f"{route['Method']} {route['Path']}"
            if any(existing["RouteKey"] == key for existing in gateway.get_routes(ApiId=api)["Items"]):
                continue
            integration = gateway.create_integration(
                ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion="2.0"
            )
            gateway.create_route(ApiId=api, RouteKey=key, Target=f"integrations/{integration['IntegrationId']}")


def turn_on_time_to_live(definitions, ids, dynamodb):
    """The emulator does not read the tables' time to live from the template."""
    for name, resource in definitions.items():
        specification = resource.get("Properties", {}).get("TimeToLiveSpecification")
        if resource["Type"] == "AWS::DynamoDB::Table" and specification:
            dynamodb.update_time_to_live(TableName=ids[name], TimeToLiveSpecification=specification)


def allow_plain_text(ids, queues):
    """Takes the queues' policies away: they refuse plain text, and the emulator speaks nothing else."""
    # An upgrade begins with a stack that may not have all of them yet.
    for queue in ids.keys() & {"MessageQueue", "DeadLetterQueue", "ParkingQueue"}:
        queues.set_queue_attributes(QueueUrl=ids[queue], Attributes={"Policy": ""})


def allow_batches(ids, client):
    """AWS knows a batch by the name of the single call; the emulator asks for the batch by its own."""
    queue = client("sqs").get_queue_attributes(QueueUrl=ids["MessageQueue"], AttributeNames=["QueueArn"])
    statement = {
        "Effect": "Allow",
        "Action": ["sqs:ChangeMessageVisibilityBatch", "sqs:DeleteMessageBatch"],
        "Resource": queue["Attributes"]["QueueArn"],
    }
    client("iam").put_role_policy(
        RoleName=ids["MessageDispatcherRole"],
        PolicyName="batches",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )


def count_batches(ids, functions):
    """The emulator keeps the number of batches at once as the text that the parameter is, and its answer is then none."""
    mapping = ids["MessageDispatcherMessages"]
    most = functions.get_event_source_mapping(UUID=mapping)["ScalingConfig"]["MaximumConcurrency"]
    functions.update_event_source_mapping(UUID=mapping, ScalingConfig={"MaximumConcurrency": int(most)})


if __name__ == "__main__":
    import boto3

    if len(sys.argv) != 3:
        sys.exit(__doc__)
    close_gaps(*sys.argv[1:], boto3.client)
