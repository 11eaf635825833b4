"""Tests of poller.py on the emulated SQS and Lambda."""

import contextlib
import io
import json
import logging
import sys
import tempfile
import time
import unittest
import zipfile
from pathlib import Path

import emulator_of_tests
from emulator import REGION
from poller import MAX_CONCURRENT_BATCHES, Poller, processed

TIMEOUT_SECONDS = 60
# Longer than any test: tests make messages visible themselves.
VISIBILITY_SECONDS = 2 * TIMEOUT_SECONDS
# Does what the message says on its first receive, and records the start and end of each message.
FUNCTION = """#!{python}
import json, os, time
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

call = build_opener(ProxyHandler({{}})).open
api = f"http://{{os.environ['AWS_LAMBDA_RUNTIME_API']}}/2018-06-01/runtime/invocation"
journal = Path(os.environ["JOURNAL"])

def note(what, record):
    with journal.open("a") as file:
        line = {{"what": what, "body": record["body"], "handle": record["receiptHandle"], "process": os.getpid()}}
        file.write(json.dumps(line) + "\\n")

def processes():
    return len({{json.loads(line)["process"] for line in journal.read_text().splitlines()}})

while True:
    with call(f"{{api}}/next") as invocation:
        id, records = invocation.headers["Lambda-Runtime-Aws-Request-Id"], json.load(invocation)["Records"]
    failures, result = [], "response"
    for record in records:
        first = record["attributes"]["ApproximateReceiveCount"] == "1"
        order = record["body"].split()[1:]
        note("begin", record)
        if order[:1] == ["meet"]:
            while processes() < int(order[1]):
                time.sleep(0.01)
        if first and order == ["report"]:
            failures.append({{"itemIdentifier": record["messageId"]}})
        if first and order == ["fail"]:
            result = "error"
        if first and order == ["die"]:
            os._exit(1)
        if first and order == ["hang"]:
            time.sleep(1_000)
        note("end", record)
    call(f"{{api}}/{{id}}/{{result}}", json.dumps({{"batchItemFailures": failures}}).encode()).read()
"""


class Responses(unittest.TestCase):
    MESSAGES = [{"MessageId": "1"}, {"MessageId": "2"}]

    def assert_processed(self, expected, answer, reports_failures=True):
        messages = processed(self.MESSAGES, answer, reports_failures)
        self.assertEqual(expected, [message["MessageId"] for message in messages], answer)

    def test_without_failures_all_messages_are_processed(self):
        for answer in ('{"batchItemFailures": []}', '{"batchItemFailures": null}', "{}", "null"):
            self.assert_processed(["1", "2"], answer)

    def test_messages_reported_as_failed_are_not_processed(self):
        self.assert_processed(["1"], '{"batchItemFailures": [{"itemIdentifier": "2"}]}')

    def test_an_invalid_response_fails_the_whole_batch(self):
        for answer in (
            "{",
            "[1]",
            '{"batchItemFailures": 1}',
            '{"batchItemFailures": ["2"]}',
            '{"batchItemFailures": [{"id": "2"}]}',
            '{"batchItemFailures": [{"itemIdentifier": ""}]}',
            '{"batchItemFailures": [{"itemIdentifier": null}]}',
            '{"batchItemFailures": [{"itemIdentifier": []}]}',
            '{"batchItemFailures": [{"itemIdentifier": "2"}, {"itemIdentifier": "3"}]}',
        ):
            self.assert_processed([], answer)

    def test_a_failed_invocation_fails_the_whole_batch(self):
        self.assert_processed([], None)
        self.assert_processed([], None, reports_failures=False)

    def test_responses_are_ignored_without_report_batch_item_failures(self):
        self.assert_processed(["1", "2"], '{"batchItemFailures": [{"itemIdentifier": "2"}]}', reports_failures=False)


