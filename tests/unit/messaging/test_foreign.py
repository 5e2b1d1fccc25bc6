"""Other regions' streams: what their jobs do alone. How they carry: tests/scenarios/regions."""

from __future__ import annotations

from typing import Any

from chalicelib.jobs.foreign import DeliverForeign, NoteCopies, PassHole
from chalicelib.model.identifiers import MessageId
from chalicelib.model.log import Entry
from tests.support.deployment import EU, US, Deployment, dedupes, entries, heads, number


def lobby(*texts: str) -> tuple[Deployment, list[Entry]]:
    deployment = Deployment(US, EU, triggers=True)
    deployment.room("alice", "bob")
    for text in texts:
        deployment.pass_ms(50)  # below the rate of a room
        deployment.send(US, text, client_message_id=text)
    return deployment, [i.value for i in deployment.logs[US].written if entries(i)]


def heard(deployment: Deployment, device: str) -> list[Any]:
    return [each["content"] for each in deployment[EU].poster.to(device, "message_received")]


def test_a_hole_that_was_filled_is_not_passed() -> None:
    deployment, written = lobby("1", "2")
    device = deployment[EU].connect("bob")
    deployment.replicate()
    deployment.pump()
    services = deployment[EU].services
    services.foreign_streams.pass_hole(PassHole(entry=written[1], seq=1))
    assert not deployment[EU].adapters.delivery.jobs, "it is delivered already"
    services.foreign_streams.entries([DeliverForeign(entry=written[1], passes=1)], 1)
    assert services.adapters.cursors.get("lobby", US).passed == ()
    assert heard(deployment, device) == ["1", "2"]


def test_it_is_not_passed_if_it_came_just_before() -> None:
    deployment, written = lobby("1", "2")
    device = deployment[EU].connect("bob")
    deployment.replicate(number(2))
    deployment.pump()
    deployment.triggers = False
    deployment.replicate(number(1))  # its own job comes later
    deployment.replicate(heads)
    services = deployment[EU].services
    services.foreign_streams.entries([DeliverForeign(entry=written[1], passes=1)], 1)
    assert services.adapters.cursors.get("lobby", US).passed == ()
    assert heard(deployment, device) == ["1", "2"]


def test_a_job_reads_a_bounded_number_and_queues_the_rest() -> None:
    texts = [str(n) for n in range(250)]
    deployment, _ = lobby(*texts)
    device = deployment[EU].connect("bob")
    deployment.replicate()
    jobs = deployment[EU].adapters.delivery.jobs
    [only] = [job for job in jobs if isinstance(job, DeliverForeign)]
    assert (only.first, only.entry.seq) == (1, 250)
    deployment[EU].services.foreign_streams.entries([only], 1)
    assert heard(deployment, device) == texts[:100]
    deployment.pump()
    assert heard(deployment, device) == texts


def test_one_job_at_a_time_looks_for_a_missing_entry() -> None:
    deployment, _ = lobby("1", "2", "3", "4")
    for seq in (2, 3, 4):
        deployment.replicate(number(seq))
        deployment.pump()
    waiting = [j for j in deployment[EU].adapters.outbound.jobs if isinstance(j, PassHole)]
    assert [(job.seq, job.entry.seq) for job in waiting] == [(1, 2)]


def test_an_entry_that_is_not_here_yet_is_noted_when_it_comes() -> None:
    deployment, written = lobby("1")
    note = NoteCopies(
        room_id=written[0].room_id, region=US, message_ids=(written[0].message_id, MessageId("no"))
    )
    deployment.send(EU, "1", client_message_id="1")
    deployment.replicate(dedupes)
    deployment.pump()
    deployment[EU].services.foreign_streams.note_copies(note)
    assert deployment[EU].adapters.log.copies("lobby", MessageId(""), MessageId("~")) == []
    deployment.replicate(entries)
    deployment.pump()
    [copy] = deployment[EU].adapters.log.copies("lobby", MessageId(""), MessageId("~"))
    assert {copy.message_id, copy.of_id} >= {written[0].message_id}
