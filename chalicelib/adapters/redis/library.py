"""redis-py, imported at its first use, as the import takes a third of a cold start.

Its modules import each other in a circle. If two threads start with different modules (such as
the first frame and the thread of `cluster:sync`), each sees a half-imported module and fails. So
one thread imports all of it, and the others wait.
"""

from __future__ import annotations

import threading

_importing = threading.Lock()


def load() -> None:
    """Import redis-py; call it before importing any of its modules."""
    with _importing:
        import redis  # noqa: F401 - the package imports its modules
