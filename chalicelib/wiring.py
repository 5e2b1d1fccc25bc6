"""The composition root: builds the services from the settings, once per process at first use."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from .composition import compose
from .kernel import telemetry
from .kernel.settings import Settings
from .model.identifiers import Region, RoomId
from .ports.access import Secrets
from .ports.adapters import Adapters
from .ports.delivery import PostBudget
from .ports.system import Clock
from .services import Services

if TYPE_CHECKING:
    from .adapters.apigateway.poster import ApiGatewayPoster
    from .adapters.http.sigv4 import Credentials


def build(settings: Settings) -> Services:
    """Compose the services on AWS and Redis. Each connection opens at first use."""
    from .adapters.apigateway.engine import EnginePoster
    from .adapters.aws import client
    from .adapters.cloudwatch import CloudWatchMetrics
    from .adapters.dynamodb import (
        DynamoArrivals,
        DynamoCheckpointStore,
        DynamoConnectionStore,
        DynamoConsentStore,
        DynamoCursors,
        DynamoDrains,
        DynamoFriendStore,
        DynamoMarkers,
        DynamoMessageLog,
        DynamoPresenceStore,
        DynamoRevocationStore,
        DynamoRoomStore,
    )
    from .adapters.http.credentials import credentials as find_credentials
    from .adapters.issuer import HttpIssuer
    from .adapters.peers import HttpPeers
    from .adapters.probes import SystemProbes
    from .adapters.redis.auth import IamToken, from_url
    from .adapters.redis.cache import RedisCache
    from .adapters.redis.client import RedisClient
    from .adapters.redis.cluster import RedisClusterBus
    from .adapters.redis.sessions import RedisSessions
    from .adapters.redis.trails import RedisTrails
    from .adapters.secrets import FixedSecrets, ManagedSecrets
    from .adapters.sns import SnsTopic
    from .adapters.sqs import SqsQueue
    from .adapters.sqs_peers import SqsPeerQueues
    from .adapters.system import SystemClock, SystemIds, SystemThreads

    telemetry.configure(settings.log_level, settings.metrics_namespace)
    clock, ids = SystemClock(), SystemIds()
    dynamodb = client("dynamodb", settings.region, settings.dynamodb_endpoint_url)
    home_region = settings.regions[0] if settings.regions else settings.region
    home = functools.partial(client, "dynamodb", home_region, settings.home_endpoint_url)
    sqs = client("sqs", settings.region, settings.sqs_endpoint_url)
    sns = functools.partial(client, "sns", settings.region, settings.endpoint_url, 0.5)
    secrets: Secrets = FixedSecrets({"jwt_secret": settings.jwt_secret})
    if settings.secret_id:
        manager = functools.partial(
            client, "secretsmanager", settings.region, settings.endpoint_url
        )
        secrets = ManagedSecrets(manager, settings.secret_id, clock)
    credentials = find_credentials()
    redis_url, auth = from_url(settings.redis_url, secrets)
    if settings.redis_iam_user:
        auth = IamToken(
            settings.redis_iam_user,
            settings.redis_iam_cache,
            settings.region,
            settings.redis_iam_serverless,
            credentials,
            clock,
        )
    redis = RedisClient(redis_url, settings.redis_cluster, auth=auth)
    cache = RedisCache(redis, ids)
    prefix = settings.prefix
    sessions = RedisSessions(redis)

    posting = poster(settings, cache, clock, credentials)
    adapters = Adapters(
        log=DynamoMessageLog(dynamodb, prefix),
        cursors=DynamoCursors(dynamodb, prefix),
        friends=DynamoFriendStore(dynamodb, prefix, settings.own_first),
        consents=DynamoConsentStore(dynamodb, prefix, settings.own_first),
        revocations=DynamoRevocationStore(dynamodb, prefix, settings.own_first),
        presence=DynamoPresenceStore(dynamodb, prefix),
        markers=DynamoMarkers(dynamodb, prefix),
        rooms=DynamoRoomStore(dynamodb, prefix, settings.own_first, home),
        connections=DynamoConnectionStore(dynamodb, prefix),
        drains=DynamoDrains(dynamodb, prefix),
        checkpoints=DynamoCheckpointStore(dynamodb, prefix),
        sessions=sessions,
        trails=RedisTrails(redis),
        cache=cache,
        poster=EnginePoster(posting, sessions),
        delivery=SqsQueue(sqs, f"{prefix}-delivery.fifo"),
        delivery_dead=SqsQueue(sqs, f"{prefix}-delivery-dead.fifo"),
        outbound=SqsQueue(sqs, f"{prefix}-outbound"),
        outbound_dead=SqsQueue(sqs, f"{prefix}-outbound-dead"),
        peer_outbound=SqsPeerQueues(settings.sqs_endpoint_url, f"{prefix}-outbound"),
        inbox=SqsQueue(sqs, f"{prefix}-inbox"),
        inbox_dead=SqsQueue(sqs, f"{prefix}-inbox-dead"),
        topic=SnsTopic(sns, settings.topic_arn),
        peers=HttpPeers(),
        arrivals=DynamoArrivals(prefix, Region(settings.region)),
        probes=SystemProbes(posting),
        metrics=CloudWatchMetrics(
            settings.region, settings.endpoint_url, settings.metrics_namespace
        ),
        cluster=RedisClusterBus(redis_url, ids.token(), clock, auth),
        secrets=secrets,
        issuer=HttpIssuer(settings.jwks_url),
        clock=clock,
        ids=ids,
        parallel=SystemThreads(),
    )
    return compose(settings, adapters)


def poster(
    settings: Settings, budget: PostBudget, clock: Clock, credentials: Callable[[], Credentials]
) -> ApiGatewayPoster:
    """Make what posts to connections, within the region's budget."""
    from .adapters.apigateway.poster import ApiGatewayPoster

    def lease(posts: int, room_id: RoomId | None) -> int:
        return budget.lease_posts(posts, settings.posts_per_s, room_id)

    return ApiGatewayPoster(
        settings.region,
        settings.connections_url,
        credentials,
        concurrency=settings.post_concurrency,
        budget=lease,
        note=budget.note_posts,
        fallback_per_s=max(1, settings.posts_per_s // 10),
        clock=clock,
    )


@functools.cache
def services() -> Services:
    """Return the services of this process, built from its environment at the first call."""
    return build(Settings.from_env())
