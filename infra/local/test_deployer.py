"""infra/deployer.yaml allows what CloudFormation needs for the template's resources, and nothing else."""

import json
import re
import unittest
from fnmatch import fnmatchcase

from cfnlint.data import AdditionalSpecs
from cfnlint.helpers import load_resource
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER
from emulator import ROOT
from samtranslator.yaml_helper import yaml_parse
from transform import transformed

# What the declarations of the resource types name for features that the template does not use, by feature.
NOT_USED = {
    "network, file systems, code signing, versions and capacity of functions": [
        "ec2:*",
        "elasticfilesystem:*",
        "s3files:*",
        "lambda:*codesigningconfig",
        "lambda:associateruntimealias",
        "lambda:passcapacityprovider",
        "lambda:publishversion",
        "lambda:put*config",
    ],
    "replicas, imports, streams, insights and policies of tables, and their data": [
        "dynamodb:*item",
        "dynamodb:*replica",
        "dynamodb:*kinesisstreamingdestination",
        "dynamodb:deleteresourcepolicy",
        "dynamodb:describeimport",
        "dynamodb:importtable",
        "dynamodb:putresourcepolicy",
        "dynamodb:query",
        "dynamodb:scan",
        "dynamodb:updatecontributorinsights",
        "kinesis:*",
        "kms:listaliases",
        "logs:createlogstream",
        "logs:describelogstreams",
        "logs:putlogevents",
        "s3:getobjectmetadata",
    ],
    "protection, indexes and destinations of log groups and topics": [
        "*:*dataprotectionpolicy",
        "firehose:*",
        "logs:*indexpolicy",
        "logs:deleteresourcepolicy",
        "logs:putbearertokenauthentication",
        "logs:putloggroupdeletionprotection",
        "s3:rest.put.object",
    ],
    "policies and keys of event buses": ["events:*permission", "events:updateeventbus"],
    "managed policies of roles": ["iam:attachrolepolicy", "iam:detachrolepolicy"],
    "tags of stages, which IAM knows as POST and DELETE": ["apigateway:*tagresource"],
}
# What no declaration names: the deployment itself, and types without a declaration.
ELSEWHERE = [
    "cloudformation:*",
    "events:describeeventsource",
    "lambda:getaccountsettings",
    # Of the access log: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging.html
    "logs:*logdelivery",
    "logs:listlogdeliveries",
    # Of saved queries and metric filters.
    "logs:*metricfilter*",
    "logs:*querydefinition*",
    "route53:*",
    "s3:getbucketlocation",
    "s3:putobject",
]
# What IAM checks each action against: https://servicereference.us-east-1.amazonaws.com
CHECKED_AGAINST = load_resource(AdditionalSpecs, "Policies.json")
# The longest document of a managed policy, without white space:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
LONGEST_POLICY = 6144
# CloudFormation names these `<stack>-<logical id>-<random characters>`, and shortens the stack's name where that has more
# characters. AWS does not document it; names in accounts show it, with 12 or 13 random characters.
LONGEST_NAMES = {
    "AWS::IAM::Role": 64,
    "AWS::Lambda::Function": 64,
    "AWS::Events::Rule": 64,
    "AWS::SQS::Queue": 80 - len(".fifo"),
}
RANDOM = 13
# The resources whose ARN has their name: the template's property with it, and the ARN.
NAMED = {
    "AWS::IAM::Role": ("RoleName", "iam::{account}:role{path}{name}"),
    "AWS::Lambda::Function": ("FunctionName", "lambda:{region}:{account}:function:{name}"),
    "AWS::SQS::Queue": ("QueueName", "sqs:{region}:{account}:{name}"),
    "AWS::DynamoDB::Table": ("TableName", "dynamodb:{region}:{account}:table/{name}"),
    "AWS::Logs::LogGroup": ("LogGroupName", "logs:{region}:{account}:log-group:{name}"),
    "AWS::SNS::Topic": ("TopicName", "sns:{region}:{account}:{name}"),
    "AWS::CloudWatch::Alarm": ("AlarmName", "cloudwatch:{region}:{account}:alarm:{name}"),
    "AWS::CloudWatch::Dashboard": ("DashboardName", "cloudwatch::{account}:dashboard/{name}"),
    "AWS::Events::Rule": ("Name", "events:{region}:{account}:rule/aws.partner/genesys.com/acme/{name}"),
}
PLACE = {"AWS::Partition": "aws", "AWS::Region": "eu-central-1", "AWS::AccountId": "123456789012"}
STACK, OTHER_STACK, ROLE_PATH = "patchbay", "patchbay-staging", "/"


