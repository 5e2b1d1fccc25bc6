"""Recovery while Redis, jobs, posts or the process fail."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.composition import compose
from chalicelib.jobs.delivery import StartRecovery
from chalicelib.kernel.errors import CacheDown, Unavailable
from chalicelib.model.connections import Target
from chalicelib.model.delivery import Outcome
from tests.support.socketio import Device, say
from tests.support.world import Killed, World


def test_after_redis_was_emptied(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    say(world, alice, "1")
    assert bob.hear() == ["1"]
    bob.cut()
    world.cache.flush()
    world.sessions.flush()
    world.trails.flush()
    say(world, alice, "2")
    assert bob.come().recovered
    assert bob.got == ["1", "2"]


def test_a_session_that_redis_forgot_is_cut_and_comes_back_whole(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    world.trails.flush()
    say(world, alice, "1")
    assert bob.hear() == []
    assert bob.closed
    bob.cut()
    assert bob.come().recovered
    assert bob.got == ["1"]


def test_while_redis_is_away_it_is_let_in_without_recovery(world: World, alice: str) -> None:
    world.trails.down = True
    bob = Device(world, "bob").come()
    assert (bob.pid, bob.offset) == (None, None)
    say(world, alice, "1")
    assert bob.hear() == ["1"]


def test_who_was_let_in_without_recovery_is_not_opened_anew_by_the_repeated_job(
    world: World, alice: str
) -> None:
    """It would omit what was written after the first attempt."""
    bob = Device(world, "bob")
    bob.ask()
    [job] = [each for each in world.adapters.delivery.jobs if isinstance(each, StartRecovery)]
    world.trails.down = True
    world.pump()
    bob.read()
    assert bob.pid is None
    world.trails.down = False
    world.services.recovery.start(job, 2)
    assert world.adapters.checkpoints.get(job.attempt) is not None
    assert bob.closed  # its client comes back, and gets what it missed
    bob.cut()
    assert bob.come().pid is not None


def test_who_loses_redis_meanwhile_is_cut_in_the_end(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    world.trails.down = True
    say(world, alice, "1")
    world.wait(20)
    assert bob.closed
    world.trails.down = False
    bob.cut()
    assert bob.come().recovered
    assert bob.got == ["1"]


def test_what_a_lost_job_told_of_comes_with_the_next(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    world.poster.script[bob.id] = [Outcome.THROTTLED]
    send = world.adapters.delivery.send
    kept = lambda jobs: send([job for job in jobs if job.kind != "recovery_entry"])  # noqa: E731
    world.adapters.delivery.send = kept  # type: ignore[method-assign]
    say(world, alice, "1")
    world.adapters.delivery.send = send  # type: ignore[method-assign]
    assert bob.hear() == []
    say(world, alice, "2")
    assert bob.hear() == ["1", "2"]


def test_a_job_that_comes_twice_is_posted_once(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    send = world.adapters.delivery.send
    world.adapters.delivery.send = lambda jobs: send([*jobs, *jobs])  # type: ignore[method-assign]
    say(world, alice, "1")
    say(world, alice, "2", "two")
    assert bob.hear() == ["1", "2"]


def test_a_death_at_the_post_cuts_and_doubles_nothing(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    body = {"conversation_id": "one", "message_type": "text", "content": "1"}
    world.act(alice, "send_message", **body)
    world.poster.dies_in(0)
    with pytest.raises(AssertionError):
        world.pump(rounds=3)
    world.poster.dies_in(None)
    world.pump(until_ms=world.clock.ms)
    assert bob.closed
    bob.cut()
    assert bob.come().recovered
    assert bob.got == ["1"]


def test_a_death_in_the_answer_is_no_silent_hole(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    bob.cut()
    say(world, alice, "1")
    say(world, alice, "2")
    world.poster.dies_in(1)
    bob.ask()
    with pytest.raises((AssertionError, Killed)):
        world.pump(rounds=3)
    world.poster.dies_in(None)
    world.pump(until_ms=world.clock.ms)
    assert bob.closed
    bob._read = 0
    assert not bob.come().recovered


def test_what_cannot_be_settled_is_not_sent_again(
    world: World, alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = []

    def refuse_once(name: str) -> None:
        method = getattr(world.trails, name)

        def once(*args: Any) -> Any:
            if name in refused:
                return method(*args)
            refused.append(name)
            raise CacheDown("away")

        monkeypatch.setattr(world.trails, name, once)

    bob = Device(world, "bob").come()
    refuse_once("begin")  # so a job in the socket's own group posts it
    refuse_once("settle")
    say(world, alice, "1")
    world.wait(60)
    assert refused == ["begin", "settle"]
    assert bob.hear() == ["1"]
    say(world, alice, "2")
    world.wait(60)
    assert bob.closed, "Redis does not know that it has the first"
    bob.cut()
    assert bob.come().recovered
    assert bob.got == ["1", "2"]


def test_what_follows_an_answer_is_done_again_if_it_fails(
    world: World, alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled = []

    def settle(target: Target, namespace: str) -> None:
        settled.append(namespace)
        if len(settled) == 1:
            raise Unavailable("away")

    monkeypatch.setattr(world.services.upgrades, "settle", settle)
    bob = Device(world, "bob").come()
    assert settled == ["/", "/"]
    assert not bob.closed
    say(world, alice, "1")
    assert bob.hear() == ["1"]


def test_a_death_after_the_answer_and_a_loss_of_redis_lose_nothing(
    world: World, alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(sid: str) -> None:
        monkeypatch.undo()
        world.trails.flush()
        body = {"conversation_id": "one", "message_type": "text", "content": "1"}
        world.act(alice, "send_message", **body)
        raise Killed(sid)

    bob = Device(world, "bob")
    monkeypatch.setattr(world.trails, "release", killed)
    assert not bob.come().recovered
    assert bob.closed
    bob.cut()
    assert bob.come().recovered
    assert bob.got == ["1"]


@pytest.mark.parametrize("outcome", [Outcome.THROTTLED, Outcome.BUSY, Outcome.UNSENT])
def test_a_post_that_was_refused_does_not_cut_the_session(
    world: World, alice: str, outcome: Outcome
) -> None:
    bob = Device(world, "bob").come()
    say(world, alice, "1")
    world.pump(until_ms=world.clock.ms)
    for content in ("2", "3"):
        body = {"conversation_id": "one", "message_type": "text", "content": content}
        world.act(alice, "send_message", **body)
    world.poster.script[bob.id] = [Outcome.DELIVERED, outcome]
    world.wait(5)
    bob.read()
    assert not bob.closed
    assert bob.got == ["1", "2", "3"]


def test_what_was_missed_is_posted_again_when_it_is_refused(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    bob.cut()
    say(world, alice, "1")
    say(world, alice, "2")
    world.poster.script["bob-2="] = [Outcome.DELIVERED, *[Outcome.UNSENT, Outcome.BUSY] * 3]
    assert bob.come().recovered
    assert bob.got == ["1", "2"]
    assert not bob.closed


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.THROTTLED, Outcome.GONE])
def test_posts_that_fail(world: World, alice: str, outcome: Outcome) -> None:
    bob = Device(world, "bob").come()
    world.poster.script[bob.id] = [outcome]
    world.clock.ms += 1 if outcome is Outcome.GONE else 60_000  # a 410 soon says "not yet"
    say(world, alice, "1")
    world.wait(5)
    bob.read()
    if outcome is Outcome.FAILED:  # it may have arrived
        assert bob.closed
        bob.cut()
        assert bob.come().recovered
    assert bob.hear() == ["1"]


def test_after_a_failover_to_a_replica_that_lags_nothing_comes_twice(
    world: World, alice: str
) -> None:
    bob = Device(world, "bob").come()
    say(world, alice, "1")
    world.trails.lag()
    say(world, alice, "2")
    assert bob.hear() == ["1", "2"]
    world.trails.fail_over()
    say(world, alice, "3")
    assert bob.hear() == ["1", "2"]
    assert bob.closed, "what it has is not known here"
    bob.cut()
    assert bob.come().recovered
    say(world, alice, "4")
    assert bob.hear() == ["1", "2", "3", "4"]


def test_a_replica_that_has_an_earlier_connection_of_the_socket(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    world.trails.lag()
    bob.cut()
    assert bob.come().recovered
    say(world, alice, "1")
    world.trails.fail_over()
    say(world, alice, "2")
    assert bob.hear() == ["1"]
    assert bob.closed
    bob.cut()
    assert bob.come().recovered
    assert bob.got == ["1", "2"]


class Unanswered:
    """A queue that does not answer its next call, which it carries out or not."""

    def __init__(self, inner: Any, sent: bool) -> None:
        self._inner, self._sent = inner, sent

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def send(self, jobs: Any) -> None:
        if self._sent:
            self._inner.send(jobs)
        raise Unavailable("no answer")


@pytest.mark.parametrize("sent", [True, False])
def test_a_connect_that_may_be_answered_later_is_not_refused(
    world: World, alice: str, sent: bool
) -> None:
    """After a CONNECT_ERROR a stock client ignores the answer, and does not come back."""
    bob = Device(world, "bob").come()
    say(world, alice, "1")
    assert bob.hear() == ["1"]
    bob.cut()
    say(world, alice, "2")
    usual = world.services
    delivery = Unanswered(world.adapters.delivery, sent)
    world.services = compose(world.settings, replace(world.adapters, delivery=delivery))
    bob.ask()
    world.services = usual
    assert bob.closed
    world.poster.rule = lambda sid: Outcome.GONE if sid == bob.id else None
    world.pump(until_ms=world.clock.ms)
    world.poster.rule = lambda _: None
    bob.come()
    say(world, alice, "3")
    assert bob.hear() == (["1", "3"] if sent else ["1", "2", "3"])
    assert bob.recovered is not sent, "an offset is used once: else it gets a snapshot"


def test_who_is_let_in_without_recovery_while_the_old_line_is_still_there(
    world: World, alice: str
) -> None:
    bob = Device(world, "bob").come()
    bob.lose()
    world.trails.down = True
    bob.come()
    world.trails.down = False
    assert not bob.recovered
    say(world, alice, "1")
    assert bob.hear() == ["1"]
