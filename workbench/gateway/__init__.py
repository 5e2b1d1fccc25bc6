"""A local AWS API Gateway, as strict as the real one: WebSocket API, HTTP API, @connections.

Usable on its own: give it an `Invoker` for your Lambda functions. See README.md beside this file.
"""

from .config import FunctionError, HttpApi, Invoker, Limits, WebSocketApi
from .functions import LocalFunctions
from .server import Gateway, LocalRoute
from .static import StaticFiles

__all__ = [
    "FunctionError",
    "Gateway",
    "HttpApi",
    "Invoker",
    "Limits",
    "LocalFunctions",
    "LocalRoute",
    "StaticFiles",
    "WebSocketApi",
]
