"""`tidings dead`: the dead-letter queues, listed, inspected and redriven."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Annotated, Any

import boto3
import typer
from botocore.exceptions import NoRegionError
from rich.console import Console
from rich.table import Table

from workbench.stack import resources
from workbench.stack.embedded import ROOT, STATE

app = typer.Typer(no_args_is_help=True, help="Dead letters: list, show, redrive.")

Queue = Annotated[str, typer.Option(help="delivery or outbound")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable.")]
_ROUNDS, _LOOK_S = 20, 20


class DeadLetters:
    """One dead-letter queue and the queue it redrives to."""

    def __init__(self, queue: str) -> None:
        definition = resources.load()["queues"]
        if queue not in definition or "dead_letter" not in definition[queue]:
            raise typer.BadParameter("delivery or outbound", param_hint="--queue")
        state = _state()
        prefix = state.get("prefix", "tidings")
        try:
            self.sqs: Any = boto3.client("sqs", **_where(state))
        except NoRegionError:
            typer.echo("no stack is running here and no AWS region is set", err=True)
            raise typer.Exit(1) from None
        dead = definition[queue]["dead_letter"]
        self.fifo = bool(definition[queue]["fifo"])
        self.url = self._url(resources.queue_name(prefix, dead, definition[dead]))
        self.source = self._url(resources.queue_name(prefix, queue, definition[queue]))

    def receive(self) -> list[dict[str, Any]]:
        """All there are, hidden from others for some seconds."""
        found: dict[str, dict[str, Any]] = {}
        for _ in range(_ROUNDS):
            answer = self.sqs.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=10,
                AttributeNames=["All"],
                VisibilityTimeout=_LOOK_S,
            )
            batch = answer.get("Messages", [])
            if not batch:
                break
            found.update({message["MessageId"]: message for message in batch})
        return list(found.values())

    def release(self, messages: list[dict[str, Any]]) -> None:
        """Visible again at once."""
        for message in messages:
            self.sqs.change_message_visibility(
                QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )

    def redrive(self, message: dict[str, Any]) -> None:
        """Back to its queue, and only then gone from here: a crash doubles, never loses."""
        order = {}
        if self.fifo:
            order = {
                "MessageGroupId": message["Attributes"]["MessageGroupId"],
                "MessageDeduplicationId": uuid.uuid4().hex,
            }
        self.sqs.send_message(QueueUrl=self.source, MessageBody=message["Body"], **order)
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    def _url(self, name: str) -> str:
        return str(self.sqs.get_queue_url(QueueName=name)["QueueUrl"])


@app.command("list")
def list_(queue: Queue = "delivery", as_json: Json = False) -> None:
    """What is dead, without its contents."""
    letters = DeadLetters(queue)
    messages = letters.receive()
    letters.release(messages)
    rows = [summary(message) for message in messages]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = Table("id", "kind", "group", "receives", "age s")
    for row in rows:
        table.add_row(*(str(row[name]) for name in ("id", "kind", "group", "receives", "age_s")))
    Console().print(table if rows else "no dead letters")


@app.command()
def show(
    message_id: str,
    queue: Queue = "delivery",
    payload: Annotated[bool, typer.Option(help="Also the content people wrote.")] = False,
) -> None:
    """One dead letter."""
    letters = DeadLetters(queue)
    messages = letters.receive()
    letters.release(messages)
    for message in messages:
        if message["MessageId"] == message_id:
            body = {"body": message["Body"]} if payload else {}
            typer.echo(json.dumps({**summary(message), **body}, indent=2))
            return
    typer.echo("no such dead letter", err=True)
    raise typer.Exit(1)


@app.command()
def redrive(
    message_ids: Annotated[list[str] | None, typer.Argument(help="All when none is given.")] = None,
    queue: Queue = "delivery",
    as_json: Json = False,
) -> None:
    """Send dead letters back to their queue."""
    letters = DeadLetters(queue)
    messages = letters.receive()
    chosen = [m for m in messages if not message_ids or m["MessageId"] in message_ids]
    for message in chosen:
        letters.redrive(message)
    letters.release([message for message in messages if message not in chosen])
    typer.echo(json.dumps({"redriven": len(chosen)}) if as_json else f"{len(chosen)} redriven")


def summary(message: dict[str, Any]) -> dict[str, Any]:
    """What may be shown without asking for the payload."""
    try:
        kind = str(json.loads(message["Body"])["kind"])
    except (ValueError, KeyError, TypeError):
        kind = "unreadable"
    attributes = message["Attributes"]
    sent_s = int(attributes.get("SentTimestamp", "0")) / 1000
    return {
        "id": message["MessageId"],
        "kind": kind,
        "group": attributes.get("MessageGroupId", ""),
        "receives": int(attributes.get("ApproximateReceiveCount", "0")),
        "age_s": int(time.time() - sent_s),
    }


def _state() -> dict[str, str]:
    path = Path(ROOT / STATE)
    state: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    return state


def _where(state: dict[str, str]) -> dict[str, Any]:
    """The running local stack, else AWS as the environment says."""
    if not state:
        return {}
    return {
        "endpoint_url": state["aws_endpoint_url"],
        "region_name": state["region"],
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
    }
