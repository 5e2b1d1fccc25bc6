"""Engine.IO v4, line by line: https://github.com/socketio/engine.io-protocol"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.support.conformance import AT_ONCE_S, BEATING_MS, CALM_MS, WAIT_S, Suite

pytestmark = pytest.mark.timeout(120)
INTERVAL_S, TIMEOUT_S = BEATING_MS[0] / 1000, BEATING_MS[1] / 1000


def handshake(text: str) -> dict[str, Any]:
    assert text.startswith("0")
    found: dict[str, Any] = json.loads(text[1:])
    assert set(found) == {"sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"}
    assert (found["pingInterval"], found["pingTimeout"]) == CALM_MS
    assert isinstance(found["maxPayload"], int)
    return found


async def test_polling_handshake(engine: Suite) -> None:
    status, text = await engine.ask()
    assert status == 200
    assert handshake(text)["upgrades"] == ["websocket"]


@pytest.mark.parametrize(
    "query",
    [
        *({"EIO": ""}, {"EIO": "abc"}, {"EIO": "3"}),
        *({"transport": ""}, {"transport": "abc"}, {"sid": "unknown"}),
    ],
)
async def test_polling_handshakes_that_are_none(engine: Suite, query: dict[str, str]) -> None:
    assert (await engine.ask(**query))[0] == 400


async def test_other_methods(engine: Suite) -> None:
    assert (await engine.ask("POST", "4x"))[0] == 400
    assert (await engine.ask("PUT", "4x"))[0] == 400


async def test_websocket_handshake(engine: Suite) -> None:
    socket = await engine.websocket()
    assert handshake(await socket.next())["upgrades"] == []
    await socket.close()


@pytest.mark.parametrize(
    "query", [{"EIO": ""}, {"EIO": "abc"}, {"transport": ""}, {"transport": "abc"}]
)
async def test_websocket_handshakes_that_are_none(engine: Suite, query: dict[str, str]) -> None:
    await engine.refused(**query)


async def test_messages_over_polling(engine: Suite) -> None:
    sid = await engine.handshake()
    assert await engine.post(sid, "4hello") == (200, "ok")
    assert await engine.poll(sid) == (200, "4hello")
    assert await engine.post(sid, "4test1\x1e4test2\x1e4test3") == (200, "ok")
    assert await engine.poll(sid) == (200, "4test1\x1e4test2\x1e4test3")
    assert await engine.post(sid, "bAQIDBA==") == (200, "ok")
    assert await engine.poll(sid) == (200, "bAQIDBA==")


async def test_messages_over_a_websocket(engine: Suite) -> None:
    socket = await engine.opened()
    await socket.say("4hello")
    assert await socket.text() == "4hello"
    await socket.say("bAQIDBA==")
    assert await socket.text() == "bAQIDBA=="
    await socket.close()


async def test_binary_frames(engine: Suite) -> None:
    socket = await engine.opened()
    await socket.say(b"\x01\x02\x03\x04")
    if engine.binary:
        assert await socket.data() == b"\x01\x02\x03\x04"
        await socket.close()
    else:
        assert await socket.closed() < AT_ONCE_S


@pytest.mark.parametrize("body", ["abc", "4x\x1eabc", "", "b!", "2"])
async def test_a_malformed_post_ends_the_session(engine: Suite, body: str) -> None:
    sid = await engine.handshake()
    assert (await engine.post(sid, body))[0] == 400
    assert (await engine.poll(sid))[0] == 400


async def test_two_polls_at_once_end_the_session(engine: Suite) -> None:
    sid = await engine.handshake()
    first = asyncio.create_task(engine.poll(sid))
    await asyncio.sleep(0.3)  # so that `first` arrives first
    assert (await engine.poll(sid))[0] == 400
    assert await first == (200, "1")
    assert (await engine.poll(sid))[0] == 400


async def test_a_poll_that_the_client_gave_up_ends_the_session(engine: Suite) -> None:
    sid = await engine.handshake()
    first = asyncio.create_task(engine.poll(sid))
    await asyncio.sleep(0.3)
    first.cancel()
    assert (await engine.poll(sid))[0] == 400


async def test_an_undecodable_packet_closes_the_websocket(engine: Suite) -> None:
    socket = await engine.opened()
    await socket.say("abc")
    assert await socket.closed() < AT_ONCE_S


@pytest.mark.extended
async def test_heartbeat_over_polling(beating: Suite) -> None:
    sid = await beating.handshake()
    for _ in range(3):
        assert await beating.poll(sid) == (200, "2")
        assert await beating.post(sid, "3") == (200, "ok")
    assert await beating.poll(sid) == (200, "2")
    await asyncio.sleep(TIMEOUT_S + 0.1)
    assert (await beating.poll(sid))[0] == 400


async def test_a_client_that_never_answers_is_out_on_time(beating: Suite) -> None:
    sid = await beating.handshake()
    await asyncio.sleep(INTERVAL_S + TIMEOUT_S)
    assert (await beating.poll(sid))[0] == 400


@pytest.mark.extended
async def test_heartbeat_over_a_websocket(beating: Suite) -> None:
    socket = await beating.opened()
    for _ in range(3):
        assert await socket.next() == "2"
        await socket.say("3")
    assert await socket.closed() < WAIT_S


async def test_a_close_packet_over_polling(engine: Suite) -> None:
    sid = await engine.handshake()
    waiting = asyncio.create_task(engine.poll(sid))
    await asyncio.sleep(0.2)
    assert (await engine.post(sid, "1"))[0] == 200
    assert await waiting == (200, "6")
    assert (await engine.poll(sid))[0] == 400


async def test_a_close_packet_beside_a_poll(engine: Suite) -> None:
    for _ in range(5):
        sid = await engine.handshake()
        poll, post = await asyncio.gather(engine.poll(sid), engine.post(sid, "1"))
        assert (poll, post[0]) == ((200, "6"), 200)
        assert (await engine.poll(sid))[0] == 400


async def test_a_close_packet_over_a_websocket(engine: Suite) -> None:
    socket = await engine.opened()
    await socket.say("1")
    assert await socket.closed() < AT_ONCE_S


async def test_upgrade(engine: Suite) -> None:
    sid = await engine.handshake()
    waiting = asyncio.create_task(engine.poll(sid))
    await asyncio.sleep(0.3)  # that it waits is the point
    socket = await engine.websocket(sid=sid)
    await socket.say("2probe")
    assert await socket.next() == "3probe"
    await socket.say("5")
    assert await waiting == (200, "6")
    await socket.say("4hello")
    assert await socket.next() == "4hello"
    assert (await engine.poll(sid))[0] == 400
    assert (await engine.post(sid, "4x"))[0] == 400
    await engine.refused(sid=sid)
    await socket.say("4still")
    assert await socket.text() == "4still"
    await socket.close()


@pytest.mark.extended
async def test_the_heartbeat_goes_on_after_an_upgrade(beating: Suite) -> None:
    sid = await beating.handshake()
    socket = await beating.websocket(sid=sid)
    await socket.say("2probe")
    assert await socket.next() == "3probe"
    await socket.say("5")
    for _ in range(2):
        assert await socket.next() == "2"
        await socket.say("3")
    assert await socket.closed() < WAIT_S


async def test_a_poll_after_the_probe_gets_a_noop(engine: Suite) -> None:
    sid = await engine.handshake()
    socket = await engine.websocket(sid=sid)
    await socket.say("2probe")
    assert await socket.next() == "3probe"
    assert await engine.poll(sid) == (200, "6")
    await socket.say("5", "4hello")
    assert await socket.next() == "4hello"
    await socket.close()


async def test_requests_right_behind_an_upgrade(engine: Suite) -> None:
    sid = await engine.handshake()
    socket = await engine.websocket(sid=sid)
    await socket.say("2probe")
    assert await socket.next() == "3probe"
    await socket.say("5")
    assert (await engine.poll(sid))[0] == 400
    await engine.refused(sid=sid)
    await socket.say("4hello")
    assert await socket.next() == "4hello"
    await socket.close()


async def test_what_waited_comes_over_the_websocket_in_order(engine: Suite) -> None:
    sid = await engine.handshake()
    assert await engine.post(sid, "4one\x1e4two") == (200, "ok")
    socket = await engine.websocket(sid=sid)
    await socket.say("2probe")
    assert await socket.next() == "3probe"
    await socket.say("5")
    assert [await socket.text() for _ in range(2)] == ["4one", "4two"]
    await socket.say("4three")
    assert await socket.text() == "4three"
    await socket.close()


async def test_a_websocket_that_only_probes_leaves_the_session_alone(engine: Suite) -> None:
    sid = await engine.handshake()
    socket = await engine.websocket(sid=sid)
    await socket.say("2probe")
    assert await socket.next() == "3probe"
    await socket.close()
    assert await engine.post(sid, "4hello") == (200, "ok")
    status, text = await engine.poll(sid)
    assert (status, "4hello" in text) == (200, True)
