"""Our signature is botocore's, byte for byte."""

from __future__ import annotations

import hashlib

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.adapters.apigateway.sigv4 import Credentials, Signer, paths

TEXT = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1)
CONNECTION = st.text("abcXYZ019-_=+/", min_size=1, max_size=20)


@settings(deadline=None)
@given(TEXT, TEXT, st.none() | TEXT, CONNECTION, st.binary(max_size=200))
def test_it_signs_as_botocore_does(
    access: str, secret: str, token: str | None, connection: str, body: bytes
) -> None:
    path, canonical = paths("prod", connection)
    request = AWSRequest("POST", f"https://host.example{path}", data=body)
    SigV4Auth(BotoCredentials(access, secret, token), "execute-api", "eu-west-1").add_auth(request)
    date = request.headers["X-Amz-Date"]
    signer = Signer("host.example", "eu-west-1", Credentials(access, secret, token), date)
    ours = signer.authorization("POST", canonical, hashlib.sha256(body).hexdigest())
    assert ours == request.headers["Authorization"]
