"""Each kind of job of a queue has a worker, which calls what there is."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from chalicelib.entrypoints.workers import DELIVER, OUTBOUND, RELAY, SET_ASIDE, TOGETHER
from chalicelib.jobs import JOBS, Job, Queued
from chalicelib.jobs.delivery import DeliverDirect
from tests.support.examples import example
from tests.support.world import World


class Part:
    """One of the services; a call must fit the method, which does not run."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._real, name)

        def call(*arguments: Any) -> None:
            inspect.signature(method).bind(*arguments)

        return call


class Parts:
    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Part:
        return Part(getattr(self._real, name))


def test_each_kind_of_a_queue_has_a_worker() -> None:
    kinds = {queue: {each for each in JOBS.values() if each.queue is queue} for queue in Queued}
    assert set(DELIVER) == kinds[Queued.DELIVERY]
    assert set(RELAY) == kinds[Queued.INBOX]
    assert set(OUTBOUND) == kinds[Queued.OUTBOUND] | {DeliverDirect}, "and its dead letters"


@pytest.mark.parametrize(
    "workers", [DELIVER, OUTBOUND, RELAY], ids=["deliver", "outbound", "relay"]
)
def test_each_worker_calls_a_method_that_takes_its_job(workers: Any) -> None:
    services: Any = Parts(World().services)
    for kind, worker in workers.items():
        job: Job = example(kind)
        worker(services, [job] if kind in TOGETHER else job, 1)


def test_what_is_set_aside_has_an_entry_and_a_worker() -> None:
    for kind in SET_ASIDE:
        assert kind in DELIVER
        assert "entry" in {name for name in kind.__dataclass_fields__}
