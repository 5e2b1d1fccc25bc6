"""Something that happens between two calls of a piece of work on its ports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from chalicelib.composition import compose
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


class _Failing:
    def __init__(
        self, inner: Any, method: str, number: int, fault: Exception, *, effect: bool
    ) -> None:
        self._inner, self._method, self._left = inner, method, number
        self._fault, self._effect = fault, effect

    def __getattr__(self, name: str) -> Any:
        target = getattr(self._inner, name)
        if name != self._method:
            return target

        def call(*arguments: Any) -> Any:
            self._left -= 1
            if self._left != 0:
                return target(*arguments)
            if self._effect:
                target(*arguments)
            raise self._fault

        return call


@contextmanager
def failing(
    world: World, port: str, method: str, number: int, fault: Exception, *, effect: bool
) -> Iterator[None]:
    """Let the call of this number (from 1) of a method fail, after its effect or without any."""
    usual = world.services
    port_ = _Failing(getattr(world.adapters, port), method, number, fault, effect=effect)
    world.services = compose(world.settings, replace(world.adapters, **{port: port_}))
    yield
    world.services = usual
