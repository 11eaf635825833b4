"""Tests of response_times.py."""

import contextlib
import http.server
import io
import threading
import unittest

from response_times import ResponseTimes


class Measured(unittest.TestCase):
    def setUp(self):
        self.requests = threading.Semaphore(0)
        requests = self.requests

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(503)
                self.end_headers()
                requests.release()

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_port}"

    def report(self, slow_seconds):
        """What is printed after some requests of which those are slow that take this long."""
        times = ResponseTimes(self.url)
        times.INTERVAL_SECONDS, times.SLOW_SECONDS = 0, slow_seconds
        times.start()
        for _ in range(3):
            self.assertTrue(self.requests.acquire(timeout=30))
        with contextlib.redirect_stderr(io.StringIO()) as printed:
            times.stop()
        return printed.getvalue()

    def test_a_slow_response_is_reported_with_its_time(self):
        self.assertRegex(self.report(0), r"slow to respond, because this machine was busy: \d+ s at \d\d:\d\d:\d\d")

    def test_nothing_is_reported_of_a_fast_machine(self):
        self.assertEqual("", self.report(30))


if __name__ == "__main__":
    unittest.main()
