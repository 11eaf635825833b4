"""Measures how long the emulated AWS takes to respond, so that tests that fail on a machine that is too busy show the reason."""

import threading
import time
import urllib.request

from emulator import say


class ResponseTimes(threading.Thread):
    INTERVAL_SECONDS = 0.5
    # Less than what the functions wait for.
    SLOW_SECONDS = 2
    TIMEOUT_SECONDS = 30

    def __init__(self, url):
        super().__init__(daemon=True)
        self.url = url
        # The time of day and the duration of each slow response.
        self.slow = []
        self.stopped = threading.Event()

    def run(self):
        while not self.stopped.wait(self.INTERVAL_SECONDS):
            at, started = time.strftime("%X"), time.monotonic()
            try:
                urllib.request.urlopen(self.url, timeout=self.TIMEOUT_SECONDS).close()
            except OSError:
                # The time until an error counts, too.
                pass
            if (seconds := time.monotonic() - started) >= self.SLOW_SECONDS:
                self.slow.append((at, seconds))

    def stop(self):
        """Ends the measurement, and reports the slow responses."""
        self.stopped.set()
        self.join()
        if self.slow:
            times = ", ".join(f"{seconds:.0f} s at {at}" for at, seconds in self.slow)
            say(f"The emulated AWS was slow to respond, because this machine was busy: {times}")
