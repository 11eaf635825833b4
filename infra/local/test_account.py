"""Tests of what `make deploy` checks in the AWS account."""

import io
import os
import re
import sys
import unittest
import unittest.mock
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import account
import boto3
from botocore.stub import Stubber
from emulator import ROOT
from transform import transformed

SAVED = {"stack_name": "patchbay", "region": "eu-central-1"}


class Aws(unittest.TestCase):
    """Each AWS client answers what a test has told its stub."""

    def setUp(self):
        keys = {"region_name": "eu-central-1", "aws_access_key_id": "k", "aws_secret_access_key": "s"}
        self.clients = {name: boto3.client(name, **keys) for name in ("cloudformation", "lambda", "sts")}
        self.aws = {name: Stubber(client) for name, client in self.clients.items()}
        session = unittest.mock.Mock(region_name="eu-central-1")
        session.client = self.clients.get
        printed = unittest.mock.patch("sys.stdout", new_callable=io.StringIO)
        for patch in (unittest.mock.patch.object(account, "session", lambda saved: session), *self.aws.values()):
            patch.__enter__()
            self.addCleanup(patch.__exit__, None, None, None)
        self.printed = printed.__enter__()
        self.addCleanup(printed.__exit__, None, None, None)

    def on_terminal(self, answer):
        terminal = unittest.mock.Mock(**{"isatty.return_value": answer is not None})
        for patch in (unittest.mock.patch.object(sys, "stdin", terminal), unittest.mock.patch("builtins.input", lambda _: answer)):
            patch.__enter__()
            self.addCleanup(patch.__exit__, None, None, None)

    def has_concurrency(self, total, unreserved=None):
        limits = {"ConcurrentExecutions": total, "UnreservedConcurrentExecutions": total if unreserved is None else unreserved}
        self.aws["lambda"].add_response("get_account_settings", {"AccountLimit": limits})


