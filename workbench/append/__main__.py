"""Try each design in every order of its steps: `python -m workbench.append`."""

from __future__ import annotations

import argparse
import sys

from .designs import DESIGNS
from .explorer import explore


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "attempts",
        nargs="*",
        default=["a", "a", "b", "b"],
        help="The message of each attempt; the default is two messages, each sent twice.",
    )
    options = parser.parse_args()
    broken = 0
    for name, design in DESIGNS.items():
        found = explore(design.program, options.attempts)
        broken += len(found.faults)
        print(f"{name}: {design.says}; {design.units} write units")
        print(f"  {found.states:,} states, {len(found.faults)} promises broken")
        for fault, steps in found.faults.items():
            print(f"  {fault}\n    " + "\n    ".join(steps))
        for rule, program in design.variants.items():
            faults = explore(program, options.attempts).faults
            told = "; ".join(sorted(faults)) or "nothing is broken"
            print(f"  without '{rule}': {told}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
