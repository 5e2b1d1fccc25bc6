"""Which websockets the proof of a deployment uses."""

from __future__ import annotations

from operate.deploy.ready import Deployed, websocket_urls


def test_each_shard_has_a_url() -> None:
    apis = [{"stage": "ws-0"}, {"stage": "ws-1"}]
    outputs = {"region": "eu-west-1", "regions": {"eu-west-1": {"websocket_apis": apis}}}
    deployed = Deployed(websocket_url="wss://chat.example.com/{shard}", outputs=outputs)
    assert websocket_urls(deployed) == (
        "wss://chat.example.com/ws-0",
        "wss://chat.example.com/ws-1",
    )
    assert websocket_urls(Deployed(websocket_url="wss://one/ws")) == ("wss://one/ws",)
