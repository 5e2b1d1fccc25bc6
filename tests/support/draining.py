"""Worlds of a deployment of three regions, one of which an operator drains."""

from __future__ import annotations

from typing import Any

from chalicelib.entrypoints.http import operating
from chalicelib.kernel.settings import Endpoint
from chalicelib.model.identifiers import Region
from tests.support.world import World

HERE, NEAR, FAR = Region("us-east-1"), Region("us-west-2"), Region("eu-west-1")
ENDPOINTS = {
    region: Endpoint(f"wss://{region}.chat/{{shard}}", f"https://{region}/v1/health")
    for region in (HERE, NEAR, FAR)
}


def deployed(**settings: Any) -> World:
    """The world of `HERE`, whose peers are well."""
    world = World(**{"endpoints": ENDPOINTS, **settings})
    world.peers.up = {ENDPOINTS[NEAR].health, ENDPOINTS[FAR].health}
    return world


def start(world: World, over_s: int = 0) -> Any:
    return world.http(operating.start_drain, "ops", {"over_s": over_s}, roles=["admin"])


def stop(world: World) -> Any:
    return world.http(operating.stop_drain, "ops", roles=["admin"])


def show(world: World) -> Any:
    return world.http(operating.show_drain, "ops", roles=["admin"])


def open_to(world: World) -> set[str]:
    """The connections that the region has."""
    connections = world.adapters.connections
    return {each.connection_id for bucket in range(64) for each in connections.in_bucket(bucket)}
