"""The signature that GitHub puts on a delivery: HMAC-SHA256 of the body with the secret of the webhook."""

import hmac
import re
from hashlib import sha256

HEADER = "X-Hub-Signature-256"
FORM = re.compile(r"sha256=[0-9a-f]{64}")


def has_form(signature: str | None) -> bool:
    """Tell whether a header could be a signature at all, before a body is read for it."""
    return signature is not None and bool(FORM.fullmatch(signature))


def fits(secret: str, body: bytes, signature: str | None) -> bool:
    """Tell whether a body was signed with a secret, in a time that says nothing about either. No secret fits nothing."""
    wanted = "sha256=" + hmac.new(secret.encode(), body, sha256).hexdigest()
    same = hmac.compare_digest(wanted.encode(), (signature or "").encode())
    return same and bool(secret)
