"""Select the route of a message: route selection expressions. Pure.

https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-routes.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-selection-expressions.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Container
from typing import Any

_NAME = r"request\.body((?:\.[A-Za-z0-9_-]+)+)"
_VARIABLE = re.compile(rf"\$(?:\{{{_NAME}\}}|{_NAME})")
_RESERVED = ("$connect", "$default", "$disconnect")


def check(expression: str) -> None:
    """Reject an expression that API Gateway would not evaluate.

    Raises:
        ValueError: It has no variable, or one outside `$request.body`.
    """
    if not _VARIABLE.search(expression) or "$" in _VARIABLE.sub("", expression):
        raise ValueError(f"not a route selection expression over $request.body: {expression}")


def choose(expression: str, routes: Container[str], text: str) -> str | None:
    """The matching route, else `$default`; None if there is neither."""
    key = _evaluate(expression, text)
    if key is not None and key in routes and key not in _RESERVED:
        return key
    return "$default" if "$default" in routes else None


def _evaluate(expression: str, text: str) -> str | None:
    """The expression's value; None if the message has none (not JSON, key missing)."""
    try:
        body = json.loads(text)
        return _VARIABLE.sub(lambda found: _value(body, found[1] or found[2]), expression)
    except (ValueError, KeyError, RecursionError):
        return None


def _value(body: Any, path: str) -> str:
    """The scalar at a path such as `.a.b`.

    Raises:
        KeyError: There is no scalar.
    """
    for name in path[1:].split("."):
        if not isinstance(body, dict):
            raise KeyError(name)
        body = body[name]
    if isinstance(body, str):
        return body
    if isinstance(body, bool | int | float):
        return json.dumps(body)
    raise KeyError(path)
