"""Functions on LocalStack, and the messages that they send."""

from __future__ import annotations

import io
import itertools
import json
import time
import zipfile
from typing import Any

from tests.support.paths import ROOT

WAIT_S = 60.0
CODE = ROOT / "tests" / "localstack" / "function.py"
_numbers = itertools.count(1)


class Told:
    """The queue to which a function sends messages."""

    def __init__(self, sqs: Any) -> None:
        self._sqs = sqs
        self.url = sqs.create_queue(QueueName=f"told{next(_numbers)}")["QueueUrl"]

    def hear(self, count: int, within_s: float = WAIT_S) -> list[str]:
        """Return the next `count` messages, in the order of arrival."""
        heard: list[str] = []
        deadline = time.monotonic() + within_s
        while len(heard) < count:
            assert time.monotonic() < deadline, f"only {heard} within {within_s:g} s"
            answer = self._sqs.receive_message(QueueUrl=self.url, WaitTimeSeconds=1)
            for message in answer.get("Messages", []):
                heard.append(message["Body"])
                self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return heard

    def close(self) -> None:
        self._sqs.delete_queue(QueueUrl=self.url)


class Function:
    """A function made from function.py."""

    def __init__(self, client: Any, **settings: Any) -> None:
        self._client = client
        self.name = f"f{next(_numbers)}"
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as package:
            package.write(CODE, "function.py")
        made = client.create_function(
            FunctionName=self.name,
            Handler="function.handler",
            Role="arn:aws:iam::000000000000:role/test",
            Code={"ZipFile": code.getvalue()},
            **{"Runtime": "python3.13", "Timeout": 30, **settings},
        )
        self.arn = made["FunctionArn"]

    def wait_active(self) -> None:
        self._client.get_waiter("function_active_v2").wait(
            FunctionName=self.name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 300}
        )

    def invoke(self, **event: Any) -> dict[str, Any]:
        """Invoke the function; return the API's answer with `Payload` parsed."""
        answer = self._client.invoke(
            FunctionName=self.name, Payload=json.dumps(event), LogType="Tail"
        )
        return {**answer, "Payload": json.loads(answer["Payload"].read())}

    def close(self) -> None:
        self._client.delete_function(FunctionName=self.name)
