"""The packages of the clients, installed from what was packed, against a running stack.

Their example applications are what uses them. test_failover.py moves them to another region.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from tests.support import packed
from tests.support.chatting import Chatting
from tests.support.people import People, name
from workbench.drills.proxy import CuttingProxy
from workbench.stack.embedded import EmbeddedStack
from workbench.stack.threads import in_thread

pytestmark = [pytest.mark.extended, pytest.mark.timeout(240)]
KINDS = tuple(packed.KINDS)


class Line:
    """An async context: a way to the stack that can be cut."""

    def __init__(self, target: str) -> None:
        self._proxy = CuttingProxy(target, random.Random(1), lambda way, what: None)
        self.url = ""

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        await self._proxy.__aenter__()
        self.url = self._proxy.url
        return self

    async def __aexit__(self, *fault: object) -> None:
        await self._proxy.__aexit__(*fault)

    def cut(self) -> None:
        async def reset() -> None:
            for line in self._proxy.whole:
                self._proxy.reset(line)

        asyncio.run_coroutine_threadsafe(reset(), self._loop).result(10)


@pytest.fixture(scope="module")
def people() -> Iterator[People]:
    with (
        in_thread(EmbeddedStack(port=0, in_memory=True)) as stack,
        People(stack.url, stack.ws_url) as people,
    ):
        yield people


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    folder = tmp_path_factory.mktemp("packed")
    return {kind: install(folder / kind) for kind, install in packed.KINDS.items()}


def test_both_talk_to_each_other(people: People, commands: dict[str, list[str]]) -> None:
    users = {kind: name(kind) for kind in KINDS}
    room = people.room(*users.values())
    with (
        Chatting(commands["javascript"], people.url, users["javascript"], room) as script,
        Chatting(commands["python"], people.url, users["python"], room) as program,
    ):
        script.until_online()
        program.until_online()
        script.type("hello 😀")
        program.until_printed(f"{users['javascript']}: hello 😀")
        program.type("good morning")
        script.until_printed(f"{users['python']}: good morning")
        assert (script.end(), program.end()) == (0, 0)


def test_a_program_in_commonjs_gets_the_same_names(commands: dict[str, list[str]]) -> None:
    interpreter, example = commands["javascript"]
    code = """
        const names = (module) => Object.keys(module).sort().join();
        for (const entry of ["@tidings/client", "@tidings/client/socketio"]) {
          import(entry).then((module) => console.log(names(require(entry)) === names(module)));
        }
    """
    done = subprocess.run(
        [interpreter, "--input-type=commonjs", "--eval", code],
        cwd=Path(example).parent,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split() == ["true", "true"], done.stdout + done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_a_lost_connection_loses_nothing(
    people: People, commands: dict[str, list[str]], kind: str
) -> None:
    user, other = name(kind), name("other")
    room = people.room(other, user)
    device = people.device(other)
    with (
        in_thread(Line(people.url)) as line,
        Chatting(commands[kind], line.url, user, room) as chat,
    ):
        chat.until_online()
        device.say(room, "before")
        chat.until_printed(f"{other}: before")
        line.cut()
        device.say(room, "meanwhile")
        chat.type("mine")
        chat.until_printed(f"{other}: meanwhile")
        assert [each["content"] for each in device.heard(room, 1)] == ["mine"]
        assert chat.end() == 0
        printed = [line for line in chat.printed if line.startswith(other)]
    assert printed == [f"{other}: before", f"{other}: meanwhile"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_token_is_said(people: People, commands: dict[str, list[str]], kind: str) -> None:
    with Chatting(commands[kind], people.url, "ann", "lobby", TOKEN="a.bad.token") as chat:
        # A browser's WebSocket does not tell why, so JavaScript goes on until its time is over.
        chat.until_told("no connection to" if kind == "javascript" else "refused the token (401")
        if kind == "python":
            assert chat.end() == 1


@pytest.mark.parametrize("kind", KINDS)
def test_who_is_no_member_is_told(
    people: People, commands: dict[str, list[str]], kind: str
) -> None:
    room = people.room(name("owner"))
    with Chatting(commands[kind], people.url, name(kind), room) as chat:
        chat.until_told("not a member of this room")
        assert chat.end() == 1
