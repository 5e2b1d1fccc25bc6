"""What a request costs, and how often one user or one stranger may make it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.kernel.settings import Settings
from operate.cost import Price, message_usd
from operate.cost.usage import FUNCTIONS, Usage

from .kinds import Kind
from .region import Invocation, Measured

_HOUR_S = 3600
_MILLION = 1_000_000
_USAGE, _SETTINGS = Usage(users=0), Settings()
# Milliseconds of a call, of which an invocation with many takes longer than `Usage` assumes.
_DYNAMODB_MS, _REDIS_MS = 4, 1
# What API Gateway lets through in a second, from all clients together: the shares of 10,000
# requests in `app.gateway_shares` of terraform/modules/region. A test compares them.
THROTTLE = {"websocket": 2000, "http": 1000}


@dataclass(frozen=True, slots=True)
class Ratio:
    """What one payer can spend with a kind of request.

    Attributes:
        usd: For a million requests.
        hourly: Requests in an hour.
        payer: What is charged.
        hourly_usd: What an hour of them costs; posts are bounded by `TIDINGS_POSTS_PER_S`.
    """

    usd: float
    hourly: float
    payer: str
    hourly_usd: float


def ratio(kind: Kind, measured: Measured, prices: Mapping[str, Price]) -> Ratio:
    """Price a request, and see how often it may be made from what it paid."""
    whole = usd(measured, prices)
    unposted = usd(measured, prices, posts=False)
    hourly, payer = _hourly(kind, measured)
    posts = measured.sum("posts")
    posted = min(hourly, _SETTINGS.posts_per_s * _HOUR_S / posts) if posts else 0.0
    hourly_usd = (hourly * unposted + posted * (whole - unposted)) / _MILLION
    return Ratio(whole, hourly, payer, hourly_usd)


def usd(measured: Measured, prices: Mapping[str, Price], *, posts: bool = True) -> float:
    """What a million of these requests cost, with or without their posts."""
    total = 0.0
    for number, each in enumerate(measured.invocations):
        answer = measured.answer_bytes if number == 0 and each.calls.frames_out else 0
        total += _invocation_usd(each, answer, prices, posts=posts)
    if measured.http:
        size_gb = _MILLION * measured.answer_bytes / 1e9
        total += prices["http_requests"].usd(_MILLION) + prices["cloudfront_gb"].usd(size_gb)
    if measured.handshake or measured.http:
        total += prices["cloudfront_requests"].usd(_MILLION)
        total += prices["cloudfront_functions"].usd(_MILLION)
    return total


def _invocation_usd(
    each: Invocation, answer_bytes: int, prices: Mapping[str, Price], *, posts: bool
) -> float:
    count = each.posts if posts else 0
    size = (each.post_bytes if posts else 0) + answer_bytes
    frames = count + each.calls.frames_out
    memory_mb, assumed_ms = FUNCTIONS[each.calls.function]
    calls_ms = each.dynamodb * _DYNAMODB_MS + each.calls.redis * _REDIS_MS
    ms = max(assumed_ms, calls_ms) + each.held_ms + count * _USAGE.post_ms
    costs = message_usd(
        [(each.calls, count)],
        prices,
        _MILLION,
        functions={each.calls.function: (memory_mb, ms)},
        event_bytes=round(size / frames) if frames else 0,
    )
    return sum(costs.values())


def _hourly(kind: Kind, measured: Measured) -> tuple[float, str]:
    """How many an hour, and who pays. Nobody exceeds what API Gateway lets through."""
    throttle = THROTTLE["http" if measured.http else "websocket"] * _HOUR_S
    found = [(float(throttle), "API Gateway's throttle")]
    if kind.refused == "refused":
        found.append((_SETTINGS.limits["refused"].per_s * _HOUR_S, "`refused`, 1"))
    for (payer, name), tokens in measured.charges.items() if not kind.refused else ():
        if payer == "sessions":
            found.append(_of_sessions(kind, tokens))
        elif tokens:
            found.append((_SETTINGS.limits[name].per_s * _HOUR_S / tokens, f"`{name}`, {tokens}"))
    if kind.name.startswith("a poll") and measured.invocations[0].held_ms:
        polls = _sessions(kind) * _HOUR_S * 1000 / measured.invocations[0].held_ms
        found.append((polls, "one at a time for each session"))
    if not measured.charges and kind.name.startswith(("disconnect", "end of")):
        found.append((_SETTINGS.limits["connect"].per_s * _HOUR_S, "its `connect`, 1"))
    return min(found)


def _sessions(kind: Kind) -> float:
    """Sessions that one payer can have open; a stranger's end when no CONNECT comes."""
    if kind.who == "user":
        return _SETTINGS.max_connections
    return _SETTINGS.limits["address"].per_s * _SETTINGS.connect_timeout_s


def _of_sessions(kind: Kind, tokens: int) -> tuple[float, str]:
    """What sessions pay by themselves."""
    packet, address = _SETTINGS.limits["packet"], _SETTINGS.limits["address"]
    if kind.who == "user":
        per_hour = _sessions(kind) * packet.per_s * _HOUR_S / tokens
        return per_hour, f"`packet`, {tokens}, of 50 sessions"
    each = (packet.burst + packet.per_s * _SETTINGS.connect_timeout_s) / tokens
    return address.per_s * _HOUR_S * max(1.0, each), f"`packet`, {tokens}; sessions by `address`"
