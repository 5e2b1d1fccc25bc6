"""`tidings dead`: list, inspect, redrive and purge the dead-letter queues."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from operate.dead import QUEUES, DeadLetters, Where, about, summary

from . import options, say
from .service import LocalStack

app = typer.Typer(no_args_is_help=True, help="Dead letters: list, show, redrive, purge.")


def _queue(text: str) -> str:
    if text not in QUEUES:
        raise typer.BadParameter(f"{text!r} has no dead letters: choose {' or '.join(QUEUES)}")
    return text


Queue = Annotated[str, typer.Option(parser=_queue, metavar="QUEUE", help="delivery or outbound")]
Json = options.Json


@app.callback()
def where(
    context: typer.Context,
    endpoint_url: Annotated[
        str | None,
        typer.Option(parser=options.url, metavar="URL", help="Of SQS, where it is an emulator's."),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(
            parser=options.region,
            metavar="REGION",
            help="Of the queues of a deployment; without it, those of the stack that runs here.",
        ),
    ] = None,
    prefix: Annotated[str, typer.Option(help="Of the queues' names.")] = "",
) -> None:
    """Dead letters: list, show, redrive, purge.

    Of the stack that runs here, or with --region those of a deployment.
    """
    local: LocalStack | None = context.obj
    if endpoint_url or region:
        context.obj = Where(endpoint_url, region, prefix or "tidings")
    elif local is not None and local.aws_endpoint_url:
        context.obj = Where(
            local.aws_endpoint_url, local.region, prefix or local.prefix, local.keys
        )


def _letters(context: typer.Context, queue: str) -> DeadLetters:
    """Those that the options name: never a deployment's unless they say so."""
    at: Where | LocalStack | None = context.obj
    if isinstance(at, LocalStack):
        say.problem(
            "the stack that runs here keeps its queues in memory, where no other process can look: "
            "start it without --stores memory"
        )
        raise typer.Exit(2)
    if at is None:
        say.problem(
            "no local stack runs here: start it with `make run`, or name the --region of a "
            "deployment in AWS"
        )
        raise typer.Exit(2)
    return DeadLetters(at, queue)


@app.command("list")
def list_(context: typer.Context, queue: Queue = "delivery", as_json: Json = False) -> None:
    """List dead letters, without their contents."""
    letters = _letters(context, queue)
    rows = [summary(message) for message in letters.look()]
    more = max(0, letters.count() - len(rows))
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = say.table("id", "kind", "group", "receives", "age s", "about")
    for row in rows:
        shown = [row[name] for name in ("id", "kind", "group", "receives", "age_s")]
        table.add_row(*(Text(str(each)) for each in (*shown, about(row))))
    Console().print(table if rows else "There are no dead letters.")
    if more:
        Console().print(f"About {more} more are not shown: SQS gives at most ten of each group.")


@app.command()
def show(
    context: typer.Context,
    message_id: str,
    queue: Queue = "delivery",
    payload: Annotated[bool, typer.Option(help="Also show message contents.")] = False,
) -> None:
    """Show one dead letter."""
    for message in _letters(context, queue).look():
        if message["MessageId"] == message_id:
            body = {"body": message["Body"]} if payload else {}
            typer.echo(json.dumps({**summary(message), **body}, indent=2))
            return
    typer.echo(f"There is no dead letter {message_id}.", err=True)
    raise typer.Exit(1)


@app.command()
def redrive(
    context: typer.Context,
    message_ids: Annotated[list[str] | None, typer.Argument(help="By default all.")] = None,
    queue: Queue = "delivery",
    as_json: Json = False,
) -> None:
    """Send dead letters back to their queue, in the order of each group."""
    letters = _letters(context, queue)
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
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    as_json: Json = False,
) -> None:
    """Permanently delete all dead letters of a queue."""
    letters = _letters(context, queue)
    if not yes:
        typer.confirm(f"Delete about {letters.count()} dead letters of {queue}?", abort=True)
    count = 0
    for batch in letters.pages():
        for message in batch:
            letters.delete(message)
        count += len(batch)
    typer.echo(json.dumps({"purged": count}) if as_json else f"{count} purged")
