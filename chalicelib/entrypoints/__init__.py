"""AWS events to the domain, a module for each kind of trigger.

Each is imported at its first use (PEP 562): a cold function pays for its own only.
"""

from __future__ import annotations

import importlib
from types import ModuleType

MODULES = {
    "cors": ".http.cors",
    "polling": ".socketio.polling",
    "queues": ".queues",
    "rest": ".http.rest",
    "schedules": ".schedules",
    "websocket": ".websocket",
}


def __getattr__(name: str) -> ModuleType:
    if name not in MODULES:
        raise AttributeError(name)
    return importlib.import_module(MODULES[name], __name__)
