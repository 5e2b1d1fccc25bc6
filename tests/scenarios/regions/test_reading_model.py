"""Whatever arrives where and when, a device that moves between regions gets everything once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.entrypoints.http import rest
from tests.support.deployment import AP, EU, US, Deployment

REGIONS = (US, EU, AP)
STEPS = st.one_of(
    st.tuples(st.just("send"), st.integers(0, 2)),
    st.tuples(st.just("sync"), st.integers(0, 2)),
    st.tuples(st.just("page"), st.integers(0, 2)),
    st.tuples(st.just("replicate"), st.integers(0, 10**6)),
    st.tuples(st.just("clock"), st.integers(-50, 50)),
)


class Reader:
    """A device that syncs, or pages through history, in any region, and keeps positions."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.position = self.page = ""
        self.synced: list[str] = []
        self.paged: list[str] = []
        self.sync(0)
        body = self._history(0)
        self.page = body["position"] or deployment.regions[0] + ":0:" + "0" * 26

    def sync(self, place: int) -> None:
        world = self.deployment[self.deployment.regions[place]]
        device = world.connect("bob")
        more, first = True, not self.position
        while more:
            asked = {"lobby": self.position}
            answer = world.act(device, "sync", positions=asked, limit=2)["conversations"]["lobby"]
            assert answer["recovered"] is not first
            self.synced += [message["message_id"] for message in answer["messages"]]
            self.position, more = answer["position"], answer["more"]

    def read(self, place: int) -> None:
        more = True
        while more:
            body = self._history(place, after=self.page, limit="2")
            self.paged += [message["message_id"] for message in body["messages"]]
            self.page, more = body["position"], body["more"]

    def _history(self, place: int, **query: str) -> Any:
        world = self.deployment[self.deployment.regions[place]]
        answer = world.http(rest.list_messages, "bob", room_id="lobby", query=query)
        assert answer.status == 200, answer
        return answer.body


@settings(max_examples=80, deadline=None)
@given(st.sampled_from([2, 3]), st.lists(STEPS, max_size=40))
def test_a_reader_that_moves_gets_everything_once(count: int, steps: list[Any]) -> None:
    deployment = Deployment(*REGIONS[:count])
    deployment.room("alice", "bob")
    reader = Reader(deployment)
    sent = []
    for step, value in steps:
        place = value % count
        if step == "send":
            sent.append(deployment.send(deployment.regions[place], "x")["message_id"])
        elif step == "sync":
            reader.sync(place)
        elif step == "page":
            reader.read(place)
        elif step == "replicate":
            deployment.replicate(lambda item, mask=value: mask >> (hash_of(item) % 20) & 1 == 1)
        else:
            deployment[deployment.regions[place]].clock.ms += value
    deployment.replicate()
    for place in range(count):
        reader.sync(place)
        reader.read(place)
    assert sorted(reader.synced) == sorted(reader.paged) == sorted(sent)
    histories = {
        tuple(m["message_id"] for m in reader._history(p)["messages"]) for p in range(count)
    }
    assert histories == {tuple(sorted(sent))}


def hash_of(item: Any) -> int:
    return sum(map(ord, f"{item.table}{item.key}"))


@pytest.mark.parametrize("region", REGIONS)
def test_what_one_region_orders_all_order(region: str) -> None:
    deployment = Deployment(*REGIONS)
    deployment.room("alice", "bob")
    texts = [str(number) for number in range(9)]
    for number, text in enumerate(texts):
        deployment.send(REGIONS[number % 3], text)
        deployment.replicate()
    world = deployment[region]
    found = world.http(rest.list_messages, "bob", room_id="lobby").body["messages"]
    assert [message["content"] for message in found] == texts
