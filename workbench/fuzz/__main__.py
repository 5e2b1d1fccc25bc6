"""Fuzz all protocols: `python -m workbench.fuzz [--inputs 100000] [--seed 1] [--json]`.

Exit code 1 if something did not hold. The same seed and number of inputs repeat a campaign.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict

from .campaign import Finding, Result, run

_MOST = 20


def told(result: Result) -> str:
    """The result in lines."""
    lines = [
        f"{result.inputs} inputs, seed {result.seed}: {result.sessions} sessions, "
        f"{result.calls / max(1, result.inputs):.1f} calls of ports an input",
        f"{result.charged} charged, {result.free} refused without a call; "
        f"{result.probes} sessions asked whether they live",
        f"at most {result.most_keys:g} keys of a session in Redis, {result.left} left in the end",
    ]
    for protocol, answers in sorted(result.answers.items()):
        numbers = ", ".join(f"{n} {answer}" for answer, n in answers.most_common(12))
        lines.append(f"{protocol}: {numbers}")
    seen: set[tuple[str, str]] = set()
    for each in result.findings:
        key = (each.protocol, each.what)
        if key not in seen and len(seen) < _MOST:
            lines.append(_line(each))
        seen.add(key)
    lines.append("held" if result.ok else f"broken: {len(result.findings)} times, {len(seen)} ways")
    return "\n".join(lines)


def main(given: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="Machine-readable.")
    options = parser.parse_args(given)
    begun_s = time.monotonic()

    def watch(done: int) -> None:
        print(f"{done} inputs, {time.monotonic() - begun_s:.0f} s", file=sys.stderr)

    result = run(options.inputs, options.seed, watch)
    print(json.dumps({"ok": result.ok, **asdict(result)}) if options.json else told(result))
    return 0 if result.ok else 1


def _line(finding: Finding) -> str:
    given = f" after {finding.given!r}" if finding.given else ""
    return f"input {finding.number}, {finding.protocol}: {finding.what}{given}"


if __name__ == "__main__":
    sys.exit(main())
