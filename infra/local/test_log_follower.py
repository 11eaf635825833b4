"""Tests of log_follower.py."""

import tempfile
import unittest
from pathlib import Path

from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from log_follower import LogFollower

THROTTLED = ClientError({"Error": {"Code": "ThrottlingException"}}, "FilterLogEvents")
BROKEN = ClientError({"Error": {"Code": "InternalError"}}, "FilterLogEvents")
TIME_OUT = ReadTimeoutError(endpoint_url="http://127.0.0.1")
UNREACHABLE = EndpointConnectionError(endpoint_url="http://127.0.0.1")


class Logs:
    """Responds as the emulator does, and fails the calls that a test chooses."""

    def __init__(self):
        self.events, self.failures = [], []

    def write(self, timestamp, message, group="one", stream="s"):
        self.events.append((group, {"timestamp": timestamp, "message": message, "logStreamName": stream}))

    def describe_log_groups(self):
        self.fail()
        return {"logGroups": [{"logGroupName": "one"}, {"logGroupName": "other"}]}

    def filter_log_events(self, logGroupName, startTime, limit):
        self.fail()
        events = [event for group, event in self.events if group == logGroupName and event["timestamp"] >= startTime]
        return {"events": sorted(events, key=lambda event: event["timestamp"])[:limit]}

    def fail(self):
        if self.failures and (failure := self.failures.pop(0)):
            raise failure


class Follower(LogFollower):
    LIMIT = 3


class LogFollowerTest(unittest.TestCase):
    def setUp(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.path = Path(folder) / "functions.log"
        self.path.touch()
        self.logs = Logs()
        self.follower = Follower(lambda _: self.logs, self.path)

    def copied(self):
        return self.path.read_text().splitlines()

    def test_every_json_line_is_copied_once_and_other_lines_are_not(self):
        self.logs.write(1, "START")
        self.logs.write(1, '{"a": 1}\n')
        self.assertTrue(self.follower.try_to_copy())
        self.logs.write(2, '{"a": 2}')
        self.assertTrue(self.follower.try_to_copy())
        self.assertTrue(self.follower.try_to_copy())
        self.assertEqual(['{"a": 1}', '{"a": 2}'], self.copied())

    def test_failing_calls_lose_and_duplicate_nothing(self):
        for position in range(5):
            for failure in (THROTTLED, BROKEN, TIME_OUT, UNREACHABLE):
                self.setUp()
                # The first group takes two calls.
                lines = [f'{{"line": {line}}}' for line in range(5)]
                for timestamp, line in enumerate(lines):
                    self.logs.write(timestamp, line)
                self.logs.write(1, '{"of": "the other"}', group="other")
                self.logs.failures = [None] * position + [failure]
                while not self.follower.try_to_copy():
                    pass
                self.assertEqual([], self.logs.failures)
                self.follower.try_to_copy()
                self.assertEqual([*lines, '{"of": "the other"}'], self.copied())

    def test_stopping_copies_the_remaining_lines_even_after_a_failure(self):
        self.logs.failures = [THROTTLED]
        self.logs.write(1, '{"a": 1}')
        self.follower.start()
        self.follower.stop()
        self.assertEqual(['{"a": 1}'], self.copied())

    def test_more_lines_than_one_response_holds_are_copied(self):
        lines = [f'{{"line": {line}}}' for line in range(20)]
        for line in range(20):
            self.logs.write(line // 2, lines[line])
        self.follower.try_to_copy()
        self.assertEqual(lines, self.copied())

    def test_identical_lines_with_the_same_time_are_all_copied(self):
        for _ in range(2):
            self.logs.write(1, '{"a": 1}')
        self.follower.try_to_copy()
        self.logs.write(1, '{"a": 1}')
        self.follower.try_to_copy()
        self.assertEqual(['{"a": 1}'] * 3, self.copied())

    def test_lines_that_appear_after_newer_ones_are_copied(self):
        self.logs.write(2, '{"a": 2}')
        self.follower.try_to_copy()
        self.logs.write(1, '{"a": 1}', stream="another")
        self.follower.try_to_copy()
        self.assertEqual(['{"a": 2}', '{"a": 1}'], self.copied())


if __name__ == "__main__":
    unittest.main()
