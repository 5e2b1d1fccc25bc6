"""What regions have in common besides tables: topics, queues in other regions, health checks.

What parts two regions delays what a topic brings, as SNS tries again for hours, and refuses calls
from one to the other: https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from dataclasses import dataclass

from chalicelib.entrypoints.http import rest
from chalicelib.jobs.relayed import RelayedJob
from chalicelib.kernel.errors import Unavailable
from chalicelib.kernel.records import job_to_text
from chalicelib.model.identifiers import Region
from chalicelib.model.jobs import QueuedJob
from chalicelib.services import Services

from .http_api import HttpApi
from .injection import FaultPlan, apart_until
from .ports import Calls
from .queues import SimQueue, share
from .scheduler import Scheduler
from .trace import Trace

LOST, TWICE, SLOW = 0.03, 0.1, 0.15  # of the events that a topic brings
SLOWEST_S = 90.0


@dataclass(frozen=True, slots=True)
class Published:
    """An event that a region's topic took."""

    at_us: int
    region: Region
    job: RelayedJob


@dataclass(frozen=True, slots=True)
class Place:
    """What other regions reach of a region."""

    inbox: SimQueue
    outbound: SimQueue
    http: HttpApi
    is_down: Callable[[], bool]


class Links:
    """
    Attributes:
        places: By region; empty if there is one.
        published: All that topics took.
        lost: Events that a topic lost on the way to a region.
    """

    def __init__(self, scheduler: Scheduler, fault_plan: FaultPlan, trace: Trace) -> None:
        self._scheduler = scheduler
        self._fault_plan = fault_plan
        self._trace = trace
        self._asked = 0
        self.places: dict[Region, Place] = {}
        self.published: list[Published] = []
        self.lost: list[tuple[RelayedJob, Region]] = []

    def bring(self, origin: Region, job: QueuedJob, regions: Collection[Region]) -> None:
        """Bring what a topic took to inboxes: mostly once, soon, but not always."""
        assert isinstance(job, RelayedJob)
        self.published.append(Published(self._scheduler.now_us, origin, job))
        is_calm = self._scheduler.now_us >= self._fault_plan.calm_s * 1e6
        for to in sorted(set(regions) & set(self.places)):
            name = f"{self._scheduler.seed} {origin} {to} {len(self.published)}"
            if not is_calm and share(f"lost {name}") < LOST:
                self.lost.append((job, to))
                continue
            times = 1 if is_calm or share(f"twice {name}") >= TWICE else 2
            for number in range(times):
                self._after(self._delay_us(f"{number} {name}", is_calm), origin, job, to)

    def send(self, origin: Region, to: Region, job: QueuedJob) -> None:
        """Put a job into a queue of another region.

        Raises:
            Unavailable: It cannot be reached.
        """
        place = self.places.get(to)
        if place is None or self._heals_s(origin, to) is not None:
            raise Unavailable(f"{to} does not answer")
        place.outbound.put(job_to_text(job), None, job.delay_s)

    def is_healthy(self, origin: Region, to: Region) -> bool:
        """Ask a region's health check, from a task of another region."""
        place = self.places.get(to)
        if place is None or self._heals_s(origin, to) is not None or place.is_down():
            return False
        self._asked += 1
        answer = place.http.request(f"health {self._asked} for {origin}", _health)
        return answer is not None and answer.status == 200

    def _after(self, us: int, origin: Region, job: QueuedJob, to: Region) -> None:
        arrive = functools.partial(self._arrive, origin, job, to)
        self._scheduler.after(us, f"{job.kind} to {to}", arrive)

    def _arrive(self, origin: Region, job: QueuedJob, to: Region) -> None:
        heals_s = self._heals_s(origin, to)
        if heals_s is not None:
            us = int(heals_s * 1e6) - self._scheduler.now_us
            self._after(us + 1_000_000, origin, job, to)
            return
        self.places[to].inbox.put(job_to_text(job), None)

    def _delay_us(self, name: str, is_calm: bool) -> int:
        longest_s = 1.0 if is_calm or share(f"slow {name}") >= SLOW else SLOWEST_S
        return int((0.03 + longest_s * share(f"delay {name}")) * 1e6)

    def _heals_s(self, origin: Region, to: Region) -> float | None:
        """When what parts the regions ends; None if nothing does. Replication is another matter."""
        now_s = self._scheduler.now_us / 1e6
        return apart_until(self._fault_plan, ("region", "network"), now_s, origin, to)


def _health(services: Services) -> rest.Response:
    return rest.health(services)


class SimTopic:
    """A region's topic; see `ports.queues.Topic`."""

    def __init__(self, region: Region, links: Links, calls: Calls) -> None:
        self._region = region
        self._links = links
        self._calls = calls

    def publish(self, job: QueuedJob, regions: Collection[Region]) -> None:
        bring = functools.partial(self._links.bring, self._region, job, regions)
        self._calls.call("sns", f"publish {job.kind}", bring)


class SimPeerQueues:
    """Queues of other regions; see `ports.queues.PeerQueues`."""

    def __init__(self, region: Region, links: Links, calls: Calls) -> None:
        self._region = region
        self._links = links
        self._calls = calls

    def send(self, region: Region, job: QueuedJob) -> None:
        act = functools.partial(self._links.send, self._region, region, job)
        self._calls.call("peer", f"{job.kind} to {region}", act)


class SimPeers:
    """Health checks of other regions; see `ports.access.PeerHealth`."""

    def __init__(self, region: Region, links: Links) -> None:
        self._region = region
        self._links = links

    def healthy(self, url: str) -> bool:
        return self._links.is_healthy(self._region, region_of(url))


def region_of(url: str) -> Region:
    """The region that an URL of a simulated deployment names."""
    return Region(url.partition("://")[2].partition("/")[0])
