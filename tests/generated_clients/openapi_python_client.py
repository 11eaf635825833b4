"""Makes calls with the client that openapi-python-client generated, which is in the folder that is the first argument.

Reads a list of calls, and prints what came of each: the status, the body's type in the client, and the body as that type has it.
"""

import importlib
import json
import pkgutil
import re
import sys
import typing

from hub_signature import signature

FOLDER, URL, TOKEN, SECRET = sys.argv[1:]
sys.path.insert(0, FOLDER)
client_package = importlib.import_module("client")
api = importlib.import_module("client.api")
FUNCTIONS = {
    module.name.rpartition(".")[2]: importlib.import_module(module.name)
    for module in pkgutil.walk_packages(api.__path__, "client.api.")
    if not module.ispkg
}


def sign(request):
    if request.url.path.endswith("/webhook"):
        request.headers["X-Hub-Signature-256"] = signature(SECRET, request.read())


def snake_case(name):
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def model(annotation, value):
    """The value as the first of the annotated types that can read it."""
    for one in typing.get_args(annotation) or (annotation,):
        try:
            return one.from_dict(value)
        except (AttributeError, KeyError, ValueError):
            continue
    raise TypeError(f"{annotation} has no place for {value}")


def call(request, client):
    function = FUNCTIONS[snake_case(request["operation"])].sync_detailed
    arguments = {snake_case(name): value for name, value in request["path"].items()}
    if request["body"] is not None:
        arguments["body"] = model(typing.get_type_hints(function)["body"], request["body"])
    response = function(**arguments, client=client)
    return {
        "status": int(response.status_code),
        "type": type(response.parsed).__name__,
        "body": response.parsed.to_dict(),
        "raw": json.loads(response.content),
    }


hooks = {"request": [sign]}
client = client_package.AuthenticatedClient(URL, TOKEN, timeout=30, httpx_args={"event_hooks": hooks})
json.dump([call(request, client) for request in json.load(sys.stdin)], sys.stdout)
