"""CloudWatch metrics.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .sdk import client, unavailable


class CloudWatchMetrics:
    """See `ports.Metrics`. Creates its client at the first use: only `report` needs one."""

    def __init__(self, region: str, endpoint_url: str | None, namespace: str) -> None:
        self._region = region
        self._endpoint_url = endpoint_url
        self._namespace = namespace

    def put(self, values: Mapping[str, tuple[float, str]], at_ms: int) -> None:
        data: list[dict[str, Any]] = [
            {
                "MetricName": name,
                "Value": value,
                "Unit": unit,
                "Timestamp": at_ms / 1000,
                "Dimensions": [{"Name": "Region", "Value": self._region}],
            }
            for name, (value, unit) in values.items()
        ]
        with unavailable("the metrics service"):
            cloudwatch = client("cloudwatch", self._region, self._endpoint_url)
            cloudwatch.put_metric_data(Namespace=self._namespace, MetricData=data)
