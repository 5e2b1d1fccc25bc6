"""All attackers of a drill, in a process of their own.

    python -m workbench.drills.hostile.attackers

Standard input is the order as JSON: `site`, `per_s`, `most`, `seconds`, `seed` and the names of the
`attacks`. Standard output in the end: what each has sent, and how it was answered.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping
from typing import Any

from operate.processes import die_with_parent

from .attack import Attack, Site
from .greedy import GREEDY
from .strangers import STRANGERS

_NICE = 5
ATTACKS: Mapping[str, type[Attack]] = {each.name: each for each in (*STRANGERS, *GREEDY)}


async def attack(order: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Run the attacks side by side; what each has sent, and how it was answered."""
    site, until_s = Site(**order["site"]), time.monotonic() + order["seconds"]
    attacks = [
        ATTACKS[name](site, number, order["seed"])
        for number, name in enumerate(order["attacks"], 1)
    ]
    shares = sum(each.share for each in attacks)
    await asyncio.gather(
        *(
            each.run(order["per_s"] * each.share / shares, order["most"], until_s)
            for each in attacks
        )
    )
    return {each.name: {"made": each.made, "answers": dict(each.answers)} for each in attacks}


def main() -> None:
    if sys.platform == "linux":
        die_with_parent()
    os.nice(_NICE)  # their own work is not what honest clients shall suffer from
    print(json.dumps(asyncio.run(attack(json.loads(sys.stdin.read())))))


if __name__ == "__main__":
    main()
