"""`localstack/up` as its users run it: starts, says where everything is, ends with Ctrl-C."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from localstack_client.session import Session
from redis import Redis

from workbench.stack.children import StackError, free_port
from workbench.stack.emulators import BESIDE_LOCALSTACK, Emulator
from workbench.stack.localstack_install import tools

from .conftest import until

pytestmark = pytest.mark.timeout(600)  # LocalStack may have to be installed
ROOT = Path(__file__).resolve().parents[2]


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("emulator", Emulator)
def test_up_starts_all_and_ctrl_c_ends_all(emulator: Emulator, tmp_path: Path) -> None:
    if emulator is Emulator.LOCALSTACK:
        try:
            tools()
        except StackError as why:
            pytest.skip(str(why))
    if shutil.which("make") is None:
        pytest.skip("no make on this machine")
    aws, beside, redis = free_port(), free_port(), free_port()
    command = [str(ROOT / "localstack" / "up"), "--emulator", emulator.value]
    command += ["--port", str(aws), "--beside-port", str(beside), "--redis-port", str(redis)]
    output = tmp_path / "output"
    with output.open("w") as written:
        up = subprocess.Popen(command, stdout=written, stderr=subprocess.STDOUT, cwd=tmp_path)
    try:
        until(lambda: "TIDINGS_REDIS_URL" in output.read_text() or up.poll() is not None, "started")
        said = output.read_text()
        assert f"export AWS_ENDPOINT_URL=http://127.0.0.1:{aws}\n" in said
        assert f"export TIDINGS_REDIS_URL=redis://127.0.0.1:{redis}/0\n" in said
        elsewhere = dict(re.findall(r"^# (\S+) is at http://127\.0\.0\.1:(\d+)$", said, re.M))
        expected = BESIDE_LOCALSTACK if emulator is Emulator.LOCALSTACK else ()
        assert elsewhere == dict.fromkeys(expected, str(beside))
        apis = Session(localstack_host=f"127.0.0.1:{elsewhere.get('apigatewayv2', aws)}")
        assert apis.client("apigatewayv2").get_apis()["Items"] == []
        assert Session(localstack_host=f"127.0.0.1:{aws}").client("sqs").list_queues()
        with Redis(port=redis) as cache:
            assert cache.ping()
        up.send_signal(signal.SIGINT)
        assert up.wait(60) == 0
    finally:
        up.kill()
        up.wait()
    assert not [port for port in (aws, beside, redis) if listens(port)]


def test_a_taken_port_is_said_and_nothing_is_left(tmp_path: Path) -> None:
    redis = free_port()
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = str(holder.getsockname()[1])
        command = [str(ROOT / "localstack" / "up"), "--emulator", "ministack", "--port", taken]
        command += ["--redis-port", str(redis)]
        up = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert up.returncode == 1
    assert f"port {taken} is taken" in " ".join(up.stderr.split())
    assert not listens(redis)
