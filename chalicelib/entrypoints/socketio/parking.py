"""Packets that arrive before their socket is connected, or is moved to the websocket.

Frames may overtake each other. A packet waits for about a second for the CONNECT, and longer for a
socket that is to be moved; then its session ends. To wait for the CONNECT costs the session many
tokens, so that few packets wait. What a client has buffered while it upgrades waits for one each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from ...kernel import ids
from ...kernel.errors import NotConnected, OtherProtocol
from .frames import SessionFrame, paid

# The waits before each look.
PARK_S = (0.02, 0.04, 0.08, 0.16, 0.3, 0.4)
PARKED_TOKENS = 100
_MOVED_YET_S = 0.4
_T = TypeVar("_T")


def parked(call: SessionFrame, namespace: str, act: Callable[[], _T]) -> _T:
    """Handle a packet that needs its socket; wait if that is not connected or not moved yet.

    Raises:
        NotConnected: It was not connected in time, and nobody moves it.
        RefusedTooOften: Too many packets of this session wait.
    """
    try:
        return act()
    except OtherProtocol:
        raise
    except NotConnected:
        session = paid(call)
    # A socket that was moved since `act` was tried is found by the first look.
    free = 1 if session is not None and session.began is not None else 0
    for look, wait_s in enumerate(_waits(call, namespace)):
        if look == free and (session is None or session.upgrades is None):
            paid(call, PARKED_TOKENS - 1)
        call.services.adapters.clock.sleep(wait_s)
        if not _may_be_connected(call, namespace):
            continue
        try:
            return act()
        except OtherProtocol:
            raise
        except NotConnected:
            continue
    raise NotConnected("the namespace is not connected; send CONNECT first")


def stays_connected(call: SessionFrame, namespace: str) -> bool:
    """Whether a namespace that is noted as connected stays so, although its client connects it.

    If that has disconnected it before, this CONNECT may have overtaken its DISCONNECT, or that is
    being handled: wait. A note that stays may be old, as it is removed last; the store decides.

    Raises:
        RefusedTooOften: Too many packets of this session wait.
    """
    services = call.services
    if call.at_ms is not None:  # else packets come in order
        paid(call, PARKED_TOKENS)
        for wait_s in PARK_S:
            services.adapters.clock.sleep(wait_s)
            session = services.engine.session(call.sid)
            if session is None or namespace not in session.namespaces:
                return False
    return services.connections.known(ids.socket_id(call.sid, namespace)) is not None


def until_moved(call: SessionFrame, namespace: str) -> None:
    """Wait until no socket is left to be moved, and that is noted: both would be stored again."""
    engine, clock = call.services.engine, call.services.adapters.clock
    for wait_s in moving(call, namespace):
        clock.sleep(wait_s)
    for wait_s in PARK_S:
        session = engine.session(call.sid)
        if session is None or session.upgrades is None:
            return
        clock.sleep(wait_s)


def moving(call: SessionFrame, namespace: str) -> Iterator[float]:
    """The seconds to wait before each look, as long as the socket is still to be moved."""
    clock = call.services.adapters.clock
    began_ms = clock.now_ms()
    while True:
        within_ms = call.services.engine.moved_within_ms(call.transport, namespace)
        if clock.now_ms() - began_ms >= within_ms:
            return
        yield _MOVED_YET_S


def _waits(call: SessionFrame, namespace: str) -> Iterator[float]:
    """The seconds to wait before each attempt; the last one is after the socket was moved."""
    yield from PARK_S
    yield from moving(call, namespace)
    yield 0.0


def _may_be_connected(call: SessionFrame, namespace: str) -> bool:
    """Whether to look for the socket: not while its session says that it is not connected."""
    session = call.services.engine.session(call.sid)
    if session is None or session.began is not None:
        return True
    return namespace in session.namespaces
