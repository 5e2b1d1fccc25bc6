"""Queues the jobs that update users' presence to match their connections."""

from __future__ import annotations

from collections.abc import Iterable

from ..jobs.delivery import SettlePresence
from ..jobs.outbound import CheckPresence
from ..model.identifiers import UserId
from ..ports.queues import Queue
from ..ports.system import Ids


class PresenceJobs:
    def __init__(self, delivery: Queue, ids: Ids) -> None:
        self._delivery = delivery
        self._ids = ids

    def settle(self, user_ids: Iterable[UserId], due: bool = False) -> None:
        """Queue an update of each user's presence, in the user's order group.

        Args:
            due: A wait is over: the grace time of a connection that ended, or the time for which
                a change was held back.
        """
        jobs = [
            SettlePresence(user_id=user_id, due=due, token=self._ids.token())
            for user_id in user_ids
        ]
        self._delivery.send(jobs)

    def check(self, job: CheckPresence) -> None:
        """Queue the update after the wait of the job."""
        self.settle([job.user_id], due=True)
