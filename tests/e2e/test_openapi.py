"""Schemathesis against the running stack: the OpenAPI document is true, for every role.

`unsupported_method` is left out: it asks for 405, and an HTTP API of API Gateway answers 404 where
it has no route.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib.entrypoints.http.openapi import OPERATIONS
from tests.support.people import People, name
from tests.support.stacks import Stack

CONFIG = Path(__file__).parent / "schemathesis.toml"
EXAMPLES = 12


@pytest.mark.embedded("what is described is the handlers', whatever they run on")
@pytest.mark.extended
@pytest.mark.timeout(400)
@pytest.mark.parametrize("roles", [[], ["service"], ["admin"]], ids=["user", "service", "admin"])
def test_what_is_described_is_so(people: People, stack: Stack, roles: list[str]) -> None:
    token = people.token(name("tess"), roles=roles)
    # Schemathesis waits 10 s for it: a cold function on a busy machine may take longer.
    assert people.http("GET", "/v1/openapi.json")[0] == 200
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)),
        *("run", f"{stack.url}/v1/openapi.json"),
        *("--header", f"Authorization: Bearer {token}"),
        *("--exclude-checks", "unsupported_method"),
        *("--phases", "examples,coverage,fuzzing"),
        *("--max-examples", str(EXAMPLES), "--no-color"),
        *(("--seed", "7") if os.environ.get("REQUIRE_ALL") == "1" else ()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=360, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    tested = re.search(r"Operations:.*?Tested: +(\d+)", done.stdout, re.DOTALL)
    assert tested is not None, done.stdout[-2000:]
    # All but the document itself, which it has read.
    assert int(tested[1]) == len(OPERATIONS) - 1, done.stdout[-2000:]
    print(done.stdout[done.stdout.rfind("SUMMARY") :])
