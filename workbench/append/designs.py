"""Three designs of an append, and what each costs.

`transaction` is what the product does. The other two write the same items one by one: first the
message's dedupe item, with the head that was read as the message's *base*: it is in no entry up to
there. Only the first attempt can put that item; all others must look for the message in what was
committed since, before each try to commit.

Write units are those of DynamoDB's on-demand tables: one for each KB of an item, twice that in a
transaction. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from .explorer import Message, Next, Program, Step, Store, Writer


@dataclass(frozen=True, slots=True)
class Design:
    """
    Attributes:
        units: Write units of a message in a quiet room whose items have less than 1 KB.
        variants: The same with a rule left out, by that rule: each must break a promise.
    """

    says: str
    program: Program
    units: int
    variants: Mapping[str, Program]


def _stale(store: Store) -> Iterator[tuple[int, Message]]:
    """The heads that a writer may believe in: as stored, or as a cache has kept an earlier one."""
    shown = dict(store.shown)
    for seq in range(store.head + 1):
        yield seq, shown.get(seq, "") if store.carried else ""


def _read(store: Store, writer: Writer) -> Iterator[Next]:
    for seen in _stale(store):
        yield store, replace(writer, seen=seen, at="intend")


def _read_again(store: Store, writer: Writer) -> Iterator[Next]:
    """After a refusal: as stored."""
    yield store, replace(writer, seen=(store.head, store.carried), at="settle")


def _intend(store: Store, writer: Writer) -> Iterator[Next]:
    base = store.base(writer.message)
    if base is not None:
        yield store, replace(writer, base=base, searches=True, at="settle")
        return
    own = writer.seen[0]
    kept = replace(store, bases=store.bases | {(writer.message, own)})
    yield kept, replace(writer, base=own, at="settle")
    # It takes effect, the answer is lost, and the call is repeated.
    yield kept, replace(writer, base=own, searches=True, at="settle")


def _found(store: Store, writer: Writer, until: int) -> int | None:
    """Where the message is, by a query of the entries after its base."""
    for seq, message in store.shown:
        if message == writer.message and writer.base < seq <= until:
            return seq
    return None


# -- the head carries its last entry


def _settle(store: Store, writer: Writer) -> Iterator[Next]:
    """Write the entry that the head carries as an item, before another one takes its place."""
    seq, carried = writer.seen
    kept = replace(store, entries=store.entries | {(seq, carried)}) if carried else store
    yield kept, replace(writer, at="search")


def _search(store: Store, writer: Writer) -> Iterator[Next]:
    if writer.searches:
        found = _found(store, writer, writer.seen[0])
        if found is not None:
            yield store, replace(writer, seq=found, at="acked")
            return
    yield store, replace(writer, at="commit")


def _commit_onto_head(store: Store, writer: Writer) -> Iterator[Next]:
    if store.head != writer.seen[0]:
        yield store, replace(writer, searches=True, at="read_again")
        return
    seq = store.head + 1
    kept = replace(store, head=seq, carried=writer.message)
    yield kept, replace(writer, seq=seq, at="acked")
    yield kept, replace(writer, searches=True, at="read_again")  # its answer is lost


_CARRYING: dict[str, Step] = {
    "read": _read,
    "read_again": _read_again,
    "intend": _intend,
    "settle": _settle,
    "search": _search,
    "commit": _commit_onto_head,
}


# -- entries are put once, by seq


def _go_on(store: Store, writer: Writer) -> Iterator[Next]:
    yield store, replace(writer, at="search")


def _put_once(store: Store, writer: Writer) -> Iterator[Next]:
    seq = writer.seen[0] + 1
    if seq in dict(store.entries):
        yield store, replace(writer, searches=True, at="read_last")
        return
    kept = replace(store, entries=store.entries | {(seq, writer.message)})
    yield kept, replace(writer, seq=seq, at="note")
    yield kept, replace(writer, searches=True, at="read_last")


def _read_last(store: Store, writer: Writer) -> Iterator[Next]:
    """The last entry, as a query has it: the head may be behind."""
    last = max((seq for seq, _ in store.entries), default=0)
    yield store, replace(writer, seen=(last, ""), at="search")


def _search_and_note(store: Store, writer: Writer) -> Iterator[Next]:
    for kept, after in _search(store, writer):
        yield kept, replace(after, at="note") if after.at == "acked" else after


def _note(store: Store, writer: Writer) -> Iterator[Next]:
    """Move the head, which never goes back."""
    kept = replace(store, head=max(store.head, writer.seq))
    yield kept, replace(writer, at="acked")


_ONCE: dict[str, Step] = {
    "read": _read,
    "read_last": _read_last,
    "intend": _intend,
    "settle": _go_on,
    "search": _search_and_note,
    "commit": _put_once,
    "note": _note,
}


# -- one transaction


def _transact(store: Store, writer: Writer) -> Iterator[Next]:
    known = store.base(writer.message)
    if known is not None:  # here the dedupe item says where the entry is
        yield store, replace(writer, seq=known, at="acked")
        return
    if store.head != writer.seen[0]:
        yield store, replace(writer, at="read_again")
        return
    seq = store.head + 1
    kept = replace(
        store,
        entries=store.entries | {(seq, writer.message)},
        head=seq,
        bases=store.bases | {(writer.message, seq)},
    )
    yield kept, replace(writer, seq=seq, at="acked")
    yield kept, replace(writer, at="read_again")


def _to(step: str) -> Step:
    def read(store: Store, writer: Writer) -> Iterator[Next]:
        for seen in _stale(store):
            yield store, replace(writer, seen=seen, at=step)

    return read


_TRANSACTION: dict[str, Step] = {
    "read": _to("commit"),
    "read_again": _to("commit"),
    "commit": _transact,
}


def _never_searches(store: Store, writer: Writer) -> Iterator[Next]:
    yield store, replace(writer, at="commit")


def _searches_with_a_base_only(store: Store, writer: Writer) -> Iterator[Next]:
    """As if a first attempt had no reason to look after a refusal."""
    first = replace(writer, searches=writer.searches and store.base(writer.message) != writer.base)
    for kept, after in _search(store, first):
        yield kept, replace(after, searches=writer.searches)


def _transact_alone(store: Store, writer: Writer) -> Iterator[Next]:
    return _transact(replace(store, bases=frozenset()), writer)


def _overwrites(store: Store, writer: Writer) -> Iterator[Next]:
    seq = writer.seen[0] + 1
    kept = replace(store, head=max(store.head, seq), carried=writer.message)
    yield kept, replace(writer, seq=seq, at="acked")


DESIGNS: Mapping[str, Design] = {
    "transaction": Design(
        "one transaction of the dedupe item, the head and the entry",
        _TRANSACTION,
        units=6,
        variants={
            "the transaction has the dedupe item": {**_TRANSACTION, "commit": _transact_alone}
        },
    ),
    "carrying head": Design(
        "the dedupe item; then the head, which carries its entry until the next writer puts that",
        _CARRYING,
        units=3,
        variants={
            "the carried entry is put before another takes its place": {
                **_CARRYING,
                "settle": _go_on,
            },
            "an attempt that is not the first looks for its message": {
                **_CARRYING,
                "search": _never_searches,
            },
            "a first attempt looks for its message after a refusal": {
                **_CARRYING,
                "search": _searches_with_a_base_only,
            },
            "the head is written onto the one that was read": {**_CARRYING, "commit": _overwrites},
        },
    ),
    "write-once entries": Design(
        "the dedupe item; then the entry, which is put once under its seq; then the head",
        _ONCE,
        units=3,
        variants={
            "an attempt that is not the first looks for its message": {
                **_ONCE,
                "search": _never_searches,
            },
            "the ack comes after the head": {
                **_ONCE,
                "note": lambda store, writer: iter([(store, replace(writer, at="acked"))]),
            },
        },
    ),
}
