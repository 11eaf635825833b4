"""What Schemathesis cannot know: how the platform signs its webhooks, what it has no place for, and where files are."""

import base64
import copy
import hashlib
import hmac
import itertools
import os
import re

import jsonschema_rs
import requests
import schemathesis

ASSETS_URL = os.environ["ASSETS_URL"]
INTEGRATION_ID = os.environ["INTEGRATION_ID"]
WEBHOOK_SECRET = os.environ["WEBHOOK_SECRET"].encode()
SIGNATURE = "X-Hub-Signature-256"
TO_BE_SIGNED = "to be signed"
MEDIA_TYPE = r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}(;[\t -~]*)?"
KEY = r"(?=.{1,255}$)[!-~]([ -~]*[!-~])?"
COUNTER = itertools.count()
# The good ways to name a user of the platform: the integration's cards go to customers.
USERS = {
    "userId": r"(?=.{1,128}$)[A-Za-z0-9._-]*[A-Za-z0-9_-][A-Za-z0-9._-]*",
    "channelId": r"(?=.{1,133}$)user:[A-Za-z0-9._-]*[A-Za-z0-9_-][A-Za-z0-9._-]*",
    "email": r"(?=.{3,254}$)[^\s\x00-\x1f\x7f-\x9f]+@[^@\s\x00-\x1f\x7f-\x9f]+",
}


class PlatformSignature(requests.auth.AuthBase):
    """Signs the bytes that are sent, unless a check has taken the signature out or put a bad one in."""

    def __call__(self, request):
        if request.headers.get(SIGNATURE) == TO_BE_SIGNED:
            body = request.body or b""
            body = body.encode() if isinstance(body, str) else body
            digest = hmac.new(WEBHOOK_SECRET, body, hashlib.sha256).digest()
            request.headers[SIGNATURE] = "sha256=" + base64.b64encode(digest).decode()
        return request


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.path.endswith("/webhook"):
        kwargs["auth"] = PlatformSignature()
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and re.fullmatch(KEY, key):
        case.headers["Idempotency-Key"] = key[:200] + unique()
    if case.path.endswith("/webhook") and case.meta.generation.mode.is_positive:
        case.body = of_this_integration(copy.deepcopy(case.body))
    elif isinstance(case.body, dict):
        body = copy.deepcopy(case.body)
        if not case.meta.generation.mode.is_positive and is_good_as_read(case.operation, body):
            body = {"surprise": 1}
        case.body = fitting(case.operation.definition.raw["operationId"], body)


def is_good_as_read(operation, body):
    """Whether all that is bad in a body is accepted: members that are null, blank or empty, which count as absent where others
    do, and what the descriptions name in addition to the schemas."""
    read = READ.get(operation.definition.raw["operationId"], lambda body: body)
    schema = operation.definition.raw["requestBody"]["content"]["application/json"]["schema"]
    whole = schema | {"components": operation.schema.raw_schema["components"]}
    is_valid = jsonschema_rs.Draft202012Validator(whole).is_valid
    without = (without_blanks(read(body), empty) for empty in (([], {}), ()))
    return any(cleaned != body and is_valid(cleaned) for cleaned in without)


def receipts_as_read(body):
    """A receipt's time, reasons and finality are never bad, and in a list each receipt has an outcome of its own."""
    if isinstance(receipts := body.get("receipts"), list):
        return body | {"receipts": [RECEIPT for receipt in receipts if receipt is not None]}
    return {name: member for name, member in body.items() if name not in ("time", "reasons", "isFinalReceipt")}


def card_as_read(value):
    """An action's `payload` or `url` that its type does not use is dropped."""
    if isinstance(value, list):
        return [card_as_read(element) for element in value]
    if not isinstance(value, dict):
        return value
    dropped = DROPPED.get(value.get("type")) if isinstance(value.get("type"), str) else None
    return {name: card_as_read(member) for name, member in value.items() if name != dropped}


