"""Every run of a few writers on one stream, step by step: `python -m workbench.append`.

A design is a program of a writer, whose steps are single reads and single conditional writes, or a
transaction. Writers take steps in any order. Each may die between any two of them, and a write may
take effect although its writer learns nothing. Several attempts carry one message, as a client
sends it again while the first attempt is still under way. All states that can be reached are
looked at, once each.

In the manner of TLA+'s model checker, on a model so small that it needs no other tool:
https://lamport.azurewebsites.net/tla/tla.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

Message = str
Entries = tuple[Message, ...]  # of seqs 1, 2, …


@dataclass(frozen=True, slots=True)
class Store:
    """A stream in DynamoDB.

    Attributes:
        entries: The items of entries: pairs of seq and message.
        head: The seq of the head item.
        carried: The message that the head item carries; "" if it carries none.
        bases: The dedupe items: pairs of message and the number that is kept with it.
    """

    entries: frozenset[tuple[int, Message]] = frozenset()
    head: int = 0
    carried: Message = ""
    bases: frozenset[tuple[Message, int]] = frozenset()

    @property
    def shown(self) -> frozenset[tuple[int, Message]]:
        """What readers show: the entries, and the one that the head carries."""
        return self.entries | ({(self.head, self.carried)} if self.carried else frozenset())

    def base(self, message: Message) -> int | None:
        return dict(self.bases).get(message)


@dataclass(frozen=True, slots=True)
class Writer:
    """An attempt to append a message.

    Attributes:
        at: The name of its next step; "acked", "dead" and "failed" have none.
        seen: The head that it has read: seq and carried message.
        base: Its message is in no entry up to here.
        searches: Whether its message may be in the stream already.
        seq: Where its message is.
    """

    message: Message
    at: str = "read"
    seen: tuple[int, Message] = (0, "")
    base: int = 0
    searches: bool = False
    seq: int = 0


Next = tuple[Store, Writer]
Step = Callable[[Store, Writer], Iterator[Next]]
# A design's steps by name.
Program = Mapping[str, Step]


@dataclass(frozen=True, slots=True)
class State:
    store: Store
    writers: tuple[Writer, ...]


@dataclass
class Found:
    """What was explored.

    Attributes:
        states: How many there are.
        faults: What was broken, each with the steps of the shortest run that does it.
    """

    states: int = 0
    faults: dict[str, list[str]] = field(default_factory=dict)


def explore(program: Program, attempts: Sequence[Message], most: int = 2_000_000) -> Found:
    """Look at all states of attempts that carry these messages.

    Raises:
        RuntimeError: There are more than `most` states.
    """
    first = State(Store(), tuple(Writer(message) for message in attempts))
    came: dict[State, tuple[State | None, str]] = {first: (None, "")}
    waiting, found = [first], Found()
    while waiting:
        following: list[State] = []
        for state in waiting:
            faults = list(broken(state))
            for fault in faults:
                found.faults.setdefault(fault, _way(came, state))
            if faults:
                continue  # what follows is no news
            for name, after in _moves(program, state):
                if after not in came:
                    came[after] = (state, name)
                    following.append(after)
        if len(came) > most:
            raise RuntimeError(f"more than {most} states")
        waiting = following
    found.states = len(came)
    return found


def broken(state: State) -> Iterator[str]:
    """The promises that a state breaks."""
    shown = state.store.shown
    seqs = [seq for seq, _ in shown]
    messages = [message for _, message in shown]
    if len(set(seqs)) < len(seqs):
        yield "fork: two entries have one seq"
    if set(seqs) != set(range(1, max(seqs, default=0) + 1)):
        yield "hole: a seq before the last one has no entry"
    if len(set(messages)) < len(messages):
        yield "twice: a message is two entries"
    for writer in state.writers:
        if writer.at == "acked" and (writer.seq, writer.message) not in shown:
            yield "lost: an acked message is not where its ack says"
        if writer.at == "acked" and writer.seq > state.store.head:
            yield "unseen: the head does not say that an acked message is there"


def _moves(program: Program, state: State) -> Iterator[tuple[str, State]]:
    for number, writer in enumerate(state.writers):
        step = program.get(writer.at)
        if step is None:
            continue
        who = f"{number + 1} ({writer.message})"
        for store, after in step(state.store, writer):
            yield f"{who} {writer.at}", _with(state, number, store, after)
            if store != state.store:  # it takes effect, and nobody learns of it
                dead = replace(writer, at="dead")
                yield f"{who} {writer.at}, dies", _with(state, number, store, dead)
        yield f"{who} dies", _with(state, number, state.store, replace(writer, at="dead"))


def _with(state: State, number: int, store: Store, writer: Writer) -> State:
    # Of a dead writer nothing matters but that it is dead.
    kept = Writer(writer.message, "dead") if writer.at == "dead" else writer
    writers = (*state.writers[:number], kept, *state.writers[number + 1 :])
    return State(store, writers)


def _way(came: Mapping[State, tuple[State | None, str]], state: State) -> list[str]:
    """The steps that lead to a state."""
    steps: list[str] = []
    at: State | None = state
    while at is not None:
        at, name = came[at]
        steps.append(name)
    return steps[-2::-1]
