"""Regions that change the same rooms, members, friends and revocations at the same time.

Each run is a random order of changes in two or three regions, with clocks that differ, of
replications one by one in any order, and of partitions. In the end everything is replicated.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import pytest

from chalicelib.kernel import ids
from chalicelib.kernel.errors import Conflict
from chalicelib.model.access import Identity
from chalicelib.model.friends import FriendStatus
from chalicelib.model.identifiers import Region, RoomId, UserId
from chalicelib.model.rooms import RoomType
from tests.support.replicas import AP, EU, US, Deployment, Key, Stamp, Write

SEEDS = range(25)
OWNER, LOBBY = UserId("owner"), RoomId("lobby")
USERS = [UserId(name) for name in ("ann", "ben", "cem")]
NAMES = [RoomId(f"chosen-{n}") for n in range(3)]
FAR_S = 2_000_000_000
Past = frozenset[int]


@dataclass
class Pair:
    """All decisions on one pair, by number, each with those that were known to it."""

    additions: dict[int, Past] = field(default_factory=dict)
    removals: dict[int, Past] = field(default_factory=dict)

    def next(self) -> int:
        return len(self.additions) + len(self.removals)

    def holds(self) -> bool:
        """The rule: an addition holds if it knew every removal."""
        return any(knew >= self.removals.keys() for knew in self.additions.values())


class Run:
    """One run, and what was acked in it.

    Attributes:
        pairs: Of each membership and each friend that a user put.
        until_ms: Of each user: the latest end of their revocations.
        creators: Who was told that a room with this id is theirs, and with whom.
        devices: A device of each user in each region.
    """

    def __init__(self, seed: int, regions: tuple[Region, ...], merging: bool = True) -> None:
        self.random = Random(seed)
        self.deployment = Deployment(*regions, merging=merging)
        self.deployment.set_clocks([self.random.randint(-3_000, 3_000) for _ in regions])
        self.pairs: dict[tuple[str, str], Pair] = {}
        self.known: dict[tuple[Region, str, str], Past] = {}
        self.pasts: dict[tuple[Key, Stamp], tuple[tuple[str, str], Past]] = {}
        self.until_ms: dict[UserId, int] = {}
        self.creators: dict[RoomId, list[list[UserId]]] = {}
        first = self.deployment.worlds[regions[0]].services
        first.rooms.create(OWNER, RoomType.GROUP_CHAT, USERS[:1], {}, LOBBY)
        self.decided(regions[0], (LOBBY, USERS[0]), added=True)
        self.deployment.replicate_all()
        self.devices = {
            (region, user): self.deployment.worlds[region].connect(user)
            for region in regions
            for user in USERS
        }

    def go(self, steps: int) -> None:
        changes = (
            *(self.member, self.member, self.open, self.friend, self.friend),
            *(self.revoke, self.create),
        )
        regions = self.deployment.regions
        for _ in range(steps):
            for world in self.deployment.worlds.values():
                world.clock.ms += self.random.randint(0, 500)
            roll = self.random.random()
            if roll < 0.1:
                self.deployment.apart ^= {self.random.choice(regions)}
            elif roll < 0.5:
                self.replicate()
            else:
                self.random.choice(changes)(self.random.choice(regions))
        self.deployment.apart.clear()
        while self.deployment.deliverable():
            self.replicate()
        for _ in range(2):
            self.deployment.replicate_all(self.random)
            self.deployment.wait(45)
        self.deployment.replicate_all(self.random)

    def replicate(self) -> None:
        if not (can := self.deployment.deliverable()):
            return
        write = self.random.choice(can)
        self.deployment.replicate(write)
        self.learn(write)

    def learn(self, write: Write) -> None:
        pair, past = self.pasts.get((write.key, write.at), (("", ""), frozenset()))
        place = (write.to, *pair)
        self.known[place] = self.known.get(place, frozenset()) | past

    def decided(self, region: Region, pair: tuple[str, str], added: bool) -> None:
        """Note an acked decision, with what its region knew."""
        decisions = self.pairs.setdefault(pair, Pair())
        number, place = decisions.next(), (region, *pair)
        knew = self.known.get(place, frozenset())
        (decisions.additions if added else decisions.removals)[number] = knew
        self.known[place] = knew | {number}
        for write in self.deployment.waiting:
            about = (write.key[1], ids.of_regional_key(write.key[2])[0])
            if about == pair and write.at[1] == region:
                self.pasts.setdefault((write.key, write.at), (pair, self.known[place]))

    def member(self, region: Region) -> None:
        rooms = self.deployment.worlds[region].services.rooms
        user = self.random.choice(USERS)
        there = user in rooms.members(LOBBY)
        if there:
            rooms.remove(Identity(OWNER, FAR_S), LOBBY, user)
        else:
            rooms.add(Identity(OWNER, FAR_S), LOBBY, user)
        self.decided(region, (LOBBY, user), added=not there)

    def open(self, region: Region) -> None:
        """Open the room on a device; it is refused to those who are not in."""
        device = self.devices[region, self.random.choice(USERS)]
        self.deployment.worlds[region].ask(device, "join_room", room_id=LOBBY)

    def friend(self, region: Region) -> None:
        friends = self.deployment.worlds[region].services.friends
        user, other = self.random.sample(USERS, 2)
        known = {each.user_id: each.status for each in friends.page(user, UserId(""), None)[0]}
        there = known.get(other, FriendStatus.INCOMING) is not FriendStatus.INCOMING
        (friends.remove if there else friends.put)(user, other)
        self.decided(region, (user, other), added=not there)

    def revoke(self, region: Region) -> None:
        user, for_s = self.random.choice(USERS), self.random.choice([0, 60, 86_400])
        until_ms = self.deployment.worlds[region].services.revocations.revoke(user, for_s)
        self.until_ms[user] = max(until_ms, self.until_ms.get(user, 0))

    def create(self, region: Region) -> None:
        rooms = self.deployment.worlds[region].services.rooms
        creator, other = self.random.sample(USERS, 2)
        name = self.random.choice(NAMES)
        try:
            rooms.create(creator, RoomType.GROUP_CHAT, [other], {}, name)
        except Conflict:
            return
        self.creators.setdefault(name, []).append([creator, other])

    def wrong(self) -> set[str]:
        """What does not hold in the end."""
        replicas = [replica.contents() for replica in self.deployment.replicas.values()]
        wrong = {"replicas differ" for each in replicas if each != replicas[0]}
        for region, world in self.deployment.worlds.items():
            services = world.services
            members = services.rooms.members(LOBBY)
            for (left, right), decisions in self.pairs.items():
                if left == LOBBY:
                    there, kind = right in members, "member"
                    listed = LOBBY in services.rooms.ids_of(UserId(right))
                    wrong |= {"rooms of a user"} if listed is not there else set()
                else:
                    listed, _ = services.friends.page(UserId(left), UserId(""), None)
                    put = {f.user_id for f in listed
                           if f.status is not FriendStatus.INCOMING}  # fmt: skip
                    there, kind = UserId(right) in put, "friend"
                if there and not decisions.holds():
                    wrong.add(f"a removed {kind} is in")
                if not there and decisions.holds():
                    wrong.add(f"an added {kind} is lost")
            for user, until_ms in self.until_ms.items():
                if world.adapters.revocations.until_ms(user) != until_ms:
                    wrong.add("a revocation is lost")
                if (
                    until_ms > world.clock.ms
                    and self.devices[region, user] not in world.poster.closed
                ):
                    wrong.add("a device of a revoked user is open")
            if {target.user_id for target in world.adapters.connections.joined(LOBBY)} - set(
                members
            ):
                wrong.add("a removed member has a view")
            for name, groups in self.creators.items():
                if len(groups) > 1:
                    wrong.add("a room of two creators")
                if set(services.rooms.members(name)) - set(groups[0]):
                    wrong.add("strangers in a room")
        return wrong


@pytest.mark.parametrize("regions", [(US, EU), (US, EU, AP)], ids=["two", "three"])
def test_all_regions_come_to_the_same_and_nothing_acked_is_lost(
    regions: tuple[Region, ...],
) -> None:
    for seed in SEEDS:
        run = Run(seed, regions)
        run.go(steps=60)
        assert run.wrong() == set(), f"seed {seed}"


def test_without_merging_the_checks_find_what_is_lost() -> None:
    """In stores that know of one region the last writer wins, item by item."""
    found: set[str] = set()
    for seed in SEEDS:
        run = Run(seed, (US, EU), merging=False)
        run.go(steps=60)
        found |= run.wrong()
    assert found >= {
        "a removed member is in",
        "a removed friend is in",
        "a revocation is lost",
        "a room of two creators",
        "strangers in a room",
    }, found
