"""What the emulated CloudWatch Logs lacks: filter patterns over JSON, pages, and saved queries.

The emulator takes every pattern over JSON for one that matches. Only the patterns that the project uses are known here; any
other is refused, so that none is used that AWS might read in another way.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html.
"""

import json
import re
import uuid

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
MAX_PATTERN = 1024
# AWS ends a page after 1 MB or 10,000 events. Smaller pages show that a reader follows the tokens.
PAGE = 500
SAVED_QUERY = "AWS::Logs::QueryDefinition"

PHRASES = re.compile(r'"[^"\\]+"(?: "[^"\\]+")*')
TOKEN = re.compile(
    r'\s*(?:(?P<word>\(|\)|&&|\|\||IS TRUE|IS FALSE|!=|=)|(?P<selector>\$(?:\.[A-Za-z0-9_-]+)+)'
    r'|"(?P<text>[^"\\*]*)"|(?P<number>-?[0-9]+(?:\.[0-9]+)?)(?=[\s)&|]|$))'
)


def matcher(pattern):
    """A function that says whether a message matches the pattern. A pattern that is not known is a `ValueError`."""
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"longer than {MAX_PATTERN} characters")
    if not pattern:
        return lambda message: True
    if PHRASES.fullmatch(pattern):
        phrases = pattern[1:-1].split('" "')
        return lambda message: all(phrase in message for phrase in phrases)
    if not (pattern.startswith("{") and pattern.endswith("}")):
        raise ValueError("neither phrases nor a pattern over JSON")
    expression = Parser(pattern[1:-1]).parsed()

    def matches(message):
        try:
            line = json.loads(message)
        except ValueError:
            return False
        return isinstance(line, dict) and expression(line)

    return matches


class Parser:
    """`&&` binds more tightly than `||`."""

    def __init__(self, text):
        self.tokens, end = [], 0
        while text[end:].strip():
            token = TOKEN.match(text, end)
            if token is None:
                raise ValueError(f"not understood: {text[end:].strip()}")
            self.tokens.append((token.lastgroup, token[token.lastgroup]))
            end = token.end()

    def parsed(self):
        expression = self.any_of()
        if self.tokens:
            raise ValueError(f"not understood: {self.tokens[0][1]}")
        return expression

    def any_of(self):
        parts = self.separated("||", self.all_of)
        return lambda line: any(part(line) for part in parts)

    def all_of(self):
        parts = self.separated("&&", self.term)
        return lambda line: all(part(line) for part in parts)

    def separated(self, separator, part):
        parts = [part()]
        while self.tokens[:1] == [("word", separator)]:
            self.take("word")
            parts.append(part())
        return parts

    def term(self):
        if self.tokens[:1] == [("word", "(")]:
            self.take("word")
            expression = self.any_of()
            if self.take("word") != ")":
                raise ValueError("no closing parenthesis")
            return expression
        path, operator = self.take("selector").split(".")[1:], self.take("word")
        if operator in ("IS TRUE", "IS FALSE"):
            expected = operator == "IS TRUE"
        elif operator not in ("=", "!="):
            raise ValueError(f"not understood: {operator}")
        elif self.tokens[:1] and self.tokens[0][0] == "number":
            expected = float(self.take("number"))
        else:
            expected = self.take("text")
        if operator == "!=":
            # A line without the field, or with another kind of value, is no match either.
            return lambda line: type(value := at(line, path)) is type(expected) and value != expected
        return lambda line: equal(at(line, path), expected)

    def take(self, kind):
        if not self.tokens or self.tokens[0][0] != kind:
            raise ValueError(f"there must be a {kind}")
        return self.tokens.pop(0)[1]


def at(line, path):
    for name in path:
        line = line.get(name) if isinstance(line, dict) else None
    return line


def equal(value, expected):
    """A number is never equal to a text, nor to a truth value."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    return type(value) is type(expected) and value == expected


def install(logs, provisioners):
    """Replaces parts of the emulator."""
    filter_log_events = logs._filter_log_events
    assert callable(logs._compile_filter_pattern) and callable(filter_log_events)
    logs._compile_filter_pattern = matcher

    def filter_pages(data):
        # The start of the page, and how many events of that millisecond were on earlier pages.
        token = data.get("nextToken")
        start, before = map(int, token.split(":")) if token else (data.get("startTime") or 0, 0)
        if data.get("filterPattern") and not token:
            # AWS may answer without events although there are more.
            limit = 0
        else:
            limit = data.get("limit", PAGE)
        try:
            status, headers, body = filter_log_events(data | {"startTime": start, "limit": before + limit})
        except ValueError as error:
            return logs.error_response_json("InvalidParameterException", f"Invalid filter pattern: {error}", 400)
        if status != 200:
            return status, headers, body
        answer = json.loads(body)
        found = answer["events"]
        answer["events"] = found[before:]
        if len(found) == before + limit:
            last = found[-1]["timestamp"] if found else start
            answer["nextToken"] = f"{last}:{sum(event['timestamp'] == last for event in found)}"
        return logs.json_response(answer)

    logs._filter_log_events = filter_pages
    assert SAVED_QUERY not in provisioners._RESOURCE_HANDLERS
    provisioners._RESOURCE_HANDLERS[SAVED_QUERY] = {
        "create": lambda logical_id, properties, stack: (str(uuid.uuid4()), {}),
        "update": lambda physical_id, old, new, stack: (physical_id, {}),
        "delete": lambda physical_id, properties: None,
    }
