"""AWS events to the domain, a module for each kind of trigger.

Each is imported at its first use (PEP 562): a cold function pays for its own only.
"""

from __future__ import annotations

import importlib
from types import ModuleType

_MODULES = {"cors", "polling", "queues", "rest", "schedules", "websocket"}


def __getattr__(name: str) -> ModuleType:
    if name not in _MODULES:
        raise AttributeError(name)
    return importlib.import_module(f".{name}", __name__)
