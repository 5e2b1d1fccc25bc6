"""Sends, resends, deletions and readings in any region, with items that arrive in any order.

When everything has arrived, all regions show the same: each message once, deleted if anybody
deleted it, and unread exactly what nobody has read.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.entrypoints.http import rest
from tests.support.deployment import AP, EU, US, Deployment, Item

REGIONS = (US, EU, AP)
PLACES, NUMBERS = st.integers(0, 2), st.integers(0, 10**6)
STEPS = st.one_of(
    st.tuples(st.just("send"), PLACES, st.integers(0, 3)),
    st.tuples(st.just("delete"), PLACES, NUMBERS),
    st.tuples(st.just("read"), PLACES, NUMBERS),
    st.tuples(st.just("replicate"), NUMBERS, NUMBERS),
    st.tuples(st.just("clock"), PLACES, st.integers(-50, 50)),
)


class Model:
    """The deployment, and what must come of it: the logical messages by client_message_id."""

    def __init__(self, count: int) -> None:
        self.deployment = Deployment(*REGIONS[:count])
        self.deployment.room("alice", "bob")
        self.deployment.pass_ms(1_000)
        self.sent: dict[str, set[str]] = {}
        self.deleted: set[str] = set()

    def run(self, step: str, first: int, second: int) -> None:
        region = self.deployment.regions[first % len(self.deployment.regions)]
        if step == "send":
            self.deployment.pass_ms(1)
            body = {"message_type": "text", "content": f"c{second}"}
            body["client_message_id"] = f"c{second}"
            answer = self.deployment[region].http(rest.post_message, "alice", body, room_id="lobby")
            assert answer.status in (201, 503)  # the first attempt is not here yet
            if answer.status == 201:
                message_id = answer.body["message_id"]
                self.sent.setdefault(f"c{second}", set()).add(message_id)
        elif step == "replicate":
            self.replicate(lambda item: first >> (_number(item) % 20) & 1 == 1)
        elif step == "clock":
            self.deployment[region].clock.ms += second
        elif shown := self.history(region):
            message = shown[second % len(shown)]
            ref = {"room_id": "lobby", "message_id": message["message_id"]}
            if step == "delete":
                answer = self.deployment[region].http(rest.delete_message, "alice", **ref)
                assert answer.status in (200, 503)  # another region's deletion is not here yet
                self.deleted.add(message["client_message_id"])
            else:
                self.read(region, message["message_id"])

    def replicate(self, which: Any = lambda item: True) -> int:
        return self.deployment.replicate(which)

    def read(self, region: Any, message_id: str) -> None:
        device = self.deployment[region].connect("bob")
        ref = {"conversation_id": "lobby", "message_id": message_id}
        self.deployment[region].act(device, "message_read", **ref)
        self.deployment[region].disconnect(device)

    def history(self, region: Any, user: str = "bob") -> list[Any]:
        answer = self.deployment[region].http(rest.list_messages, user, room_id="lobby")
        return list(answer.body["messages"])

    def unread(self, region: Any) -> int:
        [room] = self.deployment[region].http(rest.list_rooms, "bob").body["rooms"]
        return int(room["unread"])


def _number(item: Item) -> int:
    return sum(map(ord, f"{item.table}{item.key}"))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([2, 3]), st.lists(STEPS, max_size=24))
def test_all_regions_end_with_the_same(count: int, steps: list[Any]) -> None:
    model = Model(count)
    for step in steps:
        model.run(*step)
    while model.replicate():
        pass
    deployment = model.deployment
    histories = [model.history(region) for region in deployment.regions]
    shown = [(m["message_id"], m["client_message_id"], m["is_deleted"]) for m in histories[0]]
    assert all(
        [(m["message_id"], m["client_message_id"], m["is_deleted"]) for m in each] == shown
        for each in histories
    )
    assert shown == sorted(shown)
    assert {client_id for _, client_id, _ in shown} == set(model.sent)
    assert len(shown) == len(model.sent), "each once"
    for message_id, client_id, deleted in shown:
        assert message_id == min(model.sent[client_id])
        assert deleted is (client_id in model.deleted)
    not_read = [m for m in histories[0] if not m["is_read"] and not m["is_deleted"]]
    counts = {model.unread(region) for region in deployment.regions}
    assert min(counts, default=0) >= len(not_read)
    if shown:
        model.read(deployment.regions[0], shown[-1][0])
        assert {model.unread(region) for region in deployment.regions} == {0}
        assert all(message["is_read"] for message in model.history(deployment.regions[-1]))