class Batches(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.client = emulator_of_tests.start(cls)
        cls.queues, cls.functions = cls.client("sqs"), cls.client("lambda")
        # The tests provoke these warnings.
        logging.getLogger("poller").addHandler(logging.NullHandler())
        cls.poller = Poller(cls.client)
        cls.poller.start()
        cls.addClassCleanup(cls.poller.stop)
        role = cls.client("iam").create_role(RoleName="function", AssumeRolePolicyDocument="{}")
        cls.role = role["Role"]["Arn"]

    def setUp(self):
        self.name = self.id().split(".")[-1][-40:]
        self.journal = self.folder / self.name
        self.journal.touch()
        attributes = {"FifoQueue": "true", "VisibilityTimeout": str(VISIBILITY_SECONDS)}
        self.queue = self.queues.create_queue(QueueName=f"{self.name}.fifo", Attributes=attributes)["QueueUrl"]
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            bootstrap = zipfile.ZipInfo("bootstrap")
            bootstrap.external_attr = 0o755 << 16
            archive.writestr(bootstrap, FUNCTION.format(python=sys.executable))
        self.functions.create_function(
            FunctionName=self.name,
            Runtime="provided.al2023",
            Handler="bootstrap",
            Role=self.role,
            Code={"ZipFile": code.getvalue()},
            Timeout=TIMEOUT_SECONDS,
            Environment={"Variables": {"JOURNAL": str(self.journal)}},
        )

    def map(self, batch_size):
        mapping = self.functions.create_event_source_mapping(
            EventSourceArn=f"arn:aws:sqs:{REGION}:000000000000:{self.name}.fifo",
            FunctionName=self.name,
            BatchSize=batch_size,
            FunctionResponseTypes=["ReportBatchItemFailures"],
            ScalingConfig={"MaximumConcurrency": 100},
        )
        self.addCleanup(self.functions.delete_event_source_mapping, UUID=mapping["UUID"])
        return mapping["UUID"]

    def send(self, group, *bodies):
        for body in bodies:
            self.queues.send_message(
                QueueUrl=self.queue, MessageGroupId=group, MessageDeduplicationId=body, MessageBody=body
            )

    def noted(self, what):
        lines = [json.loads(line) for line in self.journal.read_text().splitlines()]
        return [line for line in lines if line["what"] == what]

    def begun(self, group=""):
        """The messages of the group that the function has begun with, in that order."""
        return [line["body"] for line in self.noted("begin") if line["body"].startswith(group)]

    def on_queue(self):
        """How many messages are visible, and how many are in flight."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.queues.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"]
        return tuple(int(attributes[name]) for name in names)

    def wait_until(self, condition):
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not condition():
            self.assertLess(time.monotonic(), deadline, self.journal.read_text())
            time.sleep(0.05)

    def wait_until_on_queue(self, visible, in_flight):
        self.wait_until(lambda: self.on_queue() == (visible, in_flight))

    def make_visible(self):
        """What has been begun with and is still there."""
        for line in self.noted("begin"):
            with contextlib.suppress(self.queues.exceptions.ReceiptHandleIsInvalid):
                self.queues.change_message_visibility(
                    QueueUrl=self.queue, ReceiptHandle=line["handle"], VisibilityTimeout=0
                )

    def test_groups_are_processed_concurrently_and_each_in_order(self):
        groups = range(MAX_CONCURRENT_BATCHES)
        for group in groups:
            # None of them ends before there are as many processes as groups.
            self.send(f"{group}", f"{group}.1 meet {len(groups)}", f"{group}.2", f"{group}.3")
        self.map(batch_size=1)
        self.wait_until_on_queue(visible=0, in_flight=0)
        for group in groups:
            self.assertEqual([f"{group}.1", f"{group}.2", f"{group}.3"], [body[:3] for body in self.begun(f"{group}.")])

    def test_a_batch_has_several_groups_in_queue_order(self):
        self.send("a", "a1")
        self.send("b", "b1")
        self.send("a", "a2")
        self.map(batch_size=10)
        self.wait_until_on_queue(visible=0, in_flight=0)
        self.assertEqual(["a1", "b1", "a2"], self.begun())
        self.assertEqual(1, len({line["process"] for line in self.noted("begin")}))

    def test_a_failed_message_blocks_only_its_group_until_it_is_visible_again(self):
        self.send("a", "a1 report", "a2 report")
        self.send("b", "b1")
        self.map(batch_size=10)
        self.wait_until_on_queue(visible=0, in_flight=2)
        self.send("a", "a3")
        self.send("b", "b2")
        self.wait_until(lambda: "b2" in self.begun())
        self.wait_until_on_queue(visible=1, in_flight=2)
        self.make_visible()
        self.wait_until_on_queue(visible=0, in_flight=0)
        self.assertEqual(["a1 report", "a2 report", "a1 report", "a2 report", "a3"], self.begun("a"))

    def test_an_error_leaves_the_whole_batch_in_flight(self):
        self.assert_left_in_flight("fail")

    def test_a_crash_leaves_the_whole_batch_in_flight(self):
        self.assert_left_in_flight("die")

    def test_a_timeout_leaves_the_whole_batch_in_flight(self):
        self.functions.update_function_configuration(FunctionName=self.name, Timeout=10)
        self.assert_left_in_flight("hang")

    def assert_left_in_flight(self, order):
        self.send(order, f"{order}1", f"{order}2 {order}")
        self.map(batch_size=10)
        self.wait_until(lambda: len(self.begun(order)) == 2)
        self.send(order, f"{order}3")
        # Others are not held up.
        self.send("other", f"after-{order}")
        self.wait_until(lambda: f"after-{order}" in self.begun())
        self.wait_until_on_queue(visible=1, in_flight=2)
        self.make_visible()
        self.wait_until_on_queue(visible=0, in_flight=0)
        batch = [f"{order}1", f"{order}2 {order}"]
        self.assertEqual([*batch, *batch, f"{order}3"], self.begun(order))

    def test_a_throttled_function_is_invoked_later(self):
        self.functions.put_function_concurrency(FunctionName=self.name, ReservedConcurrentExecutions=0)
        self.send("a", "a1")
        self.map(batch_size=10)
        self.wait_until_on_queue(visible=0, in_flight=1)
        self.assertEqual([], self.begun())
        self.functions.delete_function_concurrency(FunctionName=self.name)
        self.wait_until_on_queue(visible=0, in_flight=0)
        self.assertEqual(["a1"], self.begun())

    def test_nothing_is_received_while_the_mapping_is_disabled(self):
        mapping = self.map(batch_size=10)
        self.send("a", "a1")
        self.wait_until_on_queue(visible=0, in_flight=0)
        self.functions.update_event_source_mapping(UUID=mapping, Enabled=False)
        workers = [worker for (id, _), worker in self.poller.workers.items() if id == mapping]
        self.assertEqual(MAX_CONCURRENT_BATCHES, len(workers))
        self.wait_until(lambda: not any(worker.is_alive() for worker in workers))
        self.send("a", "a2")
        self.assertEqual((1, 0), self.on_queue())
        self.functions.update_event_source_mapping(UUID=mapping, Enabled=True)
        self.wait_until_on_queue(visible=0, in_flight=0)
        self.assertEqual(["a1", "a2"], self.begun())


if __name__ == "__main__":
    unittest.main()
