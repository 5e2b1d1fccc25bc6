"""A deployment on ministack, whose variables are changed while it holds data."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from operate import package, triggers
from operate.clients import client
from operate.deploy import emulators
from operate.deploy.targets import NAME, Emulated, emulated
from operate.deploy.terraform import Plan, Terraform
from tests.support.paths import ROOT
from workbench.stack.children import free_port, start_ministack

REGION = "us-east-1"
ACCOUNT = "000000000000"
_NOWHERE = "http://127.0.0.1:1/"  # the functions are never asked

# With one of them, data or all connections would go.
KEPT = {
    "aws_apigatewayv2_api",
    "aws_dynamodb_table",
    "aws_iam_role",
    "aws_lambda_function",
    "aws_secretsmanager_secret",
    "aws_sqs_queue",
    "aws_vpc",
}
Variables = Mapping[str, Any]


class Live:
    """The deployment.

    Attributes:
        given: The variables of the last apply, without those of every one.
    """

    def __init__(self, terraform: Terraform, url: str) -> None:
        self._terraform = terraform
        self._url = url
        self.given: Variables = {}
        self._always = {
            "region": REGION,
            "package_dir": "../dist",
            "aws_endpoint_url": url,
            "connections_url": _NOWHERE,
            "secret_recovery_days": 0,
            "tables": {"deletion_protection": False},
            "monitoring": {"create": False},  # half of all resources
        }

    def plan(self, changed: Variables, *, replace: Sequence[str] = ()) -> Plan:
        """What other variables would do to what the state says is deployed."""
        given = {**self._always, **changed}
        return self._terraform.plan(given, replace=replace, refresh=False)

    def apply(self, changed: Variables | None = None) -> None:
        self._terraform.apply(self._terraform.plan({**self._always, **(changed or {})}))
        self.given = changed or {}

    def aws(self, service: str) -> Any:
        return client(service, self._url, REGION)

    def put_data(self) -> None:
        """An item in every table, and a message in every queue."""
        dynamodb, sqs = self.aws("dynamodb"), self.aws("sqs")
        for name in dynamodb.list_tables()["TableNames"]:
            found = dynamodb.describe_table(TableName=name)["Table"]
            kinds = {each["AttributeName"]: each["AttributeType"] for each in _attributes(found)}
            keys = [each["AttributeName"] for each in found["KeySchema"]]
            item = {key: {kinds[key]: "7"} for key in keys}
            dynamodb.put_item(TableName=name, Item=item)
        for url in sqs.list_queues()["QueueUrls"]:
            fifo = {"MessageGroupId": "g", "MessageDeduplicationId": "d"}
            sqs.send_message(QueueUrl=url, MessageBody="7", **(fifo if "fifo" in url else {}))

    def data(self) -> dict[str, int]:
        """How much is in each table and queue."""
        dynamodb, sqs = self.aws("dynamodb"), self.aws("sqs")
        kept = {
            name: dynamodb.scan(TableName=name, Select="COUNT")["Count"]
            for name in dynamodb.list_tables()["TableNames"]
        }
        count = "ApproximateNumberOfMessages"
        for url in sqs.list_queues()["QueueUrls"]:
            found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            kept[url] = int(found[count]) + int(found[f"{count}NotVisible"])
        return kept

    def rights_missing(self) -> list[str]:
        """What of permissions.json functions may not do with the tables and queues that exist."""
        iam, lambdas = self.aws("iam"), self.aws("lambda")
        wanted = json.loads((ROOT / "terraform/modules/app/permissions.json").read_text())
        tables, queues = self._tables(), self._queues()
        missing = []
        for function in lambdas.list_functions()["Functions"]:
            name = function["FunctionName"].removeprefix(f"{NAME}-")
            role = function["Role"].rpartition("/")[2]
            allowed = _allowed(iam, role)
            needed = {
                *(
                    (f"dynamodb:{action}", tables[table])
                    for table, actions in wanted[name]["tables"].items()
                    for action in actions
                ),
                *(
                    (f"sqs:{action}", queues[queue])
                    for queue, actions in wanted[name]["queues"].items()
                    for action in actions
                    if queue in queues
                ),
                *((("kms:Decrypt", key) for key in self._keys()) if wanted[name]["secret"] else ()),
            }
            missing += [f"{name}: {action} {arn}" for action, arn in sorted(needed - allowed)]
        return missing

    def cache_in_use(self) -> tuple[str, list[str]]:
        """The cache that the functions sign for, and those that exist."""
        function = self.aws("lambda").get_function_configuration(FunctionName=f"{NAME}-deliver")
        used = function["Environment"]["Variables"]["TIDINGS_REDIS_IAM_CACHE"]
        caches = self.aws("elasticache")
        serverless = caches.describe_serverless_caches().get("ServerlessCaches", [])
        groups = caches.describe_replication_groups().get("ReplicationGroups", [])
        return used, [
            *(each["ServerlessCacheName"] for each in serverless),
            *(each["ReplicationGroupId"] for each in groups),
        ]

    def _keys(self) -> list[str]:
        now = self.given.get("kms_key_arns", {}).get(REGION)
        return [now] if now else []

    def _tables(self) -> dict[str, str]:
        names = self.aws("dynamodb").list_tables()["TableNames"]
        where = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table"
        return {name.removeprefix(f"{NAME}-"): f"{where}/{name}" for name in names}

    def _queues(self) -> dict[str, str]:
        urls = self.aws("sqs").list_queues()["QueueUrls"]
        names = [url.rpartition("/")[2] for url in urls]
        where = f"arn:aws:sqs:{REGION}:{ACCOUNT}"
        return {
            name.removeprefix(f"{NAME}-").removesuffix(".fifo"): f"{where}:{name}" for name in names
        }


@contextmanager
def live(folder: Path) -> Iterator[Live]:
    """An emulator of its own, and the root in a folder, with the package."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    names = triggers.load(ROOT / "app.py").functions
    emulator = start_ministack(port, REGION, {f"{NAME}-{name}": _NOWHERE for name in names})
    try:
        target = emulated("ministack", REGION, Emulated(aws_url=url))
        package.build(target.package, folder / "dist", compiles=False)
        with Terraform(
            emulators.copy_root(ROOT / "terraform", folder),
            data_dir=folder / "data",
            environment=target.environment(os.environ),
        ) as terraform:
            terraform.init()
            yield Live(terraform, url)
    finally:
        emulator.stop()


def _attributes(table: Mapping[str, Any]) -> list[dict[str, str]]:
    found: list[dict[str, str]] = table["AttributeDefinitions"]
    return found


def _allowed(iam: Any, role: str) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        statements = document if isinstance(document, dict) else json.loads(document)
        for each in statements["Statement"]:
            if each["Effect"] == "Allow":
                found |= {(action, arn) for action in each["Action"] for arn in each["Resource"]}
    return found
