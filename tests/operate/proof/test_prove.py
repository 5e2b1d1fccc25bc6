"""The proof on a whole stack, well and broken in one place each."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

import pytest

from operate import http
from operate.checks import Check
from operate.proof import Addresses, Given, Tokens, prove
from operate.proof.prove import FIRST, SECOND
from workbench.gateway import Limits
from workbench.stack.embedded import EmbeddedStack
from workbench.stack.threads import in_thread

WELL = [
    "websocket",
    "socketio-websocket",
    "socketio-polling",
    "http-api",
    "message-from-websocket",
    "message-from-socketio-websocket",
    "history",
    "clean-up",
]


@pytest.fixture(scope="module")
def stack() -> Iterator[EmbeddedStack]:
    with in_thread(EmbeddedStack(port=0, in_memory=True)) as stack:
        yield stack


def tokens(stack: EmbeddedStack) -> Tokens:
    async def issue(user: str, roles: list[str]) -> str:
        return await http.dev_token(stack.url, user, 300, roles)

    return Tokens(issue)


def proved(stack: EmbeddedStack, **addresses: object) -> list[Check]:
    given = {"url": stack.url, "websocket_urls": (stack.ws_url,), "one_host": True, **addresses}
    return asyncio.run(prove(Addresses(**given), tokens(stack)))  # type: ignore[arg-type]


def test_a_well_stack_is_proved_in_every_way(stack: EmbeddedStack) -> None:
    checks = proved(stack)
    assert [check.name for check in checks] == WELL
    assert {check.result for check in checks} == {"ok"}
    assert checks[0].found == f"connected as {FIRST} in us-east-1"
    assert checks[1].found == f"connected as {SECOND} in us-east-1"
    assert checks[4].found.endswith("pushed to socketio-websocket, socketio-polling")


def test_every_shard_is_proved() -> None:
    with in_thread(EmbeddedStack(port=0, in_memory=True, shards=2)) as stack:
        shards = tuple(f"{stack.ws_url}-{shard}" for shard in range(2))
        checks = proved(stack, websocket_urls=shards)
        assert {check.result for check in checks} == {"ok"}
        names = [check.name for check in checks]
        assert {"websocket", "websocket-1", "message-from-websocket-1"} <= set(names)
        broken = proved(stack, websocket_urls=(shards[0], f"{shards[1]}/nowhere"))
    assert [check.name for check in broken if check.result == "fault"] == ["websocket-1"]


def test_it_cleans_up_and_makes_one_chat_only(stack: EmbeddedStack) -> None:
    proved(stack)
    proved(stack)

    async def left() -> tuple[list[object], set[object]]:
        token = await http.dev_token(stack.url, FIRST, 300, [])
        _, rooms = await http.request("GET", f"{stack.url}/v1/rooms", token)
        (room,) = rooms["rooms"]
        path = f"{stack.url}/v1/rooms/{room['room_id']}/messages"
        _, history = await http.request("GET", path, token)
        return [room["room_id"]], {each["content"] for each in history["messages"]}

    rooms, contents = asyncio.run(left())
    assert len(rooms) == 1
    assert contents == {None}, "what remains of a message that was deleted"


def test_a_given_token_proves_with_two_devices_of_its_user(stack: EmbeddedStack) -> None:
    async def with_token() -> list[Check]:
        token = await http.dev_token(stack.url, f"user{random.random()}", 300, [])
        at = Addresses(stack.url, (stack.ws_url,), True)
        await prove(at, Given(token))
        return await prove(at, Given(token))

    checks = asyncio.run(with_token())
    assert [check.name for check in checks] == WELL
    assert {check.result for check in checks} == {"ok"}


def test_without_one_host_socketio_takes_the_stage_s_address(stack: EmbeddedStack) -> None:
    address = f"{stack.url.replace('http', 'ws', 1)}/prod"
    checks = proved(stack, websocket_urls=(address,), one_host=False)
    assert [check.name for check in checks] == [n for n in WELL if n != "socketio-polling"]
    assert {check.result for check in checks} == {"ok"}


def test_a_refused_token_is_said_for_each_way_in(stack: EmbeddedStack) -> None:
    at = Addresses(stack.url, (stack.ws_url,), True)
    checks = asyncio.run(prove(at, Given("not.a.token")))
    found = {check.name: check for check in checks}
    assert {check.result for check in checks} == {"fault"}
    assert found["websocket"].found == "the handshake was answered with 401"
    assert "not known" in found["http-api"].found
    assert "message-from-websocket" not in found


def test_a_wrong_address_is_a_fault_of_what_is_there(stack: EmbeddedStack) -> None:
    checks = proved(stack, websocket_urls=(f"{stack.ws_url}/nowhere",))
    found = {check.name: check.result for check in checks}
    assert found.pop("websocket") == "fault"
    assert set(found.values()) == {"ok"}


def test_a_stack_that_pushes_nothing_is_found() -> None:
    """Acks ride the frame's own answer; a push is a post, which fails here.

    A device that polls needs none: it may connect, and get what the websocket sends.
    """
    limits = Limits(post_bytes=1)
    with in_thread(EmbeddedStack(port=0, in_memory=True, limits=limits)) as stack:
        checks = asyncio.run(
            prove(Addresses(stack.url, (stack.ws_url,), True), tokens(stack), step_s=2.0)
        )
    found = {check.name: check for check in checks}
    assert found["websocket"].result == "ok"
    sent = [check for check in checks if check.name.startswith("message-from-")]
    assert [each for each in sent if "acked, but not pushed to" in each.found]
    assert found["history"].result == "ok"
