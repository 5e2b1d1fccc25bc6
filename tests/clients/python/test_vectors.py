"""The test vectors that the clients in all languages share: clients/vectors."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.client_backend import Backend, Listener, close, connected, error, silence
from tidings_client import ActionError, Inbox, Times
from tidings_client.outbox import Outbox, QueueLimits
from tidings_client.regions import Regions
from tidings_client.sizes import FRAME_BYTES, encode, syncable

VECTORS = Path(__file__).resolve().parents[3] / "clients/vectors"


def cases(name: str) -> list[Any]:
    return [
        pytest.param(case, id=case.get("name", json.dumps(case)))
        for case in json.loads((VECTORS / f"{name}.json").read_text())["cases"]
    ]


@pytest.mark.parametrize("case", cases("backoff"))
def test_backoff(case: dict[str, Any]) -> None:
    times = Times(pause=case["pause"], longest_pause=case["longest_pause"])
    assert times.backoff(case["attempt"], case["share"]) == case["wait"]
    assert 0 <= times.backoff(case["attempt"]) <= times.backoff(case["attempt"], 1.0)


@pytest.mark.parametrize("case", cases("positions"))
def test_positions(case: dict[str, Any]) -> None:
    inbox = Inbox(lambda name, data: None)
    for step in case["steps"]:
        if "follow" in step:
            inbox.follow("lobby", step["follow"])
        if "start" in step:
            inbox.start("lobby", step["start"])
        if "have" in step:
            inbox.have("lobby", step["have"])
        if "page" in step:
            inbox.page("lobby", {"messages": [], "recovered": True, "more": False, **step["page"]})
        assert inbox.positions()["lobby"] == step["position"], step
        assert bool(inbox.with_holes()) == step["holes"], step


@pytest.mark.parametrize("case", cases("regions"))
def test_regions(case: dict[str, Any]) -> None:
    given = json.loads((VECTORS / "regions.json").read_text())
    regions = Regions(given["home"]["url"], given["home"]["api"])

    def answer(of: Any) -> Any:
        return given["answers"][of] if isinstance(of, str) else of

    for step in case["steps"]:
        if "learn" in step:
            assert regions.learn(answer(step["learn"]))
        if "direct" in step:
            regions.direct(step["direct"])
        if "opened" in step:
            regions.opened()
        if "failed" in step:
            assert regions.failed() is step["look"], step
        if "asks" in step:
            assert regions.asks() == step["asks"], step
        if "move" in step:
            regions.move(answer(step["move"]))
        assert regions.url == step["url"], step


@pytest.mark.parametrize("case", cases("queue"))
def test_queue(case: dict[str, Any]) -> None:
    outbox = Outbox(QueueLimits(case["messages"], case["bytes"]))
    for step in case["steps"]:
        if "remove" in step:
            outbox.remove(step["remove"])
        elif step["taken"]:
            outbox.add(step["add"])
        else:
            with pytest.raises(ActionError) as refused:
                outbox.add(step["add"])
            assert (refused.value.code, refused.value.retryable) == ("queue_full", True)


def test_the_queue_of_a_client_that_sets_no_limits() -> None:
    default = json.loads((VECTORS / "queue.json").read_text())["default"]
    assert QueueLimits() == QueueLimits(**default)


@pytest.mark.parametrize("case", cases("sizes"))
def test_sizes(case: dict[str, Any]) -> None:
    data = {
        "conversation_id": "lobby",
        "message_type": "text",
        "content": case["unit"] * case["times"],
        "client_message_id": "0" * 32,
    }
    if not case["message"]:
        with pytest.raises(ActionError) as refused:
            encode("send_message", data, 1)
        assert (refused.value.code, refused.value.retryable) == ("too_large", False)
        return
    frames = encode("send_message", data, 1)
    assert (len(frames) == 1) == case["frame"]
    assert all(len(frame.encode()) <= FRAME_BYTES for frame in frames)
    assert json.loads("".join(frames))["data"] == data


def test_a_sync_names_as_many_conversations_as_a_frame_carries() -> None:
    assert len(syncable({f"room-{n}": f"eu:{n}:M" for n in range(250)})) == 100
    chosen = syncable({f"room-{n}": "x" * 1_000 for n in range(100)})
    assert 1 < len(chosen) < 32
    assert syncable({"one": "x" * 100_000}) == {"one": "x" * 100_000}


def outcome(backend: Backend, case: Any) -> Any:
    if case == "ack":

        async def ack(socket: Any, data: dict[str, Any]) -> dict[str, Any]:
            return {"event": "ack", "data": backend.answer("send_message", data)}

        return ack
    if "close" in case:
        return close(case["close"])
    more = {name: case[name] for name in ("retry_after_ms",) if name in case}
    return error(case["error"], case["retryable"], **more)


@pytest.mark.parametrize("case", cases("resend"))
async def test_resend(backend: Backend, case: dict[str, Any]) -> None:
    backend.script["send_message"] = [outcome(backend, each) for each in case["outcomes"]]
    others = case.get("others", 0)
    backend.script["hello"] = [silence] * others
    body = {"conversation_id": "lobby", "content": "x", "client_message_id": "c1"}
    async with connected(backend, Listener()) as client:
        waiting = [asyncio.create_task(client.call("hello", {})) for _ in range(others)]
        await backend.until(lambda: len(backend.actions("hello")) == others)
        try:
            await client.call("send_message", body)
            result = "ack"
        except ActionError as refusal:
            result = refusal.code
        await asyncio.gather(*waiting)
    assert result == case["result"]
    sent = [data["client_message_id"] for data in backend.actions("send_message")]
    assert sent == ["c1"] * len(case["outcomes"])
