"""Comparisons of presence: one job a user, never dropped by SQS as the same again."""

from __future__ import annotations

from chalicelib.adapters.memory import MemoryQueue
from chalicelib.connections.presence_jobs import PresenceJobs
from chalicelib.jobs.delivery import SettlePresence
from chalicelib.jobs.outbound import CheckPresence
from tests.support.examples import ALICE, BOB
from tests.support.world import CountingIds


def test_each_comparison_is_a_job_of_its_own_in_its_user_s_group() -> None:
    queue = MemoryQueue()
    jobs = PresenceJobs(queue, CountingIds())
    jobs.settle([ALICE, BOB])
    jobs.settle([ALICE])
    one, other, again = queue.jobs
    assert one.group == again.group != other.group
    assert len({job.dedupe for job in queue.jobs}) == 3


def test_after_the_wait_it_is_due() -> None:
    queue = MemoryQueue()
    PresenceJobs(queue, CountingIds()).check(CheckPresence(user_id=ALICE))
    [job] = queue.jobs
    assert isinstance(job, SettlePresence)
    assert (job.user_id, job.due) == (ALICE, True)
