"""A messaging service for Patchbay that sends SMS through a gateway.

    Patchbay ──── POST /deliveries ─────────► the gateway: SMS
    the gateway ─ POST /statuses, /replies ─► Patchbay: receipts, messages, choices

A request is answered 200 once the other side has its content. Until then it is repeated, and the other side recognises
the repeat. So there is no queue here.
"""

import json
import os
import sys
import time
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import gateway
import patchbay
from common import HttpError
from store import KEPT_SECONDS, Store

LARGEST_BODY = 8 * 1024 * 1024
OPTIONS_SECONDS = 24 * 3600  # how long a "2" is an option of the last message
OLDEST_REPLY_SECONDS = KEPT_SECONDS - 24 * 3600  # a day less, as the gateway's clock may be ahead
STOP, START = {"STOP", "STOPALL", "UNSUBSCRIBE"}, {"START", "UNSTOP"}
STOP_UNLESS_OFFERED = {"CANCEL", "END", "QUIT"}  # unless it is the text of an open option
MESSAGES, RESPONSES = "inbound/messages", "inbound/responses"
OPTED_OUT = {"code": "RecipientOptedOut", "message": "The customer has answered STOP."}

store = Store(os.environ.get("DATABASE", "sms.db"))


def take_delivery(headers, body):
    """From Patchbay: a message to send, a reply that could not be posted, or something that SMS cannot show."""
    delivery = json.loads(body)
    data = delivery["data"]
    if delivery.get("type") == "inbound.failed":
        return take_failure(data)
    if data.get("intent") != "send" or "fallbackText" not in data:
        return 200
    to = data.get("to", {})
    numbers = data.get("recipients") or [to.get("phone") or to.get("id")]
    if data.get("public") or not all(numbers):
        return 422  # not for this channel: the agent sees that it failed
    receipt = {"messageId": data["messageId"], "to": {name: to[name] for name in ("id", "idType") if name in to}}
    for index, number in enumerate(numbers):
        send(f"{headers['webhook-id']}/{index}", number, data["fallbackText"], patchbay.options(data), receipt)
    return 200


def send(key, number, text, options, receipt):
    with store.transaction():
        earlier = store.add_sms(key, json.dumps(receipt))
        if earlier not in (None, "taken"):
            return  # a repeat
        is_opted_out = store.customer(number)["opted_out"]
        if not is_opted_out:
            # Before it is sent: the answer may be here before the gateway's. The customer may have it from an earlier attempt,
            # and have chosen.
            offer = {} if earlier else {"options": json.dumps(options)}
            store.remember(number, offered_at=time.time(), **offer)
    if is_opted_out:
        return report(receipt, "rejected", [OPTED_OUT])
    try:
        gateway.send(key, number, text)
    except HttpError as error:
        if not error.is_refused:
            raise
        return report(receipt, "failed", [gateway.reason_of_refusal(error.answer)])
    with store.transaction():
        store.set_state(key, "sent")


def report(receipt, status, reasons):
    """The agent sees the outcome. Of several failures of a message Patchbay posts one."""
    patchbay.post("receipts", receipt | {"status": status, "reasons": reasons})


def take_failure(data):
    """What Patchbay could not post. A choice that the platform refused, of an old card for example, becomes a text."""
    log(f"{data['messageId']} ({data['route']})", f"{data['reason']}: {data['detail']}")
    if (data["route"], data["reason"]) == (RESPONSES, "platform-refused"):
        patchbay.post(MESSAGES, as_text(data["original"]))
    return 200


def as_text(choice):
    """The id is derived: a repeat has the same one."""
    return {name: choice[name] for name in ("from", "time", "text")} | {"messageId": f"{choice['messageId']}-text"}


def take_status(_, body):
    """The gateway reports the status of an SMS."""
    key, status, reasons = gateway.read_status(body)
    with store.transaction():
        receipt = store.finish(key, status) if status else None
    if receipt:
        report(json.loads(receipt), status, reasons)
    return 200


def take_reply(_, body):
    """From the gateway: what a customer wrote, which may choose an option, or be STOP."""
    id, number, written_at, text = gateway.read_reply(body)
    if time.time() - written_at > OLDEST_REPLY_SECONDS:
        return 422  # its id may be deleted: perhaps a replay. If it is none, the gateway shows the failure
    at = datetime.fromtimestamp(written_at, timezone.utc).isoformat()
    reply = {"messageId": f"reply-{id}", "from": {"id": number, "idType": "Phone"}, "time": at, "text": text}
    word = normalized(text)
    with store.transaction():
        chosen = None if word in STOP | START else choice(open_options(number), word)
        if store.add_reply(id, json.dumps(reply | (chosen or {}))):
            if chosen:
                store.remember(number, options="[]")
            elif word in STOP | STOP_UNLESS_OFFERED | START:
                store.remember(number, opted_out=word not in START)
        body = store.body_of_reply(id)  # of the first time: a repeat is no other choice
    if body:
        post_reply(json.loads(body))
        with store.transaction():
            store.remove_body(id)
    return 200


def post_reply(reply):
    route = RESPONSES if "payload" in reply else MESSAGES
    try:
        patchbay.post(route, reply)
    except HttpError as error:
        if (route, error.code) != (RESPONSES, 501):
            raise
        patchbay.post(MESSAGES, as_text(reply))  # this platform takes no choices


def open_options(number):
    customer = store.customer(number)
    is_open = time.time() - customer["offered_at"] < OPTIONS_SECONDS
    return json.loads(customer["options"]) if is_open else []


def choice(options, word):
    """The option that the customer names by its number or its text."""
    for number, option in enumerate(options, 1):
        if word.rstrip(".)") == str(number) or word == normalized(option["text"]):
            return option


def normalized(text):
    return " ".join(text.split()).upper()


def log(what, problem):
    """Neither texts nor numbers."""
    print(f"{what}: {problem}", file=sys.stderr, flush=True)


class Handler(BaseHTTPRequestHandler):
    timeout = 10
    routes = {
        "/deliveries": (patchbay.verify, take_delivery),
        "/statuses": (gateway.verify, take_status),
        "/replies": (gateway.verify, take_reply),
    }

    def do_POST(self):
        status, retry_after = self.answer()
        self.send_response(status)
        self.send_header("content-length", "0")
        if retry_after:
            self.send_header("retry-after", retry_after)
        self.end_headers()

    def answer(self):
        """The status, and when to send it again."""
        length = int(self.headers.get("content-length", 0))
        if self.path not in self.routes or not 0 <= length <= LARGEST_BODY:
            return 404 if self.path not in self.routes else 413, None
        verify, take = self.routes[self.path]
        body = self.rfile.read(length)
        try:
            return take(self.headers, body) if verify(self.headers, body) else 401, None
        except Exception as error:
            code, problem, retry_after = (getattr(error, name, "") for name in ("code", "problem", "retry_after"))
            log(self.path, f"{type(error).__name__} {code} {problem}")
            return 422 if getattr(error, "is_refused", False) else 503, retry_after


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "9000"))), Handler)
    print(f"Listening at http://127.0.0.1:{server.server_port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
