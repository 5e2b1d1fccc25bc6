"""What a delivery consists of, as data."""

from __future__ import annotations

import pytest

from chalicelib.kernel.records import MOST_JOB_BYTES, job_to_text
from chalicelib.messaging.fanout import part_jobs, plan_parts
from chalicelib.model.connections import Target
from chalicelib.model.identifiers import ConnectionId, MessageId, Region, RoomId, UserId
from chalicelib.model.log import Entry, EntryKind


def large_room(count: int) -> list[Target]:
    return [
        Target(
            ConnectionId(f"{number:016}="), UserId(f"user-{number}-" + "u" * 100), "apiapi1234",
            "prod", Region("ap-southeast-2"), "json", 1_800_000_000_000,
        )
        for number in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize("content", ["я" * 32_700, "x" * 65_000, "", "\U0001f600" * 16_000])
def test_parts_fit_into_a_message_whatever_the_text(content: str) -> None:
    targets = large_room(8_000)
    entry = Entry(
        RoomId("lobby"), Region("us-east-1"), 1, MessageId("0" * 26), EntryKind.MESSAGE,
        UserId("alice"), 1, content=content,
    )  # fmt: skip
    jobs = list(part_jobs([entry], targets))
    assert all(len(job_to_text(job)) <= MOST_JOB_BYTES for job in jobs)
    served = [target.connection_id for job in jobs for target in job.targets]
    assert sorted(served) == sorted(target.connection_id for target in targets)
    assert len({job.dedupe for job in jobs}) == len(jobs)
    assert [job.dedupe for job in part_jobs([entry], targets)] == [job.dedupe for job in jobs]


def test_a_part_has_one_target_at_least() -> None:
    targets = large_room(3)
    assert sum(len(part.targets) for part in plan_parts(targets, 1)) == 3
