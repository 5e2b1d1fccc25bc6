"""The dashboard of a deployment for Grafana: the same charts, from CloudWatch's own dashboard.

Terraform makes one dashboard, in CloudWatch. Where a team looks into Grafana, this turns it into
one for Grafana's CloudWatch data source, so that there is one list of charts.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

_SOURCE = {"type": "cloudwatch", "uid": "${datasource}"}
_SCHEMA = 39  # of Grafana 11; later ones migrate it


def dashboard(name: str, body: str) -> dict[str, Any]:
    """A dashboard in Grafana's JSON model.

    Args:
        name: Its title; the same name updates the same dashboard.
        body: CloudWatch's `DashboardBody`. Widgets other than of metrics are left out: Grafana has
            alarms of its own.
    """
    widgets = [each for each in json.loads(body)["widgets"] if each["type"] == "metric"]
    return {
        "uid": hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest(),  # 40 at most
        "title": name,
        "tags": ["tidings"],
        "schemaVersion": _SCHEMA,
        "editable": True,
        "refresh": "1m",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {
            "list": [
                {
                    "name": "datasource",
                    "label": "Data source",
                    "type": "datasource",
                    "query": "cloudwatch",
                }
            ]
        },
        "panels": [_panel(number, each) for number, each in enumerate(widgets, 1)],
    }


def _panel(number: int, widget: Mapping[str, Any]) -> dict[str, Any]:
    properties = widget["properties"]
    return {
        "id": number,
        "type": "timeseries",
        "title": properties["title"],
        "datasource": _SOURCE,
        # CloudWatch's grid has 24 columns as Grafana's has; its rows are a little higher.
        "gridPos": {
            "x": widget["x"],
            "y": widget["y"],
            "w": widget["width"],
            "h": widget["height"],
        },
        "fieldConfig": {"defaults": {"min": 0}, "overrides": []},
        "targets": [
            _target(place, metric, properties) for place, metric in enumerate(properties["metrics"])
        ],
    }


def _target(place: int, metric: Sequence[Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    """A query of one metric: `[namespace, name, dimension, value, …, options]`."""
    options = metric[-1] if isinstance(metric[-1], dict) else {}
    namespace, name, *dimensions = [each for each in metric if isinstance(each, str)]
    return {
        "refId": f"M{place}",
        "datasource": _SOURCE,
        "queryMode": "Metrics",
        "metricQueryType": 0,
        "metricEditorMode": 0,
        "region": properties["region"],
        "namespace": namespace,
        "metricName": name,
        "dimensions": {
            key: [value] for key, value in zip(dimensions[::2], dimensions[1::2], strict=True)
        },
        "matchExact": True,
        "statistic": options.get("stat", properties["stat"]),
        "period": str(properties["period"]),
        "label": options.get("label", name),
    }
