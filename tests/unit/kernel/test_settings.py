"""Settings that would fail later are refused at start."""

from __future__ import annotations

import pytest

from chalicelib.kernel.settings import Alone, Settings, ca_bundle, environment_keys
from chalicelib.model.log import Durability
from chalicelib.model.rooms import RoomType

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


def test_a_service_s_own_emulator_comes_before_the_one_of_all() -> None:
    env = {
        "AWS_ENDPOINT_URL": "http://all",
        "AWS_ENDPOINT_URL_DYNAMODB": "http://tables",
        "AWS_ENDPOINT_URL_SQS": "http://queues",
    }
    own = Settings.from_env(env)
    assert (own.endpoint_url, own.dynamodb_endpoint_url, own.sqs_endpoint_url) == (
        "http://all",
        "http://tables",
        "http://queues",
    )
    assert own.home_endpoint_url == "http://tables"
    shared = Settings.from_env({"AWS_ENDPOINT_URL": "http://all"})
    assert shared.dynamodb_endpoint_url == shared.sqs_endpoint_url == "http://all"
    assert Settings.from_env({}).sqs_endpoint_url is None


def test_keys_of_the_environment() -> None:
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s"}
    assert environment_keys(keys) == ("a", "s", None)
    assert environment_keys({**keys, "AWS_SESSION_TOKEN": "t"}) == ("a", "s", "t")
    assert environment_keys({**keys, "AWS_CREDENTIAL_EXPIRATION": "2030-01-01T00:00:00Z"}) is None
    assert environment_keys({"AWS_ACCESS_KEY_ID": "a"}) is None
    assert environment_keys({}) is None


def test_authorities_of_the_environment() -> None:
    assert ca_bundle({"AWS_CA_BUNDLE": "/x.pem"}) == "/x.pem"
    assert ca_bundle({"AWS_CA_BUNDLE": ""}) is None


def test_where_messages_are_kept() -> None:
    default = Settings.from_env({})
    assert (default.durability, default.room_durability) == (Durability.REGIONAL, {})
    assert default.global_alone is Alone.ACK
    given = Settings.from_env(
        {
            "TIDINGS_DURABILITY": "global",
            "TIDINGS_ROOM_DURABILITY": '{"moments": "regional", "notifications": "global"}',
            "TIDINGS_GLOBAL_ALONE": "refuse",
        }
    )
    assert (given.durability, given.global_alone) == (Durability.GLOBAL, Alone.REFUSE)
    assert given.room_durability == {
        RoomType.MOMENTS: Durability.REGIONAL,
        RoomType.NOTIFICATIONS: Durability.GLOBAL,
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("TIDINGS_DURABILITY", "local"),
        ("TIDINGS_GLOBAL_ALONE", "wait"),
        ("TIDINGS_ROOM_DURABILITY", '["global"]'),
        ("TIDINGS_ROOM_DURABILITY", '{"lobby": "global"}'),
        ("TIDINGS_ROOM_DURABILITY", '{"moments": "twice"}'),
        ("TIDINGS_ROOM_DURABILITY", '{"moments": ""}'),
        ("TIDINGS_ROOM_DURABILITY", '{"moments": null}'),
    ],
)
def test_durabilities_that_cannot_be(name: str, text: str) -> None:
    with pytest.raises(ValueError, match=name):
        Settings.from_env({name: text})


ISSUER = {"TIDINGS_JWT_ISSUER": "https://us/", "TIDINGS_JWT_AUDIENCE": "web, mobile"}


def test_an_issuer_and_what_its_tokens_must_have() -> None:
    settings = Settings.from_env({**ISSUER, "TIDINGS_JWKS_URL": "https://us/keys"})
    assert (settings.jwks_url, settings.jwt_issuer) == ("https://us/keys", "https://us/")
    assert settings.jwt_audiences == ("web", "mobile")
    assert not settings.jwt_secret_unscoped
    assert Settings.from_env({"TIDINGS_JWT_SECRET_UNSCOPED": "1"}).jwt_secret_unscoped
    claims = {"TIDINGS_JWT_USER_CLAIM": "uid", "TIDINGS_JWT_ROLES_CLAIM": "cognito:groups"}
    named = Settings.from_env(claims)
    assert (named.jwt_user_claim, named.jwt_roles_claim) == ("uid", "cognito:groups")
    unnamed = Settings.from_env(dict.fromkeys(claims, ""))
    assert (unnamed.jwt_user_claim, unnamed.jwt_roles_claim) == ("sub", "roles")


@pytest.mark.parametrize("missing", sorted(ISSUER))
def test_an_issuer_signs_for_others_too(missing: str) -> None:
    env = {name: value for name, value in ISSUER.items() if name != missing}
    with pytest.raises(ValueError, match="set TIDINGS_JWT_ISSUER and TIDINGS_JWT_AUDIENCE, too"):
        Settings.from_env({**env, "TIDINGS_JWKS_URL": "https://us/keys"})


@pytest.mark.parametrize("blank", [" ", "  ", "\t"])
def test_a_blank_issuer_is_none(blank: str) -> None:
    env = {**ISSUER, "TIDINGS_JWT_ISSUER": blank, "TIDINGS_JWKS_URL": "https://us/keys"}
    with pytest.raises(ValueError, match="set TIDINGS_JWT_ISSUER and TIDINGS_JWT_AUDIENCE, too"):
        Settings.from_env(env)


@pytest.mark.parametrize("blank", [",", " ", " , ", ",,"])
@pytest.mark.parametrize("url", ["", "https://us/keys"])
def test_audiences_that_name_none_are_refused(url: str, blank: str) -> None:
    """They would switch the check of `aud` off."""
    env = {**ISSUER, "TIDINGS_JWT_AUDIENCE": blank, "TIDINGS_JWKS_URL": url}
    with pytest.raises(ValueError, match="TIDINGS_JWT_AUDIENCE"):
        Settings.from_env(env)
    assert Settings.from_env({"TIDINGS_JWT_AUDIENCE": ""}).jwt_audiences == ()


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("https://login.example.com/keys", True),
        ("http://127.0.0.1:8000/keys", True),
        ("http://localhost/keys", True),
        ("http://[::1]:8000/keys", True),
        ("http://login.example.com/keys", False),
        ("http://127.0.0.1.example.com/keys", False),
        ("http://localhost@example.com/keys", False),
        ("file:///etc/passwd", False),
        ("ftp://127.0.0.1/keys", False),
        ("login.example.com/keys", False),
        ("https://", False),
        ("https://[::1/keys", False),
        ("https:///keys", False),
        ("https://login.example.com:port/keys", False),
    ],
)
def test_nobody_between_may_change_the_keys(url: str, taken: bool) -> None:
    env = {**ISSUER, "TIDINGS_JWKS_URL": url}
    if taken:
        assert Settings.from_env(env).jwks_url == url
    else:
        with pytest.raises(ValueError, match="TIDINGS_JWKS_URL"):
            Settings.from_env(env)


def test_how_long_a_token_may_be_valid() -> None:
    name = "TIDINGS_JWT_MAX_VALIDITY_S"
    assert Settings.from_env({}).jwt_max_validity_s == Settings().jwt_max_validity_s == 34_560_000
    assert Settings.from_env({name: "86400"}).jwt_max_validity_s == 86_400
    for text in ("59", "-1", "3153600001", "soon", "1 day", "60.5"):
        with pytest.raises(ValueError, match="TIDINGS_JWT_MAX_VALIDITY_S: must be a whole number"):
            Settings.from_env({name: text})