class RegionAndCredentials(Aws):
    def test_the_region_is_read_from_either_variable(self):
        for environment in ({"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "x"}, {"AWS_DEFAULT_REGION": "eu-central-1"}):
            with unittest.mock.patch.dict(os.environ, environment | {"AWS_CONFIG_FILE": os.devnull}, clear=True):
                account.export_default_region()
                self.assertEqual("eu-central-1", boto3.Session().region_name)

    def test_a_missing_region_is_named_with_the_command(self):
        with unittest.mock.patch.object(account, "session", lambda saved: unittest.mock.Mock(region_name=None)):
            with self.assertRaisesRegex(SystemExit, "export AWS_REGION="):
                account.require_region({})

    def test_credentials_that_do_not_work_are_named(self):
        self.aws["sts"].add_client_error("get_caller_identity", "ExpiredToken", "expired", http_status_code=403)
        with self.assertRaisesRegex(SystemExit, "credentials of the environment do not work.*expired"):
            account.account_id({})


class Stack(Aws):
    def test_a_missing_stack_is_told_from_a_failed_check(self):
        self.aws["cloudformation"].add_client_error("describe_stacks", "ValidationError", "Stack with id x does not exist")
        self.assertIsNone(account.find_stack(SAVED))
        self.aws["cloudformation"].add_client_error("describe_stacks", "AccessDenied", "not authorized")
        with self.assertRaisesRegex(SystemExit, "Cannot check.*not authorized"):
            account.find_stack(SAVED)

    def test_a_stack_that_could_not_be_created_is_deleted_if_the_user_agrees(self):
        self.on_terminal("y")
        self.aws["cloudformation"].add_response("delete_stack", {}, {"StackName": "patchbay"})
        gone = {"StackName": "patchbay", "CreationTime": "2026-01-01T00:00:00Z", "StackStatus": "DELETE_COMPLETE"}
        self.aws["cloudformation"].add_response("describe_stacks", {"Stacks": [gone]})
        account.delete_failed_stack(SAVED, {"StackStatus": "DELETE_FAILED", "StackStatusReason": "Limit exceeded"})
        shown = "The stack patchbay is in the state DELETE_FAILED. Its deletion failed: Limit exceeded\n"
        self.assertIn(shown, self.printed.getvalue())
        self.aws["cloudformation"].assert_no_pending_responses()

    def test_every_state_that_cannot_be_updated_is_known_before_anything_is_built(self):
        for status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"):
            self.assertTrue(account.must_be_deleted(SAVED, {"StackStatus": status}), status)
        for status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"):
            self.assertFalse(account.must_be_deleted(SAVED, {"StackStatus": status}), status)

    def test_a_failed_creation_is_continued_where_rollback_is_disabled(self):
        without_rollback = SAVED | {"disable_rollback": True}
        self.assertFalse(account.must_be_deleted(without_rollback, {"StackStatus": "CREATE_FAILED"}))
        self.assertTrue(account.must_be_deleted(without_rollback, {"StackStatus": "ROLLBACK_COMPLETE"}))

    def test_without_consent_the_commands_to_delete_it_are_named(self):
        for answer in (None, "", "n"):
            self.on_terminal(answer)
            with self.assertRaises(SystemExit) as ended:
                account.delete_failed_stack(SAVED, {"StackStatus": "ROLLBACK_COMPLETE"})
            command = "aws cloudformation delete-stack --region eu-central-1 --stack-name patchbay\n"
            self.assertIn(command, ended.exception.code)

    def test_the_longest_name_leaves_room_for_the_names_of_the_queues(self):
        names = [queue["Properties"].get("QueueName") for queue in resources("AWS::SQS::Queue").values()]
        suffixes = [name["Fn::Sub"].removeprefix("${AWS::StackName}") for name in names if name]
        self.assertEqual(2, len(suffixes))
        self.assertEqual(account.LONGEST_STACK_NAME, 80 - max(map(len, suffixes)))


class Concurrency(Aws):
    PARAMETERS = {
        "DispatcherConcurrency": 100,
        "RetryConcurrency": 20,
        "ReceiverReservedConcurrency": 0,
        "SenderReservedConcurrency": 0,
        "DispatcherReservedConcurrency": 0,
        "GenesysEventSource": "",
    }

    def check(self, deployed=None, **parameters):
        stack = {"Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in (deployed or {}).items()]}
        account.check_concurrency(SAVED, stack, self.PARAMETERS | parameters)
        return self.printed.getvalue()

    def test_the_proposed_values_are_those_of_the_guide(self):
        guide = (ROOT / "docs" / "limits.md").read_text()
        rows = re.findall(r"^\| ([\d,]+) \| (\d+) \| (\d+) \|", guide.partition("### Lambda's concurrency")[2], re.MULTILINE)
        self.assertGreater(len(rows), 3)
        for quota, direct, retry in rows:
            fitting = account.lanes_that_fit(int(quota.replace(",", "")))
            self.assertEqual((int(direct), int(retry)), tuple(fitting.values()), quota)

    def test_they_are_the_templates_defaults_where_there_is_enough_and_always_allowed(self):
        parameters = [transformed()["Parameters"][name] for name in account.LANES]
        self.assertEqual([parameter["Default"] for parameter in parameters], list(account.lanes_that_fit(1000).values()))
        least = [parameter["MinValue"] for parameter in parameters]
        for quota, events in ((quota, events) for quota in range(2000) for events in (0, account.EVENTS)):
            fitting = list(account.lanes_that_fit(quota, events).values())
            available = account.available_to_deliveries(quota) - events
            self.assertLessEqual(sum(fitting), max(0, available), (quota, events))
            self.assertEqual(available >= sum(least), bool(fitting), (quota, events))
            self.assertTrue(all(value >= minimum for value, minimum in zip(fitting, least)), (quota, events))

    def test_a_new_accounts_values_are_proposed(self):
        self.has_concurrency(10)
        self.assertEqual(["DispatcherConcurrency=3", "RetryConcurrency=2"], account.proposed_lanes())
        self.assertIn("is 10, of which 0 can be reserved", self.printed.getvalue())

    def test_lanes_that_may_take_everything_are_a_warning_with_values_and_a_command(self):
        self.has_concurrency(10)
        shown = self.check()
        self.assertIn("120 of the 10 concurrent executions", shown)
        self.assertIn("DispatcherConcurrency=3 RetryConcurrency=2", shown)
        self.assertIn("--quota-code L-B99A9384 --desired-value 1000 --region eu-central-1", shown)

    def test_conversation_events_take_of_it_too(self):
        source = {"GenesysEventSource": "aws.partner/genesys.com/cloud/o/acme"}
        self.has_concurrency(179)
        shown = self.check(**source)
        self.assertIn("130 of the 179 concurrent executions", shown)
        self.assertIn("DispatcherConcurrency=100 RetryConcurrency=19", shown)
        for total, parameters in ((180, {}), (179, {"DispatcherConcurrency": "100", "RetryConcurrency": "19"})):
            self.printed.truncate(0)
            self.has_concurrency(total)
            self.assertEqual("", self.check(**source, **parameters))

    def test_where_nothing_fits_beside_conversation_events_only_more_is_requested(self):
        self.has_concurrency(10)
        shown = self.check(GenesysEventSource="aws.partner/genesys.com/cloud/o/acme")
        self.assertIn("refused. Request more:", shown)
        self.assertNotIn("DispatcherConcurrency", shown)

    def test_the_concurrency_of_conversation_events_is_the_templates(self):
        mappings = resources("AWS::Lambda::EventSourceMapping").values()
        queue = {"Fn::GetAtt": ["ConversationEventQueue", "Arn"]}
        [events] = [one["Properties"] for one in mappings if one["Properties"]["EventSourceArn"] == queue]
        self.assertEqual(account.EVENTS, events["ScalingConfig"]["MaximumConcurrency"])

    def test_more_is_requested_where_more_is_needed(self):
        self.has_concurrency(1000)
        self.assertIn("--desired-value 2000", self.check(DispatcherConcurrency="1000"))

    def test_lanes_that_fit_or_have_their_own_reservation_are_accepted(self):
        for total, parameters in (
            (170, {}),
            (1000, {"DispatcherConcurrency": "250"}),
            (10, {"DispatcherConcurrency": "3", "RetryConcurrency": "2"}),
            (250, {"DispatcherReservedConcurrency": "120"}),
        ):
            self.has_concurrency(total)
            self.assertEqual("", self.check(**parameters))

    def test_reservations_that_lambda_would_refuse_are_refused(self):
        for total, reservation in ((10, {"ReceiverReservedConcurrency": "1"}), (149, {"SenderReservedConcurrency": "10"})):
            self.has_concurrency(total)
            with self.assertRaisesRegex(SystemExit, f"has {total}, of which {max(0, total - 100)} can be reserved"):
                self.check(**reservation)

    def test_a_value_that_is_no_whole_number_is_refused_by_the_parameters_name(self):
        for value in ("abc", "", "-1", "1.5", "1_0"):
            self.has_concurrency(1000)
            with self.assertRaisesRegex(SystemExit, f"SenderReservedConcurrency is '{value}'. It must be a whole number"):
                self.check(SenderReservedConcurrency=value)

    def test_what_the_running_stack_reserves_can_be_reserved_again(self):
        self.has_concurrency(1000, unreserved=100)
        deployed = {"ReceiverReservedConcurrency": "900"}
        self.assertEqual("", self.check(deployed, ReceiverReservedConcurrency="800"))

    def test_concurrency_that_cannot_be_read_is_not_checked(self):
        for _ in range(2):
            self.aws["lambda"].add_client_error("get_account_settings", "AccessDeniedException", "no right")
        self.assertEqual([], account.proposed_lanes())
        self.assertIn("not checked", self.check(ReceiverReservedConcurrency="10000"))

    def test_each_reservation_is_counted_for_the_functions_that_have_it(self):
        found = {name: 0 for name in account.RESERVATIONS}
        for function in resources("AWS::Lambda::Function").values():
            if reservation := function["Properties"].get("ReservedConcurrentExecutions"):
                found[reservation["Fn::If"][1]["Ref"]] += 1
        self.assertEqual(account.RESERVATIONS, found)


def resources(of_type):
    return {name: resource for name, resource in transformed()["Resources"].items() if resource["Type"] == of_type}


if __name__ == "__main__":
    unittest.main()
