"""A user is revoked between any two steps of what they do, and the checks notice who is let in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.model.connections import Online
from workbench.simulator.injection import FaultPlan
from workbench.simulator.plan import Plan, Step
from workbench.simulator.revocation_checks import CLOSED_S
from workbench.simulator.run import Outcome, run

FOREVER, SHORT = "604800", "1"
Distort = Callable[[dict[str, Any]], None]


def plan(*steps: Step, calm_s: float = 90, **devices: str) -> Plan:
    named = {f"bob/{kind}": kind for kind in devices.values()}
    arrive = [Step(2 + n, name, "connect") for n, name in enumerate(named)]
    return Plan(
        scenario="revoked",
        seed=1,
        devices={"ann/1": "json", "bob/api": "api", **named},
        rooms={"red": ("ann", "bob")},
        steps=tuple(
            sorted((Step(1, "ann/1", "connect"), *arrive, *steps), key=lambda step: step.at_s)
        ),
        fault_plan=FaultPlan(calm_s=calm_s),
    )


def promises(outcome: Outcome) -> set[str]:
    return {finding.promise for finding in outcome.findings}


# What a device does within four seconds: it comes, recovers, upgrades, renews, writes and reads.
KINDS = ("json", "socketio", "polling", "upgrade", "older")
BUSY = (
    *(
        step
        for number, kind in enumerate(KINDS)
        for step in (
            Step(20 + 0.05 * number, f"bob/{kind}", "disconnect", ("cut",)),
            Step(21.5, f"bob/{kind}", "renew"),
            Step(22, f"bob/{kind}", "join", ("red",)),
            Step(22.3, f"bob/{kind}", "send", ("red", kind)),
            Step(22.5, f"bob/{kind}", "disconnect", ("cut",)),
        )
    ),
    Step(21, "ann/1", "send", ("red", "m1")),
    Step(22, "bob/api", "post", ("red", "p1", "keyed")),
    Step(23, "ann/1", "send", ("red", "m2")),
)
BEFORE_S = 0.45  # how long the operator's request takes until it writes


def instants(every: int) -> list[float]:
    """Times between the steps of what is under way, each so many steps after the last."""
    lines = run(plan(*BUSY, **{kind: kind for kind in KINDS}), is_traced=True).trace
    times = sorted({float(line.split()[0]) for line in lines if line[:1] == " "})
    near = [at_s for at_s in times if 20 <= at_s <= 24.5]
    assert len(near) > 300
    return [at_s - BEFORE_S for at_s in near[::every]]


def at_each(times: list[float], for_s: str) -> dict[float, list[str]]:
    found = {}
    for at_s in times:
        revoke = Step(at_s, "operator", "revoke", ("bob", for_s))
        outcome = run(plan(*BUSY, revoke, **{kind: kind for kind in KINDS}))
        if outcome.findings:
            found[at_s] = [f"{each.promise}: {each.why}" for each in outcome.findings]
    return found


@pytest.mark.timeout(300)
def test_nobody_is_let_in_between_any_two_steps() -> None:
    assert at_each(instants(every=60), FOREVER) == {}


@pytest.mark.timeout(300)
def test_afterwards_everybody_is_back_with_what_they_missed() -> None:
    assert at_each(instants(every=120), SHORT) == {}


@pytest.mark.extended
@pytest.mark.timeout(1200)
def test_nobody_is_let_in_between_many_more() -> None:
    assert at_each(instants(every=4), FOREVER) == {}


# -- planted defects


def blind(*tasks: str) -> Distort:
    """No revocation is seen by tasks whose names begin like that."""

    def distort(twins: dict[str, Any]) -> None:
        scheduler, store = twins["connections"]._scheduler, twins["revocations"]
        until_ms = store.until_ms

        def read(user_id: Any) -> int:
            task = scheduler.current()
            return 0 if task is not None and task.name.startswith(tasks) else until_ms(user_id)

        store.until_ms = read

    return distort


def unnoted(twins: dict[str, Any]) -> None:
    """Redis does not keep revocations."""
    twins["cache"].note_revoked = lambda *_: None


def stops(twins: dict[str, Any]) -> None:
    """A process stops for a minute before it stores bob's second connection."""
    scheduler, store = twins["connections"]._scheduler, twins["connections"]
    put, known = store.put, list[str]()

    def put_late(connection: Any) -> None:
        if connection.user_id == "bob":
            known.append(connection.connection_id)
            if len(known) == 2:
                scheduler.pause(60_000_000)
        put(connection)

    store.put = put_late


