"""From usage to a bill: the operations of a month, their calls, and what those cost."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from . import budgets
from .budgets import Calls
from .prices import Price
from .usage import DAYS, MONTH_S, Usage

_GB = 1e9
_MINUTES = MONTH_S / 60
# Lambda polls an idle queue with five long polls of 20 s.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
_IDLE_POLLS = 5 * MONTH_S / 20
_CONNECTION_BYTES = 500
_FRAME_BYTES = 32 * 1024  # API Gateway counts a message for each
# Interface endpoints that `ipv6` needs: SQS, Secrets Manager, CloudWatch; one in each zone.
_ENDPOINTS = 3
# API Gateway writes a line to its access log for each call of these.
_CALLED_BY_GATEWAY = {
    "websocket_connect",
    "websocket_message",
    "websocket_disconnect",
    "api_handler",
}
# In each region. Alarms count their metrics; a function has two alarms, `replicated` two more. With
# several regions there is one metric more, an alarm for it, and one for each global table and other
# region.
_SECRETS, _METRICS, _ALARMED_METRICS, _DASHBOARDS = 1, 13, 67, 1
_GLOBAL_TABLES = 8

SERVICES = {
    "API Gateway": ("websocket_messages", "websocket_minutes", "http_requests"),
    "Lambda": ("lambda_requests", "lambda_gb_s"),
    "DynamoDB": (
        "dynamodb_writes",
        "dynamodb_reads",
        "dynamodb_gb_months",
        "dynamodb_backup_gb_months",
    ),
    "SQS": ("sqs_fifo", "sqs_standard"),
    "SNS": ("sns_publishes",),
    "ElastiCache": ("redis_gb_hours", "redis_ecpus"),
    "CloudFront": ("cloudfront_requests", "cloudfront_functions", "cloudfront_gb"),
    "Logs": ("log_gb",),
    "CloudWatch": ("metrics", "metric_requests", "alarms", "dashboards"),
    "Secrets Manager": ("secrets",),
    "Network": (
        "nat_hours",
        "public_ipv4_hours",
        "nat_gb",
        "zone_gb",
        "endpoint_hours",
        "endpoint_gb",
        "region_gb",
    ),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the bill: a price's name, the quantity, and its cost."""

    service: str
    name: str
    quantity: float
    usd: float


@dataclass(slots=True)
class Load:
    """What a function does in a month: sums over its invocations.

    Attributes:
        busy_ms: The time of its invocations.
        frames: Frames from clients.
    """

    times: float = 0
    busy_ms: float = 0
    frames: float = 0
    posts: float = 0
    redis: float = 0
    fifo: float = 0
    standard: float = 0


class _Month:
    """Sums of quantities, by the names of prices.

    Attributes:
        loads: What each function does.
    """

    def __init__(self, usage: Usage) -> None:
        self.usage = usage
        self.loads: defaultdict[str, Load] = defaultdict(Load)
        self.quantities: defaultdict[str, float] = defaultdict(float)

    def add(self, calls: Calls, times: float, posts: float = 0) -> None:
        """Add an operation `times` times, each with so many posts to clients."""
        usage = self.usage
        memory_mb, billed_ms = usage.functions[calls.function]
        self._load(calls, times, billed_ms + posts * usage.post_ms, posts)
        frames_out = calls.frames_out + posts
        self._add("lambda_requests", times)
        self._add(
            "lambda_gb_s", times * memory_mb / 1024 * (billed_ms + posts * usage.post_ms) / 1e3
        )
        line_bytes = usage.access_log_bytes if calls.function in _CALLED_BY_GATEWAY else 0
        self._add("log_gb", times * (usage.log_bytes + line_bytes) / _GB)
        parts = math.ceil(usage.event_bytes / _FRAME_BYTES)
        self._add("websocket_messages", times * (calls.frames_in + frames_out * parts))
        self._add("cloudfront_gb", times * frames_out * usage.event_bytes / _GB)
        self._add("redis_ecpus", times * calls.redis * usage.ecpus)
        self._add("dynamodb_reads", times * calls.reads)
        others = usage.regions - 1
        self._add("dynamodb_writes", times * (calls.writes + calls.copied * others))
        self._add("region_gb", times * calls.copied * others * usage.entry_bytes / _GB)
        # What is sent is received and deleted, with a request each. Under load, a batch that is
        # received holds what several requests have sent.
        self._add("sqs_fifo", times * (calls.fifo * 3 + calls.deletes))
        self._add("sqs_standard", times * calls.standard * 3)
        # SNS puts it into the queues, where it is received and deleted.
        self._add("sns_publishes", times * calls.published)
        self._add("sqs_standard", times * calls.published * 2 * others)
        self._add("region_gb", times * calls.published * others * usage.event_bytes / _GB)
        self._way_out(
            times * posts * (usage.event_bytes + usage.post_bytes) / _GB,
            times * _sends(calls) * usage.send_bytes / _GB,
        )

    def _load(self, calls: Calls, times: float, ms: float, posts: float) -> None:
        load = self.loads[calls.function]
        load.times += times
        load.busy_ms += times * ms
        load.frames += times * calls.frames_in
        load.posts += times * posts
        load.redis += times * calls.redis
        load.fifo += times * calls.fifo
        load.standard += times * calls.standard

    def add_writes(self, units: float) -> None:
        self._add("dynamodb_writes", units)

    def add_reads(self, units: float) -> None:
        self._add("dynamodb_reads", units)

    def _way_out(self, posts_gb: float, sends_gb: float) -> None:
        """Traffic to @connections and SQS; traffic to DynamoDB and the cache is free."""
        usage, all_gb = self.usage, posts_gb + sends_gb
        if usage.egress in ("nat", "nat-single"):
            self._add("nat_gb", all_gb)
        if usage.egress == "nat-single":  # billed where it leaves a zone and where it comes in
            self._add("zone_gb", 2 * all_gb * (usage.zones - 1) / usage.zones)
        if usage.egress == "ipv6":
            self._add("endpoint_gb", sends_gb)

    def _add(self, name: str, quantity: float) -> None:
        self.quantities[name] += quantity


