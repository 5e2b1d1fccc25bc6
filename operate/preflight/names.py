"""Names that the plan wants and somebody else has.

Terraform fails on most of them half way. An existing queue of the same name it would take over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from operate.checks import Check

from .planned import InRegion

NAME = "names"
GUIDE = "docs/how-to/change-a-deployment.md#taking-it-down"
Client = Callable[[str], Any]  # of a service, in the region


@dataclass(frozen=True, slots=True)
class Finder:
    """How to find a resource by its name.

    Attributes:
        absent: AWS's error codes for "there is none".
        attribute: Of Terraform's resource, the name.
    """

    service: str
    operation: str
    parameter: str
    absent: tuple[str, ...]
    attribute: str = "name"


FINDERS = {
    "aws_dynamodb_table": Finder(
        "dynamodb", "describe_table", "TableName", ("ResourceNotFoundException",)
    ),
    "aws_sqs_queue": Finder(
        "sqs",
        "get_queue_url",
        "QueueName",
        ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"),
    ),
    "aws_lambda_function": Finder(
        "lambda",
        "get_function_configuration",
        "FunctionName",
        ("ResourceNotFoundException",),
        "function_name",
    ),
    "aws_iam_role": Finder("iam", "get_role", "RoleName", ("NoSuchEntity",)),
    "aws_secretsmanager_secret": Finder(
        "secretsmanager", "describe_secret", "SecretId", ("ResourceNotFoundException",)
    ),
    "aws_elasticache_serverless_cache": Finder(
        "elasticache",
        "describe_serverless_caches",
        "ServerlessCacheName",
        ("ServerlessCacheNotFoundFault",),
    ),
    "aws_elasticache_replication_group": Finder(
        "elasticache",
        "describe_replication_groups",
        "ReplicationGroupId",
        ("ReplicationGroupNotFoundFault",),
        "replication_group_id",
    ),
}
_LOG_GROUP = "aws_cloudwatch_log_group"


def check(client: Client, part: InRegion) -> Check:
    """Ask for each name that the plan makes anew."""
    taken = [*_taken(client, part), *_taken_log_groups(client("logs"), part)]
    asked = sum(len(part.new(kind)) for kind in (*FINDERS, _LOG_GROUP))
    if not taken:
        return Check(NAME, "ok", f"none of {asked} new names in {part.region} is taken")
    return Check(
        NAME,
        "blocking",
        f"not in this deployment's state, but there in {part.region}: {', '.join(taken)}",
        "Choose another `name`; or, if they are an earlier deployment's, import or delete them",
        GUIDE,
    )


def _taken(client: Client, part: InRegion) -> Iterator[str]:
    for kind, finder in FINDERS.items():
        for resource in part.new(kind):
            values: Any = resource.after
            name = values.get(finder.attribute)
            if name is None:  # AWS chooses it
                continue
            found = _find(client(finder.service), finder, name)
            if found is not None:
                waits = " (scheduled for deletion)" if found.get("DeletedDate") else ""
                yield f"{kind} {name}{waits}"


def _find(service: Any, finder: Finder, name: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = getattr(service, finder.operation)(**{finder.parameter: name})
    except ClientError as fault:
        if fault.response.get("Error", {}).get("Code") in finder.absent:
            return None
        raise
    return found


def _taken_log_groups(logs: Any, part: InRegion) -> Iterator[str]:
    """Lambda's groups outlive the functions, for example."""
    for resource in part.new(_LOG_GROUP):
        values: Any = resource.after
        name = values.get("name")
        if name is None:
            continue
        groups = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        if any(each["logGroupName"] == name for each in groups):
            yield f"{_LOG_GROUP} {name}"
