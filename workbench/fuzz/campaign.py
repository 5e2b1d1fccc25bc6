"""Sends broken frames and checks what holds after each. A seed repeats a campaign exactly.

A campaign consists of epochs, each on fresh twins. After the last input of an epoch all clients
leave, and hours pass: then Redis must have forgotten them.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from .frames import ROOM, Frames
from .ground import Ground
from .honest import Honest
from .targets import TARGETS, USER, Target, Told

EPOCH = 2_000
_STEP_MS = 60  # between two inputs: slower than the buckets of refusals fill
_PROBED, _LOOKED = 10, 200  # every so many inputs
_TENDED_MS = 10_000  # honest clients read, and answer pings
_LONGEST = 200  # inputs of a session
_ENDS_S, _FORGOTTEN_S = 300, 4 * 3600
# Keys of a session are its hash, its buckets, frames that wait and parts; of each of its three
# namespaces what handling a frame needs. Keys of the user and the rooms are few.
KEYS_OF_SESSION, KEYS_OF_OTHERS = 12, 150
BYTES_OF_SESSION = 2_000_000
_SHOWN = 400


@dataclass(frozen=True, slots=True)
class Finding:
    """What did not hold after an input.

    Attributes:
        number: Of the input in the campaign.
        protocol: Of the client that sent it, or whoever was hurt.
    """

    number: int
    protocol: str
    what: str
    given: str


@dataclass(slots=True)
class Result:
    """
    Attributes:
        answers: How inputs were answered: by protocol, by answer.
        charged: Inputs that were charged.
        free: Inputs that were not, and made no call either.
        sessions: Sessions of the fuzzed user.
        most_keys: The most keys that Redis held at once for a session that was open or had been.
        left: Keys that were left hours after the end of an epoch, at most.
    """

    inputs: int = 0
    seed: int = 0
    answers: dict[str, Counter[str]] = field(default_factory=dict)
    charged: int = 0
    free: int = 0
    calls: int = 0
    sessions: int = 0
    probes: int = 0
    most_keys: float = 0.0
    left: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.findings


def run(
    inputs: int,
    seed: int,
    watch: Callable[[int], None] = lambda done: None,
    kinds: Mapping[type[Target], float] = TARGETS,
) -> Result:
    """Send so many inputs.

    Args:
        watch: Told how many have been sent.
        kinds: Who sends them, with their shares.
    """
    result = Result(inputs, seed)
    for start in range(0, inputs, EPOCH):
        with Ground(seed + start) as ground:
            rng = random.Random(f"{seed}/{start}")
            _Epoch(ground, rng, result, start).run(min(EPOCH, inputs - start), kinds)
        watch(min(start + EPOCH, inputs))
    return result


class _Epoch:
    def __init__(self, ground: Ground, rng: random.Random, result: Result, start: int) -> None:
        self._ground, self._rng, self._result = ground, rng, result
        self._number = start
        self._frames = Frames(rng, lambda: ground.token(USER))
        self._honest = Honest(ground)
        ground.room(ROOM, USER, "alice", "bob", "carol")
        self._targets: dict[type[Target], Target] = {}
        self._sent: Counter[type[Target]] = Counter()
        self._opened = self._tended_ms = 0

    def run(self, inputs: int, kinds: Mapping[type[Target], float]) -> None:
        for _ in range(inputs):
            [kind] = self._rng.choices(list(kinds), list(kinds.values()))
            self._input(kind)
            self._number += 1
            self._ground.clock.ms += _STEP_MS
            if self._ground.clock.ms - self._tended_ms > _TENDED_MS:
                self._tended_ms = self._ground.clock.ms
                self._ground.pump()
                self._honest.tend()
            if self._number % _LOOKED == 0:
                self._look()
        self._end()

    def _input(self, kind: type[Target]) -> None:
        target = self._targets.get(kind)
        if target is None or target.ended or self._sent[kind] >= _LONGEST:
            target = self._fresh(kind)
        self._sent[kind] += 1
        self._ground.take()
        try:
            told = target.send()
        except Exception as fault:  # noqa: BLE001 - a handler must not raise whatever it is given
            self._found(kind.name, f"raised {type(fault).__name__}: {fault}", "")
            del self._targets[kind]
            return
        self._count(kind, target, told)
        self._ground.pump()
        for what in (*target.faults(told), *self._jobs()):
            self._found(kind.name, what, told.given)
        if self._number % _PROBED == 0 and not target.ended:
            self._result.probes += 1
            self._ground.clock.ms += _STEP_MS
            if (why := target.probe()) is not None:
                self._found(kind.name, f"the session does not answer: {why}", told.given)

    def _fresh(self, kind: type[Target]) -> Target:
        if kind in self._targets:
            self._targets[kind].leave()
        self._ground.clock.ms += 5 * _STEP_MS  # a connect costs more
        self._ground.pump()
        self._opened += 1
        self._sent[kind] = 0
        self._targets[kind] = target = kind(self._ground, self._frames, self._rng)
        return target

    def _count(self, kind: type[Target], target: Target, told: Told) -> None:
        calls, charges, errors = self._ground.take()
        answers = self._result.answers.setdefault(kind.name, Counter())
        answers[target.outcome(told)] += 1
        self._result.calls += calls
        self._result.charged += charges > 0
        self._result.free += not calls
        for line in errors:
            self._found(kind.name, f"logged {line[:_SHOWN]}", told.given)
        if calls and not charges:
            self._found(kind.name, f"made {calls} calls and paid for none", told.given)

    def _jobs(self) -> Iterator[str]:
        """What is wrong with the jobs that were done since."""
        _, _, errors = self._ground.take()
        yield from (f"a job logged {line[:_SHOWN]}" for line in errors)
        yield from (f"a job failed: {each}" for each in self._ground.failed)
        self._ground.failed.clear()

    def _look(self) -> None:
        if (why := self._honest.fault()) is not None:
            self._found("honest clients", why, "")
        sessions = self._opened + self._honest.sessions
        keys = len(self._ground.keys())
        if keys > KEYS_OF_OTHERS + KEYS_OF_SESSION * sessions:
            self._found("Redis", f"{keys} keys of {sessions} sessions", "")
        if self._ground.held_bytes() > BYTES_OF_SESSION * sessions:
            self._found("Redis", f"{self._ground.held_bytes()} bytes of {sessions} sessions", "")
        self._result.most_keys = max(self._result.most_keys, round(keys / sessions, 1))

    def _end(self) -> None:
        """All leave; then nothing of them may be left."""
        self._look()
        for target in self._targets.values():
            target.leave()
        self._ground.pump(self._ground.clock.ms + _ENDS_S * 1000)
        self._ground.pump(self._ground.clock.ms + _FORGOTTEN_S * 1000)
        for fault in self._jobs():
            self._found("jobs", fault, "")
        # The twin keeps trails for good, which expire in Redis.
        held = self._ground.keys()
        left = [key for key in held if not key.startswith("trail:")]
        self._result.left = max(self._result.left, len(left))
        if left:
            self._found("Redis", f"{len(left)} keys are left: {sorted(left)[:5]}", "")
        self._result.sessions += self._opened

    def _found(self, protocol: str, what: str, given: str) -> None:
        finding = Finding(self._number, protocol, what, given[:_SHOWN])
        self._result.findings.append(finding)
