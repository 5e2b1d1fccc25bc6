"""Cross-origin requests through the gateway: preflights, answers and errors, of every route."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import Message

import pytest

from tests.support.own_process import stack
from tests.support.people import WAIT_S, People, name

ORIGIN, OTHER = "https://chat.example.com", "https://evil.example.com"
POLLING = "/socket.io/?EIO=4&transport=polling"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with stack(f'environment={{"TIDINGS_ALLOWED_ORIGINS": "{ORIGIN}"}}') as port:
        yield f"http://127.0.0.1:{port}"


def ask(
    url: str, method: str, origin: str = ORIGIN, body: str | None = None, **headers: str
) -> tuple[int, Message, str]:
    data = body.encode() if body is not None else None
    named = {each.replace("_", "-"): value for each, value in headers.items()}
    request = urllib.request.Request(url, data, {"Origin": origin, **named}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as fault:
        return fault.code, fault.headers, fault.read().decode()


@pytest.mark.parametrize(
    "path", [POLLING, "/v1/rooms", "/v1/rooms/lobby/messages", "/v1/admin/users/x/disconnect"]
)
def test_a_preflight_needs_no_token(url: str, path: str) -> None:
    wish = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "x"}
    status, headers, body = ask(url + path, "OPTIONS", **wish)
    assert (status, body) == (204, "")
    assert headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "POST" in headers["Access-Control-Allow-Methods"]
    status, headers, _ = ask(url + path, "OPTIONS", OTHER, **wish)
    assert headers["Access-Control-Allow-Origin"] is None


@pytest.mark.timeout(180)
def test_answers_and_errors_can_be_read(url: str) -> None:
    with People(url, "") as people:
        bearer = {"Authorization": f"Bearer {people.token(name('alice'))}"}
    status, _, body = ask(url + POLLING, "GET")
    sid = json.loads(body[1:])["sid"]
    session = f"{url}{POLLING}&sid={sid}"
    plain = {"Content_Type": "text/plain"}
    for status, request in {
        200: (f"{url}/v1/rooms", "GET", ORIGIN, None, bearer),
        401: (f"{url}/v1/rooms", "GET", ORIGIN, None, {}),
        403: (f"{url}/v1/rooms/none/members/x", "DELETE", ORIGIN, None, bearer),
        400: (
            f"{url}/v1/rooms",
            "POST",
            ORIGIN,
            "{",
            bearer | {"Content_Type": "application/json"},
        ),
        415: (f"{url}/v1/rooms", "POST", ORIGIN, "{}", bearer | plain),
        413: (session, "POST", ORIGIN, "4" + "x" * 1_000_001, plain),
    }.items():
        found, headers, _ = ask(*request[:4], **request[4])
        assert (found, headers["Access-Control-Allow-Origin"]) == (status, ORIGIN), request[:2]
        assert headers["Vary"] == "Origin"
    for method, path in (("GET", POLLING), ("GET", POLLING + "&sid=none"), ("PUT", POLLING)):
        _, headers, _ = ask(url + path, method)
        assert headers["Access-Control-Allow-Origin"] == ORIGIN
        _, headers, _ = ask(url + path, method, OTHER)
        assert headers["Access-Control-Allow-Origin"] is None
