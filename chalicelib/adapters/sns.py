"""Publish jobs to an SNS topic."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from typing import Any

from ..kernel.errors import Unavailable
from ..kernel.records import job_to_text
from ..model.identifiers import Region
from ..model.jobs import QueuedJob
from .aws.errors import unavailable


class SnsTopic:
    """See `ports.Topic`.

    The attribute `to` names the regions. Each inbox's subscription has a filter policy for its own,
    so that SNS brings a message only where it is wanted.
    https://docs.aws.amazon.com/sns/latest/dg/sns-message-filtering.html

    Args:
        client: Makes the client at its first use.
        arn: Of the topic; "" for none, with which nothing can be published.
    """

    def __init__(self, client: Callable[[], Any], arn: str) -> None:
        self._client = client
        self._arn = arn

    def publish(self, job: QueuedJob, regions: Collection[Region]) -> None:
        if not self._arn:
            raise Unavailable("there is no topic: set TIDINGS_TOPIC_ARN")
        to = {"DataType": "String.Array", "StringValue": json.dumps(sorted(regions))}
        with unavailable("the topic"):
            self._client().publish(
                TopicArn=self._arn, Message=job_to_text(job), MessageAttributes={"to": to}
            )
