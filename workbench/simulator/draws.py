"""What scenarios are made of: devices, what they do, and what goes wrong, drawn at random."""

from __future__ import annotations

import random
from collections.abc import Mapping

from .injection import Kind, Outage
from .plan import Step

NAMES = ("ann", "bob", "cat", "dan", "eve", "fay", "gus", "hal", "ivy", "jon", "kim", "leo")


def rates(draw: random.Random, most: float) -> dict[Kind, float]:
    """Some kinds of faults, each up to a rate."""
    kinds = [kind for kind in Kind if draw.random() < 0.6]
    return {kind: most * draw.random() * (0.2 if "frozen" in kind else 1) for kind in kinds}


def devices(draw: random.Random, users: list[str], socketio: float) -> dict[str, str]:
    found = {}
    for user in users:
        for number in range(1, 2 + (draw.random() < 0.3)):
            found[f"{user}/{number}"] = "socketio" if draw.random() < socketio else "json"
    return found


def arrivals(draw: random.Random, devices: Mapping[str, str], within_s: float) -> list[Step]:
    return [Step(draw.uniform(0, within_s), name, "connect") for name in devices]


def messages(
    draw: random.Random,
    devices: Mapping[str, str],
    rooms: Mapping[str, tuple[str, ...]],
    count: int,
    from_s: float,
    to_s: float,
    first: int = 0,
) -> list[Step]:
    found = []
    for number in range(first, first + count):
        room = draw.choice(sorted(rooms))
        name = draw.choice([each for each in sorted(devices) if each.split("/")[0] in rooms[room]])
        at_s = draw.uniform(from_s, to_s)
        found.append(Step(at_s, name, "send", (room, f"m{number}")))
    return found


def cuts(draw: random.Random, devices: Mapping[str, str], count: int, to_s: float) -> list[Step]:
    return [
        Step(draw.uniform(5, to_s), draw.choice(sorted(devices)), "disconnect", ("cut",))
        for _ in range(count)
    ]


def outage(
    draw: random.Random,
    services: tuple[str, ...],
    from_s: float,
    to_s: float,
    lengths: tuple[float, float],
) -> tuple[Outage, ...]:
    start_s = draw.uniform(from_s, to_s)
    return (Outage(draw.choice(services), start_s, start_s + draw.uniform(*lengths)),)


def ordered(steps: list[Step]) -> tuple[Step, ...]:
    return tuple(sorted(steps, key=lambda step: (step.at_s, step.who, step.what, step.args)))
