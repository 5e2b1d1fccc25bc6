"""Binary packets of a session: their parts wait in Redis until a packet is complete.

Each part of a packet is an invocation of its own on a websocket. The one that completes a packet
handles it, and then looks again: another invocation may have found nothing only because the two
looked at the same packet. Parts that came by POST before an upgrade and parts that come over the
websocket after it are kept together, under the session's first sid.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..jobs.sessions import GiveUpParts
from ..model.connections import Target
from ..model.identifiers import ConnectionId
from ..ports.queues import Queue
from ..ports.sessions import EngineSessions
from ..ports.system import Clock
from ..wire import attachments
from ..wire.engineio import ProtocolError

_SETTLE_S = 0.2
_MOST_LOOKS = 200  # more than a session can have parts; each look settles or hands out some


@dataclass(frozen=True, slots=True)
class Gathered:
    """The parts of complete binary packets.

    Attributes:
        parts: Of one packet, its text first. If not `certain`, of several packets whose
            attachments cannot be told apart, or are lost.
    """

    parts: list[str]
    certain: bool


class BinaryPackets:
    def __init__(self, sessions: EngineSessions, outbound: Queue, clock: Clock) -> None:
        self._sessions = sessions
        self._outbound = outbound
        self._clock = clock

    def expect(self, target: Target, sid: ConnectionId) -> None:
        """Queue a look at a packet that begins over a websocket, in case parts of it are lost."""
        job = GiveUpParts(target=target, sid=sid, delay_s=attachments.LATE // 1000 + 1)
        self._outbound.send([job])

    def give_up(self, job: GiveUpParts) -> Gathered | None:
        """Give out the parts that have waited for too long; None if there are none."""
        for _ in range(_MOST_LOOKS):
            lost = attachments.given_up(self._sessions.gathered(job.sid), self._clock.now_ms())
            if not lost:
                break
            texts = self._sessions.hand_out(job.sid, lost)
            if texts is not None:
                return Gathered(texts, certain=False)
        return None

    def gather(self, sid: ConnectionId, at_ms: int | None, part: str) -> Iterator[Gathered]:
        """Store a part; give out the packets that are complete, until none is.

        Frames can overtake each other; `at_ms` says when each was sent. As frames that are sent
        together may have the same time, the frames still on their way get a moment to arrive.

        Args:
            sid: The session's first sid.
            at_ms: None if parts come in order.

        Raises:
            TooLarge: More parts are waiting than packets may have.
            ProtocolError: Parts come in order, and this one cannot come now.
        """
        waiting = self._sessions.gather(sid, at_ms, part)
        if at_ms is None:
            own = max(each.number for each in waiting)
            if attachments.misplaced(part, [each for each in waiting if each.number != own]):
                raise ProtocolError("this part of a binary packet cannot come now")
        settled = set(waiting) if at_ms is None else set()
        for _ in range(_MOST_LOOKS):
            lost = attachments.given_up(waiting)
            found = attachments.Whole(lost, False) if lost else attachments.first(waiting)
            if found is None:
                return
            if not lost and not settled.issuperset(found.parts):
                self._clock.sleep(_SETTLE_S)
                waiting = self._sessions.gathered(sid)
                settled = set(waiting)
                continue
            texts = self._sessions.hand_out(sid, found.parts)
            if texts is not None:
                yield Gathered(texts, found.certain)
            waiting = self._sessions.gathered(sid)
