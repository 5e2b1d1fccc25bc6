"""`python -m workbench.load.dearest [--write]`: count and price the dearest requests."""

from __future__ import annotations

import argparse
import sys

from chalicelib.kernel import telemetry
from operate.cost import load

from .table import BEGIN, END, KINDS, PAGE, block, row


def main() -> None:
    parser = argparse.ArgumentParser(prog="dearest", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"update docs/reference/{PAGE.name}")
    options = parser.parse_args()
    telemetry.configure("CRITICAL", "Load")
    prices = load()
    rows: dict[str, list[str]] = {kind.who: [] for kind in KINDS}
    for number, kind in enumerate(KINDS, 1):
        sys.stderr.write(f"{number} of {len(KINDS)}: {kind.name}\n")
        rows[kind.who].append(row(kind, kind.make(), prices))
    table = block(rows)
    if not options.write:
        print(table)
        return
    text = PAGE.read_text()
    begin, end = text.index(BEGIN), text.index(END) + len(END)
    PAGE.write_text(text[:begin] + table + text[end:])


if __name__ == "__main__":
    main()
