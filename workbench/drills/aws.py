"""What the scenarios would do to a deployment on AWS, as data: nothing here does it.

The clients, the record and the checker are the same there. What differs is who makes the faults:
AWS's Fault Injection Service for those that it knows, an operator's own commands for others.
https://docs.aws.amazon.com/fis/latest/userguide/fis-actions-reference.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

_LEAST_MINUTES = 1  # of an experiment
# For each action. https://aws.amazon.com/fis/pricing/
_USD_A_MINUTE = 0.10


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that would be done.

    Attributes:
        why: In words.
        command: What an operator would run; capitals stand for what they know.
        cost_usd: What AWS charges for it, beside the traffic of the drill.
    """

    why: str
    command: str
    cost_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class Target:
    """A deployment.

    Attributes:
        name: As in Terraform; names of tables and functions begin with it.
        minutes: How long a fault lasts.
    """

    name: str
    regions: Sequence[str]
    minutes: int = _LEAST_MINUTES

    @property
    def first(self) -> str:
        return self.regions[0]

    def output(self, what: str) -> str:
        """An output of Terraform for the first region, in a shell."""
        return f"""$(terraform output -json regions | jq -r '."{self.first}".{what}')"""

    def experiment(self, drill: str, why: str, actions: int) -> Step:
        """An experiment of the Fault Injection Service.

        Its template is Terraform's (`terraform/modules/experiments`, `experiments.create`), with
        the minutes that are set there.
        """
        template = self.output(f'experiments."{drill}"')
        return Step(
            f"{why}, for {self.minutes} min (`experiments.minutes`)",
            f"aws fis start-experiment --region {self.first} --experiment-template-id {template}",
            round(actions * self.minutes * _USD_A_MINUTE, 2),
        )


Plan = Callable[[Target], Sequence[Step]]


def _pause(at: Target) -> list[Step]:
    return [at.experiment("replication-pause", "pause the replication of the global tables", 1)]


def _isolate(at: Target) -> list[Step]:
    why = "pause replication, and cut the functions' subnets off from other regions"
    return [at.experiment("region-isolation", why, len(at.regions))]


def _drain(at: Target) -> list[Step]:
    place = f"{at.first} --url https://HOST-OF-THE-REGION --secret SECRET --region {at.first}"
    return [
        Step("move all clients to another region", f"tidings drain start {place}"),
        Step("wait until none is left", f"tidings drain status {place}"),
        Step("take the region in again", f"tidings drain stop {place}"),
    ]


def _fail_over(at: Target) -> list[Step]:
    command = (
        f"aws elasticache test-failover --region {at.first} "
        f"--replication-group-id {at.output('cache.id')} --node-group-id 0001"
    )
    return [Step("let a replica take over; it lacks what it had not got", command)]


def _deploy(at: Target) -> list[Step]:
    return [Step("deploy the next version while clients talk", "tidings deploy")]


def _poison(at: Target) -> list[Step]:
    queue = f"$(aws sqs get-queue-url --region {at.first} --queue-name {at.name}-delivery.fifo"
    return [
        Step(
            "queue a job that is none for each room",
            f"aws sqs send-message --region {at.first} --queue-url {queue} --query QueueUrl "
            "--output text) --message-group-id ROOM --message-deduplication-id ID "
            "--message-body '{not json'",
        ),
        Step(
            "look at the dead letters", f"tidings dead --region {at.first} --prefix {at.name} list"
        ),
    ]


_NO_WAY: Mapping[str, str] = {
    "region-loss": "no account may end a region; drain it, or isolate it",
    "replication-lag": "AWS can pause replication, not slow it down",
    "throttled-database": "DynamoDB throttles where its limits are: lower the tables' maximum "
    "throughput (`on_demand_throughput`), and talk more",
    "clock-skew": "the clocks of Lambda are AWS's",
    "cache-loss": "a cache is lost with all of its nodes: see cache-failover",
    "gateway-410-storm": "@connections answers as it does",
    "reconnect-storm": "API Gateway has no call that closes all connections; drain the region",
}
_PLANS: Mapping[str, Plan] = {
    "region-isolation": _isolate,
    "replication-pause": _pause,
    "drain": _drain,
    "cache-failover": _fail_over,
    "rolling-deploy": _deploy,
    "poison-message": _poison,
}


def steps(scenario: str, at: Target) -> Sequence[Step]:
    """What would be done, in order; none if the scenario cannot be had on AWS."""
    return _PLANS[scenario](at) if scenario in _PLANS else ()


def why_not(scenario: str) -> str:
    """Why it cannot be had on AWS, "" if it can."""
    return _NO_WAY.get(scenario, "")
