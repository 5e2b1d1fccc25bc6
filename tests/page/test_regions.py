"""The page with two regions: it shows where it is, lets one choose, and shows a failover."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.support.own_process import regions
from tests.support.page import Person
from tests.support.people import name
from tests.support.two_regions import A, B

BACK = re.compile(r"^Back online: ")
MOVED_MS = 90_000  # a lost region is left after two attempts, whose waits grow


@pytest.fixture(scope="module")
def urls() -> Iterator[dict[str, str]]:
    with regions(A, B) as urls:
        yield urls


@pytest.fixture
def at(browser: Browser, urls: dict[str, str]) -> Iterator[Callable[[str, str], Person]]:
    """Visit the page of a region as a user. A lost region leaves errors in the console."""
    persons: list[Person] = []

    def visit(region: str, user: str) -> Person:
        persons.append(Person(browser, urls[region], user))
        return persons[-1]

    yield visit
    for person in persons:
        person.context.close()


def is_in(person: Person, region: str) -> None:
    chosen = person.page.locator("#regions option:checked")
    expect(chosen).to_have_text(region, timeout=MOVED_MS)


def test_a_user_chooses_a_region_and_leaves_a_lost_one(
    at: Callable[[str, str], Person], urls: dict[str, str]
) -> None:
    ann, ben = at(A, name("ann")), at(B, name("ben"))
    is_in(ann, A)
    is_in(ben, B)
    ann.create_group("Ferry", ben.user)
    ann.say("from the first region")
    ben.open("Ferry")
    ben.sees("from the first region")

    ben.page.get_by_label("The region that this page is connected to").select_option(A)
    ben.told(BACK)
    is_in(ben, A)
    ben.say("from where you are")
    ann.sees("from where you are")

    ben.page.get_by_label("The region that this page is connected to").select_option(B)
    ben.told(BACK)
    is_in(ben, B)
    chaos(urls, region=A, service="all", fault="kill")
    ben.say("what a region says that is alone")
    is_in(ann, B)
    ann.told(BACK)
    ann.sees("what a region says that is alone")
    ann.say("here, too")
    ben.sees("here, too")


def chaos(urls: dict[str, str], **order: str) -> None:
    """Ask the region that stays."""
    request = urllib.request.Request(f"{urls[B]}/dev/chaos", json.dumps(order).encode())
    with urllib.request.urlopen(request, timeout=120) as answer:
        assert answer.status == 200
