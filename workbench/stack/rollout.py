"""A deployment that reaches one function after the other, as it does on AWS."""

from __future__ import annotations

from pathlib import Path

from operate import triggers

from .functions import InProcessFunctions


class Rollout:
    def __init__(self, functions: InProcessFunctions, app: Path) -> None:
        self._functions = functions
        self._app = app
        self._reached: set[str] = set()

    def reach(self, share: float) -> None:
        """Let this share of the functions, by name, run from code that is loaded anew.

        A share that rises goes on with a rollout, the same one changes nothing, and a lower one
        begins the next rollout.
        """
        names = sorted(triggers.load(self._app).functions)
        new = names[: round(share * len(names))]
        if len(new) < len(self._reached):
            self._reached.clear()
        for name in new:
            if name not in self._reached:
                self._reached.add(name)
                self._functions.deploy(name)
