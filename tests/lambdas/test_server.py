"""Functions behind ministack's hook: new deployments run soon, and errors are reported."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.emulator import Emulator, zipped
from tests.support.waiting import until
from workbench.lambdas.server import LambdaRuntime

WITHIN_S = 20.0


def invoke(emulator: Emulator, name: str, event: Any = None) -> tuple[str | None, Any]:
    answer = emulator.functions.invoke(FunctionName=name, Payload=json.dumps(event))
    return answer.get("FunctionError"), json.loads(answer["Payload"].read())


def test_new_code_and_new_variables_run_soon(emulator: Emulator) -> None:
    code = "import os\ndef handler(event, context): return {} + os.environ['WHO']"
    name = emulator.function(code.format("'one '"), variables={"WHO": "me"})
    assert invoke(emulator, name) == (None, "one me")
    emulator.functions.update_function_code(
        FunctionName=name, ZipFile=zipped(code.format("'two '"))
    )
    until(lambda: invoke(emulator, name) == (None, "two me"))
    variables = emulator.variables(WHO="you")
    emulator.functions.update_function_configuration(FunctionName=name, Environment=variables)
    until(lambda: invoke(emulator, name) == (None, "two you"))


def test_a_function_knows_who_it_is(emulator: Emulator) -> None:
    name = emulator.function(
        """
        import os
        def handler(event, context):
            told = [context.function_name, context.invoked_function_arn, context.memory_limit_in_mb]
            names = "AWS_REGION", "AWS_LAMBDA_FUNCTION_NAME", "AWS_ENDPOINT_URL"
            return told + [os.environ[name] for name in names] + [len(context.aws_request_id)]
        """,
        MemorySize=256,
    )
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
    expected = [name, arn, "256", "us-east-1", name, emulator.url, 36]
    assert invoke(emulator, name) == (None, expected)


def test_first_invocations_of_one_package_at_once(tmp_path: Path) -> None:
    """None of them finds the code, so all download it at the same time."""
    meet = threading.Barrier(3)

    class Package(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            meet.wait(WITHIN_S)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(zipped("x = 1"))

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    runtime = LambdaRuntime("http://127.0.0.1:9", Path("python"), tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), Package) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        location = f"http://127.0.0.1:{server.server_port}/"
        found = {"Configuration": {"CodeSha256": "a/b="}, "Code": {"Location": location}}
        with ThreadPoolExecutor(meet.parties) as pool:
            codes = set(pool.map(runtime._unpack, [found] * meet.parties))
        server.shutdown()
    assert codes == set(tmp_path.iterdir()) == {tmp_path / "a_b="}
    assert (tmp_path / "a_b=" / "app.py").read_text() == "x = 1"


def test_code_that_cannot_be_imported_is_the_function_s_error(emulator: Emulator) -> None:
    name = emulator.function("import nothing_such")
    for _ in range(2):
        kind, error = invoke(emulator, name)
        assert kind == "Unhandled"
        assert "nothing_such" in error["errorMessage"]
