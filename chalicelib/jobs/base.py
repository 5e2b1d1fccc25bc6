"""The base class of jobs, and their codec, which converts fields to JSON and back by type."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from enum import StrEnum
from typing import Any, ClassVar, Self

from ..contract import events
from ..contract.events import Event
from ..kernel.records import entry_from_json, entry_to_json, target_from_json, target_to_json
from ..model.access import Identity
from ..model.connections import Target
from ..model.identifiers import UserId
from ..model.jobs import QueuedJob
from ..model.log import Entry

# Marks fields that only define the group, the deduplication id or the delay, and are not sent.
NOT_SENT: Mapping[str, bool] = {"not_sent": True}


class Queued(StrEnum):
    """The queue that a kind of job is sent to."""

    DELIVERY = "delivery"
    OUTBOUND = "outbound"
    INBOX = "inbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(QueuedJob):
    """Base of all kinds of jobs.

    Attributes:
        kind: The name of the kind in JSON.
        queue: The queue that jobs of this kind are sent to.
        delay_s: Seconds before the job can be received, 0 to 900; only in the outbound queue.
    """

    kind: ClassVar[str]
    queue: ClassVar[Queued]
    delay_s: int = field(default=0, metadata=NOT_SENT)

    @property
    def group(self) -> str | None:
        """FIFO order group; None in the other queues, which have no groups."""
        return None

    @property
    def dedupe(self) -> str | None:
        """FIFO deduplication id; None in the other queues."""
        return None

    def record(self) -> dict[str, Any]:
        """Return the job as JSON: `kind` and the fields that are sent."""
        record = {"kind": self.kind}
        for name, codec, _ in _sent(type(self)):
            codec.write(record, name, getattr(self, name))
        return record

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the job from its JSON; fields that this version does not know are dropped.

        Raises:
            Malformed: No version can read the job.
            KeyError, TypeError, ValueError: This version cannot read the job; another one might.
        """
        values = {
            name: codec.read(record, name)
            for name, codec, required in _sent(cls)
            if required or name in record
        }
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundJob(Job):
    """Base of the kinds of jobs in this queue."""

    queue: ClassVar[Queued] = Queued.OUTBOUND


class Malformed(Exception):
    """An entry, target, identity or event in a record cannot be read as one."""


@dataclass(frozen=True, slots=True)
class RawJob:
    """A job as raw JSON, to move one that no version can read to the dead letters unchanged."""

    kind: str
    fields: Mapping[str, Any]
    group: str | None = None
    dedupe: str | None = None
    delay_s: int = 0

    def record(self) -> dict[str, Any]:
        """Return the job as JSON: `kind` and the fields."""
        return {"kind": self.kind, **self.fields}


@dataclass(frozen=True, slots=True)
class _Codec:
    write: Callable[[dict[str, Any], str, Any], None]
    read: Callable[[Mapping[str, Any], str], Any]


def _converted(to_json: Callable[[Any], Any], from_json: Callable[[Any], Any]) -> _Codec:
    def write(record: dict[str, Any], name: str, value: Any) -> None:
        record[name] = to_json(value)

    def read(record: Mapping[str, Any], name: str) -> Any:
        try:
            return from_json(record[name])
        except (KeyError, TypeError, AttributeError) as fault:
            raise Malformed(name) from fault

    return _Codec(write, read)


def _write_event(record: dict[str, Any], name: str, event: Event) -> None:
    record.update(name=event.name, data=event.data())


def _read_event(record: Mapping[str, Any], name: str) -> Event:
    data = record["data"]
    if not isinstance(data, Mapping):
        raise Malformed(name)
    return events.of_data(record["name"], data)


def _identity_to_json(identity: Identity) -> list[Any]:
    return [identity.user_id, identity.expires_at_s, list(identity.roles)]


def _identity_from_json(record: list[Any]) -> Identity:
    user_id, expires_at_s, roles = record
    return Identity(UserId(user_id), expires_at_s, tuple(roles))


def _same(value: Any) -> Any:
    return value


def _codec(hint: Any) -> _Codec:
    """Return the codec for a field's type; JSON's own types are not converted."""
    if hint in _CODECS:
        return _CODECS[hint]
    if typing.get_origin(hint) is tuple:
        to_json, from_json = _ITEMS.get(typing.get_args(hint)[0], (_same, _same))
        return _converted(
            lambda values: [to_json(each) for each in values],
            lambda values: tuple(from_json(each) for each in values),
        )
    return _PLAIN


_PLAIN = _Codec(
    lambda record, name, value: record.update({name: value}), lambda record, name: record[name]
)
_ITEMS: dict[Any, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    Target: (target_to_json, target_from_json)
}
_CODECS = {
    Entry: _converted(entry_to_json, entry_from_json),
    Target: _converted(target_to_json, target_from_json),
    Identity: _converted(_identity_to_json, _identity_from_json),
    Event: _Codec(_write_event, _read_event),
}


_SENT: dict[type[Job], tuple[tuple[str, _Codec, bool], ...]] = {}


def _sent(kind: type[Job]) -> tuple[tuple[str, _Codec, bool], ...]:
    """Return, for each field that is sent, its name, its codec and whether it is required."""
    known = _SENT.get(kind)
    if known is None:
        hints = typing.get_type_hints(kind)
        known = tuple(
            (each.name, _codec(hints[each.name]), each.default is MISSING)
            for each in fields(kind)
            if "not_sent" not in each.metadata
        )
        _SENT[kind] = known
    return known
