"""CloudWatch's metrics of the last quarter of an hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

_LAST = timedelta(minutes=15)
_PERIOD_S = 60


class Metrics:
    def __init__(self, cloudwatch: Any) -> None:
        self._cloudwatch = cloudwatch
        self._until = datetime.now(UTC)

    def most(self, namespace: str, metric: str, **dimensions: str) -> float | None:
        """The largest value; None if there is none."""
        return max(self._values("Maximum", namespace, metric, dimensions), default=None)

    def total(self, namespace: str, metric: str, **dimensions: str) -> float:
        return sum(self._values("Sum", namespace, metric, dimensions))

    def _values(
        self, statistic: str, namespace: str, metric: str, dimensions: dict[str, str]
    ) -> list[float]:
        answer = self._cloudwatch.get_metric_statistics(
            Namespace=namespace,
            MetricName=metric,
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            StartTime=self._until - _LAST,
            EndTime=self._until,
            Period=_PERIOD_S,
            Statistics=[statistic],
        )
        return [float(each[statistic]) for each in answer["Datapoints"]]
