"""What a delivery consists of, as data."""

from __future__ import annotations

from collections import Counter

import pytest

from chalicelib.kernel.records import MOST_JOB_BYTES, job_to_text
from chalicelib.messaging.fanout import PARTS, part_jobs, part_of
from chalicelib.model.identifiers import MessageId, Region, RoomId, UserId
from chalicelib.model.log import Entry, EntryKind


def entry(content: str, room_id: str = "lobby") -> Entry:
    return Entry(
        RoomId(room_id), Region("us-east-1"), 1, MessageId("0" * 26), EntryKind.MESSAGE,
        UserId("alice"), 1, content=content,
    )  # fmt: skip


@pytest.mark.parametrize("content", ["я" * 32_700, "x" * 65_000, "", "\U0001f600" * 16_000])
def test_jobs_of_parts_fit_into_a_message_whatever_the_text(content: str) -> None:
    assert all(len(job_to_text(job)) <= MOST_JOB_BYTES for job in part_jobs(entry(content)))


def test_each_part_has_one_job_of_its_own_group_and_name() -> None:
    jobs = part_jobs(entry("hi", "r" * 128))
    assert [job.part for job in jobs] == list(range(PARTS))
    assert len({job.group for job in jobs}) == len({job.dedupe for job in jobs}) == PARTS
    assert max(len(job.dedupe) for job in jobs) <= 128


def test_users_are_spread_over_the_parts_and_stay_in_theirs() -> None:
    users = [UserId(f"user-{number}") for number in range(8_000)]
    sizes = Counter(map(part_of, users))
    assert set(sizes) == set(range(PARTS))
    assert max(sizes.values()) < 1.2 * min(sizes.values())
    assert part_of(UserId("alice")) == 7, "deployed versions must agree"
