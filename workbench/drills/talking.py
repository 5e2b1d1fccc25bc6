"""Members of a drill talk: each sends one message after the other, each until it is acked."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Callable, Sequence

from .history import Key, Room
from .members import Member, Refused, Unanswered
from .recorder import Recorder

_ENDS_S, _AGAIN_S = 90.0, 0.3


class Talk:
    """What members say, and how long they insist on it.

    Args:
        pause_s: Average seconds between an ack and the next message.
    """

    def __init__(self, recorder: Recorder, rng: random.Random, pause_s: float) -> None:
        self._recorder = recorder
        self._rng = rng
        self._pause_s = pause_s

    async def until(
        self, member: Member, rooms: Sequence[Room], until_s: Callable[[], float]
    ) -> None:
        """Send messages until this time (monotonic); then wait, bounded, for the last ack.

        Args:
            until_s: Asked before each message, as the end may change.
        """
        for number in itertools.count():
            pause_s = self._rng.expovariate(1 / self._pause_s)
            if pause_s >= until_s() - time.monotonic():
                return
            await asyncio.sleep(pause_s)
            if time.monotonic() >= until_s():
                return
            key = Key(f"{member.name}/{number}")
            await self._insist(member, self._rng.choice(rooms), key, until_s())

    async def _insist(self, member: Member, room: Room, key: Key, until_s: float) -> None:
        self._recorder.sent(member.name, room, key)
        reason = "no time left"
        try:
            async with asyncio.timeout_at(_loop_time(until_s + _ENDS_S)):
                while True:
                    try:
                        ack = await member.send(room, key)
                    except Unanswered:
                        self._recorder.refused(member.name, "send")
                        await asyncio.sleep(_AGAIN_S)
                    else:
                        self._recorder.acked(member.name, room, key, ack)
                        return
        except TimeoutError:
            pass
        except Refused as refusal:
            reason = str(refusal)
        self._recorder.failed(member.name, room, key, reason)


def _loop_time(monotonic_s: float) -> float:
    return asyncio.get_running_loop().time() + monotonic_s - time.monotonic()
