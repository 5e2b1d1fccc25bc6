"""Ends connections that have been asked whether they are there, and have sent nothing since.

Only what a client sends shows that it is there. A post that is taken shows nothing: the sockets of
browsers and gateways stay open for a long time after their device has lost its network.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..jobs.outbound import EndSilent
from ..kernel import telemetry
from ..model.connections import Target
from ..ports.connections import ConnectionStore
from ..ports.queues import Queue
from .closing import Reason
from .registry import Connections

ANSWER_S = 60


class Silence:
    def __init__(self, store: ConnectionStore, connections: Connections, outbound: Queue) -> None:
        self._store = store
        self._connections = connections
        self._outbound = outbound

    def asked(self, targets: Sequence[Target], silent_since_ms: int) -> None:
        """Queue the end of connections that took a `ping`, in case they do not answer it.

        Args:
            silent_since_ms: Nothing of them was noted after this; a later frame spares them.
        """
        self._outbound.send(
            [
                EndSilent(
                    connection_id=each.connection_id, asked_ms=silent_since_ms, delay_s=ANSWER_S
                )
                for each in targets
            ]
        )

    def end(self, job: EndSilent) -> None:
        """End a connection of which nothing was received since it was asked."""
        connection = self._store.get(job.connection_id)
        if connection is None or connection.last_ping_ms > job.asked_ms:
            return
        telemetry.log("INFO", "silent_connection_ended", connection_id=job.connection_id)
        self._connections.end(connection.target, Reason.SILENT)
