"""LocalStack's entry points; each imports its implementation only when it is selected."""

from __future__ import annotations

from typing import Any

from localstack.runtime.server.core import RuntimeServerPlugin
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin


class ProcessExecutorPlugin(RuntimeExecutorPlugin):
    name = "process"

    def load(self, *args: Any, **kwargs: Any) -> Any:
        from .executor import ProcessExecutor

        return ProcessExecutor


class OneInterfaceServerPlugin(RuntimeServerPlugin):
    name = "one_interface"

    def load(self, *args: Any, **kwargs: Any) -> Any:
        from .server import OneInterfaceServer

        return OneInterfaceServer()
