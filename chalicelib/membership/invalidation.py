"""When cached membership is invalidated again after a change.

A change of membership or friendship queues a delayed job first, then writes the store, and then
invalidates what is cached. The job invalidates once more. This covers a writer that died after
its write, and a cache that failed over to a replica without the last seconds.
"""

from __future__ import annotations

CHECK_S = 20  # the writer is done or, by its timeout of 29 s, will not write much later
CHECK_AGAIN_S = (30, 60)  # further looks for a change that has not been written yet
