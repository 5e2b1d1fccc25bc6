"""Handlers of AWS events, one module for each kind of trigger.

Each module is imported at its first use (PEP 562), so that a cold function loads only its own.
"""

from __future__ import annotations

import importlib
from types import ModuleType

MODULES = {
    "consents": ".http.consents",
    "cors": ".http.cors",
    "operating": ".http.operating",
    "polling": ".socketio.polling",
    "queues": ".queues",
    "rest": ".http.rest",
    "schedules": ".schedules",
    "streams": ".streams",
    "websocket": ".websocket",
}


def __getattr__(name: str) -> ModuleType:
    if name not in MODULES:
        raise AttributeError(name)
    return importlib.import_module(MODULES[name], __name__)
