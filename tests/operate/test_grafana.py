"""CloudWatch's dashboard as Grafana's: each metric of each chart is asked for as it was."""

from __future__ import annotations

import json

from operate.grafana import dashboard

NAME = "chat-eu-west-1"
CHART = {
    "type": "metric",
    "x": 8,
    "y": 4,
    "width": 8,
    "height": 6,
    "properties": {
        "title": "Delivery latency, ms",
        "region": "eu-west-1",
        "view": "timeSeries",
        "period": 60,
        "stat": "p50",
        "metrics": [
            ["WeChat/WebSocket", "delivery_latency_ms", {"label": "p50"}],
            ["AWS/SQS", "Age", "QueueName", "q", "More", "m", {"label": "late", "stat": "p99"}],
            ["AWS/Lambda", "Errors"],
        ],
    },
}
ALARMS = {"type": "alarm", "x": 0, "y": 0, "width": 24, "height": 4, "properties": {"alarms": []}}
BODY = json.dumps({"widgets": [ALARMS, CHART]})


def test_each_metric_is_a_query_of_its_chart() -> None:
    [panel] = dashboard(NAME, BODY)["panels"]
    assert (panel["title"], panel["gridPos"]) == (
        "Delivery latency, ms",
        {"x": 8, "y": 4, "w": 8, "h": 6},
    )
    first, second, third = panel["targets"]
    assert (first["namespace"], first["metricName"]) == ("WeChat/WebSocket", "delivery_latency_ms")
    assert (first["statistic"], first["dimensions"], first["label"]) == ("p50", {}, "p50")
    assert (second["statistic"], second["label"]) == ("p99", "late")
    assert second["dimensions"] == {"QueueName": ["q"], "More": ["m"]}
    assert (third["metricName"], third["label"]) == ("Errors", "Errors")
    assert {each["region"] for each in panel["targets"]} == {"eu-west-1"}
    assert len({each["refId"] for each in panel["targets"]}) == 3


def test_it_asks_for_a_data_source_and_updates_the_dashboard_of_its_name() -> None:
    made = dashboard(NAME, BODY)
    [variable] = made["templating"]["list"]
    assert (variable["type"], variable["query"]) == ("datasource", "cloudwatch")
    assert made["panels"][0]["datasource"]["uid"] == "${" + variable["name"] + "}"
    assert made["title"] == NAME
    uids = {dashboard(f"{'x' * 40}-{place}", BODY)["uid"] for place in ("us", "eu")}
    assert len(uids) == 2, "each region's is another one"
    assert {len(uid) for uid in uids} == {40}, "Grafana takes no longer one"
