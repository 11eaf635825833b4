"""Works around differences between the emulated AWS and the real one. Run it after every deployment to the emulator.

    python patch_emulator.py TEMPLATE STACK
"""

import json
import sys
from pathlib import Path

from emulator import claim_tls
from samtranslator.yaml_helper import yaml_parse


QUEUES = {
    "MessageQueue",
    "RetryQueue",
    "DeadLetterQueue",
    "ParkingQueue",
    "ConversationEventQueue",
    "ConversationEventDeadLetterQueue",
}


def resources_of(stack, client):
    """The physical ids of the stack's resources by logical id."""
    resources = client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources}


def patch_emulator(template, stack, client):
    definitions = yaml_parse(Path(template).read_text())["Resources"]
    ids = resources_of(stack, client)
    add_routes(definitions, ids, client)
    enable_time_to_live(definitions, ids, client("dynamodb"))
    allow_plain_http(ids, claim_tls(client("sqs")))
    allow_batch_actions(ids, client)
    fix_maximum_concurrency(ids, client("lambda"))


def add_routes(definitions, ids, client):
    """The emulator ignores the routes in the OpenAPI document that SAM generates. Existing routes stay, as in a stack
    update on AWS."""
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


def enable_time_to_live(definitions, ids, dynamodb):
    """The emulator ignores the tables' TimeToLiveSpecification."""
    for name, resource in definitions.items():
        specification = resource.get("Properties", {}).get("TimeToLiveSpecification")
        if resource["Type"] == "AWS::DynamoDB::Table" and specification:
            dynamodb.update_time_to_live(TableName=ids[name], TimeToLiveSpecification=specification)


def allow_plain_http(ids, queues):
    """Removes the queue policies: they require TLS, and the emulator only has plain HTTP."""
    # The earlier version in an upgrade test may not have all queues.
    for queue in ids.keys() & QUEUES:
        queues.set_queue_attributes(QueueUrl=ids[queue], Attributes={"Policy": ""})


def allow_batch_actions(ids, client):
    """AWS authorises batch calls by the name of the single call; the emulator by their own names."""
    receivers = {
        "MessageDispatcherRole": ["MessageQueue", "RetryQueue"],
        "ConversationEventsRole": ["ConversationEventQueue"],
    }
    for role, queues in receivers.items():
        # The earlier version in an upgrade test may not have all roles and queues.
        if role not in ids:
            continue
        statement = {
            "Effect": "Allow",
            "Action": ["sqs:ChangeMessageVisibilityBatch", "sqs:DeleteMessageBatch"],
            "Resource": [arn_of(ids[queue], client("sqs")) for queue in queues if queue in ids],
        }
        client("iam").put_role_policy(
            RoleName=ids[role],
            PolicyName="batches",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )


def fix_maximum_concurrency(ids, functions):
    """The emulator stores MaximumConcurrency as the parameter's string, and clients cannot parse its response."""
    # The earlier version in an upgrade test may not have both.
    for mapping in ids.keys() & {"MessageDispatcherMessages", "MessageDispatcherRetries"}:
        mapping = ids[mapping]
        maximum = functions.get_event_source_mapping(UUID=mapping)["ScalingConfig"]["MaximumConcurrency"]
        functions.update_event_source_mapping(UUID=mapping, ScalingConfig={"MaximumConcurrency": int(maximum)})


def arn_of(queue_url, queues):
    return queues.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


if __name__ == "__main__":
    import boto3

    if len(sys.argv) != 3:
        sys.exit(__doc__)
    patch_emulator(*sys.argv[1:], boto3.client)
