"""The same as openapi_python_client.py with the client that OpenAPI Generator generated."""

import importlib
import json
import re
import sys
import typing

from hub_signature import signature

FOLDER, URL, TOKEN, SECRET = sys.argv[1:]
HEADERS = {"idempotency_key", "x_b3_trace_id", "traceparent", "x_correlation_id"}
sys.path.insert(0, FOLDER)
client_package = importlib.import_module("openapi_client")


class Signing(client_package.ApiClient):
    def call_api(self, method, url, header_params=None, body=None, *others, **options):
        if url.endswith("/webhook"):
            # As the client writes it.
            header_params["X-Hub-Signature-256"] = signature(SECRET, json.dumps(body).encode())
        return super().call_api(method, url, header_params, body, *others, **options)


def snake_case(name):
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def function_of(operation, client):
    apis = (getattr(client_package, name) for name in dir(client_package) if name.endswith("Api"))
    name = f"{snake_case(operation)}_with_http_info"
    return next(getattr(api(client), name) for api in apis if hasattr(api, name))


def body_of(function, given, value):
    """The name of the parameter that is neither given nor a header, and the value as its type."""
    hints = typing.get_type_hints(function)
    name = next(name for name in hints if name not in HEADERS | given.keys() and not name.startswith("_"))
    models = [one for one in typing.get_args(hints[name]) or (hints[name],) if hasattr(one, "from_dict")]
    return {name: models[0].from_dict(value) if models else value}


def call(request, client):
    function = function_of(request["operation"], client)
    arguments = {snake_case(name): value for name, value in request["path"].items()}
    if request["body"] is not None:
        arguments |= body_of(function, arguments, request["body"])
    try:
        response = function(**arguments)
        status, parsed, raw = response.status_code, response.data, response.raw_data
    except client_package.ApiException as error:
        status, parsed, raw = error.status, error.data, error.body
    parsed = getattr(parsed, "actual_instance", parsed)
    return {"status": status, "type": type(parsed).__name__, "body": parsed.to_dict(), "raw": json.loads(raw)}


client = Signing(client_package.Configuration(host=URL, access_token=TOKEN))
json.dump([call(request, client) for request in json.load(sys.stdin)], sys.stdout)
