"""Tell what of a request the simulated AWS would ignore, so that it is refused instead."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

from sandbox.aws.http.honoured import HONOURED
from sandbox.aws.state.call_log import Call

LIST_PARTS = re.compile(r"\.(?:member|entry|\d+)(?=\.|$)")  # how the query protocols number the items of a list
LEGACY_BALANCERS = "2012-06-01"  # the version by which a request asks for Classic Load Balancers
OF_EVERY_S3_REQUEST = (  # headers about the request itself
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-user-agent",
    "x-amz-decoded-content-length",
    "x-amz-trailer",
    "x-amz-request-payer",
    "x-amz-expected-bucket-owner",
    "x-amz-source-expected-bucket-owner",
)
S3_PREFIXES = ("x-amz-content-", "x-amz-checksum-", "x-amz-sdk-checksum-", "x-amz-meta-")
S3_CONDITIONS = ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "range")
PRESIGNED = re.compile("(?i)x-amz-|x-id$")  # query parameters of a signature, and botocore's own name of the operation


def refusal_of(call: Call, environ: dict[str, Any]) -> str:
    """Return why a call is refused, or "" if everything in it is honoured."""
    honoured = HONOURED.get(call.service, {})
    legacy = isinstance(call.params, dict) and call.version == LEGACY_BALANCERS
    if call.action not in honoured or legacy:
        return f"The sandbox does not know {call.action}."
    known = honoured[call.action].split()
    given = _s3_members(environ) if call.service == "s3" else _members(call.params)
    for member in given:
        if not any(member == each or member.startswith(f"{each}.") for each in known):
            return f"The sandbox does not honour {member} of {call.action}; leave it out."
    return ""


def _members(params: Any) -> Iterator[str]:
    """Yield the members that a request gives, dotted. An absent, false or empty one asks for nothing."""
    for name, value in (params or {}).items():
        yield from _inner(LIST_PARTS.sub("", name), value)


def _inner(path: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for name, each in value.items():
            yield from _inner(f"{path}.{name}", each)
    elif isinstance(value, list):
        for each in value:
            yield from _inner(path, each)
    elif value is not None and value is not False and value not in ("", "false", {}):
        yield path


def _s3_members(environ: dict[str, Any]) -> Iterator[str]:
    for name, _ in parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True):
        if not PRESIGNED.match(name):
            yield name
    headers = {key[5:].lower().replace("_", "-") for key in environ if key.startswith("HTTP_")}
    for name in sorted(headers):
        own = name in OF_EVERY_S3_REQUEST or name.startswith(S3_PREFIXES)
        if name in S3_CONDITIONS or (name.startswith("x-amz-") and not own):
            yield name