def overlooked(twins: dict[str, Any]) -> None:
    """The jobs that close connections find none."""
    scheduler, store, cache = (
        twins["connections"]._scheduler,
        twins["connections"],
        twins["cache"],
    )
    of_user, online = store.of_user, cache.online

    def is_job() -> bool:
        task = scheduler.current()
        return task is not None and task.name.startswith("outbound")

    store.of_user = lambda user: [] if is_job() else of_user(user)
    cache.online = lambda users: Online((), ()) if is_job() else online(users)


def together(*distorts: Distort) -> Distort:
    def distort(twins: dict[str, Any]) -> None:
        for each in distorts:
            each(twins)

    return distort


def around(what: str, *args: str) -> list[Step]:
    """The device does it again and again while the operator is answered."""
    return [Step(30 + 0.02 * n, "bob/polling", what, args) for n in range(50)]


REVOKE = Step(30, "operator", "revoke", ("bob", FOREVER))
CUT = Step(29.9, "bob/socketio", "disconnect", ("cut",))
STOPPED = plan(CUT, REVOKE, a="socketio", calm_s=120)
CUTS = plan(CUT, REVOKE, Step(29.9, "bob/json", "disconnect", ("cut",)), a="socketio", b="json")
JOINS = plan(REVOKE, *around("join", "red"), a="polling")
RENEWS = plan(REVOKE, *around("renew"), a="polling")
SLOW = together(unnoted, overlooked)  # nobody is closed, and no frame is refused


@pytest.mark.parametrize(
    ("of", "world", "defect", "why"),
    [
        pytest.param(STOPPED, stops, blind("delivery"), 'gets 42["session"', id="recovery"),
        pytest.param(CUTS, None, blind("connect", "frame"), "did connects", id="handshake"),
        pytest.param(JOINS, None, unnoted, "did join_room", id="frames"),
        pytest.param(
            RENEWS, None, together(SLOW, blind("POST")), "did refresh_token", id="renewal"
        ),
        pytest.param(JOINS, None, overlooked, "registered", id="closing"),
        pytest.param(
            replace(JOINS, steps=(*JOINS.steps, Step(33, "bob/api", "read", ("red", "5")))),
            None,
            blind("bob/api"),
            "did list_messages",
            id="http",
        ),
    ],
)
def test_who_is_let_in_is_found(of: Plan, world: Distort | None, defect: Distort, why: str) -> None:
    """A world in which a process stops for a minute breaks no promise by itself."""
    assert run(of, distort=world).findings == ()
    both = together(*([world] if world is not None else []), defect)
    found = [each.why for each in run(of, distort=both).findings if each.promise == "revoked"]
    assert any(why in each for each in found), found


def test_of_a_renewal_only_its_own_check_is_missed() -> None:
    found = [each.why for each in run(RENEWS, distort=SLOW).findings]
    assert found
    assert not any("refresh_token" in each for each in found), found


def test_messages_that_go_on_to_come_are_found() -> None:
    later = Step(30 + CLOSED_S + 5, "ann/1", "send", ("red", "later"))
    of = plan(REVOKE, later, a="socketio")
    assert run(of).findings == ()
    found = {each.why for each in run(of, distort=overlooked).findings}
    assert "bob/socketio gets a message after the revocation" in found
