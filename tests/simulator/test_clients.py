"""Simulated clients do what real ones do: they poll, upgrade, recover, and use the HTTP API."""

from __future__ import annotations

from workbench.drills.history import Acked, Connected, Failed, Pushed
from workbench.simulator.checks import check
from workbench.simulator.injection import FaultPlan, Kind
from workbench.simulator.plan import Plan, Step
from workbench.simulator.run import Run

KINDS = {"ann/1": "json", "bob/1": "polling", "cat/1": "upgrade", "dan/1": "older"}
ARRIVALS = tuple(Step(1, name, "connect") for name in KINDS)


def plan(*steps: Step, faults: FaultPlan | None = None) -> Plan:
    return Plan(
        scenario="clients",
        seed=1,
        devices={**KINDS, "ann/api": "api"},
        rooms={"red": ("ann", "bob", "cat", "dan")},
        steps=(*ARRIVALS, *steps),
        fault_plan=faults or FaultPlan(calm_s=60, index_lag_s=0, never_disconnects=0),
    )


def test_polls_are_answered_when_something_comes() -> None:
    run = Run(plan(Step(20, "ann/1", "send", ("red", "m1"))))
    assert run.outcome().findings == ()
    pushed = {e.client: e.at_s for e in run.record.events if isinstance(e, Pushed) and e.at_s < 60}
    assert set(pushed) == {"bob/1", "cat/1", "dan/1"}
    assert all(at_s < 21 for at_s in pushed.values())


def test_a_client_upgrades_and_comes_back_while_messages_come() -> None:
    cuts = [Step(9.5 + n, "cat/1", "disconnect", ("cut",)) for n in range(5)]
    sends = [Step(10 + n / 5, "ann/1", "send", ("red", f"m{n}")) for n in range(30)]
    run = Run(plan(*cuts, *sends))
    assert run.outcome().findings == ()
    assert any(each.upgraded for each in run.record.handed_on if each.device == "cat/1")
    assert {each.upgraded for each in run.record.handed_on if each.device == "bob/1"} == {False}


def test_who_comes_back_recovers_what_was_missed() -> None:
    cuts = [Step(10, name, "disconnect", ("cut",)) for name in KINDS]
    run = Run(
        plan(
            *cuts,
            Step(20, "ann/1", "send", ("red", "m1")),
            *(Step(30, name, "disconnect", ("cut",)) for name in KINDS),
            Step(30.1, "ann/1", "send", ("red", "m2")),
        )
    )
    assert run.outcome().findings == ()
    recovered = {e.client for e in run.record.events if isinstance(e, Connected) and e.recovered}
    assert recovered == {"bob/1", "cat/1", "dan/1"}
    assert {each.life for each in run.record.handed_on if each.device == "bob/1"} == {1}


def test_a_second_answer_to_a_connect_is_found() -> None:
    run = Run(plan())
    assert run.outcome().findings == ()
    device = run.devices["bob/1"]
    device.receive('40{"sid":"another","pid":"another"}')
    assert {(each.promise, each.why) for each in check(run)} == {
        ("connection", "bob/1 got a second socket for one CONNECT")
    }


def test_programs_resend_until_they_are_answered_and_no_message_is_stored_twice() -> None:
    ways = ("keyed", "changed", "once")
    posts = [Step(10 + n, "ann/api", "post", ("red", f"m{n}", ways[n % 3])) for n in range(24)]
    faults = FaultPlan({Kind.LOST: 0.3}, ("http",), calm_s=60)
    run = Run(plan(*posts, Step(50, "ann/api", "read", ("red", "5")), faults=faults))
    assert run.outcome().findings == ()
    acked = [e.key for e in run.record.events if isinstance(e, Acked) and e.client == "ann/api"]
    failed = [e.key for e in run.record.events if isinstance(e, Failed)]
    assert failed, "some had no answer"
    assert {*acked, *failed} == {f"m{n}" for n in range(24)}
    assert all(int(key[1:]) % 3 == 2 for key in failed), "only those that are sent once"
    assert {len(read.messages) for read in run.record.reads} == {24, 23}
