"""Settings from the environment: the only module that reads it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..model.consents import AddedBy
from ..model.identifiers import Region
from ..model.log import Durability
from ..model.rooms import RoomType
from . import setting_values as values
from .rates import DEFAULT_LIMITS, DEFAULT_ROOM_RATE, Rate
from .setting_values import ANY_ORIGIN as ANY_ORIGIN
from .setting_values import MOST_REGIONS as MOST_REGIONS
from .setting_values import Alone as Alone
from .setting_values import Endpoint as Endpoint
from .setting_values import SettingError as SettingError
from .setting_values import WebSocketApi as WebSocketApi


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, each with its environment variable in brackets.

    Attributes:
        region: The region this code runs in [AWS_REGION].
        regions: All regions of the deployment, which share the global tables; empty for this region
            alone [TIDINGS_REGIONS].
        prefix: Prefix of table and queue names [TIDINGS_PREFIX].
        endpoint_url: AWS endpoint of an emulator; unset on AWS [AWS_ENDPOINT_URL].
        dynamodb_endpoint_url: The same for DynamoDB alone [AWS_ENDPOINT_URL_DYNAMODB].
        sqs_endpoint_url: The same for SQS alone [AWS_ENDPOINT_URL_SQS].
        home_endpoint_url: The same for DynamoDB in the first of `regions`, which keeps the claims
            of room ids, if it has an emulator of its own [TIDINGS_HOME_ENDPOINT_URL].
        topic_arn: ARN of the SNS topic that brings events to the other regions; empty with one
            region [TIDINGS_TOPIC_ARN].
        secret_id: Id or ARN of the Secrets Manager secret that holds `jwt_secret`,
            `jwt_secret_previous` and `redis_password`; empty for none [TIDINGS_SECRET_ID].
        redis_url: redis:// or rediss:// URL; empty for no Redis. The placeholder
            `{redis_password}` is replaced with the password from the secret [TIDINGS_REDIS_URL].
        redis_cluster: Whether Redis runs in cluster mode, as ElastiCache Serverless does
            [TIDINGS_REDIS_CLUSTER].
        redis_iam_user: ElastiCache user that authenticates with IAM; empty for none
            [TIDINGS_REDIS_IAM_USER].
        redis_iam_cache: Name of the serverless cache, or id of the replication group
            [TIDINGS_REDIS_IAM_CACHE].
        redis_iam_serverless: Whether that cache is serverless [TIDINGS_REDIS_IAM_SERVERLESS].
        connections_url: Base URL of @connections in an emulator; empty on AWS, where it is built
            from the API id and the region [TIDINGS_CONNECTIONS_URL].
        websocket_apis: Comma-separated `api id/stage` of the region's WebSocket APIs, such as
            a1b2c3d4e5/prod: the health check asks their @connections. Empty to leave that out
            [TIDINGS_WEBSOCKET_APIS].
        jwt_secret: HS256 secret, used when `secret_id` is empty; empty to refuse HS256
            [TIDINGS_JWT_SECRET].
        jwks_url: URL of the issuer's key set (JWKS), for RS256 and ES256; https, or http on
            loopback. Empty to refuse them; otherwise issuer and audience are required, too
            [TIDINGS_JWKS_URL].
        jwt_issuer: `iss` of every token, also of those signed with the secret
            [TIDINGS_JWT_ISSUER].
        jwt_audiences: `aud` of every token, also of those signed with the secret, or the
            `client_id` of Amazon Cognito's access tokens; comma-separated if there are several
            [TIDINGS_JWT_AUDIENCE].
        jwt_secret_unscoped: 1 if tokens that are signed with the secret may lack the `iss` and
            `aud` of the two settings above; those that they have must match
            [TIDINGS_JWT_SECRET_UNSCOPED].
        jwt_user_claim: Claim with the user's id, a text or a whole number
            [TIDINGS_JWT_USER_CLAIM].
        jwt_roles_claim: Claim with the list of roles, which may be absent
            [TIDINGS_JWT_ROLES_CLAIM].
        jwt_max_validity_s: A token whose `exp` is further ahead is refused, as one in milliseconds
            is [TIDINGS_JWT_MAX_VALIDITY_S].
        posts_per_s: Maximum posts per second of all workers in the region together: their share of
            API Gateway's requests [TIDINGS_POSTS_PER_S].
        post_concurrency: Maximum concurrent posts of one worker [TIDINGS_POST_CONCURRENCY].
        split_over: A delivery to more connections than this is split into parts
            [TIDINGS_SPLIT_OVER].
        fast_lane: A sender delivers its message itself to a room of up to this many connections,
            and of 100 members, without the queue; 0 to leave all to the queue [TIDINGS_FAST_LANE].
        fast_lane_ms: Milliseconds in which it begins its posts. What waits for a socket has twice
            as long; the queue's worker delivers the rest. The sender's answer waits for what was
            posted, 2 s at most [TIDINGS_FAST_LANE_MS].
        outbox: 1 if the stream of the table `messages` queues what no sender has delivered: then
            a sender queues no job for what it has delivered itself [TIDINGS_OUTBOX].
        limits: Rate limits by action, where they differ from the defaults: a JSON object such as
            {"send_message": [100, 500]}: tokens per second, and the burst [TIDINGS_LIMITS].
        edge_proofs: SHA-256 digests, hexadecimal and comma-separated, of the secrets with which a
            proxy in front proves itself in the header `X-Tidings-Proof`. Then the address of its
            client is that in `X-Tidings-Viewer` [TIDINGS_EDGE_PROOFS].
        behind_proxy: 1 if a proxy that proves nothing calls the APIs for its clients: then their
            addresses are unknown, and nothing is limited by address [TIDINGS_BEHIND_PROXY].
        room_rate: Messages and deletions that a room takes in a region: a JSON array of the
            number per second, and the burst [TIDINGS_ROOM_RATE].
        room_share: The part of a room's rate and burst that one member may use, above 0 and at
            most 1 [TIDINGS_ROOM_SHARE].
        durability: Where a message is when its sender gets the ack: `regional` for this region,
            `global` for a second one, too [TIDINGS_DURABILITY].
        room_durability: The same by room type, where it differs: a JSON object such as
            {"notifications": "global"} [TIDINGS_ROOM_DURABILITY].
        global_alone: What becomes of a `global` message that no other region takes: `ack` acks it
            as `regional`, `refuse` answers `unavailable` [TIDINGS_GLOBAL_ALONE].
        endpoints: Deployed regions for `GET /v1/endpoint`, a JSON object such as {"us-east-1":
            {"websocket": "wss://{shard}.example.com/ws", "health": "https://…"}}
            [TIDINGS_ENDPOINTS].
        drain_per_s: Connections that a region that drains sends to others in a second; by default
            half of those that API Gateway takes in a second [TIDINGS_DRAIN_PER_S].
        shards: Number of WebSocket APIs in each region, named `ws-0`, `ws-1`, … [TIDINGS_SHARDS].
        max_connections: Maximum connections of a user [TIDINGS_MAX_CONNECTIONS].
        max_rooms: Maximum rooms of a user [TIDINGS_MAX_ROOMS].
        max_members: Maximum members of a room [TIDINGS_MAX_MEMBERS].
        added_by: Who may add a user to rooms, unless the user chooses otherwise: `everybody`,
            `friends`, or nobody without an `invitation` that the user accepts [TIDINGS_ADDED_BY].
        ping_interval_ms: Milliseconds between the server's pings of an Engine.IO session
            [TIDINGS_PING_INTERVAL_MS].
        ping_timeout_ms: A session ends if it does not answer a ping within this time
            [TIDINGS_PING_TIMEOUT_MS].
        connect_timeout_s: A Socket.IO session ends if it connects to no namespace within this time
            [TIDINGS_CONNECT_TIMEOUT_S].
        poll_slots: Executions that waiting polls of Socket.IO clients may occupy: polls wait the
            shorter the nearer the number of polling clients is to it [TIDINGS_POLL_SLOTS].
        allowed_origins: Comma-separated origins whose pages may use the HTTP API and polling, such
            as https://chat.example.com; or `*` [TIDINGS_ALLOWED_ORIGINS].
        metrics_namespace: CloudWatch namespace of all metrics [TIDINGS_METRICS_NAMESPACE].
        log_level: Log lines below this level are not written [TIDINGS_LOG_LEVEL].
    """

    region: str = "us-east-1"
    regions: tuple[Region, ...] = ()
    prefix: str = "tidings"
    endpoint_url: str | None = None
    dynamodb_endpoint_url: str | None = None
    sqs_endpoint_url: str | None = None
    home_endpoint_url: str | None = None
    topic_arn: str = ""
    secret_id: str = ""
    redis_url: str = ""
    redis_cluster: bool = False
    redis_iam_user: str = ""
    redis_iam_cache: str = ""
    redis_iam_serverless: bool = False
    connections_url: str = ""
    websocket_apis: tuple[WebSocketApi, ...] = ()
    jwt_secret: str = ""
    jwks_url: str = ""
    jwt_issuer: str = ""
    jwt_audiences: tuple[str, ...] = ()
    jwt_secret_unscoped: bool = False
    jwt_user_claim: str = "sub"
    jwt_roles_claim: str = "roles"
    jwt_max_validity_s: int = values.DEFAULT_VALIDITY_S
    posts_per_s: int = 7000
    post_concurrency: int = 64
    split_over: int = 500
    fast_lane: int = 50
    fast_lane_ms: int = 250
    outbox: bool = False
    limits: Mapping[str, Rate] = field(default_factory=lambda: DEFAULT_LIMITS)
    edge_proofs: tuple[str, ...] = ()
    behind_proxy: bool = False
    room_rate: Rate = DEFAULT_ROOM_RATE
    room_share: float = 0.25
    durability: Durability = Durability.REGIONAL
    room_durability: Mapping[RoomType, Durability] = field(default_factory=dict)
    global_alone: Alone = Alone.ACK
    endpoints: Mapping[Region, Endpoint] = field(default_factory=dict)
    drain_per_s: int = 250
    shards: int = 1
    max_connections: int = 50
    max_rooms: int = 1000
    max_members: int = 10_000
    added_by: AddedBy = AddedBy.EVERYBODY
    ping_interval_ms: int = 240_000
    ping_timeout_ms: int = 60_000
    connect_timeout_s: int = 45
    poll_slots: int = 400
    allowed_origins: tuple[str, ...] = ()
    metrics_namespace: str = "WeChat/WebSocket"
    log_level: str = "INFO"

    @property
    def own_first(self) -> tuple[Region, ...]:
        """All regions of the deployment, this one first."""
        own = Region(self.region)
        return own, *sorted(region for region in self.regions if region != own)

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> Settings:
        """Read the environment. An invalid value raises ValueError here, at the start."""
        default = cls()
        issuer = env.get("TIDINGS_JWT_ISSUER", default.jwt_issuer)
        audiences = values.audiences(env.get("TIDINGS_JWT_AUDIENCE", ""))
        if bool(env.get("TIDINGS_REDIS_IAM_USER")) != bool(env.get("TIDINGS_REDIS_IAM_CACHE")):
            raise SettingError(
                "TIDINGS_REDIS_IAM_USER", "set TIDINGS_REDIS_IAM_CACHE with it, or neither"
            )
        return cls(
            region=values.region("AWS_REGION", env.get("AWS_REGION", default.region)),
            regions=values.regions(
                env.get("AWS_REGION", default.region), env.get("TIDINGS_REGIONS", "")
            ),
            prefix=env.get("TIDINGS_PREFIX", default.prefix),
            endpoint_url=values.first_url(env, "AWS_ENDPOINT_URL"),
            dynamodb_endpoint_url=values.first_url(
                env, "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"
            ),
            sqs_endpoint_url=values.first_url(env, "AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL"),
            home_endpoint_url=values.first_url(
                env, "TIDINGS_HOME_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"
            ),
            topic_arn=env.get("TIDINGS_TOPIC_ARN", default.topic_arn),
            secret_id=env.get("TIDINGS_SECRET_ID", default.secret_id),
            redis_url=values.redis_url(env.get("TIDINGS_REDIS_URL", "")),
            redis_cluster=values.flag(env, "TIDINGS_REDIS_CLUSTER"),
            redis_iam_user=env.get("TIDINGS_REDIS_IAM_USER", default.redis_iam_user),
            redis_iam_cache=env.get("TIDINGS_REDIS_IAM_CACHE", default.redis_iam_cache),
            redis_iam_serverless=values.flag(env, "TIDINGS_REDIS_IAM_SERVERLESS"),
            connections_url=env.get("TIDINGS_CONNECTIONS_URL", default.connections_url),
            websocket_apis=values.websocket_apis(env.get("TIDINGS_WEBSOCKET_APIS", "")),
            jwt_secret=env.get("TIDINGS_JWT_SECRET", default.jwt_secret),
            jwks_url=values.jwks_url(
                env.get("TIDINGS_JWKS_URL", ""),
                is_scoped=bool(issuer.strip() and audiences),
            ),
            jwt_issuer=issuer,
            jwt_audiences=audiences,
            jwt_secret_unscoped=values.flag(env, "TIDINGS_JWT_SECRET_UNSCOPED"),
            jwt_user_claim=env.get("TIDINGS_JWT_USER_CLAIM") or default.jwt_user_claim,
            jwt_roles_claim=env.get("TIDINGS_JWT_ROLES_CLAIM") or default.jwt_roles_claim,
            jwt_max_validity_s=values.whole(
                env,
                "TIDINGS_JWT_MAX_VALIDITY_S",
                default.jwt_max_validity_s,
                least=values.LEAST_VALIDITY_S,
                most=values.MOST_VALIDITY_S,
            ),
            posts_per_s=values.whole(env, "TIDINGS_POSTS_PER_S", default.posts_per_s),
            post_concurrency=values.whole(
                env, "TIDINGS_POST_CONCURRENCY", default.post_concurrency
            ),
            split_over=values.whole(env, "TIDINGS_SPLIT_OVER", default.split_over),
            fast_lane=values.whole(env, "TIDINGS_FAST_LANE", default.fast_lane, least=0),
            fast_lane_ms=values.whole(env, "TIDINGS_FAST_LANE_MS", default.fast_lane_ms),
            outbox=values.flag(env, "TIDINGS_OUTBOX"),
            limits={**DEFAULT_LIMITS, **values.limits(env.get("TIDINGS_LIMITS", ""))},
            edge_proofs=values.digests(env.get("TIDINGS_EDGE_PROOFS", "")),
            behind_proxy=values.flag(env, "TIDINGS_BEHIND_PROXY"),
            room_rate=values.room_rate(env.get("TIDINGS_ROOM_RATE", "")) or default.room_rate,
            room_share=values.share(env.get("TIDINGS_ROOM_SHARE", "")) or default.room_share,
            durability=values.one_of(
                "TIDINGS_DURABILITY", Durability, env.get("TIDINGS_DURABILITY", "")
            )
            or default.durability,
            room_durability=values.room_durability(env.get("TIDINGS_ROOM_DURABILITY", "")),
            global_alone=values.one_of(
                "TIDINGS_GLOBAL_ALONE", Alone, env.get("TIDINGS_GLOBAL_ALONE", "")
            )
            or default.global_alone,
            endpoints=values.endpoints(env.get("TIDINGS_ENDPOINTS", "")),
            drain_per_s=values.whole(env, "TIDINGS_DRAIN_PER_S", default.drain_per_s),
            shards=values.whole(env, "TIDINGS_SHARDS", default.shards),
            max_connections=values.whole(env, "TIDINGS_MAX_CONNECTIONS", default.max_connections),
            max_rooms=values.whole(env, "TIDINGS_MAX_ROOMS", default.max_rooms),
            max_members=values.whole(env, "TIDINGS_MAX_MEMBERS", default.max_members),
            added_by=values.one_of("TIDINGS_ADDED_BY", AddedBy, env.get("TIDINGS_ADDED_BY", ""))
            or default.added_by,
            ping_interval_ms=values.whole(
                env, "TIDINGS_PING_INTERVAL_MS", default.ping_interval_ms
            ),
            ping_timeout_ms=values.whole(env, "TIDINGS_PING_TIMEOUT_MS", default.ping_timeout_ms),
            connect_timeout_s=values.whole(
                env, "TIDINGS_CONNECT_TIMEOUT_S", default.connect_timeout_s
            ),
            poll_slots=values.whole(env, "TIDINGS_POLL_SLOTS", default.poll_slots),
            allowed_origins=values.origins(env.get("TIDINGS_ALLOWED_ORIGINS", "")),
            metrics_namespace=env.get("TIDINGS_METRICS_NAMESPACE", default.metrics_namespace),
            log_level=values.log_level(env.get("TIDINGS_LOG_LEVEL", ""), default.log_level),
        )


def ca_bundle(env: Mapping[str, str] = os.environ) -> str | None:
    """The file of the authorities that TLS trusts in place of the system's [AWS_CA_BUNDLE]."""
    return env.get("AWS_CA_BUNDLE") or None


def environment_keys(env: Mapping[str, str] = os.environ) -> tuple[str, str, str | None] | None:
    """Access key, secret key and session token of the environment, as Lambda sets them.

    None if there are none, or if they expire while the process lives [AWS_CREDENTIAL_EXPIRATION].
    """
    access, secret = env.get("AWS_ACCESS_KEY_ID"), env.get("AWS_SECRET_ACCESS_KEY")
    if not access or not secret or env.get("AWS_CREDENTIAL_EXPIRATION"):
        return None
    return access, secret, env.get("AWS_SESSION_TOKEN") or None
