"""Amazon SNS, which speaks the older query protocol: forms in, XML out.

https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from ..http.response import HttpAnswer
from .client import Client, Json, Service
from .errors import ErrorAnswer, NoAnswer, error_answer

_VERSION = "2010-03-31"
_TAGS = {name: re.compile(rf"<{name}>([^<]*)</{name}>") for name in ("Code", "RequestId")}


class Sns(Client):
    service = Service("sns", "application/x-www-form-urlencoded; charset=utf-8")

    def publish(
        self, *, TopicArn: str, Message: str, MessageAttributes: Mapping[str, Mapping[str, str]]
    ) -> None:
        """Publish a message; attributes are {name: {"DataType": …, "StringValue": …}}."""
        form = {"TopicArn": TopicArn, "Message": Message}
        for number, (name, value) in enumerate(MessageAttributes.items(), 1):
            entry = f"MessageAttributes.entry.{number}"
            form[f"{entry}.Name"] = name
            form |= {f"{entry}.Value.{key}": text for key, text in value.items()}
        self._call("Publish", form)

    def _encode(self, operation: str, arguments: Mapping[str, Any]) -> bytes:
        return urlencode({"Action": operation, "Version": _VERSION, **arguments}).encode()

    def _decode(self, operation: str, answer: HttpAnswer) -> Json:
        """Nothing of the answer is of use, but it must be one."""
        if b"<PublishResponse" not in answer.body:
            raise NoAnswer(operation, "malformed")
        return {}

    def _error(self, operation: str, answer: HttpAnswer) -> ErrorAnswer:
        text = answer.body.decode(errors="replace")
        code, request_id = (_TAGS[name].search(text) for name in ("Code", "RequestId"))
        return error_answer(
            operation,
            code[1] if code else str(answer.status),
            answer.status,
            text,
            request_id[1] if request_id else "",
        )
