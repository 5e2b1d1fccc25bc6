"""Each kind of job comes back from its JSON; what cannot be read is classified."""

from __future__ import annotations

import json
import typing
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, replace
from typing import Any

import pytest

from chalicelib.jobs import JOBS, Job, Queued
from chalicelib.jobs.base import Malformed, RawJob
from chalicelib.jobs.delivery import DeliverDirect
from chalicelib.jobs.outbound import RetryEvent
from chalicelib.kernel.records import job_to_text
from chalicelib.model.access import Identity
from chalicelib.model.connections import Target
from chalicelib.model.log import Entry
from tests.support.examples import example

KINDS = pytest.mark.parametrize("kind", JOBS.values(), ids=JOBS)


def sent(kind: type[Job]) -> list[Field[Any]]:
    """The fields that are in its JSON under their own name."""
    return [
        each for each in fields(kind) if "not_sent" not in each.metadata and each.name != "event"
    ]


def of_json(job: Job | RawJob) -> dict[str, Any]:
    return dict(json.loads(job_to_text(job)))


@KINDS
def test_it_comes_back_as_it_was(kind: type[Job]) -> None:
    job = example(kind)
    record = of_json(job)
    assert record["kind"] == kind.kind
    assert kind.of_record(record) == job


@KINDS
def test_what_may_be_none_comes_back_as_none(kind: type[Job]) -> None:
    hints = typing.get_type_hints(kind)
    for each in sent(kind):
        if type(None) in typing.get_args(hints[each.name]):
            job = replace(example(kind), **{each.name: None})
            assert kind.of_record(of_json(job)) == job


@KINDS
def test_a_field_of_a_later_version_is_dropped(kind: type[Job]) -> None:
    job = example(kind)
    assert kind.of_record({**of_json(job), "added_later": {"x": 1}}) == job


@KINDS
def test_a_missing_field_is_classified(kind: type[Job]) -> None:
    """No version can read a job without its entry or target; of other fields nobody knows."""
    hints = typing.get_type_hints(kind)
    for each in sent(kind):
        record = of_json(example(kind))
        del record[each.name]
        hint = hints[each.name]
        if each.default is not MISSING:
            assert getattr(kind.of_record(record), each.name) == each.default
        elif hint in (Entry, Target, Identity) or typing.get_origin(hint) is tuple:
            with pytest.raises(Malformed, match=each.name):
                kind.of_record(record)
        else:
            with pytest.raises(KeyError):
                kind.of_record(record)


@KINDS
def test_a_field_that_is_none_of_its_kind_is_malformed(kind: type[Job]) -> None:
    hints = typing.get_type_hints(kind)
    for each in sent(kind):
        if hints[each.name] in (Entry, Target, Identity):
            for garbage in (None, 7):
                with pytest.raises(Malformed, match=each.name):
                    kind.of_record({**of_json(example(kind)), each.name: garbage})


def test_an_entry_of_a_kind_of_a_later_version_is_not_malformed() -> None:
    record = of_json(example(DeliverDirect))
    record["entry"]["kind"] = "edit"
    with pytest.raises(ValueError, match="edit"):
        DeliverDirect.of_record(record)


def test_an_event_of_a_later_version_is_not_malformed() -> None:
    record = of_json(example(RetryEvent))
    with pytest.raises(KeyError):
        RetryEvent.of_record({**record, "name": "later"})
    with pytest.raises(TypeError):
        RetryEvent.of_record({**record, "data": {}})
    assert RetryEvent.of_record({**record, "data": {**record["data"], "added": 1}}) == example(
        RetryEvent
    )


@KINDS
def test_what_names_it_to_sqs_is_not_in_its_json(kind: type[Job]) -> None:
    job = replace(example(kind), delay_s=9)
    assert not {each.name for each in fields(kind) if "not_sent" in each.metadata} & set(
        of_json(job)
    )


@KINDS
def test_only_fifo_queues_have_groups(kind: type[Job]) -> None:
    job = example(kind)
    if kind.queue is not Queued.DELIVERY:
        assert (job.group, job.dedupe) == (None, None)
    else:
        assert job.group
        assert job.dedupe is not None
        assert len(job.dedupe) <= 128


def kinds(base: type[Job]) -> Iterator[type[Job]]:
    """The classes with a name of their own, below this one."""
    for each in base.__subclasses__():
        if "kind" in vars(each) and each.__module__.startswith("chalicelib."):
            yield each
        yield from kinds(each)


def test_the_table_has_each_kind_under_its_own_name() -> None:
    assert {each.kind: each.__name__ for each in JOBS.values()} == {
        kind: each.__name__ for kind, each in JOBS.items()
    }
    # By name: a class with slots is a copy of one that is listed here, too.
    assert {each.__name__ for each in kinds(Job)} == {each.__name__ for each in JOBS.values()}


def test_a_raw_job_is_its_json() -> None:
    raw = RawJob("later", {"any": ["json"]})
    assert of_json(raw) == {"kind": "later", "any": ["json"]}
