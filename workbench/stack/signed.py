"""Signed calls to one AWS service over keep-alive sockets.

Not boto3: pumps poll and gateways invoke for as long as the stack runs, and boto3 costs twenty
times the CPU. No call is repeated here: whether it may be is its caller's to know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from yarl import URL

from operate.keys import Keys


class NoAnswer(Exception):
    """Nobody there, or the connection ended before the answer did."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class SignedCalls:
    """POSTs signed with keys.

    Args:
        endpoint_url: An emulator's address.
        service: The name in the signature, such as `sqs`.
    """

    def __init__(self, endpoint_url: str, service: str, region: str, keys: Keys) -> None:
        self._url = endpoint_url.rstrip("/")
        self._signer = SigV4Auth(
            Credentials(keys.access_key_id, keys.secret_access_key), service, region
        )
        self._session: aiohttp.ClientSession | None = None

    async def post(
        self, path: str, body: bytes, headers: Mapping[str, str], within_s: float
    ) -> Answer:
        """The answer, whatever its status; `path` is percent-encoded.

        Raises:
            NoAnswer: There was none.
            TimeoutError: There was none in time; the call may still be under way.
        """
        url = self._url + path
        signed = AWSRequest("POST", url, headers=dict(headers), data=body)
        self._signer.add_auth(signed)
        # Any number at once: a held long poll must keep no other call waiting.
        self._session = self._session or aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0)
        )
        timeout = aiohttp.ClientTimeout(total=within_s)
        try:
            async with self._session.post(
                URL(url, encoded=True),
                data=body,
                headers=dict(signed.headers.items()),
                timeout=timeout,
            ) as answer:
                return Answer(answer.status, answer.headers, await answer.read())
        except TimeoutError:
            raise
        except (aiohttp.ClientError, OSError) as error:
            raise NoAnswer(f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None
