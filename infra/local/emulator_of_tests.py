"""The emulated AWS for the tests of a class."""

import functools
import tempfile
import types
from pathlib import Path

import boto3
from emulator import REGION, Emulator


def start(case):
    """Starts one until the class's tests have ended, and returns a function that makes a client of a service."""
    folder = Path(case.enterClassContext(tempfile.TemporaryDirectory()))
    emulator = Emulator(types.SimpleNamespace(folder=folder, temporary=folder))
    case.addClassCleanup(emulator.stop)
    emulator.wait()
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return functools.partial(boto3.client, endpoint_url=emulator.url, region_name=REGION, **keys)
