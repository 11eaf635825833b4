"""A messaging service for Patchbay that sends SMS through a gateway.

    Patchbay ──── POST /deliveries ─────────► tasks ───► the gateway: SMS
    the gateway ─ POST /statuses, /replies ─► tasks ───► Patchbay: receipts, messages, choices

A request is answered once its task is on disk. A worker does the task, and repeats it until it is done, after a crash
too, under the same key: by it the other side recognises a repeat.
"""

import json
import os
import random
import re
import sys
import threading
import time
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import gateway
import patchbay
from store import KEPT_SECONDS, Store

LARGEST_BODY = 8 * 1024 * 1024
GIVE_UP_SECONDS = 24 * 3600
LONGEST_WAIT_SECONDS = 300
OPTIONS_SECONDS = 24 * 3600  # how long a "2" is an option of the last message
OLDEST_REPLY_SECONDS = KEPT_SECONDS - 24 * 3600  # a day less, as the gateway's clock may be ahead
STOP, START = {"STOP", "STOPALL", "UNSUBSCRIBE"}, {"START", "UNSTOP"}
STOP_UNLESS_OFFERED = {"CANCEL", "END", "QUIT"}  # unless it is the text of an open option

store = Store(os.environ.get("DATABASE", "sms.db"))


def take_delivery(headers, body):
    """From Patchbay: a message to send, or something that SMS cannot show."""
    data = json.loads(body)["data"]
    if data.get("intent") != "send" or "fallbackText" not in data:
        return 200
    to = data.get("to", {})
    numbers = data.get("recipients") or [to.get("phone") or to.get("id")]
    if data.get("public") or not all(numbers):
        return 422  # not for this channel: the agent sees that it failed
    receipt = {"messageId": data["messageId"], "to": {name: to[name] for name in ("id", "idType") if name in to}}
    sms = {"text": data["fallbackText"], "options": patchbay.options(data)}
    with store.transaction():
        for index, number in enumerate(numbers):
            key = f"{headers['webhook-id']}/{index}"
            store.add(key, "sms", number, json.dumps(sms), json.dumps(receipt))
    return 200


def take_status(_, body):
    """The gateway reports the status of an SMS."""
    reference, status, reasons = gateway.read_status(body)
    if status:
        finish(reference, status, reasons)
    return 200


def take_reply(_, body):
    """From the gateway: what a customer wrote, which may choose an option, or be STOP."""
    id, number, written_at, text = gateway.read_reply(body)
    if time.time() - written_at > OLDEST_REPLY_SECONDS:
        return 422  # its key may be deleted: perhaps a replay. If it is none, the gateway shows the failure
    at = datetime.fromtimestamp(written_at, timezone.utc).isoformat()
    reply = {"messageId": f"reply-{id}", "from": {"id": number, "idType": "Phone"}, "time": at, "text": text}
    word = normalized(text)
    with store.transaction():
        chosen = None if word in STOP | START else choice(open_options(number), word)
        route = "inbound/responses" if chosen else "inbound/messages"
        if not store.add(reply["messageId"], route, number, json.dumps(reply | (chosen or {}))):
            return 200  # a repeat
        if chosen:
            store.remember(number, "options", "[]")
        elif word in STOP | STOP_UNLESS_OFFERED | START:
            store.remember(number, "opted_out", word not in START)
    return 200


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


def finish(key, status, reasons):
    """Records the outcome of an SMS, for the agent to see. A message to several numbers is delivered if all SMS are."""
    with store.transaction():
        sms = store.finish(key, "delivered" if status == "delivered" else "failed")
        if sms and (status != "delivered" or store.all_delivered(sms["receipt"])):
            receipt = json.loads(sms["receipt"]) | {"status": status, "reasons": reasons}
            message = key.rpartition("/")[0]
            store.add(f"{message}/receipt", "receipts", message, json.dumps(receipt))


