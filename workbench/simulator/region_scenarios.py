"""The scenarios of several regions: what is written in one must hold in all, in whatever order."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from chalicelib.kernel import ids
from chalicelib.model.identifiers import UserId

from . import draws, revocation_scenarios
from .draws import NAMES
from .injection import NEVER_S, FaultPlan, Outage
from .plan import Plan, Step

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")
KINDS = ("json", "json", "socketio", "upgrade", "polling")


def _plan(
    name: str,
    seed: int,
    draw: random.Random,
    steps: list[Step],
    regions: tuple[str, ...],
    devices: Mapping[str, str],
    rooms: Mapping[str, tuple[str, ...]],
    outages: tuple[Outage, ...] = (),
    fault_rate: float = 0.01,
    friends: tuple[tuple[str, str], ...] = (),
    settings: Mapping[str, Any] | None = None,
) -> Plan:
    """A plan of which all faults end at 100 s."""
    users = {user for users in rooms.values() for user in users}
    homes = {each: draw.choice(regions) for each in (*sorted(devices), *sorted(users), "operator")}
    fault_plan = FaultPlan(
        draws.rates(draw, fault_rate) if draw.random() < 0.7 else {},
        outages=outages,
        calm_s=100,
        skew_ms=draw.choice((0, 0, 2_000)),
        replication_lag_s=draw.choice((2, 5, 20)),
    )
    return Plan(
        name,
        seed,
        devices,
        rooms,
        draws.ordered(steps),
        fault_plan,
        friends,
        settings or {},
        quiet_s=1_400,  # a silent death that Redis did not see is found after 1,330 s
        regions=regions,
        homes=homes,
        past=draw.choice((0, 0, 3)),
    )


def _devices(draw: random.Random, users: list[str]) -> dict[str, str]:
    """Two devices of each user, or one: in several regions at once, perhaps."""
    numbered = [f"{user}/{number}" for user in users for number in (1, 2)[: draw.randint(1, 2)]]
    return {name: draw.choice(KINDS) for name in numbered}


def _cast(
    draw: random.Random, fewest: int, most: int
) -> tuple[tuple[str, ...], list[str], dict[str, tuple[str, ...]], dict[str, str]]:
    """Two regions or three, so many users, their rooms and their devices."""
    regions = REGIONS[: draw.randint(2, 3)]
    users = list(NAMES[: draw.randint(fewest, most)])
    rooms = {"red": tuple(users), "blue": tuple(users[:2])}
    return regions, users, rooms, _devices(draw, users)


def _writes(
    draw: random.Random, devices: Mapping[str, str], rooms: Mapping[str, tuple[str, ...]]
) -> list[Step]:
    """Messages and posts, readings, deletions and cuts."""
    programs = {f"{user}/api": "api" for users in rooms.values() for user in users}
    count = draw.randint(4, 16)
    found = [
        replace(step, args=(*step.args, *(("receipt",) if draw.random() < 0.3 else ())))
        for step in draws.messages(draw, devices, rooms, count, 5, 90)
    ]
    for step in draws.messages(draw, programs, rooms, draw.randint(0, 5), 8, 85, first=100):
        way = draw.choice(("keyed", "changed", "elsewhere"))
        found.append(Step(step.at_s, step.who, "post", (*step.args, way)))
    for _ in range(draw.randint(0, 7)):
        name = draw.choice(sorted(devices))
        room = draw.choice([each for each in sorted(rooms) if name.split("/")[0] in rooms[each]])
        what = draw.choice(("mark", "mark", "confirm", "follow"))
        who = name if what != "follow" else f"{name.split('/')[0]}/api"
        found.append(Step(draw.uniform(15, 95), who, what, (room,)))
    for _ in range(draw.randint(0, 2)):
        sent = draw.choice([step for step in found if step.what == "send"])
        user = sent.who.split("/")[0]
        later_s = min(95, sent.at_s + draw.uniform(1, 20))
        found.append(Step(later_s, user, "delete", sent.args[:2]))
    return found + draws.cuts(draw, devices, draw.randint(0, 4), 95)


def _joins(draw: random.Random, devices: Mapping[str, str]) -> list[Step]:
    """Devices open rooms, type there and close them again."""
    names = [each for each in sorted(devices) if draw.random() < 0.6]
    found = [Step(draw.uniform(10, 60), name, "join", ("red",)) for name in names]
    for _ in range(draw.randint(0, 5) if names else 0):
        what = draw.choice(("typing", "typing", "leave", "join"))
        found.append(Step(draw.uniform(15, 95), draw.choice(names), what, ("red",)))
    return found


def _creations(
    draw: random.Random, devices: Mapping[str, str], users: list[str]
) -> tuple[list[Step], dict[str, tuple[str, ...]]]:
    """Rooms that are created meanwhile, perhaps by two users at once, and messages in them.

    Returns:
        The steps, and who may be a member of each room.
    """
    found: list[Step] = []
    private = str(ids.private_room_id(UserId(users[0]), UserId(users[1])))
    rooms = {room: tuple(users) for room in ("new-1", "new-2") if draw.random() < 0.5}
    if draw.random() < 0.4:
        rooms[private] = tuple(users[:2])
    for number, (room, members) in enumerate(rooms.items()):
        at_s = draw.uniform(10, 60)
        for user in draw.sample(members, 2 if draw.random() < 0.5 else 1):
            others = [each for each in members if each != user]
            if room != private:
                others = draw.sample(others, draw.randint(1, len(others)))
            near_s = at_s + draw.choice((0.0, draw.uniform(0, 3)))
            found.append(Step(near_s, user, "create", (room, *others)))
        told = draws.messages(draw, devices, {room: members}, 4, at_s, 95, first=300 + 10 * number)
        found += told
    return found, rooms


def _moves(
    draw: random.Random, names: list[str], regions: tuple[str, ...], count: int
) -> list[Step]:
    return [
        Step(draw.uniform(10, 95), draw.choice(names), "move", (draw.choice(regions),))
        for _ in range(count)
    ]


def _memberships(draw: random.Random, users: list[str], regions: tuple[str, ...]) -> list[Step]:
    """Members are removed and added again, friends come and go, from whatever region."""
    owner, *others = users
    found: list[Step] = []
    for _ in range(draw.randint(1, 5)):
        user, at_s = draw.choice(others), draw.uniform(15, 85)
        found.append(Step(at_s - 0.01, owner, "move", (draw.choice(regions),)))
        found.append(Step(at_s, owner, draw.choice(("kick", "kick", "add")), ("red", user)))
    for _ in range(draw.randint(0, 4)):
        one, other = draw.sample(users, 2)
        what = draw.choice(("befriend", "unfriend"))
        found.append(Step(draw.uniform(10, 90), one, what, (other,)))
    if draw.random() < 0.4:
        found.append(Step(draw.uniform(20, 90), "operator", "end", (draw.choice(others),)))
    return found


def _redis(draw: random.Random, regions: tuple[str, ...]) -> list[Step]:
    if draw.random() < 0.6:
        return []
    how = draw.choice(("empty", "older"))
    return [Step(draw.uniform(20, 95), "redis", how, (draw.choice(regions),))]


def _apart(
    draw: random.Random, regions: tuple[str, ...], services: tuple[str, ...]
) -> tuple[Outage, ...]:
    start_s = draw.uniform(10, 50)
    end_s = min(95, start_s + draw.uniform(5, 70))
    return (Outage(draw.choice(services), start_s, end_s, draw.choice(regions)),)


def two_regions(seed: int) -> Plan:
    """Messages, readings and deletions in two regions; replication in any order, with faults."""
    return _talk("two-regions", seed, REGIONS[:2])


def three_regions(seed: int) -> Plan:
    """The same in three."""
    return _talk("three-regions", seed, REGIONS)


def _talk(name: str, seed: int, regions: tuple[str, ...]) -> Plan:
    draw = random.Random(f"{name}/{seed}")
    users = list(NAMES[: draw.randint(2, 4)])
    rooms = {"red": tuple(users), "blue": tuple(users[:2])}
    devices = _devices(draw, users)
    steps = draws.arrivals(draw, devices, 15) + _writes(draw, devices, rooms)
    steps += _joins(draw, devices) + _redis(draw, regions)
    for number in range(draw.randint(0, 4)):  # an answer is after its question, whatever clocks say
        who = draw.choice(sorted(devices))
        steps.append(Step(draw.uniform(10, 80), who, "answer", ("red", f"m{200 + number}")))
    created, new = _creations(draw, devices, users)
    steps, rooms = steps + created, rooms | new
    return _plan(name, seed, draw, steps, regions, devices, rooms, fault_rate=0.02)


def partition(seed: int) -> Plan:
    """Regions are parted, and members, friends and roles change on both sides meanwhile."""
    draw = random.Random(f"partition/{seed}")
    regions, users, rooms, devices = _cast(draw, 3, 4)
    steps = draws.arrivals(draw, devices, 10) + _writes(draw, devices, rooms)
    steps += _memberships(draw, users, regions) + _joins(draw, devices)
    friends = tuple((one, other) for one in users for other in users if one < other)
    created, new = _creations(draw, devices, users)
    steps, rooms = steps + created, rooms | new
    outages = _apart(draw, regions, ("replication", "inbound", "network"))
    return _plan("partition", seed, draw, steps, regions, devices, rooms, outages, 0.01, friends)


def moves(seed: int) -> Plan:
    """Clients of all kinds go from one region to another, while messages come to them."""
    draw = random.Random(f"moves/{seed}")
    regions, users, rooms, devices = _cast(draw, 2, 3)
    steps = draws.arrivals(draw, devices, 8) + _writes(draw, devices, rooms)
    steps += _joins(draw, devices) + _redis(draw, regions)
    names = [*sorted(devices), *(f"{user}/api" for user in users)]
    steps += _moves(draw, names, regions, draw.randint(2, 8))
    if draw.random() < 0.3:
        steps += _memberships(draw, users, regions)
    created, new = _creations(draw, devices, users)
    steps, rooms = steps + created, rooms | new
    outages = (
        _apart(draw, regions, ("replication", "inbound", "network")) if draw.random() < 0.3 else ()
    )
    return _plan("moves", seed, draw, steps, regions, devices, rooms, outages)


def region_loss(seed: int) -> Plan:
    """A region is lost and comes back; its clients and their resends go to another one."""
    draw = random.Random(f"region-loss/{seed}")
    regions, users, rooms, devices = _cast(draw, 2, 4)
    steps = draws.arrivals(draw, devices, 8) + _writes(draw, devices, rooms)
    steps += _joins(draw, devices)
    if draw.random() < 0.4:
        steps += _memberships(draw, users, regions)
    outages = _apart(draw, regions, ("region",))
    return _plan("region-loss", seed, draw, steps, regions, devices, rooms, outages)


def drain(seed: int) -> Plan:
    """A region is drained, for good or for a time, while its clients write, read and recover."""
    draw = random.Random(f"drain/{seed}")
    regions, users, rooms, devices = _cast(draw, 2, 4)
    steps = draws.arrivals(draw, devices, 20) + _writes(draw, devices, rooms)
    steps += _joins(draw, devices) + _redis(draw, regions)
    at_s, drained = draw.uniform(5, 60), draw.choice(regions)
    over_s = str(draw.choice((0, 0, 20, 60)))
    steps.append(Step(at_s, "operator", "drain", (drained, over_s)))
    if draw.random() < 0.4:  # it takes clients again, or another one is drained next
        later_s = at_s + draw.uniform(20, 90)
        steps.append(Step(later_s, "operator", "undrain", (drained,)))
        if draw.random() < 0.5:
            other = draw.choice([each for each in regions if each != drained])
            steps.append(Step(later_s + draw.uniform(0, 20), "operator", "drain", (other, "0")))
    if draw.random() < 0.3:
        steps += _moves(draw, sorted(devices), regions, draw.randint(1, 3))
    if draw.random() < 0.3:
        steps += _memberships(draw, users, regions)
    outages = _apart(draw, regions, ("replication", "network", "region"))
    outages = outages if draw.random() < 0.3 else ()
    return _plan("drain", seed, draw, steps, regions, devices, rooms, outages)


def lost_for_good(seed: int) -> Plan:
    """A region is lost and never comes back; some messages are `global`, others are not."""
    draw = random.Random(f"lost-for-good/{seed}")
    regions, users, rooms, devices = _cast(draw, 2, 4)
    steps = [
        replace(step, args=(*step.args, "global"))
        if step.what == "send" and draw.random() < 0.4
        else step
        for step in draws.arrivals(draw, devices, 8) + _writes(draw, devices, rooms)
    ]
    steps += _joins(draw, devices)
    lost, at_s = draw.choice(regions), draw.uniform(15, 80)
    if draw.random() < 0.5:  # written at the last moment
        near = draws.messages(draw, devices, rooms, draw.randint(2, 6), at_s - 2, at_s + 1, 400)
        for step in near:
            ways = ("global",) if draw.random() < 0.5 else ()
            steps.append(replace(step, args=(*step.args, *ways)))
    if draw.random() < 0.3:
        steps += _memberships(draw, users, regions)
    outages: tuple[Outage, ...] = (Outage("region", at_s, NEVER_S, lost),)
    if draw.random() < 0.3:  # what it wrote before was not copied either
        parted_s = max(5, at_s - draw.uniform(1, 30))
        outages = (*outages, Outage("replication", parted_s, at_s, lost))
    settings = {"global_alone": draw.choice(("ack", "refuse"))}
    if draw.random() < 0.3:
        settings["durability"] = "global"
    return _plan(
        "lost-for-good",
        seed,
        draw,
        steps,
        regions,
        devices,
        rooms,
        outages,
        settings=settings,
    )


def revoked_abroad(seed: int) -> Plan:
    """Users are revoked in one region while they are in others, come to them and write there."""
    draw = random.Random(f"revoked-abroad/{seed}")
    regions, users, rooms, devices = _cast(draw, 2, 4)
    steps = draws.arrivals(draw, devices, 8) + _writes(draw, devices, rooms)
    steps += _joins(draw, devices) + _redis(draw, regions)
    for user in draw.sample(users[1:], draw.randint(1, len(users) - 1)):
        at_s, for_s = draw.uniform(12, 80), draw.choice(revocation_scenarios.FOR_S)
        steps += revocation_scenarios.revoked(draw, user, devices, at_s, for_s)
    steps += _moves(draw, [*sorted(devices), "operator"], regions, draw.randint(1, 5))
    outages = _apart(draw, regions, ("replication", "inbound", "network", "region"))
    outages = outages if draw.random() < 0.3 else ()
    return _plan("revoked-abroad", seed, draw, steps, regions, devices, rooms, outages)


def consents(seed: int) -> Plan:
    """Users block, befriend and invite each other and answer, in regions that are parted."""
    draw = random.Random(f"consents/{seed}")
    regions, users, rooms, devices = _cast(draw, 3, 4)
    steps = draws.arrivals(draw, devices, 8) + _writes(draw, devices, rooms)
    steps += _memberships(draw, users, regions)
    for _ in range(draw.randint(3, 10)):
        one, other = draw.sample(users, 2)
        what = draw.choice(("block", "block", "unblock", "befriend", "befriend"))
        steps.append(Step(draw.uniform(10, 90), one, what, (other,)))
    for user in users[1:]:
        for _ in range(draw.randint(0, 2)):
            added_by = draw.choice(("invitation", "invitation", "friends", "everybody"))
            steps.append(Step(draw.uniform(8, 60), user, "consent", (added_by,)))
        for _ in range(draw.randint(0, 3)):
            what = draw.choice(("accept", "accept", "decline"))
            steps.append(Step(draw.uniform(20, 95), user, what, ("red",)))
    steps += _moves(draw, users, regions, draw.randint(1, 5))
    friends = tuple((one, other) for one in users for other in users if one < other)
    outages = _apart(draw, regions, ("replication", "inbound", "network"))
    outages = outages if draw.random() < 0.6 else ()
    return _plan("consents", seed, draw, steps, regions, devices, rooms, outages, 0.02, friends)


SCENARIOS: Mapping[str, Callable[[int], Plan]] = {
    "two-regions": two_regions,
    "three-regions": three_regions,
    "partition": partition,
    "moves": moves,
    "region-loss": region_loss,
    "drain": drain,
    "lost-for-good": lost_for_good,
    "revoked-abroad": revoked_abroad,
    "consents": consents,
}
