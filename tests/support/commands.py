"""All commands of the program, and values for what they take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import typer

from workbench.cli.main import app

# By what a parameter's name says: a kind, and a value that is good.
KINDS = {
    "url": "url", "endpoint_url": "url", "control_plane": "url", "lambda_": "url",
    "user": "user", "member": "user", "room": "room", "region": "region", "port": "port",
    "regions": "regions", "of_region": "region",
}  # fmt: skip
GOOD = {"url": "http://127.0.0.1:9", "user": "alice", "room": "lobby", "region": "us-east-1"}
# Of parameters of which a command needs one.
ALSO = {("tail",): ("--user", "alice")}
OTHERS = {"text": "hello", "message_id": "any", "target": "ministack"}
# A name that has one of these in it is of a kind, or none of the kinds is meant.
SUSPECT = ("url", "host", "user", "room", "region", "port", "member")
NO_KIND = {
    "host",  # to listen on: what cannot be listened on is found out by trying
    "users", "room_members", "room_size",  # numbers of `tidings cost` and `drill storm`
    "report",  # a file, of `tidings drill`
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Command:
    """A command by its words, such as ("room", "add"); `groups` are those above it."""

    words: tuple[str, ...]
    parameters: tuple[Any, ...]
    groups: tuple[tuple[tuple[str, ...], tuple[Any, ...]], ...]

    @property
    def name(self) -> str:
        return " ".join(self.words)

    def with_value(self, wrong: Any, value: str) -> list[str]:
        """A call that is good but for this parameter's value."""
        call: list[str] = []
        for words, parameters in (*self.groups, (self.words, self.parameters)):
            call += words[-1:]
            values: list[str] = []
            for each in parameters:
                if each is not wrong and not each.required:
                    continue
                kind = KINDS.get(each.name, "")
                good = GOOD.get(kind, OTHERS.get(each.name, ""))
                given = value if each is wrong else good
                if each.param_type_name == "option":
                    call += [each.opts[0], given]
                else:
                    values.append(given)
            call += values
            if wrong.opts[0] not in ALSO.get(words, ()):
                call += ALSO.get(words, ())
        return call

    def all_parameters(self) -> list[Any]:
        return [each for _, given in self.groups for each in given] + list(self.parameters)


def commands() -> list[Command]:
    return list(_below(typer.main.get_command(app), (), ()))


def _below(command: Any, words: tuple[str, ...], groups: tuple[Any, ...]) -> Iterator[Command]:
    parts = getattr(command, "commands", None)
    parameters = tuple(command.params)
    if parts is None:
        yield Command(words, parameters, groups)
        return
    for name, part in parts.items():
        above = (*groups, (words, parameters)) if words else groups
        yield from _below(part, (*words, name), above)
