"""The endpoint of a bucket and the signing of requests, as the boto3 client of its account and region would do it."""

from __future__ import annotations

import asyncio
import os
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from include.errors import PreconditionError
from include.s3copy.signing import Keys, Signer
from include.s3copy.transport import Pool

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

PLAIN = "/-_.~"  # characters that are not quoted in a request's path; S3 takes the path as it comes


class BucketEndpoint:
    """One bucket, addressed as its boto3 client addresses it (virtual host or path, FIPS, dual stack, a custom endpoint)."""

    def __init__(self, client: S3Client, bucket: str):
        self.bucket = bucket
        signed = client.generate_presigned_url("head_object", Params={"Bucket": bucket, "Key": "k"})
        url = urlsplit(signed)
        self.host = url.netloc
        self._base = unquote(url.path).removesuffix("k")
        self._credentials = _credentials(client)
        self._signer = Signer(client.meta.region_name, self._keys())
        tls = _tls() if url.scheme == "https" else None
        self.pool = Pool(url.hostname or "", url.port or (443 if tls else 80), tls)

    def request(self, method: str, key: str, query: dict[str, str], headers: dict[str, str], body: bytes) -> bytes:
        """Return the signed request for a key of the bucket, or for the bucket itself if the key is empty."""
        path = quote(self._base + key, safe=PLAIN)
        text = "&".join([f"{name}={quote(value, safe='-_.~')}" for name, value in sorted(query.items())])
        return self._signer.request(method, self.host, path, text, headers, body)

    async def renew(self) -> None:
        """Switch to the current credentials. botocore fetches new ones when they are about to expire."""
        self._signer.keys = await asyncio.to_thread(self._keys)

    def _keys(self) -> Keys:
        frozen = self._credentials.get_frozen_credentials()
        return Keys(frozen.access_key, frozen.secret_key, frozen.token or "")


def _credentials(client: S3Client) -> Any:
    # botocore offers no public way from a client to its credentials, and this module does not have the client's session
    credentials = client._request_signer._credentials  # type: ignore[attr-defined]
    if credentials is None:
        raise PreconditionError("There are no credentials for S3; correct the Airflow connection of this target.")
    return credentials


def _tls() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE"))
