"""Settings that would fail later are refused at start."""

from __future__ import annotations

import pytest

from chalicelib.kernel.settings import Settings

IAM = {"TIDINGS_REDIS_IAM_USER": "tidings", "TIDINGS_REDIS_IAM_CACHE": "cache"}


def test_how_the_cache_knows_us() -> None:
    settings = Settings.from_env({**IAM, "TIDINGS_REDIS_IAM_SERVERLESS": "1"})
    assert (settings.redis_iam_user, settings.redis_iam_cache) == ("tidings", "cache")
    assert settings.redis_iam_serverless
    assert not Settings.from_env(IAM).redis_iam_serverless
    assert Settings.from_env({}).redis_iam_user == ""


@pytest.mark.parametrize("missing", sorted(IAM))
def test_half_of_it_is_refused(missing: str) -> None:
    with pytest.raises(ValueError, match="or neither"):
        Settings.from_env({name: value for name, value in IAM.items() if name != missing})


def test_the_regions_of_the_deployment_this_one_first() -> None:
    env = {"AWS_REGION": "eu-west-1", "TIDINGS_REGIONS": "us-east-1, eu-west-1,ap-southeast-1"}
    assert Settings.from_env(env).own_first == ("eu-west-1", "ap-southeast-1", "us-east-1")
    assert Settings.from_env({"AWS_REGION": "eu-west-1"}).own_first == ("eu-west-1",)


@pytest.mark.parametrize("text", ["us-east-1", "eu-west-1,eu-west-1", "eu-west-1,Mars", "a-1," * 9])
def test_regions_that_cannot_be(text: str) -> None:
    with pytest.raises(ValueError, match="TIDINGS_REGIONS"):
        Settings.from_env({"AWS_REGION": "eu-west-1", "TIDINGS_REGIONS": text})


def test_the_secret_s_id() -> None:
    assert Settings.from_env({"TIDINGS_SECRET_ID": "tidings/app"}).secret_id == "tidings/app"


def test_the_emulator_of_the_first_region() -> None:
    both = {"AWS_ENDPOINT_URL": "http://here", "TIDINGS_HOME_ENDPOINT_URL": "http://home"}
    assert Settings.from_env(both).home_endpoint_url == "http://home"
    assert Settings.from_env({"AWS_ENDPOINT_URL": "http://here"}).home_endpoint_url == "http://here"
    assert Settings.from_env({}).home_endpoint_url is None
