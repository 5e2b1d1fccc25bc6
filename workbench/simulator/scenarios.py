"""The scenarios: each makes a plan from a seed, with faults that hurt what it looks at."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace

from . import draws, region_scenarios, revocation_scenarios
from .draws import NAMES
from .injection import FaultPlan, Kind
from .plan import Plan, Step
from .queues import share

SERVICES = ("redis", "dynamodb", "sqs", "posts", "quota", "budget")
OUTBOXES = 0.7  # of the runs


def chat(seed: int) -> Plan:
    """Messages in two rooms while calls fail, processes die and connections break."""
    draw = random.Random(f"chat/{seed}")
    users = list(NAMES[: draw.randint(2, 5)])
    devices = draws.devices(draw, users, socketio=0.4)
    rooms = {"red": tuple(users), "blue": tuple(users[:2])}
    steps = draws.arrivals(draw, devices, 20)
    steps += draws.messages(draw, devices, rooms, draw.randint(5, 25), 5, 80)
    steps += draws.cuts(draw, devices, draw.randint(0, 6), 90)
    if draw.random() < 0.4:
        steps.append(Step(draw.uniform(20, 85), "redis", draw.choice(("empty", "older", "shard"))))
    fault_plan = FaultPlan(draws.rates(draw, 0.02), calm_s=90, skew_ms=draw.choice((0, 0, 2_000)))
    return Plan("chat", seed, devices, rooms, draws.ordered(steps), fault_plan)


def resends(seed: int) -> Plan:
    """Programs that repeat a message with other content, while queues and answers fail."""
    draw = random.Random(f"resends/{seed}")
    users = list(NAMES[: draw.randint(2, 3)])
    devices = dict.fromkeys([f"{user}/1" for user in users], "json")
    rooms = {"red": tuple(users)}
    steps = draws.arrivals(draw, devices, 5)
    for step in draws.messages(draw, devices, rooms, draw.randint(3, 8), 10, 60):
        steps.append(Step(step.at_s, step.who, "send", (*step.args, "changed")))
    rates = {Kind.REFUSED: 0.1, Kind.LOST: 0.1, Kind.KILLED_AFTER: 0.05}
    fault_plan = FaultPlan(rates, ("sqs", "dynamodb"), calm_s=70)
    return Plan("resends", seed, devices, rooms, draws.ordered(steps), fault_plan)


def kicks(seed: int) -> Plan:
    """Members are removed and added while they write, join and type."""
    draw = random.Random(f"kicks/{seed}")
    users = list(NAMES[: draw.randint(3, 5)])
    devices = draws.devices(draw, users, socketio=0.2)
    rooms = {"red": tuple(users)}
    steps = draws.arrivals(draw, devices, 10)
    for name in sorted(devices):
        for _ in range(draw.randint(1, 4)):
            steps.append(
                Step(draw.uniform(11, 60), name, draw.choice(("join", "typing")), ("red",))
            )
    for number in range(draw.randint(3, 10)):
        name = draw.choice(sorted(devices))
        steps.append(Step(draw.uniform(11, 70), name, "send", ("red", f"m{number}")))
    for user in users[1:]:
        at_s = draw.uniform(15, 60)
        if draw.random() < 0.7:
            steps.append(Step(at_s, users[0], "kick", ("red", user)))
            # What was under way when the member was removed.
            near = [name for name in devices if name.split("/")[0] == user]
            steps.append(Step(at_s + draw.uniform(-0.2, 0.2), draw.choice(near), "join", ("red",)))
            others = [name for name in devices if name.split("/")[0] != user]
            typing_s = at_s + draw.uniform(-0.2, 0.3)
            steps.append(Step(typing_s, draw.choice(others), "typing", ("red",)))
            if draw.random() < 0.3:
                steps.append(Step(at_s + draw.uniform(5, 20), users[0], "add", ("red", user)))
    if draw.random() < 0.5:
        steps.append(Step(draw.uniform(15, 65), "redis", draw.choice(("empty", "older", "shard"))))
    away = draws.outage(draw, ("redis",), 15, 60, (2, 20)) if draw.random() < 0.3 else ()
    fault_plan = FaultPlan(draws.rates(draw, 0.03), outages=away, calm_s=75, slow=0.04)
    return Plan("kicks", seed, devices, rooms, draws.ordered(steps), fault_plan)


def presence(seed: int) -> Plan:
    """Friends come and go, noticed or not, with Redis emptied, older or away."""
    draw = random.Random(f"presence/{seed}")
    users = list(NAMES[: draw.randint(2, 4)])
    devices = draws.devices(draw, users, socketio=0.2)
    rooms = {"red": tuple(users)}
    friends = tuple((one, other) for one in users for other in users if one < other)
    steps = draws.arrivals(draw, devices, 40)
    for name in sorted(devices):
        for _ in range(draw.randint(0, 3)):
            at_s = draw.uniform(30, 170)
            way = draw.choice(("leave", "leave", "vanish", "cut"))
            steps.append(Step(at_s, name, "disconnect", (way,)))
            if draw.random() < 0.6:
                steps.append(Step(at_s + draw.uniform(0.1, 30), name, "connect"))
    steps += draws.messages(draw, devices, rooms, draw.randint(2, 8), 60, 170)
    for _ in range(draw.randint(0, 2)):
        how = draw.choice(("empty", "older", "shard"))
        steps.append(Step(draw.uniform(30, 175), "redis", how))
    away = draws.outage(draw, ("redis",), 30, 150, (1, 40)) if draw.random() < 0.4 else ()
    fault_plan = FaultPlan(draws.rates(draw, 0.03), outages=away, calm_s=180, slow=0.05)
    return Plan(
        "presence", seed, devices, rooms, draws.ordered(steps), fault_plan, friends, quiet_s=900
    )


def large(seed: int) -> Plan:
    """A room that is delivered in parts, while members change and posts cannot be made."""
    draw = random.Random(f"large/{seed}")
    users = list(NAMES[: draw.randint(6, 10)])
    devices = draws.devices(draw, users, socketio=0.1)
    rooms = {"red": tuple(users)}
    steps = draws.arrivals(draw, devices, 10)
    steps += draws.messages(draw, devices, rooms, draw.randint(4, 12), 12, 60)
    steps += draws.cuts(draw, devices, draw.randint(0, 6), 70)
    for name in sorted(devices)[1:]:
        if draw.random() < 0.3:
            at_s = draw.uniform(12, 60)
            steps.append(Step(at_s, name, "disconnect", (draw.choice(("leave", "vanish")),)))
            steps.append(Step(at_s + draw.uniform(0.2, 20), name, "connect"))
    away = (
        draws.outage(draw, ("posts", "quota", "budget"), 12, 60, (1, 40))
        if draw.random() < 0.6
        else ()
    )
    rates = draws.rates(draw, 0.015)
    only = () if draw.random() < 0.6 else ("sqs",)
    if only:
        rates = {Kind.KILLED_AFTER: 0.08, Kind.LOST: 0.05, Kind.REFUSED: 0.03}
    fault_plan = FaultPlan(rates, only, outages=away, calm_s=110)
    return Plan(
        "large",
        seed,
        devices,
        rooms,
        draws.ordered(steps),
        fault_plan,
        settings={"split_over": 2},
        quiet_s=500,
    )


def regroup(seed: int) -> Plan:
    """A room in parts: devices return just before a message, Redis is cold, its worker dies."""
    draw = random.Random(f"regroup/{seed}")
    users = list(NAMES[: draw.randint(4, 6)])
    devices = dict.fromkeys([f"{user}/1" for user in users], "json")
    rooms = {"red": tuple(users)}
    steps = draws.arrivals(draw, devices, 8)
    for number in range(draw.randint(2, 5)):
        at_s = draw.uniform(10, 80)
        steps.append(Step(at_s, "redis", "empty"))
        for name in sorted(devices)[1:]:
            if draw.random() < 0.6:
                steps.append(Step(at_s + draw.uniform(0, 3), name, "disconnect", ("cut",)))
        sent_s = at_s + draw.uniform(1, 6)
        steps.append(Step(sent_s, f"{users[0]}/1", "send", ("red", f"m{number}")))
    rates = {Kind.KILLED_AFTER: 0.12, Kind.REFUSED: draw.choice((0, 0.1))}
    fault_plan = FaultPlan(rates, ("sqs", "redis"), calm_s=90)
    settings = {"split_over": 1}
    return Plan(
        "regroup", seed, devices, rooms, draws.ordered(steps), fault_plan, settings=settings
    )


def outage(seed: int) -> Plan:
    """One service is away: for half a minute, or for an hour."""
    draw = random.Random(f"outage/{seed}")
    long = draw.random() < 0.1
    users = list(NAMES[: 2 if long else draw.randint(2, 4)])
    devices = draws.devices(draw, users, socketio=0.3)
    rooms = {"red": tuple(users), "blue": tuple(users[:2])}
    steps = draws.arrivals(draw, devices, 10)
    lengths = (3_000, 3_600) if long else (20, 300)
    away = draws.outage(draw, SERVICES, 20, 40, lengths)
    end_s = away[0].to_s
    steps += draws.messages(draw, devices, rooms, draw.randint(3, 10), 12, 60)
    steps += draws.messages(draw, devices, rooms, 1, end_s - 10, end_s + 10, first=100)
    fault_plan = FaultPlan(outages=away, calm_s=end_s + 1)
    return Plan("outage", seed, devices, rooms, draws.ordered(steps), fault_plan, quiet_s=600)


def closes(seed: int) -> Plan:
    """Connections are closed by the server while @connections refuses or does not answer."""
    draw = random.Random(f"closes/{seed}")
    users = list(NAMES[: draw.randint(2, 4)])
    devices = draws.devices(draw, users, socketio=0.3)
    rooms = {"red": tuple(users)}
    steps = draws.arrivals(draw, devices, 10)
    steps += draws.messages(draw, devices, rooms, draw.randint(4, 12), 12, 70)
    for user in users[1:]:
        if draw.random() < 0.6:
            steps.append(Step(draw.uniform(15, 60), "operator", "end", (user,)))
    rates = {Kind.REFUSED: 0.15 + 0.3 * draw.random(), Kind.LOST: 0.1}
    fault_plan = FaultPlan(rates, ("posts",), calm_s=80)
    return Plan("closes", seed, devices, rooms, draws.ordered(steps), fault_plan, quiet_s=600)


def polling(seed: int) -> Plan:
    """Stock clients that poll, and some that upgrade, while messages come and processes die."""
    draw = random.Random(f"polling/{seed}")
    users = list(NAMES[: draw.randint(2, 3)])
    kinds = ("polling", "polling", "upgrade", "older", "json")
    devices = {name: draw.choice(kinds) for name in draws.devices(draw, users, socketio=0)}
    rooms = {"red": tuple(users), "blue": tuple(users[:2])}
    steps = draws.arrivals(draw, devices, 15)
    steps += draws.messages(draw, devices, rooms, draw.randint(4, 15), 5, 80)
    steps += draws.cuts(draw, devices, draw.randint(0, 4), 85)
    for name in sorted(devices)[1:]:
        if draw.random() < 0.3:
            at_s = draw.uniform(15, 60)
            steps.append(Step(at_s, name, "disconnect", (draw.choice(("leave", "vanish")),)))
            steps.append(Step(at_s + draw.uniform(0.2, 20), name, "connect"))
    if draw.random() < 0.4:
        steps.append(Step(draw.uniform(20, 80), "redis", draw.choice(("empty", "older"))))
    fault_plan = FaultPlan(draws.rates(draw, 0.015), calm_s=90)
    return Plan("polling", seed, devices, rooms, draws.ordered(steps), fault_plan, quiet_s=700)


def upgrades(seed: int) -> Plan:
    """Stock clients change from polling to websockets while messages come to them."""
    draw = random.Random(f"upgrades/{seed}")
    users = list(NAMES[: draw.randint(2, 3)])
    devices = {f"{user}/1": draw.choice(("upgrade", "upgrade", "older")) for user in users[1:]}
    devices[f"{users[0]}/1"] = "json"
    rooms = {"red": tuple(users), "blue": tuple(users[:2])}
    steps = draws.arrivals(draw, devices, 2)
    number = 0
    for _ in range(draw.randint(1, 4)):
        at_s = draw.uniform(5, 80)
        name = draw.choice(sorted(devices)[1:])
        steps.append(Step(at_s, name, "disconnect", ("cut",)))
        if draw.random() < 0.2:
            steps.append(Step(at_s + draw.uniform(0.5, 5), name, "disconnect", ("cut",)))
        for _ in range(draw.randint(1, 5)):  # the client is back, and upgrades, within seconds
            sent_s = at_s + draw.uniform(0.3, 2)
            room = draw.choice(sorted(rooms))
            steps.append(Step(sent_s, f"{users[0]}/1", "send", (room, f"m{number}")))
            number += 1
    if draw.random() < 0.3:
        steps.append(Step(draw.uniform(5, 80), "redis", draw.choice(("empty", "older"))))
    only = draw.choice(((), ("redis", "sqs"), ("redis", "posts"), ("http", "posts")))
    rates = draws.rates(draw, draw.choice((0.01, 0.04)))
    fault_plan = FaultPlan(rates, only, calm_s=90, slow=draw.choice((0.01, 0.1)))
    return Plan("upgrades", seed, devices, rooms, draws.ordered(steps), fault_plan, quiet_s=700)


def api(seed: int) -> Plan:
    """Programs write, read and change members over HTTP; JSON and stock clients receive."""
    draw = random.Random(f"api/{seed}")
    users = list(NAMES[: draw.randint(3, 4)])
    kinds = ("json", "socketio", "upgrade")
    devices = {f"{user}/1": draw.choice(kinds) for user in users}
    programs = [f"{user}/api" for user in users]
    rooms = {"red": tuple(users), "blue": tuple(users[:2])}
    steps = draws.arrivals(draw, devices, 10)
    for step in draws.messages(
        draw, dict.fromkeys(programs, "api"), rooms, draw.randint(4, 14), 8, 75
    ):
        way = draw.choice(("keyed", "keyed", "changed", "once"))
        steps.append(Step(step.at_s, step.who, "post", (*step.args, way)))
    steps += draws.messages(draw, devices, rooms, draw.randint(0, 4), 8, 75, first=100)
    for _ in range(draw.randint(1, 4)):
        room = draw.choice(sorted(rooms))
        name = draw.choice([each for each in programs if each.split("/")[0] in rooms[room]])
        limit = str(draw.randint(1, 6))
        steps.append(Step(draw.uniform(15, 80), name, "read", (room, limit)))
    for _ in range(draw.randint(0, 3)):
        at_s, user = draw.uniform(15, 60), draw.choice(users[1:])
        steps.append(Step(at_s, users[0], "kick", ("red", user)))
        if draw.random() < 0.7:
            steps.append(Step(at_s + draw.uniform(1, 15), users[0], "add", ("red", user)))
    steps += draws.cuts(draw, devices, draw.randint(0, 3), 80)
    fault_plan = FaultPlan(draws.rates(draw, 0.03), calm_s=85)
    devices |= dict.fromkeys(programs, "api")
    return Plan("api", seed, devices, rooms, draws.ordered(steps), fault_plan)


def halfway(seed: int) -> Plan:
    """A room in parts: its worker fails half-way, and who is in it changes before the next try."""
    draw = random.Random(f"halfway/{seed}")
    users = list(NAMES[: draw.randint(7, 9)])
    devices = dict.fromkeys([f"{user}/{n}" for user in users for n in (1, 2)], "json")
    rooms = {"red": tuple(users)}
    steps = draws.arrivals(draw, devices, 5)
    going = draw.sample(users[1:], 2)
    for number in range(draw.randint(1, 2)):
        at_s = draw.uniform(10, 40) + 30 * number
        steps.append(Step(at_s, f"{users[0]}/1", "send", ("red", f"m{number}")))
        user = going[number]
        if draw.random() < 0.5:
            steps.append(Step(at_s + draw.uniform(0.2, 3), users[0], "kick", ("red", user)))
        else:
            for n in (1, 2):
                left_s = at_s + draw.uniform(0.2, 3)
                steps.append(Step(left_s, f"{user}/{n}", "disconnect", ("leave",)))
    rates = {Kind.KILLED_AFTER: 0.15, Kind.REFUSED: 0.15, Kind.LOST: 0.05}
    fault_plan = FaultPlan(rates, ("sqs",), calm_s=80)
    settings = {"split_over": 2}
    return Plan(
        "halfway",
        seed,
        devices,
        rooms,
        draws.ordered(steps),
        fault_plan,
        settings=settings,
    )


def _with_outbox(make: Callable[[int], Plan]) -> Callable[[int], Plan]:
    """In some of the runs, the log's stream replaces the jobs for what senders have delivered."""

    def plan(seed: int) -> Plan:
        made = make(seed)
        has_outbox = share(f"outbox {made.scenario} {seed}") < OUTBOXES
        return replace(made, settings={**made.settings, "outbox": has_outbox})

    return plan


_MADE: Mapping[str, Callable[[int], Plan]] = {
    **{
        make.__name__: make
        for make in (
            chat,
            resends,
            kicks,
            presence,
            large,
            regroup,
            outage,
            closes,
            polling,
            upgrades,
            api,
            halfway,
            revocation_scenarios.revocations,
        )
    },
    **region_scenarios.SCENARIOS,
}
SCENARIOS = {name: _with_outbox(make) for name, make in _MADE.items()}
