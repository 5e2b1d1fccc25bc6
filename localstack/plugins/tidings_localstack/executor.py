"""LocalStack's executor interface on top of Runtime: processes instead of containers."""

from __future__ import annotations

import json
import os
import platform
import shutil
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.lambda_models import (
    FunctionVersion,
    InvocationResult,
    VersionFunctionConfiguration,
)
from localstack.services.lambda_.invocation.runtime_executor import (
    LambdaRuntimeException,
    RuntimeExecutor,
)

from localstack import config

from .runtime import Answer, Exited, Invocation, Ready, Runtime, TimedOut

# Holds a virtual environment with awslambdaric and boto3 for each runtime, named after it.
_RUNTIMES = "TIDINGS_LAMBDA_RUNTIMES"
_HOST = "127.0.0.1"
_ARCHITECTURES = {"aarch64": "arm64", "arm64": "arm64", "x86_64": "x86_64", "amd64": "x86_64"}


class ProcessExecutor(RuntimeExecutor):
    """One execution environment."""

    def __init__(self, id: str, function_version: FunctionVersion) -> None:
        super().__init__(id, function_version)
        self._directory = Path(tempfile.mkdtemp(prefix="lambda-"))
        self._output = (self._directory / "output").open("ab+", buffering=0)
        self._environment: dict[str, str] = {}
        self._runtime: Runtime | None = None
        self._init_ms: float | None = None
        self._lock = threading.Lock()  # between start and stop
        self._stopped = False

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        """Unpack the code. Accepts any function, as LocalStack could not delete a rejected one."""
        function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """Nothing to do: LocalStack deletes the unpacked code with the function."""

    def start(self, env_vars: dict[str, Any]) -> None:
        function = self.function_version.config
        (self._directory / "tmp").mkdir()
        self._environment = {
            "PATH": f"{_interpreter(function.runtime).parent}:/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "HOME": str(self._directory / "tmp"),
            "TMPDIR": str(self._directory / "tmp"),
            **{name: str(value) for name, value in env_vars.items()},
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
            "LAMBDA_TASK_ROOT": str(function.code.get_unzipped_code_location()),
        }
        self._initialise()

    def stop(self) -> None:
        """Stop; LocalStack also calls this from another thread when a start takes too long."""
        with self._lock:
            self._stopped = True
            if self._runtime is not None:
                self._runtime.kill()
                self._runtime = None
        self._output.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    def invoke(self, payload: Mapping[str, str]) -> InvocationResult:
        if self._runtime is None or not self._runtime.alive():
            self._initialise()
        invocation = Invocation(
            request_id=payload["invoke-id"],
            function_arn=payload["invoked-function-arn"],
            trace_id=payload["trace-id"],
            payload=payload["payload"].encode(),
            timeout_s=float(self.function_version.config.timeout),
        )
        runtime = self._runtime
        if runtime is None:
            raise LambdaRuntimeException("the environment was stopped")
        began = time.perf_counter()
        said = runtime.invoke(invocation)
        took_ms = (time.perf_counter() - began) * 1000
        if not isinstance(said, Answer):
            runtime.kill()
        answer, note = _result(said, invocation)
        logs = self._logs(invocation.request_id, note, took_ms)
        return InvocationResult(invocation.request_id, answer.payload, answer.is_error, logs)

    def get_logs(self) -> str:
        if self._output.closed:
            return ""
        self._output.seek(0)
        return self._output.read().decode(errors="replace")

    def get_address(self) -> str:
        return _HOST

    def get_endpoint_from_executor(self) -> str:
        return _HOST

    def get_runtime_endpoint(self) -> str:
        """Where LocalStack's own init process would report; AWS's client does not use it."""
        return f"http://{_HOST}:{config.GATEWAY_LISTEN[0].port}/_localstack_lambda/{self.id}"

    def _initialise(self) -> None:
        """Start a process and load the function.

        Raises:
            StatusErrorException: The function could not be loaded; has its error.
        """
        function = self.function_version.config
        if unfit := _unfit(function):
            raise StatusErrorException(unfit, _error("Runtime.InvalidRuntime", unfit))
        command = [str(_interpreter(function.runtime)), "-m", "awslambdaric", function.handler]
        code = function.code.get_unzipped_code_location()
        began = time.perf_counter()
        with self._lock:
            if self._stopped:
                raise LambdaRuntimeException("the environment was stopped")
            if self._runtime is not None:
                self._runtime.kill()
            self._runtime = Runtime(command, self._environment, code, self._output)
            runtime = self._runtime
        said = runtime.wait_ready(config.LAMBDA_RUNTIME_ENVIRONMENT_TIMEOUT - 1)
        self._init_ms = (time.perf_counter() - began) * 1000
        if not isinstance(said, Ready):
            runtime.kill()
            answer, _ = _result(said, None)
            raise StatusErrorException(f"init failed: {self.get_logs()}", answer.payload)

    def _logs(self, request_id: str, note: str, took_ms: float) -> str:
        """The invocation's output between AWS's log lines; each output is returned once."""
        printed = self.get_logs()
        if not self._output.closed:
            os.ftruncate(self._output.fileno(), 0)
        function = self.function_version
        report = f"REPORT RequestId: {request_id}\tDuration: {took_ms:.2f} ms"
        report += f"\tMemory Size: {function.config.memory_size} MB"
        if self._init_ms is not None:
            report += f"\tInit Duration: {self._init_ms:.2f} ms"
            self._init_ms = None
        if printed and not printed.endswith("\n"):
            printed += "\n"
        return (
            f"START RequestId: {request_id} Version: {function.id.qualifier}\n{printed}{note}"
            f"END RequestId: {request_id}\n{report}\n"
        )


def _interpreter(runtime: str | None) -> Path:
    return Path(os.environ[_RUNTIMES], str(runtime), "bin", "python")


def _unfit(function: VersionFunctionConfiguration) -> str:
    """Why this machine cannot run the function; "" if it can."""
    python = _interpreter(function.runtime)
    if not python.exists():
        here = ", ".join(sorted(path.name for path in python.parents[2].iterdir()))
        return f"no interpreter for {function.runtime} was found on this machine, only for {here}"
    here = _ARCHITECTURES.get(platform.machine().lower(), platform.machine())
    if here not in function.architectures and not config.LAMBDA_IGNORE_ARCHITECTURE:
        return (
            f"the function is packaged for {', '.join(function.architectures)} and this machine is"
            f" {here}; LAMBDA_IGNORE_ARCHITECTURE=1 allows it, for code that is pure Python"
        )
    return ""


def _result(said: Answer | Exited | TimedOut, invocation: Invocation | None) -> tuple[Answer, str]:
    """Lambda's answer to the caller, and the lines that it adds to the log."""
    match said:
        case Answer():
            return said, ""
        case Exited(code):
            kind = "Runtime.ExitError"
            status = f"exit status {code}" if code >= 0 else f"signal {-code}"
            text = f"Error: Runtime exited with error: {status}"
        case TimedOut():
            kind = "Sandbox.Timedout"
            limit = "init" if invocation is None else f"{invocation.timeout_s:.2f} seconds"
            text = f"Error: Task timed out after {limit}"
    if invocation is not None:
        text = f"RequestId: {invocation.request_id} {text}"
    return Answer(_error(kind, text), is_error=True), f"{text}\n"


def _error(kind: str, text: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": text}).encode()
