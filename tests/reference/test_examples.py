"""Sends the examples in docs/reference to a Tidings in memory, and compares the answers.

`workbench.reference.examples` defines the format of a block. The examples of a page run in order in
one world, in which alice and bob are members of the room `lobby`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib.entrypoints.http import consents, openapi, operating, rest
from tests.support.world import World
from workbench.reference import pages
from workbench.reference.examples import Names, Step, steps

EXAMPLES = {page: list(steps((pages.FOLDER / page).read_text())) for page in pages.PAGES}
TOKEN = "eyJhbGciOiJIUzI1NiJ9.…"


@dataclass
class Story:
    """The state of a page's examples.

    Attributes:
        devices: Each user's connection, over which their frames go.
        read: How many posts of each connection the examples have consumed.
    """

    world: World
    names: Names = field(default_factory=Names)
    devices: dict[str, str] = field(default_factory=dict)
    read: dict[str, int] = field(default_factory=dict)
    answer: Any = None

    @classmethod
    def begin(cls) -> Story:
        story = cls(World())
        story.world.room("alice", "bob")
        for user in ("alice", "bob", "carol"):
            story.devices[user] = story.world.connect(user)
        story.world.pump(until_ms=story.world.clock.ms)
        story.world.poster.raw.clear()
        return story

    def take(self, step: Step) -> list[str]:
        """Run a step; return the differences from the example."""
        match step.kind, step.verb:
            case "json", "send":
                self.answer = self._frame(step)
            case "http", "send":
                self.answer = self._request(step)
            case "json", "answer":
                return self._compare(step)
            case "json", "event":
                return self._event(step)
        return []

    def _frame(self, step: Step) -> Any:
        [user] = step.words
        token = self.world.token(user, exp=self.world.clock.ms // 1000 + 7 * 86_400)
        sent = self.names.resolve(step.body).replace(TOKEN, token)
        answer = self.world.frame(self.devices[user], sent)
        self.world.wait(1)
        return answer

    def _request(self, step: Step) -> Any:
        user, *roles = step.words or ("",)
        line, _, body = self.names.resolve(step.body).partition("\n")
        method, target = line.split()
        url = urlsplit(target)
        operation, path = _route(method, url.path)
        if operation.role is None:
            answer = rest.health(self.world.services)
        else:
            multi = parse_qs(url.query)
            query = {name: values[-1] for name, values in multi.items()}
            headers = {"Authorization": f"Bearer {self.world.token(user, roles=roles)}"}
            request = rest.HttpRequest(headers, query, path, body, multi)
            answer = rest.handle(self.world.services, request, _endpoint(operation.name))
        self.world.wait(1)
        return answer

    def _compare(self, step: Step) -> list[str]:
        answer = self.answer
        if isinstance(answer, rest.Response):
            [status] = step.words
            if int(status) != answer.status:
                return [f"status {status} is {answer.status}: {answer.body}"]
            answer = json.loads(json.dumps(answer.body))
        return self.names.differences(json.loads(step.body), answer)

    def _event(self, step: Step) -> list[str]:
        [user] = step.words
        example = json.loads(step.body)
        device = self.devices[user]
        posts = [frame for target, frame in self.world.poster.posts if target == device]
        fresh = posts[self.read.get(device, 0) :]
        for number, frame in enumerate(fresh, self.read.get(device, 0) + 1):
            if frame["event"] == example["event"]:
                self.read[device] = number
                return self.names.differences(example, frame)
        return [f"no {example['event']} among {[frame['event'] for frame in fresh]}"]


def _endpoint(name: str) -> rest.Endpoint:
    [found] = [getattr(each, name) for each in (consents, operating, rest) if hasattr(each, name)]
    endpoint: rest.Endpoint = found
    return endpoint


def _route(method: str, path: str) -> tuple[openapi.Operation, dict[str, str]]:
    parts = path.split("/")
    for each in openapi.OPERATIONS:
        wanted = each.path.split("/")
        if each.method == method and len(wanted) == len(parts):
            pairs = list(zip(wanted, parts, strict=True))
            if all(name == part or name.startswith("{") for name, part in pairs):
                return each, {name[1:-1]: part for name, part in pairs if name.startswith("{")}
    raise AssertionError(f"no route: {method} {path}")


@pytest.mark.parametrize("page", [page for page, found in EXAMPLES.items() if found])
def test_examples(page: str) -> None:
    story = Story.begin()
    for step in EXAMPLES[page]:
        differences = "\n".join(story.take(step))
        assert differences == "", f"{page}:{step.line}"
