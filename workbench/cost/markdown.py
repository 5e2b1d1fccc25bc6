"""The cost table of docs/deploy.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .model import SERVICES, heartbeat_usd, monthly
from .prices import Price, document
from .usage import Usage

BEGIN = "<!-- cost: written by `tidings cost --markdown` -->"
END = "<!-- cost: end -->"
HEARTBEATS_S = (25, 240)


def block(users: Sequence[int], prices: Mapping[str, Price]) -> str:
    """Everything between the marks, marks included."""
    return "\n".join([BEGIN, "", *_table(users, prices), "", *_heartbeats(prices), "", END])


def usd(amount: float) -> str:
    """Dollars as people read them."""
    return f"${amount:,.2f}" if amount < 100 else f"${amount:,.0f}"


def _table(users: Sequence[int], prices: Mapping[str, Price]) -> list[str]:
    bills = [monthly(Usage(users=count), prices) for count in users]
    head = "| a month, us-east-1 | " + " | ".join(f"{count:,} users" for count in users) + " |"
    rows = [head, "|---" + "|---:" * len(users) + "|"]
    for service in SERVICES:
        sums = [sum(line.usd for line in bill if line.service == service) for bill in bills]
        rows.append(f"| {service} | " + " | ".join(usd(amount) for amount in sums) + " |")
    totals = [sum(line.usd for line in bill) for bill in bills]
    rows.append("| **all** | " + " | ".join(f"**{usd(amount)}**" for amount in totals) + " |")
    each = [total / count for total, count in zip(totals, users, strict=True)]
    rows.append("| a user | " + " | ".join(f"${amount:.4f}" for amount in each) + " |")
    return [*rows, "", f"List prices read on {document()['read_on']}."]


def _heartbeats(prices: Mapping[str, Price]) -> list[str]:
    rows = ["| heartbeat | messages | with functions, queue, Redis and logs |", "|---|---:|---:|"]
    for heartbeat_s in HEARTBEATS_S:
        alone, all_of_it = heartbeat_usd(heartbeat_s, prices)
        rows.append(f"| every {heartbeat_s} s | ${alone:.3f} | ${all_of_it:.3f} |")
    minutes = prices["websocket_minutes"].usd(30.4 * 24 * 60)
    return [*rows, f"| the connection's minutes | ${minutes:.3f} | |"]
