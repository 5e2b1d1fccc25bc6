"""Socket.IO v5, line by line: https://github.com/socketio/socket.io-protocol"""

from __future__ import annotations

import json

import pytest

from tests.support.conformance import AT_ONCE_S, Socket, Suite

pytestmark = pytest.mark.timeout(120)


async def connected(suite: Suite, namespace: str = "") -> Socket:
    socket = await suite.opened()
    await socket.say(f"40{namespace}")
    assert (await socket.text()).startswith(f'40{namespace}{{"sid":"')
    assert await socket.text() == f'42{namespace}["auth",{{}}]'
    return socket


@pytest.mark.parametrize(
    ("connect", "answer", "auth"),
    [
        ("40", "40", "{}"),
        ("40{}", "40", "{}"),
        ('40{"token":"123"}', "40", '{"token":"123"}'),
        ("40/custom,", "40/custom,", "{}"),
        ("40/custom", "40/custom,", "{}"),
        ('40/custom,{"token":"abc"}', "40/custom,", '{"token":"abc"}'),
    ],
)
async def test_connect(socket: Suite, connect: str, answer: str, auth: str) -> None:
    found = await socket.opened()
    await found.say(connect)
    reply = await found.text()
    assert reply.startswith(answer)
    assert list(json.loads(reply.removeprefix(answer))) == ["sid"]
    assert await found.text() == f'42{answer[2:]}["auth",{auth}]'
    await found.close()


async def test_each_namespace_has_its_sid(socket: Suite) -> None:
    found = await socket.opened()
    sids = set()
    for prefix in ("", "/custom,"):
        await found.say(f"40{prefix}")
        sids.add(json.loads((await found.text()).removeprefix(f"40{prefix}"))["sid"])
        await found.text()
    assert len(sids) == 2
    await found.close()


async def test_an_unknown_namespace(socket: Suite) -> None:
    found = await connected(socket)
    await found.say("40/random")
    assert await found.text() == '44/random,{"message":"Invalid namespace"}'
    await found.say('421["message-with-ack"]')
    assert await found.text() == "431[]"
    await found.close()


@pytest.mark.parametrize(
    "frame", ["4abc", "4", "49", "42{}", "42abc[]", '42["connect"]', "40[]", "44{}"]
)
async def test_what_cannot_be_decoded_closes(socket: Suite, frame: str) -> None:
    found = await connected(socket)
    await found.say(frame)
    assert await found.closed() < AT_ONCE_S


async def test_an_event_before_a_connect_closes(socket: Suite) -> None:
    found = await socket.opened()
    await found.say('42["message","x"]')
    assert await found.closed() < AT_ONCE_S, "it waits a second, as it may overtake CONNECT"


async def test_disconnect_of_one_namespace_leaves_the_other(socket: Suite) -> None:
    found = await connected(socket)
    await found.say("40/custom,")
    assert (await found.text()).startswith("40/custom,")
    assert await found.text() == '42/custom,["auth",{}]'
    await found.say("41")
    await found.say('42/custom,["message","still"]')
    assert await found.text() == '42/custom,["message-back","still"]'
    await found.say("41/custom,")
    await found.say("40")
    assert (await found.text()).startswith('40{"sid":"')
    assert await found.text() == '42["auth",{}]'
    await found.close()


@pytest.mark.parametrize("namespace", ["", "/custom,"])
async def test_events_and_acks(socket: Suite, namespace: str) -> None:
    found = await connected(socket, namespace)
    arguments = '1,"2",{"3":[true]},null,"é…𝄞"'
    await found.say(f'42{namespace}["message",{arguments}]')
    assert await found.text() == f'42{namespace}["message-back",{arguments}]'
    await found.say(f'42{namespace}456["message-with-ack",{arguments}]')
    assert await found.text() == f"43{namespace}456[{arguments}]"
    await found.close()


@pytest.mark.parametrize("as_text", [True, False], ids=["text", "frames"])
async def test_binary(socket: Suite, as_text: bool) -> None:
    if not as_text and not socket.binary:
        found = await connected(socket)
        await found.say(b"x")
        assert await found.closed() < AT_ONCE_S
        return
    found = await connected(socket)
    parts: list[str | bytes] = ["bAQID", "bBAUG"] if as_text else [b"\x01\x02\x03", b"\x04\x05\x06"]
    # As on AWS, a strict gateway cannot tell two attachments of one millisecond apart.
    parts = parts if socket.binary else parts[:1]
    holes = ",".join(f'{{"_placeholder":true,"num":{n}}}' for n in range(len(parts)))
    await found.say(f'45{len(parts)}-["message",{holes}]', *parts)
    back = [f'45{len(parts)}-["message-back",{holes}]', *parts]
    assert [await found.data() for _ in back] == back
    await found.say(f'45{len(parts)}-789["message-with-ack",{holes}]', *parts)
    ack = [f"46{len(parts)}-789[{holes}]", *parts]
    assert [await found.data() for _ in ack] == ack
    await found.close()


async def test_attachments_sent_in_one_go_are_right_or_refused(socket: Suite) -> None:
    """A relaxed gateway keeps frames in order; a strict one cannot, so the event is rejected."""
    found = await connected(socket)
    holes = ",".join(f'{{"_placeholder":true,"num":{n}}}' for n in range(3))
    parts = ["bAQID", "bBAUG", "bBwgJ"]
    for _ in range(10):
        await found.say(f'453-["message",{holes}]', *parts)
        answer = await found.text()
        if answer.startswith("453-"):
            assert [await found.data() for _ in parts] == parts
        else:
            assert not socket.binary
            assert answer.startswith('42["refused",{"code":"unavailable"')
    await found.close()


async def test_binary_over_polling(socket: Suite) -> None:
    sid = await socket.handshake()
    assert await socket.post(sid, "40") == (200, "ok")
    status, text = await socket.poll(sid)
    assert status == 200
    assert text.partition("\x1e")[2] == '42["auth",{}]'
    hole = '{"_placeholder":true,"num":0}'
    assert await socket.post(sid, f'451-["message",{hole}]\x1ebAQID') == (200, "ok")
    assert (await socket.poll(sid))[1] == f'451-["message-back",{hole}]\x1ebAQID'
