"""A plan of two regions in which nothing fails, for tests of the simulator."""

from __future__ import annotations

from workbench.simulator.injection import FaultPlan
from workbench.simulator.plan import Plan, Step

US, EU = "us-east-1", "eu-west-1"
CALM = Plan(
    scenario="calm",
    seed=1,
    devices={"ann/1": "json", "bob/1": "json", "cat/1": "socketio", "dan/1": "upgrade"},
    rooms={"red": ("ann", "bob", "cat", "dan")},
    friends=(("ann", "bob"), ("ann", "cat")),
    steps=(
        *(
            Step(1 + n, f"{user}/1", "connect")
            for n, user in enumerate(("ann", "bob", "cat", "dan"))
        ),
        Step(8, "bob/1", "join", ("red",)),
        Step(9, "dan/1", "join", ("red",)),
        *(
            Step(10 + n, f"{user}/1", "send", ("red", f"m{n}"))
            for n, user in enumerate(("ann", "bob", "cat", "ann", "bob", "cat"))
        ),
        Step(17, "bob/1", "mark", ("red",)),
        Step(18, "bob", "delete", ("red", "m1")),
        Step(20, "bob/1", "move", (US,)),
        Step(21, "cat/1", "move", (US,)),
        Step(24, "dan", "post", ("red", "m6", "keyed")),
        Step(26, "ann", "kick", ("red", "dan")),
        Step(30, "bob", "unfriend", ("ann",)),
    ),
    fault_plan=FaultPlan(calm_s=40),
    regions=(US, EU),
    homes={"bob/1": EU, "cat/1": EU, "dan/1": EU, "bob": EU, "dan": EU},
)
