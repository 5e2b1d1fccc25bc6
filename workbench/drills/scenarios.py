"""What fails in drills, and how."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from workbench.gateway.faults import Kind, Service
from workbench.stack.regions.orders import CLOCK, KILL, LAG, PARTITION, PAUSE, REPLICATION, Order

from . import acts
from .ground import Ground
from .poison import poisoned

Act = Callable[[Ground], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """What fails.

    Attributes:
        says: One line for the help.
        faults: The orders that begin it, given the regions; `heal` ends them.
        act: What happens beside them; it begins after them and ends before them.
        regions: How many it needs.
        lasts: The faults last a third of the time. Else they are over at once.
        converge_s: Seconds after their end within which all must have been seen.
        moves: Clients look for another region when theirs fails or drains.
        loses: The first region loses its data: what was not copied then is counted, and no fault.
        settings: Of the regions' functions, where they differ from the defaults.
    """

    says: str
    faults: Callable[[Sequence[str]], list[Order]] = lambda regions: []
    act: Act | None = None
    regions: int = 2
    lasts: bool = True
    converge_s: float = 10.0
    moves: bool = False
    loses: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)


SCENARIOS: Mapping[str, Scenario] = {
    "region-loss": Scenario(
        "Kill the first region with its data; its clients move, and it comes back.",
        lambda regions: [Order(regions[0], fault=KILL)],
        moves=True,
        loses=True,
    ),
    "region-isolation": Scenario(
        "Cut the first region off; both sides go on writing, then they are joined.",
        lambda regions: [Order(regions[0], fault=PARTITION)],
    ),
    "replication-pause": Scenario(
        "Stop replication from the first region.",
        lambda regions: [Order(regions[0], REPLICATION, PAUSE)],
    ),
    "replication-lag": Scenario(
        "Let replication take 0.5 to 3 s, so that items arrive in any order.",
        lambda regions: [Order(each, REPLICATION, LAG, 500.0, 2_500.0) for each in regions],
    ),
    "cache-loss": Scenario(
        "Kill the first region's Redis, and start it again empty.",
        lambda regions: [Order(regions[0], "redis", KILL)],
    ),
    "throttled-database": Scenario(
        "Let DynamoDB throttle a third of the first region's calls.",
        lambda regions: [Order(regions[0], "dynamodb", "throttle", 0.33)],
    ),
    "clock-skew": Scenario(
        "Put the clocks of the first region's functions three seconds ahead.",
        lambda regions: [Order(regions[0], "functions", CLOCK, 3_000.0)],
    ),
    "drain": Scenario(
        "Drain the first region: its clients move to the other one; then it is taken in again.",
        act=acts.drained,
        lasts=False,
        moves=True,
    ),
    "poison-message": Scenario(
        "Queue jobs that are none, and spoil a message in the log; the rooms go on.",
        act=poisoned,
        regions=1,
        lasts=False,
        settings={"TIDINGS_FAST_LANE": "0"},  # senders would learn from Redis where the room is
    ),
    "cache-failover": Scenario(
        "Let Redis fail over to a replica that lacks the last three seconds.",
        act=acts.rolled_back,
        regions=1,
        lasts=False,
    ),
    "rolling-deploy": Scenario(
        "Replace the functions one after the other; old and new ones run side by side.",
        act=acts.deployed,
        regions=1,
        lasts=False,
    ),
    "gateway-410-storm": Scenario(
        "Let @connections answer 410 to a third of the posts to connections that are alive.",
        lambda regions: [Order(regions[0], Service.CONNECTIONS, Kind.GONE, 0.33)],
        regions=1,
        converge_s=45.0,  # the heartbeat of the drill, its time-out, and a reconnection
    ),
    "reconnect-storm": Scenario(
        "End all connections in the same moment; all clients come back at once.",
        act=acts.all_cut,
        regions=1,
        lasts=False,
    ),
}
