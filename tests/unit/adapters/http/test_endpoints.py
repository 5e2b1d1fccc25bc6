"""Endpoints of every region, as botocore knows them."""

from __future__ import annotations

import pytest
from botocore.session import Session

from chalicelib.adapters.http.endpoints import domain, endpoint


@pytest.mark.parametrize("service", ["dynamodb", "sqs", "sns", "secretsmanager"])
def test_they_are_botocore_s(service: str) -> None:
    session = Session()
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    seen = set()
    for partition in session.get_available_partitions():
        for region in session.get_available_regions(service, partition):
            theirs = session.create_client(service, region, **keys).meta.endpoint_url
            assert endpoint(service, region) == theirs
            seen.add(domain(region))
    assert {"amazonaws.com", "amazonaws.com.cn"} <= seen
