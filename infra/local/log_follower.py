"""Copies the functions' log lines from the emulated CloudWatch into a file."""

import collections
import threading
import time

from botocore.exceptions import BotoCoreError, ClientError
from emulator import say


class LogFollower(threading.Thread):
    """Every line once, and in the order of the emulator's answers, whatever it answers under load."""

    # How far back it looks for lines that were written later than newer ones.
    OVERLAP_MILLISECONDS = 30_000
    # So many lines the emulator answers with, and without a token for the next ones.
    LIMIT = 10_000
    # How long the last look may be repeated until it succeeds.
    PATIENCE_SECONDS = 30

    def __init__(self, client, path):
        super().__init__(daemon=True)
        self.logs, self.path = client("logs"), path
        # By log group: the time of its newest line, and what has been copied of the time that is looked at again.
        self.newest, self.copied = collections.defaultdict(int), collections.defaultdict(collections.Counter)
        self.stopped = threading.Event()

    def run(self):
        while not self.stopped.wait(1):
            self.try_to_copy()

    def stop(self):
        """Copies what there is, and ends."""
        self.stopped.set()
        self.join()
        deadline = time.monotonic() + self.PATIENCE_SECONDS
        while not self.try_to_copy():
            if time.monotonic() > deadline:
                return say(f"The last of the functions' log lines could not be read; {self.path} is incomplete")
            time.sleep(1)

    def try_to_copy(self):
        """Whether it has succeeded. What is missing is copied the next time."""
        try:
            for group in self.logs.describe_log_groups()["logGroups"]:
                self.copy(group["logGroupName"])
            return True
        except (BotoCoreError, ClientError):
            return False

    def copy(self, group):
        events = self.events(group, max(0, self.newest[group] - self.OVERLAP_MILLISECONDS))
        before, new = self.copied[group].copy(), []
        for event in events:
            key = key_of(event)
            if before[key]:
                before[key] -= 1
            elif event["message"].startswith("{"):
                new.append(event["message"].rstrip() + "\n")
        with self.path.open("a") as file:
            file.write("".join(new))
        # Not before all of it is in the file.
        self.copied[group] = collections.Counter(map(key_of, events))
        self.newest[group] = max((event["timestamp"] for event in events), default=self.newest[group])

    def events(self, group, since):
        """All since then. After an answer that is full, those of its last millisecond are asked for again: some may be
        missing."""
        events = []
        while True:
            answer = self.logs.filter_log_events(logGroupName=group, startTime=since, limit=self.LIMIT)["events"]
            last = answer[-1]["timestamp"] if answer else since
            if len(answer) < self.LIMIT or last == since:
                return events + answer
            events += [event for event in answer if event["timestamp"] < last]
            since = last


def key_of(event):
    return event["logStreamName"], event["timestamp"], event["message"]
