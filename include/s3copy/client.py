"""Requests to S3: retried while a retry makes sense, with answers read to the end."""

from __future__ import annotations

import asyncio
import random
import re
import ssl
from collections.abc import Mapping
from html import unescape

from include.retry import S3_REQUEST, Policy
from include.s3copy.concurrency import ConcurrencyLimit
from include.s3copy.endpoint import BucketEndpoint
from include.s3copy.transport import Response

SLOW = {"SlowDown", "ServiceUnavailable", "RequestLimitExceeded", "Throttling", "TooManyRequests", "503", "429"}
AGAIN = {"InternalError", "OperationAborted", "RequestTimeout", "BadDigest", "Empty", "500", "502", "504"}
UNTRUSTED = "CertificateError"
EXPIRED = {"ExpiredToken", "TokenRefreshRequired"}
ANSWER_SECONDS = 60.0  # for the answer to begin and end, besides the time for the bytes that S3 has to move
BYTES_PER_SECOND = 10_000_000  # a lower bound; S3 moves data faster internally

_CODE = re.compile(rb"<Code>([^<]+)</Code>")
_MESSAGE = re.compile(rb"<Message>([^<]+)</Message>")


class S3Error(Exception):
    """S3 refused, or did not answer. `code` is S3's error code if there is one."""

    def __init__(self, status: int, code: str, message: str = ""):
        super().__init__(f"{code}: {message}" if message else code)
        self.status = status
        self.code = code

    @property
    def is_passing(self) -> bool:
        """Tell whether the error is temporary, in S3 or on the network, so that a retry may help."""
        return (self.status == 0 and self.code != UNTRUSTED) or self.status >= 500


class Client:
    """Sends requests to any endpoint within one shared limit of concurrency."""

    def __init__(self, pace: ConcurrencyLimit, policy: Policy = S3_REQUEST):
        self.requests = 0
        self._pace = pace
        self._policy = policy

    async def call(
        self,
        endpoint: BucketEndpoint,
        method: str,
        key: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        root: bytes = b"",
        moved: int = 0,
    ) -> Response:
        """Return the answer to a request that is safe to make twice.

        `root` is the element that a good answer must contain: S3 may answer 200 and fail afterwards. `moved` is the number of bytes
        that S3 copies for the request. Raises: S3Error.
        """
        clock = asyncio.get_running_loop().time
        began, tries, pause = clock(), 0, self._policy.first
        while True:
            try:
                return await self._once(
                    endpoint, method, key, dict(query or {}), dict(headers or {}), body, root, moved
                )
            except S3Error as error:
                if error.code in SLOW:
                    self._pace.note_slow_down()
                    if clock() - began > self._policy.time_limit:
                        raise
                else:
                    tries += 1
                    if tries >= self._policy.attempts or not (error.code in AGAIN or error.code in EXPIRED):
                        raise
                    if error.code in EXPIRED:
                        await endpoint.renew()
            await asyncio.sleep(pause * (0.5 + random.random()))  # noqa: S311  # spreads tries, keeps no secret
            pause = min(pause * 2, self._policy.longest)

    async def _once(
        self,
        endpoint: BucketEndpoint,
        method: str,
        key: str,
        query: dict[str, str],
        headers: dict[str, str],
        body: bytes,
        root: bytes,
        moved: int,
    ) -> Response:
        await self._pace.enter()
        try:
            self.requests += 1
            data = endpoint.request(method, key, query, headers, body)
            seconds = ANSWER_SECONDS + moved / BYTES_PER_SECOND
            answer = await endpoint.pool.request(data, head_only=method == "HEAD", seconds=seconds)
        except ssl.SSLCertVerificationError as error:
            raise S3Error(0, UNTRUSTED, str(error)) from error
        except OSError as error:
            raise S3Error(0, "RequestTimeout", str(error) or type(error).__name__) from error
        finally:
            self._pace.leave()
        if answer.status >= 300 or (root and root not in answer.body):
            raise _error(answer)
        self._pace.note_answer()
        return answer


def _error(answer: Response) -> S3Error:
    code, message = _CODE.search(answer.body), _MESSAGE.search(answer.body)
    # the answer to a HEAD has no body; a 200 without its expected content was cut short
    bare = "Empty" if answer.status < 300 else str(answer.status)
    name = code[1].decode() if code else bare
    return S3Error(answer.status, name, unescape(message[1].decode("utf-8", "replace")) if message else "")
