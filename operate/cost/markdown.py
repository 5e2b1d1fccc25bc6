"""The cost section of docs/how-to/deploy.md: tables, sources of prices, assumptions."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import get_args

from .model import SERVICES, heartbeat_usd, monthly, other_region_usd
from .prices import Price, document
from .usage import Egress, Usage

BEGIN = "<!-- cost: written by `tidings cost --markdown` -->"
END = "<!-- cost: end -->"
HEARTBEATS_S = (25, 240)
REGIONS = (1, 2, 3)


def block(users: Sequence[int], prices: Mapping[str, Price]) -> str:
    """Return the section, including its begin and end marks."""
    parts = (
        _table(users, prices),
        _sources(prices),
        _idle(prices),
        _ways_out(users, prices),
        _regions(users, prices),
        _message_elsewhere(prices),
        _heartbeats(prices),
        _assumptions(Usage(users=1)),
    )
    return "\n".join([BEGIN, "", *(line for part in parts for line in [*part, ""]), END])


def usd(amount: float) -> str:
    """Format an amount of dollars."""
    return f"${amount:,.2f}" if amount < 100 else f"${amount:,.0f}"


def _table(users: Sequence[int], prices: Mapping[str, Price]) -> list[str]:
    bills = [monthly(Usage(users=count), prices) for count in users]
    rows = _head("a month, us-east-1", users)
    for service in SERVICES:
        sums = [sum(line.usd for line in bill if line.service == service) for bill in bills]
        if any(sums):
            rows.append(f"| {service} | " + " | ".join(usd(amount) for amount in sums) + " |")
    totals = [sum(line.usd for line in bill) for bill in bills]
    rows.append("| **all** | " + " | ".join(f"**{usd(amount)}**" for amount in totals) + " |")
    each = [total / count for total, count in zip(totals, users, strict=True)]
    return [*rows, "| a user | " + " | ".join(f"${amount:.4f}" for amount in each) + " |"]


def _sources(prices: Mapping[str, Price]) -> list[str]:
    counts = Counter(price.source for price in prices.values())
    known = ", ".join(f"{counts[key]} {how}" for key, how in document()["sources"].items())
    return _wrapped(
        f"{len(prices)} list prices, as of {document()['as_of']}: {known}."
        " `operate/cost/prices.json` gives each price's source and its AWS page: check there"
        " before you rely on a figure."
    )


def _idle(prices: Mapping[str, Price]) -> list[str]:
    idle, least = (
        sum(line.usd for line in monthly(Usage(users=0, egress=egress), prices))
        for egress in (Usage(users=0).egress, "none")
    )
    return _wrapped(
        f"Without any users it costs {usd(idle)} a month; without a VPC and with a cache of your"
        f" own, {usd(least)}: alarms, metrics, the dashboard, the secret, schedules, and Lambda's"
        " polling of the queues."
    )


def _ways_out(users: Sequence[int], prices: Mapping[str, Price]) -> list[str]:
    rows = _head("`network.egress`", users)
    for egress in get_args(Egress):
        bills = [monthly(Usage(users=count, egress=egress), prices) for count in users]
        sums = [sum(line.usd for line in bill if line.service == "Network") for bill in bills]
        name = "no VPC: a cache of your own" if egress == "none" else f"`{egress}`"
        rows.append(f"| {name} | " + " | ".join(usd(amount) for amount in sums) + " |")
    return rows


def _regions(users: Sequence[int], prices: Mapping[str, Price]) -> list[str]:
    rows = _head("regions", users)
    for regions in REGIONS:
        bills = [monthly(Usage(users=count, regions=regions), prices) for count in users]
        sums = [sum(line.usd for line in bill) for bill in bills]
        rows.append(f"| {regions} | " + " | ".join(usd(amount) for amount in sums) + " |")
    return rows


def _message_elsewhere(prices: Mapping[str, Price]) -> list[str]:
    return _wrapped(
        "The users are spread evenly over the regions. Each further region has its own NAT"
        " gateways, alarms and copy of the history, and does its part for each message of the"
        f" others: a million messages cost {usd(other_region_usd(prices))} more there, also if"
        " nobody in their rooms is connected there. Typing is counted as if in every room"
        " somebody was connected in every region."
    )


def _head(title: str, users: Sequence[int]) -> list[str]:
    columns = " | ".join(f"{count:,} users" for count in users)
    return [f"| {title} | {columns} |", "|---" + "|---:" * len(users) + "|"]


def _heartbeats(prices: Mapping[str, Price]) -> list[str]:
    rows = [
        "| heartbeat | messages | with functions, queue, Redis, logs and NAT |",
        "|---|---:|---:|",
    ]
    for heartbeat_s in HEARTBEATS_S:
        alone, all_of_it = heartbeat_usd(heartbeat_s, prices)
        rows.append(f"| every {heartbeat_s} s | ${alone:.3f} | ${all_of_it:.3f} |")
    minutes = prices["websocket_minutes"].usd(30.4 * 24 * 60)
    return [*rows, f"| the connection's minutes | ${minutes:.3f} | |"]


def _assumptions(usage: Usage) -> list[str]:
    frame_ms, delivery_ms = (usage.functions[name][1] for name in ("websocket_message", "deliver"))
    points = [
        f"A user is connected {usage.hours_connected:g} hours a day with {usage.devices:g} devices."
        f" Each connects {usage.connects:g} times: {usage.socketio_share:.0%} by Socket.IO"
        " (websocket first, recovering;"
        " [handshakes](../explanation/socketio-sessions.md#what-a-handshake-costs)), the"
        f" others by JSON and with a `sync` of {usage.rooms:g} rooms. {usage.friends_online:g}"
        " friends get each change of presence.",
        f"A user sends {usage.messages:g} messages a day to rooms of {usage.room_members:g}"
        f" members. Of the others, {usage.online_share:.0%} are online and"
        f" {usage.open_share:.0%} see the user type."
        f" A user sends {usage.reads:g} read receipts and makes {usage.http_requests:g} HTTP"
        f" requests a day; a heartbeat is sent every"
        f" {usage.heartbeat_s:g} s.",
        f"History is kept for {usage.months_kept:g} months, with backups; a message has"
        f" {usage.entry_bytes} bytes.",
        f"A frame takes {frame_ms} ms, a delivery {delivery_ms} ms and {usage.post_ms:g} ms for"
        " each post.",
        f"An event or an answer has {usage.event_bytes} bytes, an HTTP answer {usage.http_bytes:,};"
        f" Redis holds {usage.redis_bytes:,} bytes for each user.",
        f"Logs have {usage.log_bytes} bytes for each invocation"
        " ([what they contain](../reference/logs.md)), and"
        f" {usage.access_log_bytes} more for each request that API Gateway passes on.",
        f"NAT in {usage.zones} zones carries {usage.event_bytes + usage.post_bytes:,} bytes"
        f" for each post to a client and {usage.send_bytes:,} for each send to SQS.",
    ]
    lines = [line for point in points for line in _wrapped(point, "- ")]
    return ["Assumed, not measured on AWS:", "", *lines]


def _wrapped(text: str, begin: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        width=108,
        initial_indent=begin,
        subsequent_indent=" " * len(begin),
        break_long_words=False,
        break_on_hyphens=False,
    )
