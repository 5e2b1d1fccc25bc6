"""redis-py, imported at the first use: it is a third of a cold start.

Its modules import each other in a circle. Two threads that begin at different ones, as a first
frame and the thread of cluster sync do, would each see half a module and fail: so one thread
imports all of it, and the others wait.
"""

from __future__ import annotations

import threading

_importing = threading.Lock()


def load() -> None:
    """Before any import of a module of redis-py."""
    with _importing:
        import redis  # noqa: F401 - the package imports its modules