def _sends(calls: Calls) -> int:
    return calls.fifo + calls.standard + calls.deletes + calls.published


def loads(usage: Usage) -> Mapping[str, Load]:
    """What each function does in a month."""
    return _month(usage).loads


def _month(usage: Usage) -> _Month:
    month = _Month(usage)
    _people(month)
    _carrying(month)
    _heartbeats(month)
    _schedules(month)
    return month


def quantities(usage: Usage) -> Mapping[str, float]:
    """The quantities that a month uses, by the names of prices."""
    month, regions = _month(usage), usage.regions
    used: dict[str, float] = dict(month.quantities)
    sessions = usage.users * usage.devices * usage.connects * DAYS
    requests = usage.users * usage.http_requests * DAYS
    kept_gb = usage.users * usage.messages * DAYS * usage.months_kept * usage.entry_bytes / _GB
    redis_gb = max(0.1 * regions, usage.users * usage.redis_bytes / _GB)
    hours = MONTH_S / 3600 * regions
    gateways = {"nat": usage.zones, "nat-single": 1}.get(usage.egress, 0)
    endpoints = _ENDPOINTS * usage.zones if usage.egress == "ipv6" else 0
    of_several = 0 if regions == 1 else 1 + _GLOBAL_TABLES * (regions - 1)
    used |= {
        "websocket_minutes": usage.connections * _MINUTES,
        "http_requests": requests,
        "cloudfront_requests": sessions + requests,
        "cloudfront_functions": sessions + requests,
        "cloudfront_gb": used["cloudfront_gb"] + requests * usage.http_bytes / _GB,
        "dynamodb_gb_months": kept_gb * regions,
        "dynamodb_backup_gb_months": kept_gb,
        "sqs_fifo": used["sqs_fifo"] + _IDLE_POLLS * regions,
        "sqs_standard": used["sqs_standard"] + _IDLE_POLLS * regions,
        "redis_gb_hours": redis_gb * MONTH_S / 3600,
        "metrics": (_METRICS + (regions > 1)) * regions,
        "metric_requests": _MINUTES * regions,
        "alarms": (_ALARMED_METRICS + of_several) * regions,
        "dashboards": _DASHBOARDS * regions,
        "secrets": _SECRETS * regions,
        "nat_hours": gateways * hours,
        "public_ipv4_hours": gateways * hours,
        "endpoint_hours": endpoints * hours,
    }
    if usage.egress == "none":  # the cost of your own cache is not known
        used |= {"redis_gb_hours": 0, "redis_ecpus": 0}
    traffic = ("nat_gb", "zone_gb", "endpoint_gb")
    return dict.fromkeys(traffic, 0.0) | used


def monthly(usage: Usage, prices: Mapping[str, Price]) -> list[Line]:
    """The bill, by service."""
    used = quantities(usage)
    return [
        Line(service, name, used[name], prices[name].usd(used[name]))
        for service, names in SERVICES.items()
        for name in names
    ]


def message_usd(
    message: Sequence[tuple[Calls, int]],
    prices: Mapping[str, Price],
    count: float = 1_000_000,
    regions: int = 1,
    functions: Mapping[str, tuple[int, float]] | None = None,
    event_bytes: int | None = None,
) -> Mapping[str, float]:
    """The cost of so many messages, by service; without their storage.

    Args:
        message: The invocations that one message causes, each with its posts to clients.
        regions: Regions that get a copy of what is written; what they do with it is part of
            `message`.
        functions: Memory (MB) and billed time (ms), posts included, by function; None for what
            `Usage` assumes.
        event_bytes: Size of what is sent to clients; None for what `Usage` assumes.
    """
    usage = Usage(users=0, regions=regions)
    if event_bytes is not None:
        usage = replace(usage, event_bytes=event_bytes)
    if functions is not None:
        usage = replace(usage, functions=functions, post_ms=0)
    month = _Month(usage)
    for calls, posts in message:
        month.add(calls, count, posts)
    return {
        service: sum(prices[name].usd(month.quantities[name]) for name in names)
        for service, names in SERVICES.items()
    }


