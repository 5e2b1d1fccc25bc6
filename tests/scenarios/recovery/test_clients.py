"""Which clients are served recovery: those that show that they support it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.entrypoints.http import rest
from chalicelib.entrypoints.socketio import frames, polling
from chalicelib.wire import socketio
from tests.support.socketio import say
from tests.support.world import World

BROWSER = {"User-Agent": "Mozilla/5.0"}


class Browser:
    """A polling JavaScript client; `t` is as its version makes it."""

    def __init__(self, world: World, t: str) -> None:
        self.world, self.t = world, t
        self.pid: str | None = None
        self.events: list[list[Any]] = []
        self._requests = 0
        self.come()

    def come(self) -> None:
        self.sid = json.loads(self._ask("GET")[1:])["sid"]
        known = {"pid": self.pid} if self.pid else {}
        body = json.dumps({"token": self.world.token("bob"), **known})
        assert self._ask("POST", f"40{body}", sid=self.sid) == "ok"
        self.hear()

    def hear(self) -> None:
        self.world.pump(until_ms=self.world.clock.ms)
        for frame in self._ask("GET", sid=self.sid).split("\x1e"):
            if frame.startswith("40"):
                self.pid = json.loads(frame[2:]).get("pid")
            elif frame.startswith("42"):
                self.events.append(socketio.decode(frame[1:]).data)

    def _ask(self, method: str, body: str = "", **query: str) -> str:
        self._requests += 1
        t = f"{self.t}{self._requests}"
        query = {"EIO": "4", "transport": "polling", "t": t, **query}
        request = rest.HttpRequest(BROWSER, query, {}, body)
        answer = polling.handle(self.world.services, request, method)
        assert answer.status == 200, answer
        return answer.text


@pytest.mark.parametrize(
    ("t", "old"),
    [("mxq4x3ab", False), ("mxq4x", False), ("Oq2RkWz", True), ("PZx1_-a.0", True)],
)
def test_the_version_shows_in_the_requests(t: str, old: bool) -> None:
    assert frames.may_be_old({"t": t}) is old
    assert not frames.may_be_old({})


def test_a_client_of_4_8_recovers_from_the_start(world: World, alice: str) -> None:
    bob = Browser(world, "mxq4x3ab")
    assert bob.pid
    assert [event[0] for event in bob.events] == ["session"]
    say(world, alice, "1")
    bob.hear()
    assert len(bob.events[-1]) == 3


def test_an_older_client_gets_no_other_argument_until_it_shows_its_pid(
    world: World, alice: str
) -> None:
    bob = Browser(world, "Oq2RkWz")
    assert bob.pid
    say(world, alice, "1")
    bob.hear()
    assert [len(event) for event in bob.events] == [2]
    bob.events.clear()
    bob.come()  # so it is 4.6 or 4.7
    assert [event[0] for event in bob.events] == ["session"]
    say(world, alice, "2")
    bob.hear()
    assert len(bob.events[-1]) == 3


def test_a_client_before_4_6_never_gets_another_argument(world: World, alice: str) -> None:
    bob = Browser(world, "Oq2RkWz")
    bob.pid = None  # it does not keep it
    bob.come()
    say(world, alice, "1")
    bob.hear()
    assert [len(event) for event in bob.events] == [2]
