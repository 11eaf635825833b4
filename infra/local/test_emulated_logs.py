"""Tests of what emulated_logs.py adds to the emulated AWS, and of the template's metric filters."""

import json
import unittest

import emulator_of_tests
from emulated_logs import PAGE, matcher
from samtranslator.yaml_helper import yaml_parse
from transform import TEMPLATE


class Patterns(unittest.TestCase):
    LINE = {"level": "WARN", "outcome": "retry", "status": 503, "replayed": False, "record": {"status": "timeout"}}

    def matches(self, pattern):
        return matcher(pattern)(json.dumps(self.LINE))

    def test_a_pattern_over_json_compares_fields(self):
        for pattern in (
            '{ $.level = "WARN" }',
            "{ $.status = 503 }",
            '{ $.record.status = "timeout" }',
            "{ $.replayed IS FALSE }",
            '{ $.level != "ERROR" }',
            '{ $.level = "ERROR" || $.level = "WARN" }',
            '{ $.level = "WARN" && $.outcome = "failed" || $.status = 503 }',
        ):
            self.assertTrue(self.matches(pattern), pattern)
        for pattern in (
            '{ $.level = "warn" }',
            '{ $.status = "503" }',
            "{ $.outcome = 1 }",
            '{ $.reason = "" }',
            '{ $.reason != "" }',
            '{ $.level != "WARN" }',
            '{ $.status != "WARN" }',
            "{ $.replayed IS TRUE }",
            '{ $.level = "WARN" && ($.outcome = "failed" || $.outcome = "given_up") }',
        ):
            self.assertFalse(self.matches(pattern), pattern)

    def test_only_a_line_of_json_matches_such_a_pattern(self):
        for message in ("", "START", "[]", "1"):
            self.assertFalse(matcher('{ $.level = "WARN" }')(message), message)

    def test_every_phrase_is_part_of_the_message(self):
        self.assertTrue(matcher('"a b"')("x a b y"))
        self.assertTrue(matcher('"b y" "x a"')("x a b y"))
        self.assertFalse(matcher('"x a" "c"')("x a b y"))
        self.assertFalse(matcher('"a b"')("b a"))
        self.assertTrue(matcher("")("anything"))

    def test_other_patterns_are_refused(self):
        for pattern in (
            "word",
            '"a" b',
            '?"a" ?"b"',
            '"a\\"b"',
            "{ }",
            "{ level = 1 }",
            "{ $.level = WARN }",
            "{ $.level ( 1 }",
            '{ $.level = "W*" }',
            '{ ($.level = "WARN" }',
            '{ $.level = "WARN" $.status = 1 }',
            '{ $.level = "' + "x" * 1024 + '" }',
        ):
            with self.assertRaises(ValueError, msg=pattern):
                matcher(pattern)


class Throttling(unittest.TestCase):
    """The metric filters of the access log, applied to its lines."""

    @classmethod
    def setUpClass(cls):
        cls.resources = yaml_parse(TEMPLATE.read_text())["Resources"]

    def line(self, route, status, integration_status):
        """A line of the access log."""
        values = {"routeKey": route, "status": status, "integrationStatus": integration_status}
        line = self.resources["Api"]["Properties"]["AccessLogSettings"]["Format"]
        for name, value in values.items():
            line = line.replace(f"$context.{name}\"", f"{value}\"")
        return line

    def counted(self, *line):
        """The filters that count a line."""
        filters = {
            name: resource["Properties"]["FilterPattern"]
            for name, resource in self.resources.items()
            if resource["Type"] == "AWS::Logs::MetricFilter"
        }
        return [name for name, pattern in filters.items() if matcher(pattern)(self.line(*line))]

    def routes(self):
        events = [
            event["Properties"]
            for resource in self.resources.values()
            for event in resource.get("Properties", {}).get("Events", {}).values()
            if event["Type"] == "HttpApi"
        ]
        return {f"{event['Method']} {event['Path']}" for event in events}

    def test_each_throttled_request_is_counted_once_by_its_route(self):
        of_receivers = {route for route in self.routes() if route.endswith("/webhook") or "/channel" in route}
        self.assertEqual(5, len(of_receivers))
        for route in self.routes():
            counting = "ThrottledWebhooksFilter" if route in of_receivers else "ThrottledCallersFilter"
            self.assertEqual([counting], self.counted(route, "429", "-"), route)

    def test_what_a_function_answers_is_not_throttled(self):
        for route in self.routes():
            for status in ("200", "429", "503"):
                self.assertEqual([], self.counted(route, status, "200"))

    def test_what_is_refused_for_another_reason_is_not_throttled(self):
        for route in self.routes():
            self.assertEqual([], self.counted(route, "503", "-"))


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.logs = emulator_of_tests.start(cls)("logs")

    def test_a_search_is_answered_in_pages_without_gaps_or_repeats(self):
        count = 3 * PAGE
        self.logs.create_log_group(logGroupName="group")
        for stream in ("a", "b"):
            self.logs.create_log_stream(logGroupName="group", logStreamName=stream)
            # Many events have the same time.
            events = [{"timestamp": 1_000 + i // 100, "message": f'{{"n": {i}}}'} for i in range(count)]
            self.logs.put_log_events(logGroupName="group", logStreamName=stream, logEvents=events)
        pages = self.logs.get_paginator("filter_log_events")
        for pattern, expected in (("", 2 * count), ("{ $.n = 7 }", 2)):
            found = [
                event["eventId"]
                for page in pages.paginate(logGroupName="group", filterPattern=pattern)
                for event in page["events"]
            ]
            self.assertEqual(expected, len(found))
            self.assertEqual(expected, len(set(found)))

    def test_a_pattern_that_is_not_known_is_refused(self):
        self.logs.create_log_group(logGroupName="empty")
        with self.assertRaises(self.logs.exceptions.InvalidParameterException):
            self.logs.filter_log_events(logGroupName="empty", filterPattern="word")


if __name__ == "__main__":
    unittest.main()
