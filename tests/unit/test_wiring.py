"""The composition root: nothing happens at import, and building the services calls nobody."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.support.paths import ROOT

# In a process of its own: it configures logging, and refuses each connection.
BUILT = """
import sys
def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise AssertionError((event, arguments))
sys.addaudithook(refuse)
from chalicelib import wiring
assert "boto3" not in sys.modules and "redis" not in sys.modules
services = wiring.services()
assert wiring.services() is services
print(services.region)
"""


def test_the_services_are_built_once_and_without_a_connection() -> None:
    env = {
        **os.environ,
        "AWS_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "TIDINGS_SECRET_ID": "of-nobody",
        "TIDINGS_REDIS_URL": "redis://:{redis_password}@127.0.0.1:1/0",
    }
    command = [sys.executable, "-c", BUILT]
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "eu-west-1\n"), done.stderr
