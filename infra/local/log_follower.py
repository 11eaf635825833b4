"""Copies the functions' log lines from the emulated CloudWatch into a file."""

import collections
import threading
import time

from botocore.exceptions import BotoCoreError, ClientError
from emulator import say


class LogFollower(threading.Thread):
    """Copies every line exactly once, in the order of the emulator's responses, even when calls fail under load."""

    # Lines may become visible this much later than newer ones.
    OVERLAP_MILLISECONDS = 30_000
    # The emulator's maximum per response; it returns no token for the next page.
    LIMIT = 10_000
    # How long the final copy is retried.
    FINAL_COPY_SECONDS = 30

    def __init__(self, client, path):
        super().__init__(daemon=True)
        self.logs, self.path = client("logs"), path
        # By log group: the time of its newest line, and the lines already copied within the overlap.
        self.newest, self.copied = collections.defaultdict(int), collections.defaultdict(collections.Counter)
        self.stopped = threading.Event()

    def run(self):
        while not self.stopped.wait(1):
            self.try_to_copy()

    def stop(self):
        """Copies the remaining lines and ends."""
        self.stopped.set()
        self.join()
        deadline = time.monotonic() + self.FINAL_COPY_SECONDS
        while not self.try_to_copy():
            if time.monotonic() > deadline:
                return say(f"The last of the functions' log lines could not be read; {self.path} is incomplete")
            time.sleep(1)

    def try_to_copy(self):
        """Returns whether it succeeded; the next call copies what is missing."""
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
        # Recorded only after the lines are in the file.
        self.copied[group] = collections.Counter(map(key_of, events))
        self.newest[group] = max((event["timestamp"] for event in events), default=self.newest[group])

    def events(self, group, since):
        """All events since then. The last millisecond of a full response is fetched again: some of its events may be missing."""
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
