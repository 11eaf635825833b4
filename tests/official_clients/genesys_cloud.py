"""Makes calls with Genesys Cloud's official Python client: each line of the input is a call, each line of the output what the
client sent and what it made of the answer."""

import inspect
import json
import sys
from types import SimpleNamespace

import PureCloudPlatformClientV2 as sdk
from PureCloudPlatformClientV2.rest import ApiException


class Caller:
    def __init__(self, url, client_id, client_secret):
        self.client = sdk.ApiClient(host=url)
        self.client.get_client_credentials_token(client_id, client_secret)
        self.read = self.client.deserialize
        self.client.deserialize = self.keep
        self.answer = {}

    def keep(self, response, model_name):
        """Reads an answer, and keeps both the JSON and what the model has of it."""
        model = self.read(response, model_name)
        self.answer = {"raw": json.loads(response.data), "model": self.client.sanitize_for_serialization(model)}
        return model

    def call(self, api, method, arguments, options, body=None):
        function = getattr(getattr(sdk, api)(self.client), method)
        self.answer, sent = {}, None
        if body is not None:
            model_name = inspect.signature(function).parameters["body"].annotation
            json_answer = SimpleNamespace(data=json.dumps(body), getheader=lambda _: "application/json")
            model = self.read(json_answer, model_name)
            sent = self.client.sanitize_for_serialization(model)
            arguments = [*arguments, model]
        try:
            function(*arguments, **options)
        except ApiException as error:
            return {"error": f"{error.status} {error.body}"}
        return {"sent": sent, **self.answer}


caller = Caller(*sys.argv[1:])
for line in sys.stdin:
    print(json.dumps(caller.call(**json.loads(line))), flush=True)
