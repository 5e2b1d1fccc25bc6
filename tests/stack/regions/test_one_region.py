"""A stack of one region: nothing stands between its functions and its services."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from redis import Redis

from operate.clients import client
from tests.support.people import People
from workbench.stack import resources
from workbench.stack.embedded import EmbeddedStack
from workbench.stack.threads import in_thread

pytestmark = pytest.mark.timeout(200)


@pytest.fixture(scope="module")
def stack() -> Iterator[EmbeddedStack]:
    with in_thread(EmbeddedStack(port=0)) as running:
        yield running


def environment(pid: int) -> dict[str, str]:
    with open(f"/proc/{pid}/environ") as file:
        pairs = (each.partition("=") for each in file.read().split("\0") if each)
        return {name: value for name, _, value in pairs}


def test_it_has_the_same_processes_and_talks_to_them_directly(stack: EmbeddedStack) -> None:
    assert set(stack.children) == {"ministack", "valkey"}
    emulator = environment(stack.children["ministack"].pid)
    assert "TIDINGS_GLOBAL_TABLES" not in emulator, "its writes are not logged"
    assert "sns" not in emulator["SERVICES"]
    assert stack.aws_endpoint_url == f"http://127.0.0.1:{emulator['GATEWAY_PORT']}"
    with Redis.from_url(stack.redis_url) as redis:
        assert redis.info("server")["process_id"] == stack.children["valkey"].pid
    assert stack.gateway is not None
    assert stack.gateway._faults is None, "no request asks whether it is to fail"
    assert stack._streams is not None
    assert len(stack._streams) == 1, "of messages; nobody reads what other regions write"


def test_it_has_no_queue_between_regions(stack: EmbeddedStack) -> None:
    sqs = client("sqs", stack.aws_endpoint_url, stack.region, stack.keys)
    urls = sqs.list_queues()["QueueUrls"]
    names = {name.rpartition("/tidings-")[2].removesuffix(".fifo") for name in urls}
    assert names == {"delivery", "delivery-dead", "outbound", "outbound-dead"}
    tables = client("dynamodb", stack.aws_endpoint_url, stack.region, stack.keys).list_tables()
    assert len(tables["TableNames"]) == len(resources.load()["tables"])


def test_its_list_of_regions_is_itself(stack: EmbeddedStack) -> None:
    with People(stack.url, stack.ws_url) as people:
        _, answer = people.http("GET", "/v1/endpoint", token=people.token("ada"))
    assert (answer["region"], answer["fallbacks"]) == (stack.region, [])


def test_it_cannot_fail_on_request_and_says_what_can(stack: EmbeddedStack) -> None:
    order = json.dumps({"fault": "kill"}).encode()
    request = urllib.request.Request(f"{stack.url}/dev/chaos", order)
    with pytest.raises(urllib.error.HTTPError, match="409") as refused:
        urllib.request.urlopen(request, timeout=20)
    assert "--regions" in json.loads(refused.value.read())["error"]["message"]
