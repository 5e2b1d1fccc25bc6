"""`tidings dead`: the dead-letter queues, listed, inspected, redriven and purged."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from workbench.stack import clients, resources, running
from workbench.stack.keys import Keys

from . import say

app = typer.Typer(no_args_is_help=True, help="Dead letters: list, show, redrive, purge.")

Queue = Annotated[str, typer.Option(help="delivery or outbound")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable.")]
_LOOK_S = 20
_MOST = 100_000  # letters in one command
# A short poll asks some of SQS's servers, so it may find a small queue empty; a long one asks all.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
_POLL_S = 1
_EMPTY_POLLS = 3
_VISIBLE, _HIDDEN = "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"


@dataclass(frozen=True)
class Where:
    """Which deployment.

    Attributes:
        keys: Of the local stack; None for those of the environment.
    """

    endpoint_url: str | None
    region: str | None
    prefix: str
    keys: Keys | None = None

    def client(self) -> Any:
        if self.keys is not None and self.endpoint_url and self.region:
            return clients.client("sqs", self.endpoint_url, self.region, self.keys)
        return boto3.client("sqs", endpoint_url=self.endpoint_url, region_name=self.region)


@app.callback()
def where(
    context: typer.Context,
    endpoint_url: Annotated[str, typer.Option(help="Of SQS, where it is an emulator's.")] = "",
    region: Annotated[
        str, typer.Option(help="Of the queues of a deployment; without it, the local stack's.")
    ] = "",
    prefix: Annotated[str, typer.Option(help="Of the queues' names.")] = "",
) -> None:
    """Dead letters of the local stack, or with --region those of a deployment."""
    if endpoint_url or region:
        context.obj = Where(endpoint_url or None, region or None, prefix or "tidings")
        return
    stack = running.find(running.home())
    if stack is None:
        say.problem(
            "no local stack runs here: start it with make run, or name the --region of a "
            "deployment in AWS"
        )
        raise typer.Exit(2)
    keys = Keys(stack.access_key_id, stack.secret_access_key)
    context.obj = Where(stack.aws_endpoint_url, stack.region, prefix or stack.prefix, keys)


class DeadLetters:
    """One dead-letter queue and the queue it redrives to."""

    def __init__(self, at: Where, queue: str) -> None:
        definition = resources.load()["queues"]
        if queue not in definition or "dead_letter" not in definition[queue]:
            raise typer.BadParameter("delivery or outbound", param_hint="--queue")
        dead = definition[queue]["dead_letter"]
        self.fifo = bool(definition[queue]["fifo"])
        try:
            self.sqs: Any = at.client()
            self.url = self._url(resources.queue_name(at.prefix, dead, definition[dead]))
            self.source = self._url(resources.queue_name(at.prefix, queue, definition[queue]))
        except (BotoCoreError, ClientError) as fault:
            typer.echo(f"no such queues here: {fault}", err=True)
            raise typer.Exit(1) from None

    def count(self) -> int:
        """How many there are, as SQS estimates it."""
        return self._counted(_VISIBLE, _HIDDEN)

    def pages(self) -> Iterator[list[dict[str, Any]]]:
        """Batches, hidden from others for some seconds, until none is to be had.

        An empty answer is believed when SQS counts none either, or after a few in a row: the
        count lags, and has those that wait behind others of their group.

        A FIFO group gives its next ones only when the received ones are deleted, so whoever
        leaves them sees ten a group.
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagegroupid-property.html
        """
        empty = 0
        for _ in range(_MOST // 10):
            answer = self.sqs.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=10,
                AttributeNames=["All"],
                VisibilityTimeout=_LOOK_S,
                WaitTimeSeconds=_POLL_S,
            )
            batch: list[dict[str, Any]] = answer.get("Messages", [])
            if batch:
                empty = 0
                yield batch
                continue
            empty += 1
            if empty == _EMPTY_POLLS or not self._counted(_VISIBLE):
                return

    def look(self) -> list[dict[str, Any]]:
        """Those to be had without deleting any, visible again at once."""
        found = {m["MessageId"]: m for batch in self.pages() for m in batch}
        self.release(list(found.values()))
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
        self.delete(message)

    def delete(self, message: dict[str, Any]) -> None:
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    def _counted(self, *names: str) -> int:
        answer = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=list(names))
        return sum(int(answer["Attributes"][name]) for name in names)

    def _url(self, name: str) -> str:
        return str(self.sqs.get_queue_url(QueueName=name)["QueueUrl"])


@app.command("list")
def list_(context: typer.Context, queue: Queue = "delivery", as_json: Json = False) -> None:
    """What is dead, without its contents."""
    letters = DeadLetters(context.obj, queue)
    rows = [summary(message) for message in letters.look()]
    more = max(0, letters.count() - len(rows))
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = Table("id", "kind", "group", "receives", "age s")
    for row in rows:
        table.add_row(
            *(Text(str(row[name])) for name in ("id", "kind", "group", "receives", "age_s"))
        )
    Console().print(table if rows else "no dead letters")
    if more:
        Console().print(f"and about {more} behind them: ten of a group are shown")


@app.command()
def show(
    context: typer.Context,
    message_id: str,
    queue: Queue = "delivery",
    payload: Annotated[bool, typer.Option(help="Also the content people wrote.")] = False,
) -> None:
    """One dead letter."""
    for message in DeadLetters(context.obj, queue).look():
        if message["MessageId"] == message_id:
            body = {"body": message["Body"]} if payload else {}
            typer.echo(json.dumps({**summary(message), **body}, indent=2))
            return
    typer.echo("no such dead letter", err=True)
    raise typer.Exit(1)


@app.command()
def redrive(
    context: typer.Context,
    message_ids: Annotated[list[str] | None, typer.Argument(help="All when none is given.")] = None,
    queue: Queue = "delivery",
    as_json: Json = False,
) -> None:
    """Send dead letters back to their queue, in the order of each group."""
    letters = DeadLetters(context.obj, queue)
    start_ms = int(time.time() * 1000)
    wanted = set(message_ids or [])
    left: list[dict[str, Any]] = []
    done: set[str] = set()
    for batch in letters.pages():
        for message in batch:
            died_again = int(message["Attributes"]["SentTimestamp"]) > start_ms
            if message["MessageId"] in wanted or not (wanted or died_again):
                letters.redrive(message)
                done.add(message["MessageId"])
            else:
                left.append(message)
        if wanted and done == wanted:
            break
    letters.release(left)
    typer.echo(json.dumps({"redriven": len(done)}) if as_json else f"{len(done)} redriven")
    if wanted - done:
        typer.echo(f"not found: {', '.join(sorted(wanted - done))}", err=True)
        raise typer.Exit(1)


@app.command()
def purge(
    context: typer.Context,
    queue: Queue = "delivery",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Delete all dead letters of a queue, for good."""
    letters = DeadLetters(context.obj, queue)
    if not yes:
        typer.confirm(f"delete about {letters.count()} dead letters of {queue}?", abort=True)
    count = 0
    for batch in letters.pages():
        for message in batch:
            letters.delete(message)
        count += len(batch)
    typer.echo(json.dumps({"purged": count}) if as_json else f"{count} purged")


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
