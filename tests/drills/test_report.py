"""The report: what it shows, and that it needs nothing but itself."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from workbench.drills.charts import Window, binned, chart
from workbench.drills.checker import check
from workbench.drills.history import (
    Acked,
    Client,
    Connected,
    History,
    Key,
    LogEntry,
    MessageId,
    Room,
    Sent,
)
from workbench.drills.report import Sheet, page
from workbench.drills.timelines import timelines

ANN, BEN, ROOM, KEY = Client("<ann>"), Client("ben"), Room("a&b"), Key("ann/0")
ENTRY = LogEntry(MessageId("m"), KEY)
HISTORY = History(
    {ROOM: frozenset({ANN, BEN})},
    {ROOM: (ENTRY,)},
    (
        Connected(1.0, ANN),
        Connected(1.0, BEN),
        Sent(2.0, ANN, ROOM, KEY),
        Acked(2.5, ANN, ROOM, KEY, ENTRY.message_id),
    ),
)
SHEET = Sheet(
    title="drain",
    says="Drain <it>.",
    command="tidings drill drain --seed 7",
    ok=False,
    verdict=check(HISTORY),
    facts={"regions": "here, there", "seed": 7},
    times={"reconnect_p50_s": 1.234, "full_service_s": None, "refusals": 3},
    course=timelines(HISTORY, {ANN: "here", BEN: "there"}, {}),
    window=Window(2.0, 2.5),
    promises={"all clients are in the other region": False},
    differing=1,
)


class Elements(HTMLParser):
    """The elements of a page, and whether each is closed."""

    VOID = frozenset({"meta", "link", "img", "br", "rect", "path"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID or tag == "path":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_it_is_one_file_that_loads_nothing() -> None:
    text = page(SHEET)
    elements = Elements(text)
    assert elements.open == []
    for tag, attributes in elements.found:
        assert tag not in {"script", "link", "img", "iframe", "object", "use"}
        assert not attributes.keys() & {"src", "href", "srcset", "data"}
    assert not re.search(r"url\(|@import|https?://", text)


def test_what_clients_name_is_shown_as_text() -> None:
    text = page(SHEET)
    assert "<ann>" not in text
    assert "Drain &lt;it&gt;." in text
    assert "a&amp;b" in text, "the room of the message that Ben never saw"


def test_it_shows_the_verdicts_the_figures_the_command_and_the_faults_window() -> None:
    text = page(SHEET)
    assert '<span class="broken">broken</span>: 1 lost' in text
    assert "tidings drill drain --seed 7" in text
    for name, value in (("reconnect p50", "1.23 s"), ("full service", "–"), ("refusals", "3")):
        assert f'<td>{name}</td><td class="number">{value}</td>' in text
    no = '</td><td class="number"><span class="broken">no</span>'
    assert f"All clients are in the other region{no}" in text
    assert f"The logs of all regions are the same{no}" in text
    assert "faults, from 2.0 to 2.5 s" in text
    assert text.count('class="fault"') == text.count("<svg") == 4
    good = replace(SHEET, ok=True, verdict=check(History()), promises={}, differing=0)
    assert 'class="broken"' not in page(good)
    assert "<h2>Faults</h2>" not in page(good)


def test_further_tables_have_a_head() -> None:
    text = page(replace(SHEET, tables={"Attacks": [("attack", "answers"), ("sends", "3 <ack>")]}))
    assert Elements(text).open == []
    assert "<tr><th>attack</th><th>answers</th></tr>" in text
    assert "<tr><td>sends</td><td>3 &lt;ack&gt;</td></tr>" in text


@pytest.mark.parametrize("most", [0, 0.5, 3, 24, 54, 1234])
def test_a_chart_holds_all_its_values(most: float) -> None:
    drawn = chart("It & more", {"here": [(0.0, 0.0), (5.0, most), (8.0, 1.0)]}, 10.0)
    svg = ElementTree.fromstring(drawn)
    [line] = [each for each in svg.iter("path") if each.get("class") == "line s0"]
    heights = [float(y) for y in re.findall(r"[V ](-?[\d.]+)", line.get("d", ""))]
    assert min(heights) >= 22, "below the title"
    top = max(float(t.text or "") for t in svg.iter("text") if t.get("class") == "tick")
    assert max(most, 1.0) <= top <= 2 * max(most, 1.0)


def test_bins_are_steps() -> None:
    assert binned((1.0, 3.0), 0.5) == [(0.0, 1.0), (0.5, 3.0)]
