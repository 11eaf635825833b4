"""Uses Twilio's official Python client against the simulated Twilio, and its validator for webhooks: each line of the input is
a call, each line of the output what came of it."""

import json
import sys
from urllib.parse import parse_qsl, urlsplit

from multidict import MultiDict
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

FORM = "application/x-www-form-urlencoded"


class Simulated(TwilioHttpClient):
    """Sends what is for any of Twilio's hosts to the simulated Twilio."""

    def __init__(self, origin):
        super().__init__()
        self.origin = origin

    def request(self, method, url, *arguments, **options):
        parts = urlsplit(url)
        return super().request(method, self.origin + parts._replace(scheme="", netloc="").geturl(), *arguments, **options)


def validate(url, body, content_type, signature, token):
    params = body
    if content_type.startswith(FORM):
        params = MultiDict(parse_qsl(body, keep_blank_values=True, strict_parsing=True))
    return RequestValidator(token).validate(url, params, signature)


def members(resource):
    if isinstance(resource, bool):
        return resource
    if isinstance(resource, list):
        return [members(each) for each in resource]
    return {name: value for name, value in vars(resource).items() if not name.startswith("_")}


def call(resource, method, arguments, sid=None, inner=None):
    target = client
    for name in resource.split("."):
        target = getattr(target, name)
    if sid is not None:
        target = target(sid)
    if inner is not None:
        name, sid = inner
        target = getattr(target, name)(sid)
    try:
        return members(getattr(target, method)(**arguments))
    except TwilioRestException as error:
        return {"refused": error.code, "status": error.status}


url, username, password, account_sid = sys.argv[1:]
client = Client(username, password, account_sid, http_client=Simulated(url))
for line in sys.stdin:
    given = json.loads(line)
    result = validate(**given) if "signature" in given else call(**given)
    print(json.dumps({"raw": result}, default=str), flush=True)