RECEIPT = {"messageId": "m", "to": {"id": "c"}, "status": "delivered"}
DROPPED = {"postBack": "url", "Postback": "url", "imBack": "url", "openUrl": "payload", "Link": "payload"}
READ = {"postReceipts": receipts_as_read, "sendCard": card_as_read}


def without_blanks(value, empty):
    """Without members that are null, blank or one of `empty`."""
    if isinstance(value, dict):
        members = {name: without_blanks(member, empty) for name, member in value.items() if not is_blank(member)}
        return {name: member for name, member in members.items() if member not in empty}
    if isinstance(value, list):
        return [without_blanks(element, empty) for element in value if element is not None]
    return value


def is_blank(value):
    return value is None or isinstance(value, str) and not value.strip()


def of_this_integration(webhook):
    """A good webhook, of whichever platform, as one of the integration's own."""
    channel = webhook.get("channel")
    channel = channel if isinstance(channel, dict) else {}
    ends = {name: channel[name] for name in ("from", "to") if is_party(channel.get(name))}
    parts = webhook.get("content")
    if not isinstance(parts, list) or not all(isinstance(part, dict) and "contentType" in part for part in parts):
        webhook.pop("content", None)
    webhook["channel"] = ends | {"id": INTEGRATION_ID, "messageId": "message" + unique()}
    webhook.setdefault("type", "Text")
    return webhook


def is_party(value):
    return isinstance(value, dict) and isinstance(value.get("id"), str)


def fitting(operation, body):
    """The body with what is good by the document and refused by this integration, or because it came before, in another
    form: so more is tried than that. What is not good by the document stays as it is."""
    if operation in ("postInboundMessage", "postInboundResponse") and is_text(id := body.get("messageId")):
        if len(id.encode()) <= 500:
            body["messageId"] = id + unique()
    if operation.startswith("postInbound") and isinstance(time := body.get("time"), str):
        # A schema cannot say that a time must not be long before or after now.
        body["time"] = re.sub(r"^\d{4}(?=-\d\d-\d\d[Tt])", "2024", time)
    for name in ("customAttributes", "metadata") if operation.startswith("postInbound") else ():
        if isinstance(texts := body.get(name), dict):
            body[name] = {key: str(value) if is_inexact(value) else value for key, value in texts.items()}
    if operation == "postInboundMessage":
        without_others(body, INBOUND_OF_OTHERS, "text")
    if operation == "postInboundEvent":
        without_others(body, EVENT_OF_OTHERS, None)
    if operation == "sendAgentlessMessage":
        without_others(body, AGENTLESS_OF_OTHERS, "textBody")
        if is_text(text := body.get("textBody")) and body.get("toAddressMessengerType", "open") in ("open", "sms"):
            # Genesys Cloud limits what the document allows for HighLevel.
            body["textBody"] = text[:765]
    if operation == "postReceipts":
        for receipt in [body, *(body.get("receipts") if isinstance(body.get("receipts"), list) else [])]:
            if isinstance(receipt, dict):
                without_others(receipt, RECEIPT_OF_OTHERS, None)
    if operation == "sendCard" and len(body.keys() & {"to", *USERS}) == 1:
        for name, pattern in USERS.items():
            if isinstance(body.get(name), str) and re.fullmatch(pattern, body[name]):
                body["to"] = body.pop(name)
    if operation == "sendAgentMessage" and isinstance(media := body.get("media"), dict):
        if isinstance(url := media.get("url"), str) and url.lower().startswith("https:"):
            media["url"] = ASSETS_URL + "/parcel.png"
            if isinstance(stated := media.get("contentType"), str) and re.fullmatch(MEDIA_TYPE, stated):
                media["contentType"] = "image/png"
    return body


def without_others(body, members, text):
    """Leaves out the members that are good by the document and for another platform. A text stands in for their content."""
    of_others = [name for name, is_good in members.items() if name in body and is_good(body[name])]
    for name in of_others:
        del body[name]
    if of_others and text and not body.keys() & {text, "attachment", "attachments", "messagingTemplate"}:
        body[text] = "In place of what another platform has"


