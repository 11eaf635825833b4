"""Genesys Cloud's signature, which the webhook's body needs."""

import base64
import hashlib
import hmac


def signature(secret, body):
    return "sha256=" + base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
