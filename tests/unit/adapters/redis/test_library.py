"""A first frame and the thread of cluster sync use Redis at the same time, as a cold start does."""

from __future__ import annotations

import subprocess
import sys

from tests.support.paths import ROOT

# A fresh interpreter: redis-py is imported once only. Nothing listens at port 1.
BOTH = """
import json, logging, queue, sys
from chalicelib.adapters.redis.client import RedisClient
from chalicelib.adapters.redis.cluster import RedisClusterBus
from chalicelib.adapters.system import SystemClock
from chalicelib.kernel.errors import CacheDown
assert "redis" not in sys.modules
lines = queue.Queue()
class Lines(logging.Handler):
    def emit(self, record):
        lines.put(json.loads(record.getMessage()))
logging.getLogger("chalicelib").addHandler(Lines())
url = "redis://127.0.0.1:1"
sync = RedisClusterBus(url, "a", SystemClock())
sync.listen(lambda event, data: None)
try:
    RedisClient(url, False).run(("GET", "k"))
except CacheDown:
    print("CacheDown")
lost = lines.get(timeout=30)
print(lost["event"], lost["error"])
sync.close()
"""


def test_each_finds_the_whole_library() -> None:
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", BOTH], cwd=ROOT, capture_output=True, text=True, timeout=60
        )
        assert done.stdout.split() == ["CacheDown", "sync_lost", "ConnectionError"], done.stderr
