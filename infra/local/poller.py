"""What Lambda does for an SQS event source mapping, in place of the emulator's poller: that one runs a single batch of a FIFO
queue at a time, and Lambda as many as the mapping allows.

Workers receive a batch, invoke the function, and delete what it has processed. What it has not stays in flight until the
visibility time-out, or as long as the function has set. Order is the queue's part: while a message of a group is in flight, it
gives out no other of that group. Filters and batching windows are left out, as the template has none.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html,
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html.
"""

import dataclasses
import json
import logging
import threading
import time

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

# Lambda allows up to 1,000 at once; each is a process here.
MOST_BATCHES_AT_ONCE = 8
LONG_POLL_SECONDS = 2
# How soon a mapping that is new, changed or disabled counts.
REFRESH_SECONDS = 1
RETRY_SECONDS = 1
# Lambda's limit; the function's own time-out is for the emulator to keep.
LONGEST_INVOCATION_SECONDS = 900

# What a call may end with; the next one may do better.
AwsErrors = (BotoCoreError, ClientError)
log = logging.getLogger("poller")


@dataclasses.dataclass(frozen=True)
class Mapping:
    """An enabled event source mapping."""

    queue_arn: str
    queue_url: str
    function: str
    batch_size: int
    batches_at_once: int
    reports_failures: bool

    @classmethod
    def of(cls, description, queue_url):
        """As `ListEventSourceMappings` describes it."""
        # The emulator keeps the number as the text that the template's parameter is.
        allowed = int((description.get("ScalingConfig") or {}).get("MaximumConcurrency", MOST_BATCHES_AT_ONCE))
        return cls(
            queue_arn=description["EventSourceArn"],
            queue_url=queue_url,
            function=description["FunctionArn"],
            batch_size=description["BatchSize"],
            batches_at_once=min(allowed, MOST_BATCHES_AT_ONCE),
            reports_failures="ReportBatchItemFailures" in (description.get("FunctionResponseTypes") or []),
        )

    def event(self, messages):
        """What the function gets."""
        return {"Records": [self.record(message) for message in messages]}

    def record(self, message):
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": {},
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self.queue_arn,
            "awsRegion": self.queue_arn.split(":")[3],
        }


def processed(messages, answer, reports_failures):
    """The messages that can be deleted after the function's answer, which is `None` where the invocation failed.

    An answer that cannot be understood, or that names a message of another batch, counts as a failure of them all.
    """
    if answer is None:
        return []
    if not reports_failures:
        return messages
    try:
        failures = (json.loads(answer) or {}).get("batchItemFailures") or []
        failed = {failure["itemIdentifier"] for failure in failures}
    except (AttributeError, KeyError, TypeError, ValueError):
        return []
    if not failed <= {message["MessageId"] for message in messages}:
        return []
    return [message for message in messages if message["MessageId"] not in failed]


class Poller(threading.Thread):
    """Serves every SQS event source mapping of the account, as it is configured at the moment, until it is stopped."""

    def __init__(self, client):
        super().__init__(daemon=True)
        connections = {"max_pool_connections": 4 * MOST_BATCHES_AT_ONCE}
        self.queues = client("sqs", config=Config(**connections))
        # Sent again after a lost answer, a batch would be in the hands of two dispatchers.
        once = {"retries": {"total_max_attempts": 1}, "read_timeout": LONGEST_INVOCATION_SECONDS}
        self.functions = client("lambda", config=Config(**connections, **once))
        self.mappings, self.workers, self.queue_urls = {}, {}, {}
        self.stopped = threading.Event()

    def stop(self):
        """Takes no more messages. What is in flight is left to the queue."""
        self.stopped.set()

    def run(self):
        while not self.stopped.wait(REFRESH_SECONDS):
            try:
                self.mappings = self.enabled_mappings()
            except AwsErrors as error:
                log.warning("The mappings cannot be read: %s", error)
            for id, mapping in self.mappings.items():
                for slot in range(mapping.batches_at_once):
                    self.keep_working(id, slot)

    def enabled_mappings(self):
        pages = self.functions.get_paginator("list_event_source_mappings").paginate()
        return {
            description["UUID"]: Mapping.of(description, self.queue_url(description["EventSourceArn"]))
            for page in pages
            for description in page["EventSourceMappings"]
            if description["State"] == "Enabled" and description["EventSourceArn"].split(":")[2] == "sqs"
        }

    def queue_url(self, arn):
        if arn not in self.queue_urls:
            self.queue_urls[arn] = self.queues.get_queue_url(QueueName=arn.split(":")[-1])["QueueUrl"]
        return self.queue_urls[arn]

    def keep_working(self, id, slot):
        worker = self.workers.get((id, slot))
        if not worker or not worker.is_alive():
            worker = threading.Thread(target=self.work, args=(id, slot), daemon=True)
            self.workers[id, slot] = worker
            worker.start()

    def work(self, id, slot):
        """One batch after the other, as long as the mapping wants so many at once."""
        while (mapping := self.mappings.get(id)) and slot < mapping.batches_at_once and not self.stopped.is_set():
            try:
                if messages := self.receive(mapping):
                    self.process(mapping, messages)
            except AwsErrors as error:
                log.warning("%s", error)
                self.stopped.wait(RETRY_SECONDS)

    def receive(self, mapping):
        answer = self.queues.receive_message(
            QueueUrl=mapping.queue_url,
            MaxNumberOfMessages=min(mapping.batch_size, 10),
            WaitTimeSeconds=LONG_POLL_SECONDS,
            MessageSystemAttributeNames=["All"],
        )
        return answer.get("Messages", [])

    def process(self, mapping, messages):
        answer = self.invoke(mapping, messages)
        done = processed(messages, answer, mapping.reports_failures)
        log.info("%d of %d messages processed", len(done), len(messages))
        if done:
            # One that the function has deleted itself is named as failed, and is gone all the same.
            self.queues.delete_message_batch(
                QueueUrl=mapping.queue_url,
                Entries=[
                    {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]} for index, message in enumerate(done)
                ],
            )

    def invoke(self, mapping, messages):
        """The function's answer, or `None` where it failed or ran out of time.

        Where it is throttled, it is invoked again as long as the messages are in flight.
        """
        received_at = time.monotonic()
        payload = json.dumps(mapping.event(messages))
        while True:
            try:
                response = self.functions.invoke(FunctionName=mapping.function, Payload=payload)
                if "FunctionError" not in response:
                    return response["Payload"].read()
                log.warning("The function failed: %s", response["Payload"].read())
                return None
            except self.functions.exceptions.TooManyRequestsException:
                log.warning("The function is throttled")
                in_flight_until = received_at + self.visibility_timeout(mapping)
                if self.stopped.wait(RETRY_SECONDS) or time.monotonic() > in_flight_until:
                    return None

    def visibility_timeout(self, mapping):
        name = "VisibilityTimeout"
        return int(
            self.queues.get_queue_attributes(QueueUrl=mapping.queue_url, AttributeNames=[name])["Attributes"][name]
        )
