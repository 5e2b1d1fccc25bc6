"""`localstack/up` as its users run it: starts, says where everything is, ends with Ctrl-C."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from localstack_client.session import Session
from redis import Redis

from tests.support.waiting import until
from workbench.stack.children import StackError, free_port
from workbench.stack.localstack_install import tools

pytestmark = pytest.mark.timeout(600)  # LocalStack may have to be installed
UP = Path(__file__).resolve().parents[2] / "localstack" / "up"


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("emulator", ["localstack", "ministack"])
def test_up_starts_all_and_ctrl_c_ends_all(emulator: str, tmp_path: Path) -> None:
    if emulator == "localstack":
        try:
            tools()
        except StackError as why:
            pytest.skip(str(why))
    options = ("--aws-port", "--beside-port", "--port", "--redis-port")
    aws, beside, gateway, redis = ports = [free_port() for _ in options]
    command = [str(UP), "--emulator", emulator]
    for option, number in zip(options, ports, strict=True):
        command += [option, str(number)]
    output = tmp_path / "output"
    with output.open("w") as written:
        up = subprocess.Popen(command, stdout=written, stderr=subprocess.STDOUT, cwd=tmp_path)
    try:
        until(lambda: "TIDINGS_REDIS_URL" in output.read_text() or up.poll() is not None, "started")
        told = dict(re.findall(r"^ +export (\S+)=(\S+)$", output.read_text(), re.MULTILINE))
        expected = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws}",
            "TIDINGS_BESIDE_URL": f"http://127.0.0.1:{beside}",
            "TIDINGS_GATEWAY_URL": f"http://127.0.0.1:{gateway}",
            "TIDINGS_REDIS_URL": f"redis://127.0.0.1:{redis}/0",
        }
        if emulator == "ministack":
            del expected["TIDINGS_BESIDE_URL"]
        assert told == expected
        apis = aws if emulator == "ministack" else beside
        control_plane = Session(localstack_host=f"127.0.0.1:{apis}")
        assert control_plane.client("apigatewayv2").get_apis()["Items"] == []
        assert Session(localstack_host=f"127.0.0.1:{aws}").client("sqs").list_queues()
        assert listens(gateway)
        with Redis(port=redis) as cache:
            assert cache.ping()
        up.send_signal(signal.SIGINT)
        assert up.wait(60) == 0
    finally:
        up.kill()
        up.wait()
    assert not [port for port in ports if listens(port)]


def test_a_taken_port_is_said_and_nothing_is_left() -> None:
    redis = free_port()
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = str(holder.getsockname()[1])
        command = [str(UP), "--emulator", "ministack", "--aws-port", taken]
        command += ["--redis-port", str(redis), "--port", str(free_port())]
        up = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert up.returncode == 2
    assert f"port {taken} is taken" in " ".join(up.stderr.split())
    assert not listens(redis)
