"""Two complete regions on this machine, for synchronous tests."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from typing import Any

from operate.clients import client
from tests.support.people import People
from tests.support.waiting import until
from workbench.stack import running
from workbench.stack.regions.deployment import Regions

A, B = "us-east-1", "ap-southeast-1"


class Two:
    def __init__(self, stack: Regions, home: Any) -> None:
        self.stack = stack
        self.home = home

    def people(self, region: str) -> People:
        url = self.stack.urls[region]
        return People(url, url.replace("http", "ws", 1) + "/ws")

    def aws(self, service: str, region: str, signed_for: str | None = None) -> Any:
        """As the region's functions see it."""
        found = running.find(self.home)
        assert found is not None
        at = {each.region: each.aws_endpoint_url for each in (found, *found.others)}
        return client(service, at[region], signed_for or region, self.stack.keys)

    def chaos(self, at: str, **order: Any) -> dict[str, Any]:
        """Ask the gateway of region `at`."""
        request = urllib.request.Request(
            f"{self.stack.urls[at]}/dev/chaos", json.dumps(order).encode()
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            state: dict[str, Any] = json.loads(answer.read())
        return state

    def heal(self) -> None:
        """End all faults; ask the region that no test kills."""
        for region in (A, B):
            self.chaos(A, region=region, heal=True)

    def write(self, region: str, user: str) -> None:
        item = {"user_id": {"S": user}, "friend_id": {"S": "x"}, "by": {"S": region}}
        self.aws("dynamodb", region).put_item(TableName="tidings-friends", Item=item)

    def by(self, region: str, user: str) -> str | None:
        key = {"user_id": {"S": user}, "friend_id": {"S": "x"}}
        answer = self.aws("dynamodb", region).get_item(TableName="tidings-friends", Key=key)
        return answer["Item"]["by"]["S"] if "Item" in answer else None


def is_there(people: People, user: str, room: str) -> Callable[[], bool]:
    token = people.token(user)
    return lambda: people.http("GET", f"/v1/rooms/{room}", token=token)[0] == 200


def shared_room(here: People, there: People, owner: str, *others: str) -> str:
    """A room made here of which all others are members there, too."""
    room = here.room(owner, *others)
    for user in others:
        until(is_there(there, user, room))
    return room
