"""Our signature is botocore's, byte for byte."""

from __future__ import annotations

import hashlib
from urllib.parse import parse_qsl, quote, urlsplit

from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.adapters.http.sigv4 import (
    Credentials,
    Signer,
    amz_date,
    canonical_path,
    paths,
    presigned,
)

WORD = st.text("abcXYZ0189", min_size=1, max_size=12)
KEY = st.text("abcXYZ019+/=", min_size=1)


@settings(deadline=None)
@given(
    method=st.sampled_from(["POST", "DELETE"]),
    region=WORD,
    access=WORD,
    secret=KEY,
    token=st.none() | KEY,
    stage=WORD,
    connection=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).filter(
        lambda name: name not in (".", "..")
    ),
    body=st.binary(max_size=200),
)
def test_any_request_is_signed_as_botocore_signs_it(
    method: str,
    region: str,
    access: str,
    secret: str,
    token: str | None,
    stage: str,
    connection: str,
    body: bytes,
) -> None:
    wire, canonical = paths(stage, connection)
    host = f"a1.execute-api.{region.lower()}.amazonaws.com"
    request = AWSRequest(method, f"https://{host}{wire}", data=body)
    SigV4Auth(BotoCredentials(access, secret, token), "execute-api", region).add_auth(request)
    date = request.headers["X-Amz-Date"]
    signer = Signer(host, region, Credentials(access, secret, token), date)
    ours = signer.authorization(method, canonical, hashlib.sha256(body).hexdigest())
    assert ours == request.headers["Authorization"]


@settings(deadline=None)
@given(
    service=st.sampled_from(["dynamodb", "sqs", "sns"]),
    region=WORD,
    secret=KEY,
    token=st.none() | KEY,
    headers=st.dictionaries(st.sampled_from(["x-amz-target", "x-amzn-query-mode"]), WORD),
    path=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="?#"), max_size=9),
    body=st.binary(max_size=200),
)
def test_any_call_is_signed_as_botocore_signs_it(
    service: str,
    region: str,
    secret: str,
    token: str | None,
    headers: dict[str, str],
    path: str,
    body: bytes,
) -> None:
    host, wire = f"{service}.{region.lower()}.amazonaws.com", f"/{quote(path, safe='')}"
    if wire in ("/.", "/.."):  # which botocore resolves
        wire = "/"
    request = AWSRequest("POST", f"https://{host}{wire}", data=body, headers=headers)
    SigV4Auth(BotoCredentials("AK", secret, token), service, region).add_auth(request)
    signer = Signer(
        host,
        region,
        Credentials("AK", secret, token),
        request.headers["X-Amz-Date"],
        service,
        list(headers.items()),
    )
    digest = hashlib.sha256(body).hexdigest()
    ours = signer.authorization("POST", canonical_path(wire), digest)
    assert ours == request.headers["Authorization"]


@settings(deadline=None)
@given(
    secret=KEY,
    token=st.none() | KEY,
    query=st.dictionaries(WORD, st.text(st.characters(exclude_categories=["Cs"]), max_size=9)),
)
def test_a_presigned_request_is_botocore_s(
    secret: str, token: str | None, query: dict[str, str]
) -> None:
    request = AWSRequest("GET", "http://cache/", params=query)
    keys = BotoCredentials("AK", secret, token)
    SigV4QueryAuth(keys, "elasticache", "eu-west-1", 900).add_auth(request)
    theirs = dict(parse_qsl(urlsplit(request.url).query, keep_blank_values=True))
    given = Credentials("AK", secret, token)
    date = theirs["X-Amz-Date"]
    url = presigned("cache", "elasticache", "eu-west-1", given, date, query, 900)
    assert url.startswith("cache/?")
    ours = dict(parse_qsl(url.partition("?")[2], keep_blank_values=True, strict_parsing=True))
    assert ours == theirs


def test_dates() -> None:
    assert amz_date(1_440_938_160_999) == "20150830T123600Z"
