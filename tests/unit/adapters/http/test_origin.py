"""Base URLs."""

from __future__ import annotations

import pytest

from chalicelib.adapters.http.origin import Origin


@pytest.mark.parametrize(
    ("base", "wanted"),
    [
        ("https://sqs.us-east-1.amazonaws.com", (True, "sqs.us-east-1.amazonaws.com", 443, "")),
        ("https://x:443/", (True, "x", 443, "")),
        ("http://x:80/a/b/", (False, "x", 80, "/a/b")),
        ("http://u:p@X:4566", (False, "x", 4566, "")),
        ("http://[::1]:4566", (False, "::1", 4566, "")),
    ],
)
def test_its_parts(base: str, wanted: tuple[bool, str, int, str]) -> None:
    origin = Origin(base)
    assert (origin.tls, origin.name, origin.port, origin.path) == wanted


def test_the_host_header_has_the_port_only_if_it_is_not_the_usual_one() -> None:
    hosts = [Origin(f"{base}").host for base in ("https://x:443", "http://x:443", "http://[::1]:9")]
    assert hosts == ["x", "x:443", "[::1]:9"]


@pytest.mark.parametrize("base", ["", "localhost:4566", "ftp://x", "https://", "http:///x"])
def test_what_is_no_base_url_is_refused(base: str) -> None:
    with pytest.raises(ValueError, match="endpoint"):
        Origin(base)


def test_one_context_is_enough() -> None:
    assert Origin("http://x").context() is None
    context = Origin("https://x").context()
    assert context is Origin("https://y").context()
    assert context is not None
    assert context.check_hostname
