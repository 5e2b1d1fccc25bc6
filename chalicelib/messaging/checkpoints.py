"""New checkpoints for sockets that can recover, so that their offsets stay short."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from ..kernel import telemetry
from ..kernel.errors import Unavailable
from ..model.sessions import Checkpoint, Trail
from ..ports.sessions import CheckpointStore, Trails
from ..ports.system import Clock, Ids, Parallel

MOST_SINCE = 8  # streams that an offset names beside its checkpoint, until that is renewed


class Checkpoints:
    def __init__(
        self,
        store: CheckpointStore,
        trails: Trails,
        parallel: Parallel,
        clock: Clock,
        ids_: Ids,
    ) -> None:
        self._store = store
        self._trails = trails
        self._parallel = parallel
        self._clock = clock
        self._ids = ids_

    def renew(self, trails: Mapping[str, Trail]) -> dict[str, str]:
        """Store what these sockets (by sid) have been sent, for their later offsets.

        Two Redis trips, and a write for each socket.

        Returns:
            The ids of the checkpoints, by sid, without sockets that Redis does not know.

        Raises:
            Unavailable: A checkpoint could not be written; the old ones stay.
        """
        sent = self._trails.sent(list(trails))
        now_ms = self._clock.now_ms()
        made = {
            sid: Checkpoint(
                checkpoint_id=self._ids.token(),
                pid=trails[sid].pid,
                sid=sid,
                user_id=trails[sid].target.user_id,
                protocol=trails[sid].target.protocol,
                seen=each.seen,
            )
            for sid, each in sent.items()
        }
        self._parallel.run([partial(self._store.put, each, now_ms) for each in made.values()])
        names = {sid: each.checkpoint_id for sid, each in made.items()}
        if names:
            self._trails.rebase(names, sent)
        return names

    def try_renew(self, trails: Mapping[str, Trail]) -> None:
        """Renew them if possible: what fails is tried again with the sockets' next entries."""
        try:
            self.renew(trails)
        except Unavailable as fault:
            telemetry.log("WARNING", "checkpoints_not_renewed", reason=telemetry.reason(fault))
