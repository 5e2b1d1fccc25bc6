"""Distributions through quantiles, and the file of latencies."""

from __future__ import annotations

import random
from pathlib import Path
from statistics import NormalDist

import pytest

from workbench.model.latencies import ASSUMED, CALLS, FILE, Latency, cpu_share, fit, load
from workbench.model.spread import percentile, spread


def made(**quantiles: float) -> Latency:
    given = {int(name[1:]) / 100: ms for name, ms in quantiles.items()}
    points, tail = fit(given)
    return Latency("", given, "test", "", "", "", points, tail)


def test_two_quantiles_are_a_log_normal() -> None:
    latency, normal = made(p50=10, p99=100), NormalDist()
    assert latency.at(0) == pytest.approx(10)
    assert latency.at(normal.inv_cdf(0.99)) == pytest.approx(100)
    for z in (0.5, 1, 3):
        assert latency.at(z) * latency.at(-z) == pytest.approx(100), "symmetric around the median"
        assert latency.at(2 * z) / latency.at(z) == pytest.approx(latency.at(z) / latency.at(0))


def test_all_given_quantiles_are_met_and_the_tail_is_that_of_median_and_p99() -> None:
    quantiles = {0.1: 21.9, 0.5: 28.1, 0.9: 61.2, 0.99: 645.0}
    latency, normal = made(p10=21.9, p50=28.1, p90=61.2, p99=645), NormalDist()
    for part, ms in quantiles.items():
        assert latency.at(normal.inv_cdf(part)) == pytest.approx(ms)
    plain, z = made(p50=28.1, p99=645), normal.inv_cdf(0.999)
    assert latency.at(z) == pytest.approx(plain.at(z))


def test_draws_have_the_quantiles() -> None:
    latency, chance = made(p50=8, p90=20, p99=40), random.Random(1)
    ordered = sorted(latency.draw_us(chance) for _ in range(40_000))
    for part, ms in ((0.5, 8), (0.9, 20), (0.99, 40)):
        assert percentile(ordered, part) == pytest.approx(1000 * ms, rel=0.05)


@pytest.mark.parametrize(
    "quantiles", [{0.5: 10}, {0.99: 10}, {0.5: 10, 0.99: 9}, {0.5: 0, 0.99: 9}]
)
def test_quantiles_that_are_no_distribution(quantiles: dict[float, float]) -> None:
    with pytest.raises(ValueError, match=r"p50_ms and p99_ms|rise"):
        fit(quantiles)


def test_every_published_figure_has_its_page_and_date() -> None:
    given = load()
    assert set(given.calls) == set(CALLS)
    for name, each in given.calls.items():
        assert each.what, name
        if each.source != ASSUMED:
            assert each.page.startswith("https://"), name
            assert each.date, name


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[calls.redis]", "[calls.valkey]", "redis, valkey"),
        ("p99_ms = 645", "p99_ms = 6", "fifo_receive: quantiles must"),
        ('p99_ms = 25\nsource = "assumed"', "p99_ms = 25", "frame_in: give its source"),
        ("cold_share = 0.001", "cold_share = 2", "cold_share"),
        ("boto3_post = 830", "", "boto3_post"),
        ('as_of = "2026-11-29"', "as_of", "line"),
    ],
)
def test_a_wrong_file(tmp_path: Path, old: str, new: str, says: str) -> None:
    text = FILE.read_text()
    assert old in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ValueError, match=says):
        load(path)


def test_memory_is_cpu() -> None:
    assert cpu_share(1769) == cpu_share(3000) == 1
    assert cpu_share(512) == pytest.approx(0.29, abs=0.005)


def test_percentiles_are_values_that_were_observed() -> None:
    hundred = list(range(1, 101))
    assert [percentile(hundred, part) for part in (0, 0.5, 0.99, 1)] == [1, 50, 99, 100]
    assert percentile([7], 0.5) == percentile([7], 0.99) == 7
    found = spread([3000, 1000, 2000])
    assert (found.count, found.p50_ms, found.p99_ms, found.max_ms) == (3, 2, 3, 3)
    assert spread([]).count == 0
