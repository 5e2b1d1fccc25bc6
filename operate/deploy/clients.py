"""boto3 clients for an emulator's control planes."""

from __future__ import annotations

import functools
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

# Never the developer's own: emulators look at no key but to tell accounts apart.
KEYS = ("test", "test")


def client(service: str, endpoint_url: str, region: str) -> Any:
    """A client that gives up within seconds."""
    return _session().client(
        service,  # type: ignore[call-overload]
        endpoint_url=endpoint_url,
        region_name=region,
        aws_access_key_id=KEYS[0],
        aws_secret_access_key=KEYS[1],
        config=Config(connect_timeout=3, read_timeout=10, retries={"max_attempts": 2}, proxies={}),
    )


@functools.cache
def _session() -> boto3.Session:
    """Of nobody: a profile that is gone would be an error even where none is needed."""
    nobody: dict[str, Any] = {"profile": (None, [], None, None)}
    return boto3.Session(botocore_session=botocore.session.Session(session_vars=nobody))
