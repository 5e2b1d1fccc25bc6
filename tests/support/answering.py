"""AWS clients that answer what a test says, through botocore's own Stubber.

It checks requests and answers against AWS's API models, and fails on a call that is not expected.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.stub import Stubber

REGION = "us-east-1"


@contextmanager
def answering(service: str, *answers: tuple[str, Any]) -> Iterator[Any]:
    """A client that expects these operations in this order; a text is an error's code."""
    client = boto3.client(
        service,  # type: ignore[call-overload]
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 1}),
    )
    with Stubber(client) as stub:
        for operation, answer in answers:
            if isinstance(answer, str):
                stub.add_client_error(operation, answer)
            else:
                stub.add_response(operation, answer)
        yield client
        stub.assert_no_pending_responses()
