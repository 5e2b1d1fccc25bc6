"""What differs between AWS and the emulators."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from operate.deploy.errors import DeployError
from operate.deploy.targets import LACKING, Emulated, Target, emulated

ROOT = Path(__file__).resolve().parents[3] / "terraform"


def test_aws_gets_the_root_as_it_is() -> None:
    target = Target("aws")
    assert target.variables() == {}
    assert target.environment({"AWS_PROFILE": "prod"}) == {"AWS_PROFILE": "prod"}
    assert Target("aws", "eu-central-1").variables() == {"region": "eu-central-1"}
    assert (target.package.runtime, target.package.architecture) == ("python3.13", "arm64")


def test_an_emulator_s_variables_are_the_root_s() -> None:
    variables = emulated("localstack", "us-east-1", Emulated()).variables()
    declared = re.findall(r'^variable "(\w+)"', (ROOT / "variables.tf").read_text(), re.MULTILINE)
    assert set(variables) <= set(declared)


def test_what_localstack_lacks_is_answered_beside_it() -> None:
    at = Emulated(beside_url="http://127.0.0.1:4567")
    environment = emulated("localstack", "us-east-1", at).environment({})
    assert environment["AWS_ENDPOINT_URL"] == at.aws_url
    for service in LACKING:
        assert environment[f"AWS_ENDPOINT_URL_{service}"] == at.beside_url == at.control_plane_url


def test_one_emulator_has_all_apis() -> None:
    at = Emulated()
    environment = emulated("ministack", "us-east-1", at).environment({})
    assert [name for name in environment if "ENDPOINT" in name] == ["AWS_ENDPOINT_URL"]
    assert at.control_plane_url == at.aws_url


def test_a_python_that_lambda_lacks_is_said() -> None:
    with pytest.raises(DeployError, match=r"Python 3\.2: not one of"):
        emulated("ministack", "us-east-1", Emulated(python="3.2"))


def test_an_emulator_sees_nothing_of_the_developer_s_own() -> None:
    given = {
        "HOME": "/home/ada",
        "HTTPS_PROXY": "http://proxy:3128",
        "NO_PROXY": "example.com",
        "AWS_PROFILE": "prod",
        "AWS_SESSION_TOKEN": "token",
        "AWS_ENDPOINT_URL_S3": "http://minio:9000",
        "TF_VAR_name": "other",
        "TF_CLI_ARGS_plan": "-target=module.edge",
        "TF_WORKSPACE": "other",
    }
    environment = emulated("ministack", "us-east-1", Emulated()).environment(given)
    assert (
        environment.pop("AWS_ACCESS_KEY_ID") == environment.pop("AWS_SECRET_ACCESS_KEY") == "test"
    )
    assert environment == {
        "HOME": "/home/ada",
        "HTTPS_PROXY": "http://proxy:3128",
        "NO_PROXY": "example.com,127.0.0.1,localhost,::1",
        "no_proxy": "example.com,127.0.0.1,localhost,::1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "PYTHONUTF8": "1",
    }


def test_a_client_asks_where_the_service_is() -> None:
    at = Emulated(beside_url="http://127.0.0.1:4567")
    target = emulated("localstack", "us-east-1", at)
    assert target.client("cloudfront", "us-east-1").meta.endpoint_url == at.beside_url
    assert target.client("dynamodb", "eu-west-1").meta.endpoint_url == at.aws_url
    on_aws = Target("aws").client("dynamodb", "eu-west-1").meta
    assert (on_aws.endpoint_url, on_aws.region_name) == (
        "https://dynamodb.eu-west-1.amazonaws.com",
        "eu-west-1",
    )
