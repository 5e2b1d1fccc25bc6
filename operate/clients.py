"""boto3 for emulators on this machine, whatever the developer's environment says."""

from __future__ import annotations

import functools
import os
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from .keys import ANY, Keys


def client(service: str, endpoint_url: str, region: str, keys: Keys = ANY) -> Any:
    """A client that gives up within seconds."""
    return _session().client(
        service,  # type: ignore[call-overload]
        endpoint_url=endpoint_url,
        region_name=region,
        aws_access_key_id=keys.access_key_id,
        aws_secret_access_key=keys.secret_access_key,
        config=Config(connect_timeout=3, read_timeout=30, retries={"max_attempts": 2}, proxies={}),
    )


def regions() -> list[str]:
    """All regions of AWS, in every partition."""
    session = _session()
    partitions = session.get_available_partitions()
    return [
        region for each in partitions for region in session.get_available_regions("dynamodb", each)
    ]


@functools.cache
def _session() -> boto3.Session:
    """Of nobody: a profile or a file that is not good would be an error even here."""
    nobody: dict[str, Any] = {
        "profile": (None, [], None, None),
        "config_file": (None, [], os.devnull, None),
        "credentials_file": (None, [], os.devnull, None),
    }
    return boto3.Session(botocore_session=botocore.session.Session(session_vars=nobody))
