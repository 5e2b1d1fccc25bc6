"""The developer's environment, and what of it reaches what runs on this machine."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from operate import surroundings

THEIRS = {
    "AWS_PROFILE": "prod",
    "AWS_SESSION_TOKEN": "t",
    "AWS_ENDPOINT_URL_SQS": "http://minio:9000",
    "TF_VAR_name": "x",
    "HTTP_PROXY": "http://proxy:3128",
    "HOME": "/home/ada",
}


def test_nothing_of_their_aws_is_left() -> None:
    found = surroundings.local(THEIRS)
    assert not set(found) & {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_SQS"}
    assert "TF_VAR_name" not in found
    assert found["AWS_CONFIG_FILE"] == found["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert found["AWS_EC2_METADATA_DISABLED"] == "true"
    assert found["HTTP_PROXY"] == "http://proxy:3128", "what is outside is still outside"
    assert found["HOME"] == "/home/ada"


@pytest.mark.parametrize(
    ("given", "direct"),
    [
        ({}, "127.0.0.1,localhost,::1"),
        ({"NO_PROXY": "corp"}, "corp,127.0.0.1,localhost,::1"),
        ({"no_proxy": "corp"}, "corp,127.0.0.1,localhost,::1"),
        ({"no_proxy": "*"}, "*"),
    ],
)
def test_no_proxy_is_on_the_way_here(given: dict[str, str], direct: str) -> None:
    assert surroundings.direct(given) == {"no_proxy": direct, "NO_PROXY": direct}


def test_this_process_can_be_isolated(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*surroundings.local(), "AWS_PROFILE"):
        monkeypatch.setenv(name, os.environ.get(name, "prod"))  # put back afterwards
    surroundings.isolate()
    assert "AWS_PROFILE" not in os.environ
    assert "127.0.0.1" in os.environ["NO_PROXY"]


def test_any_console_can_be_printed_on() -> None:
    code = "from operate import surroundings; surroundings.prepare(); print('starting …')"
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, rb"starting \u2026" + b"\n")
