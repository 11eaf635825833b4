"""Lambda's event source mapping for SQS. It replaces the emulator's own poller, which runs only one batch of a FIFO queue at a
time; Lambda runs as many as the mapping allows.

Workers receive a batch, invoke the function, and delete the messages that it processed. The others stay in flight until the
visibility timeout, which the function may have changed. The queue keeps the order: while a message of a group is in flight, it
returns no other of that group. Filters and batching windows are not implemented, because the template has none.

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

# Lambda allows up to 1,000 concurrent batches; here each is a process.
MAX_CONCURRENT_BATCHES = 8
LONG_POLL_SECONDS = 2
# How often the mappings are read.
REFRESH_SECONDS = 1
RETRY_SECONDS = 1
# Lambda's limit; the emulator enforces the function's own timeout.
MAX_INVOCATION_SECONDS = 900

# Errors after which the call is retried.
AwsErrors = (BotoCoreError, ClientError)
log = logging.getLogger("poller")


@dataclasses.dataclass(frozen=True)
class Mapping:
    """An enabled event source mapping."""

    queue_arn: str
    queue_url: str
    function: str
    batch_size: int
    concurrency: int
    reports_failures: bool

    @classmethod
    def from_description(cls, description, queue_url):
        """From an item of `ListEventSourceMappings`."""
        # The emulator stores the number as the template parameter's string.
        allowed = int((description.get("ScalingConfig") or {}).get("MaximumConcurrency", MAX_CONCURRENT_BATCHES))
        return cls(
            queue_arn=description["EventSourceArn"],
            queue_url=queue_url,
            function=description["FunctionArn"],
            batch_size=description["BatchSize"],
            concurrency=min(allowed, MAX_CONCURRENT_BATCHES),
            reports_failures="ReportBatchItemFailures" in (description.get("FunctionResponseTypes") or []),
        )

    def event(self, messages):
        """The function's input."""
        return {"Records": [self.record(message) for message in messages]}

    def record(self, message):
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": {
                name: {"stringValue": value.get("StringValue"), "dataType": value["DataType"]}
                for name, value in message.get("MessageAttributes", {}).items()
            },
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self.queue_arn,
            "awsRegion": self.queue_arn.split(":")[3],
        }


def processed(messages, response, reports_failures):
    """The messages to delete after the function's response, which is `None` if the invocation failed.

    A response that is invalid or names a message of another batch fails the whole batch.
    """
    if response is None:
        return []
    if not reports_failures:
        return messages
    try:
        failures = (json.loads(response) or {}).get("batchItemFailures") or []
        failed = {failure["itemIdentifier"] for failure in failures}
    except (AttributeError, KeyError, TypeError, ValueError):
        return []
    if not failed <= {message["MessageId"] for message in messages}:
        return []
    return [message for message in messages if message["MessageId"] not in failed]


class Poller(threading.Thread):
    """Serves every SQS event source mapping of the account, following configuration changes, until it is stopped."""

    def __init__(self, client):
        super().__init__(daemon=True)
        connections = {"max_pool_connections": 4 * MAX_CONCURRENT_BATCHES}
        self.queues = client("sqs", config=Config(**connections))
        # No retries: after a lost response, a second invocation would process the batch twice.
        once = {"retries": {"total_max_attempts": 1}, "read_timeout": MAX_INVOCATION_SECONDS}
        self.functions = client("lambda", config=Config(**connections, **once))
        self.mappings, self.workers, self.queue_urls = {}, {}, {}
        self.stopped = threading.Event()

    def stop(self):
        """Receives no more messages. Messages in flight return to the queue after their visibility timeout."""
        self.stopped.set()

    def run(self):
        while not self.stopped.wait(REFRESH_SECONDS):
            try:
                self.mappings = self.enabled_mappings()
            except AwsErrors as error:
                log.warning("Cannot read the mappings: %s", error)
            for id, mapping in self.mappings.items():
                for slot in range(mapping.concurrency):
                    self.keep_working(id, slot)

    def enabled_mappings(self):
        pages = self.functions.get_paginator("list_event_source_mappings").paginate()
        return {
            description["UUID"]: Mapping.from_description(description, self.queue_url(description["EventSourceArn"]))
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
        """Processes batches as long as the mapping's concurrency includes this slot."""
        while (mapping := self.mappings.get(id)) and slot < mapping.concurrency and not self.stopped.is_set():
            try:
                if messages := self.receive(mapping):
                    self.process(mapping, messages)
            except AwsErrors as error:
                log.warning("%s", error)
                self.stopped.wait(RETRY_SECONDS)

    def receive(self, mapping):
        response = self.queues.receive_message(
            QueueUrl=mapping.queue_url,
            MaxNumberOfMessages=min(mapping.batch_size, 10),
            WaitTimeSeconds=LONG_POLL_SECONDS,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return response.get("Messages", [])

    def process(self, mapping, messages):
        response = self.invoke(mapping, messages)
        done = processed(messages, response, mapping.reports_failures)
        log.info("%d of %d messages processed", len(done), len(messages))
        if done:
            # A message that the function deleted itself is reported as failed here, which does no harm.
            self.queues.delete_message_batch(
                QueueUrl=mapping.queue_url,
                Entries=[
                    {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]} for index, message in enumerate(done)
                ],
            )

    def invoke(self, mapping, messages):
        """The function's response, or `None` if it failed or timed out.

        A throttled invocation is retried as long as the messages are in flight.
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