def other_region_usd(prices: Mapping[str, Price]) -> float:
    """What a million messages cost in each region in which they were not written, without posts."""
    arrives = [(budgets.ARRIVED_ENTRY, 0), (budgets.deliver_foreign(2), 0)]
    one = message_usd([(budgets.SEND, 0)], prices)
    two = message_usd([(budgets.SEND, 0), *arrives], prices, regions=2)
    return sum(two.values()) - sum(one.values())


def heartbeat_usd(heartbeat_s: float, prices: Mapping[str, Price]) -> tuple[float, float]:
    """Cost of one connection, open all month: its heartbeat messages alone, and all they cause."""
    month = _Month(Usage(users=1, devices=1, hours_connected=24, heartbeat_s=heartbeat_s))
    _heartbeats(month)
    each = {name: prices[name].usd(quantity) for name, quantity in month.quantities.items()}
    return each["websocket_messages"], sum(each.values())


def _people(month: _Month) -> None:
    usage = month.usage
    others = usage.room_members - 1
    devices_online = others * usage.online_share * usage.devices + (usage.devices - 1)
    sessions = usage.users * usage.devices * usage.connects * DAYS
    messages = usage.users * usage.messages * DAYS
    reads = usage.users * usage.reads * DAYS
    socketio = sessions * usage.socketio_share
    month.add(budgets.CONNECT, sessions - socketio)
    month.add(budgets.sync(usage.rooms), sessions - socketio)
    month.add(budgets.SIO_CONNECT, socketio)
    month.add(budgets.SIO_OPENED, socketio, posts=1)
    month.add(budgets.SIO_NAMESPACE, socketio)
    month.add(budgets.sio_joined(usage.rooms), socketio, posts=2)
    month.add(budgets.CAME, sessions, usage.friends_online)
    month.add(budgets.DISCONNECT, sessions - socketio)
    month.add(budgets.SIO_DISCONNECT, socketio)
    month.add(budgets.LEFT_LOOK, sessions)
    month.add(budgets.LEFT, sessions, usage.friends_online)
    if usage.room_members <= budgets.LANE_MEMBERS and devices_online <= budgets.LANE_CONNECTIONS:
        send = budgets.SEND_FAST_RECOVERING if socketio else budgets.SEND_FAST
        month.add(send, messages, devices_online)
    else:
        month.add(budgets.SEND, messages)
        deliver = budgets.DELIVER_RECOVERING if socketio else budgets.DELIVER
        month.add(deliver, messages, devices_online)
    month.add(budgets.CHECKED, messages)
    month.add(budgets.TYPING, messages * usage.typing)
    open_devices = others * usage.open_share * usage.devices
    told = budgets.TYPING_TOLD if usage.regions == 1 else budgets.TYPING_PUBLISHED
    month.add(told, 2 * messages * usage.typing, open_devices)
    month.add(budgets.READ, reads)
    month.add(budgets.READ_TOLD, reads, usage.online_share * usage.devices)
    requests = usage.users * usage.http_requests * DAYS
    month.add(Calls("api_handler", redis=1, reads=2), requests)


def _carrying(month: _Month) -> None:
    """What each other region does with what people write. Posts are counted where it is written."""
    usage = month.usage
    others, people = usage.regions - 1, usage.users * DAYS
    entries, markers = people * usage.messages, people * usage.reads
    changes = 2 * people * usage.devices * usage.connects
    month.add(budgets.ARRIVED_ENTRY, entries * others)
    month.add(budgets.deliver_foreign(usage.regions), entries * others)
    month.add(budgets.ARRIVED_ITEM, (markers + changes) * others)
    month.add(budgets.READ_TOLD, markers * others)
    month.add(budgets.FOREIGN_CHANGE, changes * others)
    month.add(budgets.FOREIGN_PRESENCE, changes * others)
    # As if in every room somebody was connected in every region.
    for calls in budgets.TYPING_RELAYED:
        month.add(calls, entries * usage.typing * others)


def _heartbeats(month: _Month) -> None:
    beats = month.usage.connections * MONTH_S / month.usage.heartbeat_s
    month.add(budgets.BEAT, beats, posts=1)
    month.add(budgets.PONG, beats)
    stored_s = max(month.usage.heartbeat_s, _multiple(budgets.SEEN_S, month.usage.heartbeat_s))
    seen = month.usage.connections * MONTH_S / stored_s
    month.add_writes(seen * budgets.SEEN_WRITES)


def _multiple(least_s: float, step_s: float) -> float:
    return math.ceil(least_s / step_s) * step_s


def _schedules(month: _Month) -> None:
    """Each minute: the sweep looks at new and silent connections, the report counts."""
    usage = month.usage
    month.add(budgets.SWEEP, _MINUTES * usage.regions)
    opened = usage.users * usage.devices * usage.connects * DAYS
    month.add_reads(opened * budgets.LOOKS * _CONNECTION_BYTES / 4096 * 0.5)
    month.add(Calls("report", redis=1), _MINUTES * usage.regions)
