"""A page of a list costs what is on it, however long the list is."""

from __future__ import annotations

import pytest

from chalicelib.entrypoints.http import rest
from chalicelib.membership.friends import MAX_FRIENDS
from workbench.load.dearest.routes import ask
from workbench.load.dearest.scene import ME, Scene, user

pytestmark = [pytest.mark.extended, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def scene() -> Scene:
    """A user with as many rooms and friends as allowed."""
    scene = Scene()
    scene.rooms(scene.settings.max_rooms)
    scene.friends(MAX_FRIENDS)
    return scene


@pytest.mark.parametrize("after", [user(0), user(5_000)])
def test_a_page_of_friends(scene: Scene, after: str) -> None:
    measured = ask(scene, rest.list_friends, query={"limit": "100", "after": after})
    # 100 friendships and 100 presences are read consistently, and who put whom in two queries.
    assert measured.total("reads") <= 230


def test_a_page_of_rooms(scene: Scene) -> None:
    measured = ask(scene, rest.list_rooms, query={"limit": "100", "after": f"{500:064}"})
    assert measured.total("reads") <= 720


@pytest.mark.parametrize(
    "after", [{}, {"after_room": f"{850:064}"}, {"after_room": f"friends:{user(5_000)}"}]
)
def test_a_page_of_the_first_sync(scene: Scene, after: dict[str, str]) -> None:
    device = scene.connect_device(ME, f"{ME}={len(str(after))}")
    measured = scene.act(device, "sync", positions={}, **after)
    assert measured.total("reads") <= 600
