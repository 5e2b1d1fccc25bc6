"""Two complete regions: what crosses between them, what keeps it back, and what one's loss does."""

from __future__ import annotations

import os
import urllib.error
import urllib.request

import pytest

from tests.support.people import People, name
from tests.support.two_regions import A, B, Two
from tests.support.waiting import until
from workbench.stack import running
from workbench.stack.children import Unusable
from workbench.stack.regions.deployment import Plan, Regions
from workbench.stack.threads import in_thread

pytestmark = pytest.mark.timeout(300)


def test_the_record_has_all_regions_and_each_is_one_process_group(two: Two) -> None:
    found = running.find(two.home)
    assert found is not None
    regions = (found, *found.others)
    assert {each.region: each.url for each in regions} == two.stack.urls
    for processes in two.stack.processes.values():
        pids = [child.pid for child in processes.children.values()]
        assert len(pids) == 3
        assert {os.getpgid(pid) for pid in pids} == {processes.group}
    assert two.stack.dead_child() is None


def test_each_region_lists_all_with_addresses_of_their_own(two: Two) -> None:
    for region in (A, B):
        with two.people(region) as people:
            status, answer = people.http("GET", "/v1/endpoint", token=people.token("ada"))
        assert status == 200
        assert {each["region"] for each in [answer, *answer["fallbacks"]]} == {A, B}


def test_the_page_of_one_region_may_use_the_other(two: Two) -> None:
    origin = {"Origin": two.stack.urls[A]}
    request = urllib.request.Request(f"{two.stack.urls[B]}/v1/health", headers=origin)
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.headers["access-control-allow-origin"] == two.stack.urls[A]
    with urllib.request.urlopen(two.stack.urls[A], timeout=20) as page:
        policy = page.headers["content-security-policy"]
    assert two.stack.urls[B] in policy
    assert two.stack.urls[B].replace("http", "ws") in policy


def test_a_room_made_in_one_region_is_there_in_the_other(two: Two) -> None:
    ada, bob = name("ada"), name("bob")
    with two.people(A) as here, two.people(B) as there:
        room = here.room(ada, bob)
        token = there.token(bob)
        until(lambda: there.http("GET", f"/v1/rooms/{room}", token=token)[0] == 200)


def test_regional_tables_stay_where_they_are(two: Two) -> None:
    item = {"stream": {"S": "of a"}}
    two.aws("dynamodb", A).put_item(TableName="tidings-deliveries", Item=item)
    two.write(A, "marker")
    until(lambda: two.by(B, "marker") == A)
    found = two.aws("dynamodb", B).get_item(TableName="tidings-deliveries", Key=item)
    assert "Item" not in found


def test_a_partition_holds_back_and_healing_brings_the_last_write(two: Two) -> None:
    two.chaos(A, region=A, service="replication", fault="partition")
    two.write(A, "split")
    two.write(B, "split")
    two.write(A, "only a")
    assert two.by(A, "split") == A
    assert two.by(B, "split") == B
    assert two.by(B, "only a") is None
    state = two.chaos(B, region=A, heal=True)
    assert state["regions"][A]["lines"] == {}
    until(lambda: two.by(A, "split") == B)
    until(lambda: two.by(B, "only a") == A)


def test_a_function_reaches_another_region_s_queue_at_its_own_endpoint(two: Two) -> None:
    """As `global` durability sends an entry."""
    from_a = two.aws("sqs", A, signed_for=B)
    url = from_a.get_queue_url(QueueName="tidings-outbound-dead")["QueueUrl"]
    from_a.send_message(QueueUrl=url, MessageBody="directly")
    sqs = two.aws("sqs", B)
    (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
    assert message["Body"] == "directly"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def test_a_service_fails_in_its_region_only_and_heals(two: Two) -> None:
    with two.people(A) as here, two.people(B) as there:
        state = two.chaos(A, region=A, service="dynamodb", fault="refuse")
        assert state["regions"][A]["faults"] == {"dynamodb": {"fault": "refuse", "value": 1.0}}
        ada = name("ada")
        assert here.http("GET", "/v1/rooms", token=here.token(ada))[0] == 503
        assert there.http("GET", "/v1/rooms", token=there.token(ada))[0] == 200
        two.chaos(A, heal=True)  # a gateway's own region is the default
        until(lambda: here.http("GET", "/v1/rooms", token=here.token(ada))[0] == 200)


def test_a_clock_can_be_wrong(two: Two) -> None:
    def server_time(people: People) -> str:
        return str(people.device(name("ada")).act("hello")["server_time"])

    with two.people(A) as here, two.people(B) as there:
        two.chaos(B, region=A, service="functions", fault="clock", value=-50_000)
        assert server_time(here) < server_time(there)
        two.chaos(B, region=A, service="functions", heal=True)
        first = server_time(there)
        assert server_time(here) >= first


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Origin": "https://evil.example"}, '{"fault": "kill"}', 403),
        ({"Host": "evil.example"}, '{"fault": "kill"}', 403),
        ({}, '{"fault": "explode"}', 400),
        ({}, "no json", 400),
    ],
)
def test_who_may_not_ask_and_what_may_not_be_asked(
    two: Two, headers: dict[str, str], body: str, status: int
) -> None:
    url = f"{two.stack.urls[A]}/dev/chaos"
    for path in ("", "/here"):
        request = urllib.request.Request(url + path, body.encode(), headers)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=20)
        assert refused.value.code == (403 if path else status)
    assert two.stack.dead_child() is None


def test_killing_a_region_leaves_the_other_and_it_comes_back_with_what_it_missed(
    two: Two,
) -> None:
    ada, bob = name("ada"), name("bob")
    with two.people(A) as here, two.people(B) as there:
        room = here.room(ada, bob)
        until(lambda: there.http("GET", f"/v1/rooms/{room}", token=there.token(bob))[0] == 200)
        pids = [child.pid for child in two.stack.processes[A].children.values()]
        state = two.chaos(A, region=B, service="all", fault="kill")
        assert state["regions"][B]["killed"] == ["ministack", "program", "valkey"]
        assert two.stack.dead_child() is None, "it was asked for"
        with pytest.raises(urllib.error.URLError):
            there.token(bob)
        two.write(A, "meanwhile")
        here.device(ada).say(room, "still here")
        state = two.chaos(A, region=B, heal=True)
        assert state["regions"][B]["killed"] == []
        assert two.by(B, "meanwhile") == A
        assert there.http("GET", f"/v1/rooms/{room}", token=there.token(bob))[0] == 200
        assert [child.pid for child in two.stack.processes[A].children.values()] == pids
    two.write(B, "again")
    until(lambda: two.by(A, "again") == B)


def test_redis_is_killed_alone_and_comes_back(two: Two) -> None:
    ada = name("ada")
    with two.people(A) as here:
        two.chaos(A, region=A, service="redis", fault="kill")
        assert here.http("GET", "/v1/rooms", token=here.token(ada))[0] in (200, 503)
        state = two.chaos(A, region=A, service="redis", heal=True)
        assert state["regions"][A]["killed"] == []
        until(lambda: here.http("GET", "/v1/rooms", token=here.token(ada))[0] == 200)


@pytest.mark.parametrize("names", [(), (A, A)])
def test_regions_are_named_once(names: tuple[str, ...]) -> None:
    with pytest.raises(Unusable, match="once"):
        Regions(Plan(names))


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "TIDINGS_REDIS_URL"])
def test_services_of_elsewhere_cannot_be_those_of_each(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "http://127.0.0.1:1")
    with pytest.raises(Unusable, match=variable), in_thread(Regions(Plan((A, B), port=0))):
        pass
