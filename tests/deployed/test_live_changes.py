"""Every variable of a live deployment is changed: data and rights stay, or the plan is refused.

One deployment on ministack for all. Each variable is planned by itself against what is deployed.
Then those that ministack can hold are applied together, and all go back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from operate.deploy.terraform import Plan, TerraformError
from tests.support.live import ACCOUNT, KEPT, REGION, Live, live

pytestmark = [pytest.mark.extended, pytest.mark.timeout(600)]

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key"
CERTIFICATE = f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate"
DOMAINS = {
    "websocket": {"name": "ws.example.com", "certificate_arn": f"{CERTIFICATE}/1"},
    "http": {"name": "api.example.com", "certificate_arn": f"{CERTIFICATE}/2"},
}
STAGE = "module.primary.module.app.terraform_data.first_stage"
EDGE = {
    "aws_cloudfront_cache_policy",
    "aws_cloudfront_distribution",
    "aws_cloudfront_function",
    "terraform_data",  # the distribution's proof
}
SERVERLESS = "aws_elasticache_serverless_cache"
NAT = {"aws_eip", "aws_nat_gateway", "aws_route", "aws_route_table_association", "aws_subnet"}

IN_PLACE = {
    "former_kms_key_arns": {REGION: [f"{KEY}/0"]},
    "cache": {"serverless_limits": {"data_gb": 20, "ecpu_per_second": 50000}},
    "app": {
        "settings": {"TIDINGS_MAX_ROOMS": "7"},
        "account_concurrency": 2000,
        "reserved_concurrency": {"deliver": 100},
        "queue_concurrency": {"delivery": 50},
        "cors_origins": ["https://chat.example.com"],
        "log_retention_days": 7,
        "system_log_level": "INFO",
        "tracing": True,
    },
    "tables": {
        "point_in_time_recovery": False,
        "deletion_protection": True,
        "on_demand_throughput": {"read_units": 4000, "write_units": 2000},
    },
    "metrics_namespace": "Chat",
    "network": {"interface_endpoints": ["sqs"], "flow_log_days": 7},
    "edge": {"price_class": "PriceClass_100"},
    "secret_recovery_days": 7,
    "tags": {"team": "chat"},
}
# By name: variables, the types that are made anew, and those of which something goes.
CHANGES: dict[str, tuple[dict[str, Any], set[str], set[str]]] = {
    "what is changed in place": (IN_PLACE, set(), set()),
    "key": ({"kms_key_arns": {REGION: f"{KEY}/1"}}, {SERVERLESS}, set()),
    "one zone more": (
        {"network": {"zone_names": ["us-east-1a", "us-east-1b", "us-east-1c"]}},
        {SERVERLESS},
        set(),
    ),
    "another zone": (
        {"network": {"zone_names": ["us-east-1a", "us-east-1c"]}},
        {SERVERLESS},
        {*NAT, "aws_route_table"},
    ),
    "one way out": ({"network": {"egress": "nat-single"}}, set(), NAT - {"aws_route"}),
    "no NAT": (
        {"network": {"egress": "ipv6"}},
        set(),
        {*NAT, "aws_internet_gateway", "aws_route_table"},
    ),
    "cache kind": ({"cache": {"kind": "replication-group"}}, set(), {SERVERLESS}),
    "domains on": ({"app": {"domains": DOMAINS}, "edge": {"create": False}}, set(), EDGE),
    "alarms on": ({"monitoring": {"create": True}}, set(), set()),
}
# What ministack can hold of it, in one apply.
TOGETHER = {
    **IN_PLACE,
    "kms_key_arns": {REGION: f"{KEY}/1"},
    "network": {"zone_names": ["us-east-1a", "us-east-1c"], "flow_log_days": 7},
    "tables": {"deletion_protection": False},
}


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("live")) as found:
        found.apply()
        found.put_data()
        yield found


def types(plan: Plan, *actions: str) -> set[str]:
    """Of the resources to which these things happen, in this order."""
    return {each.type for each in plan.resources if each.actions == actions}


@pytest.mark.parametrize("name", CHANGES)
def test_a_variable_by_itself(deployment: Live, name: str) -> None:
    changed, made_anew, gone = CHANGES[name]
    plan = deployment.plan(changed)
    assert plan.changes
    assert types(plan, "delete", "create") == set(), "what is needed would be away for a time"
    assert types(plan, "create", "delete") == made_anew
    assert types(plan, "delete") == gone
    assert not (made_anew | gone) & KEPT


def test_what_cannot_be_changed_is_refused_in_words(deployment: Live) -> None:
    app = {"stage": "live"}
    with pytest.raises(TerraformError) as refused:
        deployment.plan({"network": {"cidr": "10.70.0.0/16"}, "app": app})
    assert "VPC's range is 10.60.0.0/16 and cannot become 10.70.0.0/16" in str(refused.value)
    assert "first WebSocket API was prod and would become live" in str(refused.value)


def test_another_name_is_refused_in_words(deployment: Live) -> None:
    with pytest.raises(TerraformError, match="This deployment is named tidings"):
        deployment.plan({"name": "chat"})


def test_who_means_it_can_do_it_all_the_same(deployment: Live) -> None:
    """As docs/how-to/change-a-deployment.md says."""
    plan = deployment.plan({"app": {"shards": 2}}, replace=[STAGE])
    assert "aws_apigatewayv2_api" in types(plan, "delete")


def test_all_together_and_back(deployment: Live) -> None:
    """Applied: functions can use what there is, and everything that was written is still there."""
    before = deployment.data()
    assert len(before) > 15
    assert set(before.values()) == {1}
    back = {"former_kms_key_arns": {REGION: [f"{KEY}/1"]}}
    for changed in (TOGETHER, back):
        deployment.apply(changed)
        assert deployment.rights_missing() == []
        assert deployment.data() == before
        used, caches = deployment.cache_in_use()
        assert caches == [used]
    # ministack keeps the key of a secret that is to have none; AWS takes its own again.
    assert deployment.plan(back).changes <= {"aws_secretsmanager_secret"}
