"""What both sides need: settings and requests."""

import os
import sys
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

# Patchbay waits ten seconds for the answer to a delivery, many gateways no longer for that to a webhook. Within that time
# two requests fit.
TIMEOUT_SECONDS = 4
LARGEST_ANSWER = 64 * 1024
# With these statuses the request will never be accepted. After any other error another attempt may succeed.
REFUSED = {400, 413, 415, 422, 501}


def setting(name):
    return os.environ.get(name) or sys.exit(f"{name} is not set.")


class NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


opener = build_opener(NoRedirects)


class HttpError(Exception):
    def __init__(self, code, headers, answer):
        super().__init__()
        self.code = code
        self.is_refused = code in REFUSED
        self.retry_after = headers.get("retry-after")
        self.answer = answer


def post(url, headers, body):
    """Returns if the request is accepted, and raises an HttpError if it is not."""
    try:
        with opener.open(Request(url, body, headers), timeout=TIMEOUT_SECONDS):
            pass
    except HTTPError as error:
        with error:
            raise HttpError(error.code, error.headers, error.read(LARGEST_ANSWER)) from None
