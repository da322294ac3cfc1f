"""Error responses in the caller's protocol. Clients would retry an HTML error page for minutes."""

import json
import re
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

from moto.core.exceptions import ServiceException

HTML = re.compile(rb"<(?:!doctype )?html|<title>", re.IGNORECASE)
CODE, MESSAGE = re.compile(r"<Code>(.*?)</Code>"), re.compile(r"<Message>(.*?)</Message>", re.DOTALL)
XML = {  # what each root element of an XML error is, by the service's signing name; other services speak JSON
    "s3": "<Error>{}<RequestId>sandbox</RequestId></Error>",
    "ec2": "<Response><Errors><Error>{}</Error></Errors><RequestID>sandbox</RequestID></Response>",
    **dict.fromkeys(
        (
            "autoscaling",
            "cloudformation",
            "cloudfront",
            "elasticache",
            "elasticloadbalancing",
            "iam",
            "monitoring",
            "rds",
            "route53",
            "sns",
            "sts",
            "unknown",
        ),
        "<ErrorResponse><Error><Type>Sender</Type>{}</Error><RequestId>sandbox</RequestId></ErrorResponse>",
    ),
}
REST = (
    "cloudfront",
    "route53",
    "s3",
)  # speak XML whatever the type of a request's body, such as of an object that is JSON


class ApiError(ServiceException):
    """An error of an operation: its code and its message."""


def refuse(
    environ: dict[str, Any],
    start: Callable[..., None],
    service: str,
    code: str,
    message: str,
    status: str = "400 Bad Request",
) -> bytes:
    """Return an error response in the format of this service and protocol."""
    kind = "" if service in REST else environ.get("CONTENT_TYPE", "")
    if "cbor" in kind:
        start(status, [("Content-Type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")])
        return b"\xa2" + b"".join(_cbor(text) for text in ("__type", code, "message", message))
    if environ.get("HTTP_X_AMZ_TARGET") or "json" in kind or service not in XML:
        start(status, [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-errortype", code)])
        return json.dumps({"__type": code, "message": message}).encode()
    start(status, [("Content-Type", "text/xml")])
    return XML[service].format(f"<Code>{code}</Code><Message>{escape(message)}</Message>").encode()


def is_page(status: int, headers: list[tuple[str, str]], body: bytes) -> bool:
    """Tell whether a response is a web server's error page rather than an error of AWS."""
    kind = next((value for name, value in headers if name.lower() == "content-type"), "")
    return status >= 400 and "html" in kind and HTML.search(body[:300]) is not None


def error_of(body: bytes) -> str:
    """Return the code and message of an error answer, for the call log."""
    text = body.decode(errors="replace")
    try:
        document = json.loads(text)
        code = str(document.get("__type", "")).rsplit("#", 1)[-1]
        return f"{code}: {document.get('message', document.get('Message', ''))}"
    except (ValueError, AttributeError):  # not JSON, or no object
        code_tag, message = CODE.search(text), MESSAGE.search(text)
        return f"{code_tag[1]}: {message[1] if message else ''}" if code_tag else text[:300]


def _cbor(text: str) -> bytes:
    """Encode one text string."""
    data = text.encode()
    return b"\x79" + len(data).to_bytes(2, "big") + data