def declared(resource_type):
    """The actions that CloudFormation's declaration of a resource type names, in lower case: IAM ignores the case."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-central-1", resource_type).schema
    handlers = schema.get("handlers", {}).items()
    return {action.lower() for name, handler in handlers if name != "list" for action in handler["permissions"]}


def deployer():
    return yaml_parse((ROOT / "infra" / "deployer.yaml").read_text())


def policies():
    resources = deployer()["Resources"].values()
    return [one["Properties"]["PolicyDocument"] for one in resources if one["Type"] == "AWS::IAM::ManagedPolicy"]


def statements(policy):
    """The statements under all conditions."""
    for statement in policy["Statement"]:
        yield from (branch for branch in statement.get("Fn::If", [None, statement])[1:] if "Effect" in branch)


def listed(value):
    return value if isinstance(value, list) else [value]


def matches(action, patterns):
    return any(fnmatchcase(action, pattern) for pattern in patterns)


def substituted(text, values):
    """What Fn::Sub makes of a text."""
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", value)
    return text


def physical_name(logical_id, resource, stack):
    """The name that CloudFormation gives a resource."""
    given = resource["Properties"].get(NAMED[resource["Type"]][0])
    if given:
        return substituted(given.get("Fn::Sub", "${AWS::StackName}"), {"AWS::StackName": stack})
    fifo = ".fifo" if resource["Properties"].get("FifoQueue") else ""
    return f"{stack}-{logical_id}-{'X' * RANDOM}{fifo}"


def arns(resource_type, stack, resources):
    """The ARNs of a stack's resources of a type."""
    names = [physical_name(name, one, stack) for name, one in resources.items() if one["Type"] == resource_type]
    place = {"region": PLACE["AWS::Region"], "account": PLACE["AWS::AccountId"], "path": ROLE_PATH}
    return ["arn:aws:" + NAMED[resource_type][1].format(name=name, **place) for name in names]


def patterns(values):
    """The ARN patterns of a statement's resources or of its condition."""
    known = PLACE | {"PatchbayStackName": STACK, "RolePath": ROLE_PATH, "ArtifactsBucket": "artifacts"}
    return [substituted(one["Fn::Sub"], known) for one in listed(values) if "Fn::Sub" in one]


