"""Ports that count the calls on them."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from chalicelib.composition import compose
from tests.support.world import World


class Counting:
    """A port that counts its calls by method and passes them on."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        target = getattr(self._inner, name)
        if not callable(target):
            return target

        def counted(*args: Any, **more: Any) -> Any:
            self.calls.append(name)
            return target(*args, **more)

        return counted


def counted(world: World) -> dict[str, Counting]:
    """Count the calls of this process from now on; it knows the connections that it has served."""
    ports = {
        f.name: Counting(getattr(world.adapters, f.name))
        for f in fields(world.adapters)
        if f.name not in ("clock", "ids", "peers", "metrics", "cluster", "parallel")
    }
    served = world.services.frames._users
    world.services = compose(world.settings, replace(world.adapters, **ports))
    world.services.frames._users.update(served)
    return ports
