"""Our signature is botocore's, byte for byte."""

from __future__ import annotations

import hashlib

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.adapters.apigateway.sigv4 import Credentials, Signer, paths

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