def work(routes):
    """Does the tasks of these routes. What fails is repeated until it is refused or too old."""
    while True:
        task = store.next(routes)
        try:
            do(task)
        except patchbay.OutcomeUnknown as error:
            log(f"{task['key']} ({task['route']})", error)
            store.update(task, state="unknown")  # with the body: somebody has to look whether the agent has it
        except Exception as error:  # whatever it is, the task is not lost
            log(f"{task['key']} ({task['route']})", error)
            if getattr(error, "is_refused", False):
                give_up(task, "failed", error.answer)
            elif time.time() - task["taken_at"] > GIVE_UP_SECONDS:
                give_up(task, "expired")
            else:
                store.update(task, attempts=task["attempts"] + 1, due=time.time() + wait_seconds(task["attempts"], error))


def wait_seconds(attempts, error):
    """Exponential backoff with jitter, or what the other side asks for if that is longer."""
    backoff = min(2**attempts, LONGEST_WAIT_SECONDS) * random.uniform(0.5, 1)
    asked_for = getattr(error, "retry_after", "")
    return max(backoff, int(asked_for)) if re.fullmatch("[0-9]{1,5}", asked_for) else backoff


def do(task):
    if task["route"] != "sms":
        patchbay.call(task["route"], task["body"])
    elif not is_opted_out(task["customer"]):
        sms = json.loads(task["body"])
        offer(task["customer"], sms["options"])  # first: the answer may be here before the gateway's
        gateway.send(task["key"], task["customer"], sms["text"])
    else:
        opted_out = {"code": "RecipientOptedOut", "message": "The customer has answered STOP."}
        return finish(task["key"], "rejected", [opted_out])
    store.update(task, state="sent", body=None)


def is_opted_out(number):
    with store.transaction():
        return store.customer(number)["opted_out"]


def offer(number, options):
    """A number answers the last message. If that has no options, it is a text."""
    with store.transaction():
        store.remember(number, "options", json.dumps(options))
        store.remember(number, "offered_at", time.time())


def give_up(task, status, answer=None):
    """A message becomes a receipt that says why, and a choice that the platform does not take becomes a message."""
    if task["route"] == "sms":
        finish(task["key"], status, [] if answer is None else [gateway.reason_of_refusal(answer)])
    elif task["route"] == "inbound/responses":
        choice = json.loads(task["body"])
        message = {name: choice[name] for name in ("from", "time", "text")} | {"messageId": f"{choice['messageId']}-text"}
        store.update(task, route="inbound/messages", body=json.dumps(message))
    else:
        store.update(task, state="failed")  # with the body, which is the only copy


def log(what, error):
    """Neither texts nor numbers."""
    print(f"{what}: {type(error).__name__} {getattr(error, 'code', '')}", file=sys.stderr, flush=True)


class Handler(BaseHTTPRequestHandler):
    timeout = 10
    routes = {
        "/deliveries": (patchbay.verify, take_delivery),
        "/statuses": (gateway.verify, take_status),
        "/replies": (gateway.verify, take_reply),
    }

    def do_POST(self):
        self.send_response(self.status())
        self.send_header("content-length", "0")
        self.end_headers()

    def status(self):
        length = int(self.headers.get("content-length", 0))
        if self.path not in self.routes or not 0 <= length <= LARGEST_BODY:
            return 404 if self.path not in self.routes else 413
        verify, take = self.routes[self.path]
        body = self.rfile.read(length)
        try:
            return take(self.headers, body) if verify(self.headers, body) else 401
        except Exception as error:  # it is sent again
            log(self.path, error)
            return 500


def end(failed):
    """A worker that cannot use the store ends the process: whatever started it starts it again."""
    sys.excepthook(failed.exc_type, failed.exc_value, failed.exc_traceback)
    os._exit(1)


if __name__ == "__main__":
    threading.excepthook = end
    for routes in ("sms", "receipts", "inbound/%"):  # none waits for another
        threading.Thread(target=work, args=[routes], daemon=True).start()
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "9000"))), Handler)
    print(f"Listening at http://127.0.0.1:{server.server_port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
