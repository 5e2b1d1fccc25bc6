"""Headers of refused requests."""

from __future__ import annotations

from chalicelib.entrypoints.http.refusals import headers
from chalicelib.kernel.errors import BadRequest, NotConnected, RateLimited, TokenFault, Unauthorized


def test_when_to_try_again_in_whole_seconds() -> None:
    assert headers(RateLimited("too many", 1001)) == {"Retry-After": "2"}
    assert headers(BadRequest("no")) == {}


def test_how_to_authenticate() -> None:
    missing = Unauthorized("send a token: `Authorization: Bearer …`", TokenFault.MISSING)
    assert headers(missing) == {"WWW-Authenticate": 'Bearer realm="tidings"'}
    invalid = 'Bearer realm="tidings", error="invalid_token", error_description='
    expired = Unauthorized("the token has expired", TokenFault.EXPIRED)
    assert headers(expired) == {"WWW-Authenticate": f'{invalid}"the token has expired"'}
    assert headers(NotConnected("gone")) == {"WWW-Authenticate": f'{invalid}"gone"'}


def test_a_description_breaks_no_header() -> None:
    """A claim's name comes from the settings."""
    named = Unauthorized('the token has no `a"b\\c\r\nSet-Cookie: ü`', TokenFault.MISSING_CLAIM)
    told = headers(named)["WWW-Authenticate"]
    assert told.endswith('error_description="the token has no `abcSet-Cookie: `"')
