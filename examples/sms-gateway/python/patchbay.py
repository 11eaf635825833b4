"""Patchbay: its signature, its routes, and the options that its messages offer."""

import hmac
import json
import re
import sys
import time
from base64 import b64decode, b64encode

import common
from common import HttpError, setting

URL = f"{setting('API_URL')}/integrations/{setting('INTEGRATION')}"
BEARER_TOKEN = setting("BEARER_TOKEN")
# Several during a rotation.
SECRETS = [b64decode(secret.removeprefix("whsec_")) for secret in setting("SIGNING_SECRETS").split()]
if any(len(secret) < 24 for secret in SECRETS):
    sys.exit("SIGNING_SECRETS: each is whsec_ and the base64 of at least 24 bytes.")
TOLERANCE_SECONDS = 300
PAUSE_SECONDS = 1


def verify(headers, body):
    """Whether Patchbay has signed this request in the last five minutes, as Standard Webhooks specify."""
    id, timestamp, signatures = (headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not re.fullmatch("[0-9]{1,12}", timestamp) or abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    signed = f"{id}.{timestamp}.".encode() + body
    expected = [b"v1," + b64encode(hmac.digest(secret, signed, "sha256")) for secret in SECRETS]
    given = [signature.encode() for signature in signatures.split(" ")]
    return any(hmac.compare_digest(one, other) for one in expected for other in given)


def post(route, body, is_repeat=False):
    """Returns once Patchbay has stored the request, which it posts to the platform later. A repeat has no effect.

    Patchbay recognises it by the messageId in the body, and a receipt by all that it says.
    """
    headers = {"authorization": f"Bearer {BEARER_TOKEN}", "content-type": "application/json", "prefer": "respond-async"}
    try:
        common.post(f"{URL}/{route}", headers, json.dumps(body).encode())
    except Exception as error:
        if isinstance(error, HttpError):
            error.problem = problem(error.answer)
        if is_repeat or getattr(error, "is_refused", False):
            raise
        time.sleep(PAUSE_SECONDS)  # a gateway may not repeat its webhook
        post(route, body, is_repeat=True)


def problem(answer):
    """What is wrong, for the log. It has neither texts nor numbers."""
    try:
        details = json.loads(answer)
        return f"{details['type']}: {details['detail']}"
    except (ValueError, LookupError, TypeError):
        return ""  # the answer is not Patchbay's, but API Gateway's or a proxy's


def options(data):
    """The options that fallbackText numbers, in order, each with what its answer says."""
    shown = dict(re.findall(r"^(\d+)\. (.*)$", data["fallbackText"], re.MULTILINE))
    found = []
    try:
        for type, option in offered(data.get("content", [])):
            text = shown.get(str(len(found) + 1)) if type == "DatePicker" else option.get("text")
            if text:
                payload = option.get("dateTime") or option.get("payload") or text
                found.append({"originatingMessageId": data["messageId"], "type": type, "text": text, "payload": payload})
        # A number that means something else to the customer is no choice.
        agrees = all(shown.get(str(number)) == " ".join(one["text"].split()) for number, one in enumerate(found, 1))
        return found if agrees else []
    except (AttributeError, LookupError, TypeError):
        return []  # a part of another form than documented


def offered(content):
    """Each option, with the type of its answer: "An answer by number" in docs/content-types.md."""
    for part in content:
        match part.get("contentType"):
            case "QuickReply":
                yield "QuickReply", part["quickReply"]
            case "QuickReplyV2":
                yield from (("QuickReply", action) for action in part["quickReplyV2"]["actions"])
            case "Card":
                yield from buttons(part["card"])
            case "Carousel":
                yield from (button for card in part["carousel"]["cards"] for button in buttons(card))
            case "Notification":
                links = ("url", "phoneNumber")
                buttons_of_it = part["template"].get("buttons", [])
                yield from (("QuickReply", one) for one in buttons_of_it if not any(one.get(link) for link in links))
            case "DatePicker":
                yield from (("DatePicker", time) for time in part["datePicker"].get("availableTimes", []))


def buttons(card):
    actions = card.get("actions", [])
    default = card.get("defaultAction")
    if default and all(default.get("payload") != action.get("payload") for action in actions):
        actions = [*actions, default]
    return (("Button", action) for action in actions if action["type"] != "Link")
