"""Tests of what emulator.py changes in the emulated AWS."""

import unittest

import emulator_of_tests


class WindowOfFifoQueues(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sqs = emulator_of_tests.start(cls)("sqs")

    def queue(self, messages, tags):
        """A queue with these messages, which are named by their group and a number."""
        name, attributes = f"{self.id().split('.')[-1][-40:]}.fifo", {"FifoQueue": "true"}
        queue = self.sqs.create_queue(QueueName=name, Attributes=attributes, tags=tags)["QueueUrl"]
        for body in messages:
            self.sqs.send_message(
                QueueUrl=queue, MessageGroupId=body[0], MessageDeduplicationId=body, MessageBody=body
            )
        return queue

    def receive(self, queue):
        """The messages of a receive, with their receipt handles."""
        response = self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
        return {message["Body"]: message["ReceiptHandle"] for message in response.get("Messages", [])}

    def test_a_group_behind_the_window_is_found_when_a_message_before_it_is_deleted(self):
        queue = self.queue(["a1", "a2", "a3", "b1"], {"window": "3"})
        received = self.receive(queue)
        self.assertEqual(["a1", "a2", "a3"], [*received])
        self.assertEqual([], [*self.receive(queue)], "messages in flight are in the window")
        self.sqs.delete_message(QueueUrl=queue, ReceiptHandle=received["a1"])
        self.assertEqual(["b1"], [*self.receive(queue)])

    def test_the_window_is_large_unless_a_tag_makes_it_smaller(self):
        queue = self.queue(["a1", "a2", "a3", "b1"], {})
        self.assertEqual(["a1", "a2", "a3", "b1"], [*self.receive(queue)])


if __name__ == "__main__":
    unittest.main()
