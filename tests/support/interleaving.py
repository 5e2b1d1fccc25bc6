"""Something that happens between two calls of a piece of work on its ports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chalicelib.services import compose
from tests.support.world import World


class _Interrupted:
    def __init__(self, inner: Any, method: str, act: Callable[[], Any]) -> None:
        self._inner, self._method, self._act = inner, method, act
        self._done = False

    def __getattr__(self, name: str) -> Any:
        target = getattr(self._inner, name)
        if name != self._method or self._done:
            return target

        def call(*arguments: Any, **more: Any) -> Any:
            if not self._done:
                self._done = True
                self._act()
            return target(*arguments, **more)

        return call


def before(world: World, port: str, method: str, act: Callable[[], Any]) -> None:
    """Let `act` happen, once, right before the next call of this method."""
    services = world.services

    def undisturbed() -> None:
        mine, world.services = world.services, services
        act()
        world.services = mine

    inner = getattr(world.adapters, port)
    port_ = _Interrupted(inner, method, undisturbed)
    world.services = compose(world.settings, replace(world.adapters, **{port: port_}))
