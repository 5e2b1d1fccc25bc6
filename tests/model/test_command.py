"""`tidings model`: tables, JSON, settings side by side, plots; and what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

from operate.cost import load as load_prices
from workbench.cli.main import app
from workbench.model import document, latencies, scale
from workbench.model.plots import Line, plot, plots
from workbench.model.report import Report, Unknown, cases, settings, tables
from workbench.model.spread import Spread
from workbench.model.worker import NAIVE, Case, Row

QUICK = ("model", "--quick", "--sizes", "2", "--rates", "1")


def tidings(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), prog_name="tidings")


def row(kind: str, size: int, clients: str, ms: float, **given: str) -> Row:
    spread = Spread(1, ms, 2 * ms, 3 * ms)
    usd = {"SQS": 1.5, "Lambda": 2.0} if kind == "quiet" else {}
    refused = {"timeout": 5} if size == 5000 and clients == NAIVE else {}
    return Row(Case(kind, size, clients, given), 10, spread, spread, 3, 0.25, refused, 42.0, usd)


def report() -> Report:
    sizes = [("quiet", 2, 50.0), ("quiet", 5000, 3000.0), ("hot", 1, 60.0), ("hot", 200, 9000.0)]
    rows = [
        made
        for kind, size, ms in sizes
        for made in (
            row(kind, size, "JSON", ms),
            row(kind, size, "JSON", ms / 2, TIDINGS_SPLIT_OVER="10"),
            row(kind, size, "stock" if kind == "quiet" else "arrays", ms),
            row(kind, size, NAIVE, 2 * ms),
        )
    ]
    scales = [scale.scale(users, load_prices(), scale.load()) for users in scale.USERS]
    return Report(
        latencies.load(),
        7,
        {"TIDINGS_SPLIT_OVER": "10"},
        [each for each in rows if each.case.kind == "quiet"],
        [each for each in rows if each.case.kind == "hot"],
        scales,
    )


def test_it_prints_every_design_and_the_same_each_time() -> None:
    first, again = tidings(*QUICK), tidings(*QUICK)
    assert first.exit_code == 0, first.output
    for text in ("Quiet rooms", "hot room", "JSON", "stock", "arrays", "naive", "10,000,000"):
        assert text in first.stdout, text
    assert first.stdout == again.stdout


def test_settings_stand_beside_the_defaults_in_json() -> None:
    done = tidings(*QUICK, "--rates", "", "--set", "TIDINGS_SPLIT_OVER=1", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["settings"] == {"TIDINGS_SPLIT_OVER": "1"}
    designs = [(each["design"], each["case"]["clients"]) for each in found["quiet"]]
    assert designs == [
        ("Tidings", "JSON"),
        ("TIDINGS_SPLIT_OVER=1", "JSON"),
        ("Tidings", "stock"),
        ("TIDINGS_SPLIT_OVER=1", "stock"),
        (NAIVE, NAIVE),
    ]
    assert all(each["missing"] == 0 for each in found["quiet"])
    assert [each["users"] for each in found["scale"]] == list(scale.USERS)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--set", "TIDINGS_NOTHING=1"),
        ("--set", "TIDINGS_SPLIT_OVER"),
        ("--set", "TIDINGS_SPLIT_OVER=many"),
        ("--sizes", "3"),
        ("--sizes", ""),
        ("--rates", "0"),
        ("--rates", "-1"),
        ("--rates", "fast"),
        ("--latencies", "/no/such/file"),
    ],
)
def test_wrong_inputs(arguments: tuple[str, ...]) -> None:
    done = tidings("model", *arguments)
    assert done.exit_code == 2
    assert done.stderr.startswith("tidings: ") or "Error" in done.stderr


def test_a_wrong_file_of_latencies_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(latencies.FILE.read_text().replace("[calls.post]", "[calls.posts]"))
    done = tidings("model", "--latencies", str(path))
    assert done.exit_code == 2
    assert "mine.toml" in done.stderr


def test_settings_are_known_and_valid() -> None:
    assert settings(["TIDINGS_SPLIT_OVER=5"]) == {"TIDINGS_SPLIT_OVER": "5"}
    with pytest.raises(Unknown):
        settings(["PATH=/"])


def test_cases_have_each_design_once() -> None:
    assert len(cases({}, [2], [])) == 3
    assert len(cases({"TIDINGS_SPLIT_OVER": "5"}, [2], [1])) == 5 + 5


def test_tables_say_who_is_not_reached() -> None:
    quiet, hot, *_ = tables(report())
    [left_out] = [each for each in quiet.rows if each[0] == "5,000" and each[1] == NAIVE]
    assert left_out[2] == "any: 50% fail, reaches 25%"
    assert {len(each) for each in quiet.rows} == {len(quiet.head)}
    assert {len(each) for each in hot.rows} == {len(hot.head)}
    assert quiet.rows[0][-1] == "$3.50"


def test_the_document_has_marks_tables_plots_and_sources() -> None:
    block = document.block(report())
    assert block.startswith(document.BEGIN)
    assert block.endswith(document.END)
    for name in plots(report()):
        assert f"../images/{name}" in block
    for name in latencies.CALLS:
        assert f"`{name}`" in block
    for each in scale.load().quotas:
        assert each.what in block


def test_the_page_is_written_by_the_command() -> None:
    text = document.PAGE.read_text()
    block = text[text.index(document.BEGIN) : text.index(document.END)]
    assert "| 5,000 |" in block
    for name, each in latencies.load().calls.items():
        assert f"| `{name}` | {each.what} |" in block, "run `tidings model --write`"


def test_plots_are_whole_and_stand_alone() -> None:
    for name, svg in plots(report()).items():
        assert name.endswith(".svg")
        root = ElementTree.fromstring(svg)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "TIDINGS_SPLIT_OVER=10" in svg
        assert "href" not in svg


def test_a_plot_has_its_lines_within_its_frame() -> None:
    svg = plot("t", "x", [Line("one", [(1, 5.0), (100, 50_000.0)], 0)])
    places = [tuple(map(float, each)) for each in re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', svg)]
    assert len(places) == 2
    (x0, y0), (x1, y1) = places
    assert 0 < x0 < x1 < 840
    assert 0 < y1 < y0 < 360
    assert "100 s" in svg