class Deployer(unittest.TestCase):
    def setUp(self):
        self.statements = [statement for policy in policies() for statement in statements(policy)]
        self.allowed = {action.lower() for statement in self.statements for action in listed(statement["Action"])}
        self.resources = transformed()["Resources"]
        types = {resource["Type"] for resource in self.resources.values()}
        self.declared = {resource_type: declared(resource_type) for resource_type in types}

    def test_everything_that_a_resource_of_the_template_needs_is_allowed(self):
        not_used = [pattern for patterns in NOT_USED.values() for pattern in patterns]
        for resource_type, actions in self.declared.items():
            missing = {action for action in actions if not matches(action, [*self.allowed, *not_used])}
            self.assertEqual(set(), missing, resource_type)
        self.assertTrue(matches("iam:passrole", self.allowed) and matches("kms:creategrant", self.allowed))

    def test_nothing_else_is_allowed(self):
        needed = set().union(*self.declared.values())
        extra = {action for action in self.allowed if not any(fnmatchcase(one, action) for one in needed)}
        self.assertEqual(set(), {action for action in extra if not matches(action, ELSEWHERE)})

    def test_nothing_is_excluded_that_no_resource_declares(self):
        needed = set().union(*self.declared.values())
        for pattern in (pattern for patterns in NOT_USED.values() for pattern in patterns):
            self.assertTrue(any(fnmatchcase(action, pattern) for action in needed), pattern)

    def test_an_action_is_limited_to_resources_only_if_iam_checks_it_against_one(self):
        limited = {action.lower() for one in self.statements if one["Resource"] != "*" for action in listed(one["Action"])}
        # The guides of SNS name no resource for it, but IAM's answers name the topic.
        self.assertIn("sns:unsubscribe", limited)
        for service, name in (action.split(":") for action in limited if "*" not in action):
            self.assertTrue(CHECKED_AGAINST[service]["Actions"][name].get("Resources"), f"{service}:{name}")

    def test_it_holds_in_every_partition(self):
        text = json.dumps(deployer()["Resources"])
        self.assertNotRegex(text, r"arn:aws[:-]")
        self.assertNotIn("sts.amazonaws.com", text)

    def test_roles_can_only_be_passed_to_lambda_and_only_created_within_the_boundary(self):
        by_action = {action: one for one in self.statements for action in listed(one["Action"])}
        passed = by_action["iam:PassRole"]["Condition"]
        self.assertEqual({"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}, passed)
        bounded = {"StringEquals": {"iam:PermissionsBoundary": {"Ref": "PermissionsBoundaryArn"}}}
        for action in ("iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"):
            self.assertEqual(["HasPermissionsBoundary", bounded], by_action[action]["Condition"]["Fn::If"][:2], action)

    def test_the_deployers_own_role_and_policies_match_no_pattern(self):
        role = deployer()["Resources"]["GitHubRole"]["Properties"]
        self.assertEqual("/deployers/", role["Path"])
        own = {"role/deployers/": ["GitHubRole"], "role/": ["GitHubRole"], "policy/": ["Policy", "RolePolicy", "DataPolicy"]}
        for place, names in own.items():
            for arn in (f"arn:aws:iam::123456789012:{place}{STACK}-deployer-{name}-XXXX" for name in names):
                for statement in self.statements:
                    self.assertFalse(matches(arn, patterns(statement["Resource"])), arn)
        # No action on roles or policies is allowed without a pattern.
        anywhere = [action for one in self.statements if one["Resource"] == "*" for action in listed(one["Action"])]
        self.assertFalse([action for action in anywhere if action.startswith("iam:")])

    def test_each_statement_matches_all_resources_of_the_stack_of_a_type_or_none(self):
        for resource_type in NAMED.keys() & self.declared.keys():
            expected = set(arns(resource_type, STACK, self.resources))
            matched = [
                {arn for arn in expected if matches(arn, patterns(one["Resource"]))} for one in self.statements
            ]
            self.assertIn(expected, matched, resource_type)
            self.assertFalse([part for part in matched if part and part != expected], resource_type)

    def test_nothing_of_a_stack_whose_name_begins_with_this_ones_can_be_changed_but_alarms(self):
        for resource_type in NAMED.keys() & self.declared.keys() - {"AWS::CloudWatch::Alarm"}:
            for arn in arns(resource_type, OTHER_STACK, self.resources):
                for statement in self.statements:
                    self.assertFalse(matches(arn, patterns(statement["Resource"])), arn)

    def test_event_source_mappings_can_only_be_made_for_the_functions_that_have_one(self):
        with_mapping = [
            one["Properties"]["FunctionName"]["Ref"]
            for one in self.resources.values()
            if one["Type"] == "AWS::Lambda::EventSourceMapping"
        ]
        functions = {name: one for name, one in self.resources.items() if name in with_mapping}
        by_action = {action: one for one in self.statements for action in listed(one["Action"])}
        for action in ("CreateEventSourceMapping", "DeleteEventSourceMapping", "UpdateEventSourceMapping"):
            allowed = patterns(by_action[f"lambda:{action}"]["Condition"]["ArnLike"]["lambda:FunctionArn"])
            self.assertEqual(len(functions), len(allowed))
            for arn in arns("AWS::Lambda::Function", STACK, functions):
                self.assertTrue(matches(arn, allowed), arn)
            for arn in arns("AWS::Lambda::Function", OTHER_STACK, functions):
                self.assertFalse(matches(arn, allowed), arn)

    def test_a_stacks_name_is_short_enough_to_be_whole_in_the_names_of_its_roles_functions_and_queues(self):
        room = [
            LONGEST_NAMES[resource["Type"]] - len(f"--{name}") - RANDOM
            for name, resource in self.resources.items()
            if resource["Type"] in LONGEST_NAMES
        ]
        self.assertEqual(min(room), deployer()["Parameters"]["PatchbayStackName"]["MaxLength"])
        guide = " ".join((ROOT / "docs" / "deploy.md").read_text().split())
        for said in (r"a name of at most (\d+) characters", r"the first (\d+) characters of a longer name"):
            self.assertEqual([str(min(room))], re.findall(said, guide))

    def test_each_policy_has_room_for_the_longest_names(self):
        names = {"AWS::Partition": "aws-us-gov", "AWS::Region": "ap-southeast-1", "AWS::AccountId": "1" * 12}
        names |= {"PatchbayStackName": "p" * deployer()["Parameters"]["PatchbayStackName"]["MaxLength"]}
        names |= {"RolePath": "/" + "r" * 30, "ArtifactsBucket": "b" * 63, "HostedZoneId": "z" * 32}
        for policy in policies():
            text = substituted(json.dumps(list(statements(policy)), separators=(",", ":")), names)
            self.assertLess(len(text), LONGEST_POLICY)


if __name__ == "__main__":
    unittest.main()
