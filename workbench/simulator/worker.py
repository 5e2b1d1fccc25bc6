"""A process that runs plans: requests as lines of JSON on stdin, answers on stdout.

Started with PYTHONHASHSEED=0, as the order of sets of strings depends on it: only then does a seed
give the same run in every process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .plan import Plan
from .run import Outcome, run
from .scenarios import SCENARIOS
from .shrink import Shrinker, load, save


def main() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        answer = _shrink(request) if "keep" in request else _run(request)
        print(json.dumps(answer), flush=True)


def _plan(request: dict[str, Any]) -> Plan:
    if "case" in request:
        return load(Path(request["case"]))
    return SCENARIOS[request["scenario"]](request["seed"])


def _run(request: dict[str, Any]) -> dict[str, Any]:
    return _answer(run(_plan(request), bool(request.get("trace"))))


def _shrink(request: dict[str, Any]) -> dict[str, Any]:
    """Run, make it smaller, and keep the plan and its trace as files."""
    outcome = run(_plan(request))
    if outcome.findings:
        shrinker = Shrinker(outcome)
        outcome = shrinker.shrink()
    path = Path(request["keep"])
    save(outcome.plan, path)
    answer = _answer(run(outcome.plan, is_traced=True))
    path.with_suffix(".txt").write_text("\n".join([*_lines(outcome), *answer["trace"], ""]))
    return answer


def _answer(outcome: Outcome) -> dict[str, Any]:
    return {
        "scenario": outcome.plan.scenario,
        "seed": outcome.plan.seed,
        "findings": [asdict(finding) for finding in outcome.findings],
        "steps": outcome.steps,
        "digest": outcome.digest,
        "counts": outcome.counts,
        "trace": list(outcome.trace),
    }


def _lines(outcome: Outcome) -> list[str]:
    plan = outcome.plan
    return [
        f"{plan.scenario}, seed {plan.seed}",
        *[f"{finding.promise}: {finding.why}" for finding in outcome.findings],
        *[
            f"outage: {o.service} {o.region} from {o.from_s:.3f} to {o.to_s:.3f} s"
            for o in plan.fault_plan.outages
        ],
        "",
    ]


class Worker:
    """A worker process, as its user sees it.

    Args:
        module: What it runs: a module that answers lines of JSON, as this one does.
    """

    def __init__(self, module: str = __name__) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONHASHSEED": "0"},
            cwd=Path(__file__).resolve().parents[2],
            text=True,
        )

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Run one request.

        Raises:
            RuntimeError: The worker ended: the run itself failed, see its traceback on stderr.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the run failed: {request}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


if __name__ == "__main__":
    main()
