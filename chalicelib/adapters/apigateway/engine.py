"""Put posts to polling sessions into their write buffers, and send all others to @connections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...kernel import telemetry
from ...kernel.errors import CacheDown
from ...kernel.ids import transport_id
from ...model.connections import Target
from ...model.delivery import Outcome, Post
from ...model.identifiers import ConnectionId
from ...ports.delivery import Poster
from ...ports.sessions import EngineSessions


class EnginePoster:
    """See `ports.Poster`."""

    def __init__(self, websockets: Poster, sessions: EngineSessions) -> None:
        self._websockets = websockets
        self._sessions = sessions

    def post(self, posts: Sequence[Post], within_ms: int | None = None) -> list[Outcome]:
        found: dict[int, Outcome] = {}
        through: dict[int, Post] = {}
        held: set[ConnectionId] = set()  # polling sessions that did not take a post
        for number, post in enumerate(posts):
            connection_id = post.target.connection_id
            if connection_id in held:
                found[number] = Outcome.HELD
                continue
            settled = self._push(post) if post.target.polls else post
            if isinstance(settled, Outcome):
                found[number] = settled
                if settled is not Outcome.DELIVERED:
                    held.add(connection_id)
            else:
                through[number] = settled
        if through:
            outcomes = self._websockets.post(list(through.values()), within_ms)
            found.update(zip(through, outcomes, strict=True))
        return [found[number] for number in range(len(posts))]

    def close(self, target: Target) -> Outcome:
        if not target.polls:
            return self._websockets.close(target)
        sid = transport_id(target.connection_id)
        try:
            taken_over = self._sessions.push(sid, [])
            if not isinstance(taken_over, bool):
                return self._websockets.close(taken_over)
            self._sessions.close(sid)
        except CacheDown:
            return Outcome.FAILED
        return Outcome.DELIVERED

    def _push(self, post: Post) -> Outcome | Post:
        """The outcome, or the post to send to the websocket that took over the session."""
        target = post.target
        try:
            kept = self._sessions.push(transport_id(target.connection_id), [post.data.decode()])
        except CacheDown:
            telemetry.log("WARNING", "write_buffer_unreachable")
            return Outcome.FAILED
        if isinstance(kept, bool):
            return Outcome.DELIVERED if kept else Outcome.GONE
        return replace(post, target=replace(kept, user_id=target.user_id))
