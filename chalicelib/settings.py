"""Settings from the environment: the only module that reads it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything configurable, with the environment variable in brackets.

    Attributes:
        region: The region this code runs in [AWS_REGION].
        prefix: Prefix of table and queue names [TIDINGS_PREFIX].
        endpoint_url: AWS endpoint of an emulator, None on AWS [AWS_ENDPOINT_URL].
        redis_url: redis:// or rediss:// URL, "" for none [TIDINGS_REDIS_URL].
        redis_cluster: Cluster mode, as ElastiCache Serverless has it [TIDINGS_REDIS_CLUSTER].
        connections_url: Base of @connections for an emulator; "" builds the AWS
            address from api id and region [TIDINGS_CONNECTIONS_URL].
        jwt_secret: HS256 secret, "" to refuse HS256 [TIDINGS_JWT_SECRET].
        jwks_url: JWKS for RS256/ES256, "" to refuse them [TIDINGS_JWKS_URL].
        jwt_issuer: Required `iss` with JWKS [TIDINGS_JWT_ISSUER].
        jwt_audience: Required `aud` with JWKS [TIDINGS_JWT_AUDIENCE].
        posts_per_s: Budget shared by all posts of the region [TIDINGS_POSTS_PER_S].
        post_concurrency: Sockets one worker posts on at once [TIDINGS_POST_CONCURRENCY].
        split_over: Connections above which a delivery is split [TIDINGS_SPLIT_OVER].
        log_level: [TIDINGS_LOG_LEVEL].
    """

    region: str = "us-east-1"
    prefix: str = "tidings"
    endpoint_url: str | None = None
    redis_url: str = ""
    redis_cluster: bool = False
    connections_url: str = ""
    jwt_secret: str = ""
    jwks_url: str = ""
    jwt_issuer: str = ""
    jwt_audience: str = ""
    posts_per_s: int = 8000
    post_concurrency: int = 64
    split_over: int = 500
    log_level: str = "INFO"

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> Settings:
        """Read the environment; a number that is none raises ValueError at start, not later."""
        default = cls()
        return cls(
            region=env.get("AWS_REGION", default.region),
            prefix=env.get("TIDINGS_PREFIX", default.prefix),
            endpoint_url=env.get("AWS_ENDPOINT_URL") or None,
            redis_url=env.get("TIDINGS_REDIS_URL", default.redis_url),
            redis_cluster=env.get("TIDINGS_REDIS_CLUSTER", "") == "1",
            connections_url=env.get("TIDINGS_CONNECTIONS_URL", default.connections_url),
            jwt_secret=env.get("TIDINGS_JWT_SECRET", default.jwt_secret),
            jwks_url=env.get("TIDINGS_JWKS_URL", default.jwks_url),
            jwt_issuer=env.get("TIDINGS_JWT_ISSUER", default.jwt_issuer),
            jwt_audience=env.get("TIDINGS_JWT_AUDIENCE", default.jwt_audience),
            posts_per_s=int(env.get("TIDINGS_POSTS_PER_S", default.posts_per_s)),
            post_concurrency=int(env.get("TIDINGS_POST_CONCURRENCY", default.post_concurrency)),
            split_over=int(env.get("TIDINGS_SPLIT_OVER", default.split_over)),
            log_level=env.get("TIDINGS_LOG_LEVEL", default.log_level),
        )
