"""Who is a page of another site, by the headers that a browser cannot leave out."""

from __future__ import annotations

import pytest

from workbench.stack.pages import refusal

OTHER = "http://localhost:3000"


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "127.0.0.1:8080"},
        {"host": "localhost:8080"},
        {"host": "LOCALHOST"},
        {"host": "[::1]:8080"},
        {"host": "api.localhost:8080"},
        {"host": "127.0.0.1:8080", "origin": "http://127.0.0.1:8080"},
        {"host": "localhost:8080", "origin": OTHER},
        {"host": "localhost:8080", "sec-fetch-site": "same-origin"},
        {"host": "localhost:8080", "sec-fetch-site": "none"},
    ],
)
def test_programs_the_own_page_and_named_origins_pass(headers: dict[str, str]) -> None:
    assert refusal(headers, [OTHER]) is None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": ""},
        {"host": "evil.example"},
        {"host": "evil.example:8080"},
        {"host": "127.0.0.1.evil.example"},
        {"host": "localhost.evil.example"},
        {"host": "evillocalhost"},
        {"host": "127.0.0.1@evil.example"},
        {"host": "[::1"},
        {"host": "192.168.1.7:8080"},
        # After DNS rebinding page and server have one origin.
        {"host": "evil.example:8080", "origin": "http://evil.example:8080"},
        {"host": "localhost:8080", "origin": "https://evil.example"},
        {"host": "localhost:8080", "origin": "null"},
        {"host": "localhost:8080", "origin": ""},
        {"host": "localhost:8080", "origin": "http://localhost:8081"},
        {"host": "localhost:8080", "sec-fetch-site": "cross-site"},
        {"host": "localhost:8080", "sec-fetch-site": "same-site"},
    ],
)
def test_all_others_are_refused(headers: dict[str, str]) -> None:
    assert refusal(headers, [OTHER])
