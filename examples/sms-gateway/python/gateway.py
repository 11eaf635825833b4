"""The SMS gateway. For another gateway, change this file only.

This gateway is made up, and of the common kind: it sends what is posted to it as a form, and posts forms itself, one for
each change of a message's status and one for each reply.
"""

import hmac
import json
import time
from base64 import b64encode
from datetime import datetime
from urllib.parse import parse_qsl, urlencode

from common import post, setting

URL, KEY, NUMBER = setting("GATEWAY_URL"), setting("GATEWAY_KEY"), setting("GATEWAY_NUMBER")
WEBHOOK_SECRET = setting("GATEWAY_WEBHOOK_SECRET").encode()

# The gateway's words for a final status, and Patchbay's. With any other word the message is still on its way.
FINAL = {"delivered": "delivered", "undelivered": "failed", "expired": "expired"}

# The gateway's error codes, and Patchbay's reason codes. Patchbay reports any other code as GeneralError, and shows it.
REASONS = {
    "101": "InvalidDestination",  # not a number that receives SMS
    "102": "InvalidMediaContentLength",  # longer than ten parts
    "201": "RecipientOptedOut",  # the gateway's own list
    "202": "MessageNotAllowed",  # the number is blocked
    "203": "DataFiltered",  # the carrier takes it for spam
    "301": "RateLimited",  # the carrier's limit
}


def send(reference, number, text):
    """The gateway sends one message for each reference, so that a request may be repeated."""
    form = {"to": number, "from": NUMBER, "text": text, "reference": reference}
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/x-www-form-urlencoded"}
    post(f"{URL}/messages", headers, urlencode(form).encode())


def verify(headers, body):
    """Whether the gateway has signed this request. A replay has no effect: it is a repeat, or too old."""
    expected = b64encode(hmac.digest(WEBHOOK_SECRET, body, "sha256"))
    return hmac.compare_digest(expected, headers.get("x-gateway-signature", "").encode())


def read_status(body):
    """The reference of a message, its final status or None, and the reasons of a failure."""
    form = dict(parse_qsl(body.decode()))
    return form["reference"], FINAL.get(form["status"]), [reason(form)] if "code" in form else []


def read_reply(body):
    """The id, the sender, the time in seconds since 1970, and the text of what a customer wrote."""
    form = dict(parse_qsl(body.decode(), keep_blank_values=True))
    return form["id"], form["from"], read_time(form.get("time", "")), form["text"]


def read_time(text):
    """By RFC 3339. What cannot be the time is read as now: the message counts all the same."""
    try:
        written_at = datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        written_at = 0
    return written_at if 0 < written_at <= time.time() else time.time()


def reason_of_refusal(answer):
    try:
        return reason(json.loads(answer))
    except (ValueError, LookupError, TypeError):
        return {"message": "The gateway refused the message."}


def reason(error):
    return {"code": REASONS.get(error["code"], error["code"]), "message": error.get("detail")}