def is_inexact(value):
    return isinstance(value, (int, float)) and abs(value) >= 2**53


def is_text(value):
    return isinstance(value, str) and bool(value.strip())


def unique():
    return f"-{next(COUNTER)}"


def is_id(value):
    return is_text(value) and len(value.encode()) <= 512


def is_addresses(value):
    return is_text(value) or isinstance(value, list) and len(value) <= 100 and all(map(is_text, value))


def is_object_of(**members):
    def is_it(value):
        return isinstance(value, dict) and value.keys() <= members.keys() and all(
            is_good(value[name]) for name, is_good in members.items() if name in value
        )

    return is_it


def is_one_of(*words):
    return lambda value: isinstance(value, str) and value in words


CHANNELS = ("SMS", "RCS", "Email", "WhatsApp", "IG", "FB", "Custom", "Live_Chat", "TIKTOK")
CALLS = ("Call", "IVR_Call", "Campaign_Call", "Campaign_VoiceMail")
OTHER_CHANNELS = ("GMB", "WebChat", "ALL_IN_ONE_CHAT", "FORM_SUBMISSION")
STATUSES = ("pending", "completed", "answered", "busy", "no-answer", "failed", "canceled", "voicemail")
EMAIL = {"subject": is_text, "html": is_text, "from": is_text, "to": is_text, "cc": is_addresses, "bcc": is_addresses}
# What Genesys Cloud has no place for.
INBOUND_OF_OTHERS = {
    "conversationId": is_id,
    "channel": is_one_of(*CHANNELS, *CALLS, *OTHER_CHANNELS),
    "email": is_object_of(**EMAIL, emailMessageId=is_id),
    "call": lambda call: is_object_of(to=is_id, **{"from": is_id}, status=is_one_of(*STATUSES))(call) and len(call) == 3,
}
EVENT_OF_OTHERS = {"conversationId": is_id, "visitorId": is_id}
AGENTLESS_OF_OTHERS = {
    "channel": is_one_of(*CHANNELS),
    "email": is_object_of(**EMAIL, replyMode=is_one_of("reply", "reply_all")),
    "attachments": lambda files: isinstance(files, list)
    and len(files) <= 10
    and all(is_object_of(url=lambda url: isinstance(url, str) and url.startswith("https://"))(file) and file for file in files),
    "templateId": is_id,
    "threadId": is_id,
    "replyMessageId": is_id,
    "scheduledTimestamp": lambda value: isinstance(value, (int, float)) and value % 1 == 0 and 0 <= value < 2**53,
    "fromNumber": is_id,
    "conversationProviderId": is_id,
}
RECEIPT_OF_OTHERS = {"emailMessageId": is_id}


@schemathesis.check
def a_problem_is_one_that_the_response_lists(ctx, response, case):
    """The schemas name one problem for all responses; each response lists its own in an extension."""
    if response.headers.get("content-type", [""])[0] != "application/problem+json":
        return
    responses = case.operation.definition.raw["responses"]
    documented = responses.get(str(response.status_code)) or responses[f"{response.status_code // 100}XX"]
    if "$ref" in documented:
        documented = case.operation.schema.raw_schema["components"]["responses"][documented["$ref"].rpartition("/")[2]]
    listed, problem = documented["content"]["application/problem+json"]["x-problem-types"], response.json()
    if problem["status"] != response.status_code or problem["type"].removeprefix("urn:patchbay:problem:") not in listed:
        raise AssertionError(f"not a problem of {response.status_code}: {problem['type']}, {problem['status']}")


@schemathesis.check
def what_is_good_by_the_document_is_read(ctx, response, case):
    """What the platform, or the integration's configuration, says of it afterwards is theirs."""
    if not case.meta.generation.mode.is_positive or response.status_code not in (400, 403):
        return
    problem = response.json()
    if problem["type"] != "urn:patchbay:problem:platform-refused":
        raise AssertionError(f"refused: {problem['detail']}")
