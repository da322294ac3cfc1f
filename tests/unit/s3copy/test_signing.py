"""Every signature equals botocore's."""

from urllib.parse import quote

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from include.s3copy.signing import Keys, Signer

NOON = 1795262400.0  # 2026-11-21T12:00:00Z
TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r\n\0"), min_size=1, max_size=60)


def head(request: bytes) -> dict[str, str]:
    lines = request.split(b"\r\n\r\n")[0].decode().split("\r\n")
    return dict(line.split(": ", 1) for line in lines[1:])


@given(key=TEXT, query=st.dictionaries(st.sampled_from(["prefix", "uploadId", "uploads"]), TEXT), token=st.sampled_from(["", "t/+="]),
       body=st.binary(max_size=30))  # fmt: skip
def test_signatures_are_botocores(key: str, query: dict[str, str], token: str, body: bytes):
    path = quote(f"/core-data/{key}", safe="/-_.~")
    text = "&".join(f"{name}={quote(value, safe='-_.~')}" for name, value in sorted(query.items()))
    headers = {"x-amz-copy-source": quote(key, safe="/-_.~"), "x-amz-copy-source-if-match": '"e"'}
    signer = Signer("eu-west-2", Keys("AKIA", "secret", token), clock=lambda: NOON)
    ours = head(signer.request("PUT", "s3.example.org", path, text, headers, body))

    url = f"http://s3.example.org{path}" + (f"?{text}" if text else "")
    theirs = AWSRequest("PUT", url, headers=headers, data=body)
    theirs.context["timestamp"] = "20261121T120000Z"
    theirs.context["payload_signing_enabled"] = True
    auth = S3SigV4Auth(Credentials("AKIA", "secret", token or None), "s3", "eu-west-2")
    theirs.headers["x-amz-content-sha256"] = auth.payload(theirs)
    theirs.headers["X-Amz-Date"] = "20261121T120000Z"
    if token:
        theirs.headers["X-Amz-Security-Token"] = token
    canonical = auth.canonical_request(theirs)
    signature = auth.signature(auth.string_to_sign(theirs, canonical), theirs)
    assert ours["authorization"].rsplit("Signature=", 1)[1] == signature


def test_new_keys_and_a_new_day_are_signed_with_at_once():
    now = [NOON]
    signer = Signer("eu-west-2", Keys("AKIA", "secret"), clock=lambda: now[0])

    def credential() -> str:
        return head(signer.request("GET", "h", "/", "", {}, b""))["authorization"]

    before = credential()
    signer.keys = Keys("AKIB", "other")
    assert "AKIB/20261121/" in credential()
    signer.keys = Keys("AKIA", "secret")
    assert credential() == before
    now[0] += 86_400
    assert "AKIA/20261122/" in credential()


@pytest.mark.parametrize("body", [b"", b"<xml/>"])
def test_the_request_says_how_long_its_body_is(body: bytes):
    request = Signer("eu-west-2", Keys("AKIA", "secret")).request("POST", "h", "/k", "uploads=", {}, body)
    assert request.startswith(b"POST /k?uploads= HTTP/1.1\r\n")
    assert head(request)["content-length"] == str(len(body))
    assert request.endswith(b"\r\n\r\n" + body)
