"""Read which AWS operation an HTTP request asks for, and for whom."""

import io
import json
import re
from typing import Any
from urllib.parse import parse_qs

from botocore.parsers import RpcV2CBORParser

from sandbox.aws.services.s3.requests import read_s3
from sandbox.aws.state.call_log import Call

READS = (
    "Describe",
    "List",
    "Get",
    "BatchGet",
    "Filter",
    "Query",
    "Scan",
    "Head",
    "AssumeRole",
    "Lookup",
    "Select",
    "Search",
)
CREDENTIAL = re.compile(r"Credential=(?P<key>[^/]+)/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/")
RPC_PATH = re.compile(r"/service/[^/]+/operation/(?P<action>\w+)")
VERSION = "Version"  # how the query protocols name the API's version
TERRAFORM = "terraform"  # part of the user agent of its provider and of its backend
HTTP_READS = {"GET", "HEAD", "OPTIONS"}


def read_call(environ: dict[str, Any]) -> tuple[Call, str]:
    """Return the call a request makes and its access key; the request's body can be read again afterwards."""
    if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", ""):
        body = environ["wsgi.input"].read()
        environ["CONTENT_LENGTH"] = str(len(body))
        del environ["HTTP_TRANSFER_ENCODING"]
    else:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    match = CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    service = match["service"] if match else "unknown"
    region = match["region"] if match else ""
    key = match["key"] if match else ""
    action, params = read_s3(environ) if service == "s3" else _action(environ, body)
    mutates = not action.startswith(READS) if action else environ["REQUEST_METHOD"] not in HTTP_READS
    name = action or f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
    version = params.pop(VERSION, "") if isinstance(params, dict) else ""
    agent = TERRAFORM if TERRAFORM in environ.get("HTTP_USER_AGENT", "").lower() else ""
    return Call(service, name, region, mutates, params, version=version, agent=agent), key


def _action(environ: dict[str, Any], body: bytes) -> tuple[str, Any]:
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        try:
            return target.rsplit(".", 1)[-1], json.loads(body or b"{}")
        except ValueError:
            return target.rsplit(".", 1)[-1], None
    if match := RPC_PATH.search(environ.get("PATH_INFO", "")):
        return match["action"], _from_cbor(body)
    if "x-www-form-urlencoded" in environ.get("CONTENT_TYPE", ""):
        fields = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        return fields.get("Action", ""), {name: value for name, value in fields.items() if name != "Action"}
    return "", None


def _from_cbor(body: bytes) -> Any:
    """Return the members of a request in CBOR."""
    parser: Any = RpcV2CBORParser()
    return parser.parse_data_item(io.BufferedReader(io.BytesIO(body))) if body else {}
