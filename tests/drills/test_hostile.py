"""The hostile drill: how it attributes what it counts, how it judges, and one small run."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from tests.support.node import installed
from workbench.cli import drill_hostile
from workbench.drills.checker import check
from workbench.drills.history import (
    Acked,
    Client,
    Event,
    Failed,
    History,
    Key,
    LogEntry,
    MessageId,
    Room,
    Seen,
    Sent,
)
from workbench.drills.hostile import drill, judging, ledger
from workbench.drills.hostile.attack import Attack, Site, kind
from workbench.drills.hostile.attackers import ATTACKS
from workbench.drills.hostile.judging import Cost, Delays

ANN, BEN, CEM, ROOM = Client("ann"), Client("ben"), Client("cem"), Room("room")
KEEPS: dict[str, Any] = {"keys": {}, "immortal": [], "sessions": 0, "connections": 0}


def said(at_s: float, number: int, *delays_s: float) -> Iterator[Event]:
    """Ann sends a message; Ben and Cem are shown it after these delays."""
    key, message_id = Key(f"ann/{number}"), MessageId(f"m{number}")
    yield Sent(at_s, ANN, ROOM, key)
    for client, delay_s in zip((BEN, CEM), delays_s, strict=False):
        yield Seen(at_s + delay_s, client, ROOM, message_id)
    yield Acked(at_s + 9, ANN, ROOM, key, message_id)  # later than what others were shown
    yield Seen(at_s + 10, ANN, ROOM, message_id)


HISTORY = History(
    {ROOM: frozenset({ANN, BEN, CEM})},
    {ROOM: tuple(LogEntry(MessageId(f"m{n}"), Key(f"ann/{n}")) for n in (1, 2))},
    (*said(1.0, 1, 0.1, 0.2), *said(11.0, 2, 0.3, 0.8)),
)


def result(
    history: History = HISTORY, promises: dict[str, bool] | None = None, **costs: Cost
) -> drill.Result:
    return drill.Result(
        plan=drill.Plan(),
        kinds={ANN: "json", BEN: "js polling", CEM: "json"},
        history=history,
        verdict=check(history),
        costs=costs,
        honest={"alone": {"redis": 3}, "under attack": {"redis": 4}},
        quiet=judging.delays(history, 0.0, 10.0),
        attacked=judging.delays(history, 10.0, 20.0),
        dropped=0,
        left=KEEPS,
        settled_s=0.1,
        window=(10.0, 20.0),
        promises=promises or {},
    )


def test_deliveries_are_timed_for_everybody_but_the_sender() -> None:
    assert judging.delays(HISTORY, 0.0, 10.0) == Delays(2, 0.1, 0.2)
    assert judging.delays(HISTORY, 10.0, 20.0) == Delays(2, 0.3, 0.8)
    assert judging.delays(HISTORY, 30.0, 40.0) == Delays(0, None, None)


def test_the_ratio_is_judged_for_both_figures() -> None:
    quiet = Delays(9, 0.1, 0.2)
    assert judging.ratios(quiet, Delays(9, 0.3, 0.8)) == {"p50": 3.0, "p99": 4.0}
    assert judging.within(quiet, Delays(9, 0.2, 0.4), 2.0)
    assert not judging.within(quiet, Delays(9, 0.21, 0.2), 2.0)
    assert not judging.within(quiet, Delays(9, 0.1, 0.41), 2.0)
    assert judging.within(Delays(9, 0.005, 0.015), Delays(9, 0.02, 0.1), 2.0), "nobody notices"
    assert not judging.within(quiet, Delays(0, None, None), 2.0), "nothing was shown"


def test_the_cost_of_an_attack_is_what_it_caused_meanwhile() -> None:
    before = {"sends": {"invocations": 2, "redis": 4}}
    after = {"sends": {"invocations": 12, "redis": 24, "ms": 100}, "other": {"redis": 9}}
    told = {"sends": {"made": 5, "answers": {"ack": 1, "rate_limited": 4}}}
    found = judging.costs(told, before, after)
    assert found["sends"].each("invocations") == 2.0
    assert found["sends"].each("redis") == 4.0
    assert list(found["sends"].answers) == ["rate_limited", "ack"]
    all_ = judging.total([found["sends"], found["sends"]])
    assert (all_.made, all_.invocations, all_.ms) == (10, 20, 200)
    assert all_.answers == {"rate_limited": 8, "ack": 2}


@pytest.mark.parametrize(
    ("answer", "fails"),
    [
        *(("HTTP 500", True), ("HTTP 502", True), ("internal", True)),
        *(("Internal server error", True), ("compression taken", True)),
        *(("HTTP 503", False), ("HTTP 429", False), ("rate_limited", False), ("ack", False)),
    ],
)
def test_which_answers_are_faults(answer: str, fails: bool) -> None:
    assert judging.is_failure(answer) is fails


def test_what_is_left_is_bounded() -> None:
    assert all(judging.kept(KEEPS).values())
    few = {**KEEPS, "keys": {"limits:…": judging.KEYS_OF_OTHERS + 2}, "sessions": 1}
    assert all(judging.kept(few).values())
    for broken in (
        {**few, "keys": {"limits:…": judging.KEYS_OF_OTHERS + 3}},
        {**KEEPS, "immortal": ["room:x"]},
        {**KEEPS, "connections": 1},
        {**KEEPS, "keys": {"engine:{…}": 1}},
    ):
        assert list(judging.kept(broken).values()).count(False) == 1, broken


def test_a_fault_or_a_broken_promise_is_no_success() -> None:
    assert result().ok
    assert not result(promises={"fast": False}).ok
    assert not result(replace(HISTORY, events=HISTORY.events[:-3])).ok
    failed = (*HISTORY.events, Failed(20.0, BEN, ROOM, Key("ben/0"), "why"))
    assert not result(replace(HISTORY, events=failed)).ok
    assert not replace(result(), settled_s=None).ok


def test_the_result_is_told_as_data() -> None:
    cost = Cost(10, {"ack": 10}, 20, 5_000, 40, 0, 0, 0)
    data = drill_hostile.as_data(result(sends=cost))
    assert json.loads(json.dumps(data)) == data
    assert data["times"]["ratio_p50"] == 3.0
    assert data["attacks"]["sends"]["per_request"]["redis"] == 4.0
    assert data["attacks"]["all"]["made"] == 10
    [_, all_] = drill_hostile._rows(result(sends=cost))
    assert all_ == ("all", "10", "2", "4", "0", "0", "0", "0.5", "10 ack")


def http(agent: str) -> dict[str, Any]:
    return {"requestContext": {"identity": {"userAgent": agent, "sourceIp": "127.0.0.1"}}}


def test_an_attacker_says_who_they_are_and_gets_the_address_that_they_claim() -> None:
    kept = ledger.Ledger()
    event = http(ledger.agent("garbage", "198.18.3.1"))
    event["requestContext"]["connectionId"] = "abc="
    assert kept.cause_of(event) == "garbage"
    assert event["requestContext"]["identity"]["sourceIp"] == "198.18.3.1"
    browser = http("Mozilla/5.0")
    assert kept.cause_of(browser) == ledger.HONEST
    assert browser["requestContext"]["identity"]["sourceIp"] == "127.0.0.1"
    assert kept.names == {"abc=": "garbage"}


def test_a_job_is_whose_connection_or_user_it_names() -> None:
    kept = ledger.Ledger()
    kept.names |= {"session-1=": "handshakes", "the-room": "typing"}
    kept.note_answer("idle-upgrades", {"body": '0{"sid":"session-2","upgrades":[]}'})
    kept.note_answer(ledger.HONEST, {"body": '0{"sid":"session-3","upgrades":[]}'})

    def cause(*jobs: dict[str, Any]) -> str:
        return kept.cause_of({"Records": [{"body": json.dumps(job)} for job in jobs]})

    honest = {"target": {"connection_id": "session-3"}, "user_id": "ann"}
    assert cause(honest) == ledger.HONEST
    assert cause({"target": {"connection_id": "session-1="}}) == "handshakes"
    assert cause({"target": {"connection_id": "session-2|/moments"}}) == "idle-upgrades"
    assert cause({"room_id": "the-room"}) == "typing"
    assert cause(honest, {"user_id": "hostile.sends-0"}) == "sends"
    image = {"dynamodb": {"NewImage": {"sender": {"S": "hostile.syncs-0"}}}}
    assert kept.cause_of({"Records": [image]}) == "syncs"


def test_keys_of_attackers_are_known() -> None:
    kept = ledger.Ledger()
    kept.names["session-1="] = "handshakes"
    for key in ("limits:hostile.sends-0", "addresses:198.18.1.2", "engine:{session-1=}:limits"):
        assert kept.is_hostile(key)
    for key in ("limits:ann", "addresses:10.0.0.1", "engine:{session-2}"):
        assert not kept.is_hostile(key)


def test_answers_in_a_word() -> None:
    assert kind('{"event":"ack","id":1,"data":{}}') == "ack"
    assert kind('{"event":"error","id":1,"data":{"code":"rate_limited"}}') == "rate_limited"
    assert kind('431[{"ok":false,"error":{"code":"not_found"}}]') is None
    assert kind('430[{"ok":false,"error":{"code":"not_found"}}]') == "not_found"
    assert kind('430[{"ok":true}]') == "ack"
    assert kind('{"message": "Internal server error", "connectionId":"x"}') == (
        "Internal server error"
    )
    assert kind('{"event":"message_received","data":{}}') is None


class Noted(Attack):
    name = "noted"

    async def once(self) -> None:
        self.made += 1
        if self.made == 2:
            raise OSError("gone")
        self.answers["ok"] += 1


async def test_an_attack_is_bounded_in_number_and_survives_its_errors() -> None:
    attack = Noted(Site("http://127.0.0.1:9"), 1, 1)
    await attack.run(1_000.0, 5, time.monotonic() + 60)
    assert attack.made == 5
    assert attack.answers == {"ok": 4, "no answer (OSError)": 1}
    late = Noted(Site("http://127.0.0.1:9"), 1, 1)
    await late.run(1_000.0, 5, time.monotonic() - 1)
    assert late.made == 0, "its time is over"


def test_attacks_have_a_name_a_line_and_their_own_users() -> None:
    for name, each in ATTACKS.items():
        assert (name, each.name) == (each.name, name)
        assert each.says.endswith(".")
        assert len(each.users()) == each.needs
        assert all(user.startswith(f"{ledger.USER}{name}-") for user in each.users())


@contextmanager
def run(*options: str) -> Iterator[subprocess.CompletedProcess[str]]:
    command = [sys.executable, "-m", "workbench.cli.main", "drill", "hostile", *options]
    yield subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)


def test_unknown_attacks_are_refused() -> None:
    with run("--attacks", "sends,nonsense") as done:
        assert done.returncode == 2
        assert "name attacks" in done.stderr


@pytest.mark.extended
@pytest.mark.timeout(300)
@pytest.mark.parametrize("stores", ["emulator", "memory"])
def test_honest_clients_lose_nothing(stores: str) -> None:
    """How long they wait is a figure of the drill; here only that all attacks were made."""
    installed()
    options = ["--clients", "12", "--quiet-s", "4", "--seconds", "12", "--pause-s", "2"]
    with run(
        *options, "--stores", stores, "--within-ratio", "1000", "--seed", "1", "--json"
    ) as done:
        assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    told = json.loads(done.stdout)
    assert told["ok"] is True
    assert told["counts"]["sent"] == told["counts"]["acked"] > 0
    attacks = told["attacks"]
    assert set(attacks) == {*ATTACKS, "all"}
    assert all(each["made"] > 0 for each in attacks.values())
    assert all(
        each["invocations"] > 0 for name, each in attacks.items() if name != "half-open-sockets"
    )
    assert attacks["half-open-sockets"]["invocations"] == 0
    assert attacks["packet-bombs"]["per_request"]["redis"] < 20, "a thousand packets in each"
    assert (
        "HTTP 101" in attacks["compressed"]["answers"]
        or "HTTP 415" in attacks["compressed"]["answers"]
    )
