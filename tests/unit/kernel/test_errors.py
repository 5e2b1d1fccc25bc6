"""The tree in the docstring is the tree of the classes."""

from __future__ import annotations

import re

from chalicelib.kernel import errors

LINE = re.compile(r"[├└]── (\w+) +(\w+|\(never on the wire.*) +(yes|no)")


def test_the_drawn_tree_is_the_classes() -> None:
    drawn = {name: (code, retry == "yes") for name, code, retry in LINE.findall(errors.__doc__)}
    classes = {
        each.__name__: (each.code, each.retryable)
        for each in vars(errors).values()
        if isinstance(each, type)
        and issubclass(each, errors.TidingsError)
        and each not in (errors.TidingsError, errors.CacheDown)
    }
    assert drawn == classes


def test_what_is_told_of_an_error() -> None:
    told = errors.RateLimited("too many", 250).as_json()
    fields = {"code": "rate_limited", "message": "too many", "retryable": True}
    assert told == {**fields, "retry_after_ms": 250}
    assert "retry_after_ms" in errors.RateLimited("too many").as_json(), "always"
    assert "retry_after_ms" not in errors.Unavailable("away").as_json(), "where known"
    assert errors.Unavailable("busy", 1000).as_json()["retry_after_ms"] == 1000


def test_why_a_token_is_refused_is_told_in_every_form() -> None:
    refused = errors.Unauthorized("the token has expired", errors.TokenFault.EXPIRED)
    fields = {"code": "unauthorized", "message": "the token has expired"}
    assert refused.as_json() == {**fields, "retryable": False, "reason": "expired"}
    assert refused.as_body() == {"error": {**fields, "reason": "expired"}}
    assert refused.for_log() == {"code": "unauthorized", "reason": "expired"}
    gone = errors.NotConnected("gone")
    assert "reason" not in gone.as_json()
    assert gone.for_log() == {"code": "unauthorized"}
