"""The unpacked zip in an interpreter that has nothing but it and boto3, as Lambda has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

EVENTS = Path(__file__).resolve().parents[2] / "events"
# boto3 and what it brings, as the runtime has them beside the function.
RUNTIME = ["boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six"]
TASK = """
import json, sys
sys.path[:0] = sys.argv[1:3]
{code}
loaded = {{name.split(".")[0] for name in sys.modules}}
files = {{getattr(sys.modules[name], "__file__", None) or "" for name in loaded}}
print(json.dumps([answer, sorted(loaded), sorted(files)]))
"""


# It installs the packages of the task.
pytestmark = pytest.mark.extended


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runtime")
    for name in RUNTIME:
        spec = find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        found = Path(spec.origin)
        found = found.parent if found.name == "__init__.py" else found
        (folder / found.name).symlink_to(found)
    return folder


@pytest.fixture
def run(unpacked: Path, runtime: Path) -> Any:
    def run(code: str) -> tuple[Any, set[str], list[str]]:
        env = {
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
            "TIDINGS_JWT_SECRET": "x",
            "TIDINGS_REDIS_URL": "redis://127.0.0.1:1/0",
            "PATH": os.environ["PATH"],
        }
        # -S: no site-packages; -E would hide nothing more, the environment is ours.
        command = [sys.executable, "-S", "-B", "-c", TASK.format(code=code)]
        done = subprocess.run(
            [*command, str(unpacked), str(runtime)],
            env=env,
            cwd="/",
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        answer, loaded, files = json.loads(done.stdout.splitlines()[-1])
        return answer, set(loaded), files

    return run


def test_every_handler_is_there_and_the_services_compose(run: Any, unpacked: Path) -> None:
    answer, loaded, files = run(
        "import app\n"
        "from chalicelib import wiring\n"
        "wiring.services()\n"
        "import redis, redis.cluster, jwt, cryptography.hazmat.bindings._rust\n"
        "names = ['app', 'websocket_connect', 'websocket_message', 'websocket_disconnect',"
        " 'deliver', 'outbound', 'replicated', 'sweep', 'report']\n"
        "answer = [name for name in names if not callable(getattr(app, name))]"
    )
    assert answer == []
    assert {"chalice", "pydantic", "redis", "cryptography"} <= loaded
    outsiders = {"boto3", "botocore", "click", "inquirer", "pip", "typer", "workbench"}
    assert not outsiders & loaded
    outside = [name for name in files if name and "site-packages" in name]
    assert not outside, outside


def test_a_route_answers_through_chalice(run: Any) -> None:
    event = json.loads((EVENTS / "http_request.json").read_text())
    event |= {"resource": "/v1/openapi.json", "path": "/v1/openapi.json", "httpMethod": "GET"}
    event["requestContext"] |= {"resourcePath": "/v1/openapi.json", "httpMethod": "GET"}
    answer, _, _ = run(f"import app\nanswer = app.app(json.loads({json.dumps(event)!r}), None)")
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["info"]["title"]


def test_tokens_of_a_key_pair_are_verified(run: Any) -> None:
    answer, _, _ = run(
        "import jwt\n"
        "from cryptography.hazmat.primitives.asymmetric import ec, rsa\n"
        "answer = []\n"
        "for key, name in ((rsa.generate_private_key(65537, 2048), 'RS256'),"
        " (ec.generate_private_key(ec.SECP256R1()), 'ES256')):\n"
        "    token = jwt.encode({'sub': 'ann'}, key, name)\n"
        "    answer.append(jwt.decode(token, key.public_key(), [name])['sub'])"
    )
    assert answer == ["ann", "ann"]
