"""protocol.md: actions, events, errors, sizes and rates, from the models of the contract."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator

from chalicelib.access import tokens
from chalicelib.actions import ACTIONS
from chalicelib.contract import acks, commands
from chalicelib.contract.events import EVENTS
from chalicelib.entrypoints.http import rest
from chalicelib.kernel import errors as tree
from chalicelib.kernel import names, nesting
from chalicelib.kernel.rates import DEFAULT_LIMITS, Rate
from chalicelib.messaging import sizes as packing
from chalicelib.model import sessions
from chalicelib.sessions import engine
from chalicelib.wire import engineio, socketio, socketwire
from workbench.gateway.config import Limits

from . import docstrings, models
from .markdown import amount, code, codes, size, table
from .sections import Makers

_GATEWAY = Limits()
# Errors that any action can answer with.
ANY_ACTION = ("bad_request", "unauthorized", "rate_limited", "unavailable", "internal")


def actions() -> str:
    """All actions in a table."""
    rows = [
        (f"[`{name}`](#{name})", docstrings.summary_of(action.run), _rate(name))
        for name, action in ACTIONS.items()
    ]
    return table(["action", "what it does", "rate"], rows)


def action(name: str) -> str:
    """One action: data, ack, errors."""
    entry = ACTIONS[name]
    ack = typing.get_type_hints(entry.run)["return"]
    parts = [
        docstrings.text_of(entry.run),
        _fields("Data", models.fields_of_model(entry.command)),
        _fields("Ack", models.fields_of_class(ack)),
    ]
    raised = raises(name)
    if raised:
        reasons = [f"{code(each)}: {reason}" for each, reason in raised.items()]
        parts.append("Errors, beside those of any action: " + " ".join(reasons))
    return "\n\n".join(parts)


def raises(name: str) -> dict[str, str]:
    """The errors that an action's docstring names, by code."""
    named = docstrings.section(ACTIONS[name].run, "Raises")
    return {getattr(tree, each).code: reason for each, reason in named.items()}


def ack(name: str) -> str:
    """An object that occurs in an ack."""
    return _table(models.fields_of_class(getattr(acks, name)))


def events() -> str:
    """All events in a table."""
    rows = [
        (f"[`{name}`](#{anchor(name)})", docstrings.summary_of(kind))
        for name, kind in EVENTS.items()
    ]
    return table(["event", "when, and for whom"], rows)


def event(name: str) -> str:
    """One event: when, for whom, its data."""
    kind = EVENTS[name]
    return f"{docstrings.text_of(kind)}\n\n{_fields('Data', models.fields_of_class(kind))}"


def anchor(event_name: str) -> str:
    """The event's anchor in the page; an action may have the same name."""
    return f"{event_name}-event" if event_name in ACTIONS else event_name


def errors() -> str:
    """Error codes."""
    rows = [
        (
            code(each.code),
            str(each.status),
            "yes" if each.retryable else "no",
            docstrings.text_of(each),
        )
        for each in _codes()
    ]
    return table(["code", "HTTP status", "retryable", "meaning"], rows)


def reasons() -> str:
    """Why a token is refused."""
    meanings = docstrings.section(tree.TokenFault, "Attributes")
    rows = [(code(each.value), meanings[each.name]) for each in tree.TokenFault]
    return table(["reason", "what is wrong with the token"], rows)


def any_action() -> str:
    return f"Any action can answer {codes(ANY_ACTION)}; an unknown one `unknown_action`."


def types() -> str:
    """The kinds of text with a name."""
    meanings = {
        "room id": "A room, which the field `conversation_id` also names.",
        "user id": "The user that a [token](#tokens) names.",
        "message id": "A message. Later messages have higher ids, also when sorted as text.",
        "position": "How far a client has a conversation. See [Positions](#positions).",
        "end of a page": "Where the next page of rooms begins. Send it back as it is.",
    }
    rows = [(name, meanings[name], _form(schema)) for name, schema in models.named_types().items()]
    rows.append(
        ("timestamp", "ISO 8601, UTC, with milliseconds.", code("2027-01-15T08:00:00.000Z"))
    )
    return table(["name", "what it is", "form"], rows)


def reserved() -> str:
    return f"{codes(sorted(names.RESERVED))}."


def sizes() -> str:
    """Size limits, and what happens above them."""
    rows = [
        ("a WebSocket frame", size(_GATEWAY.frame_bytes), "closed with 1009"),
        (
            "a WebSocket message (all its frames)",
            size(_GATEWAY.message_bytes),
            "closed with 1009",
        ),
        ("`content` as JSON", size(commands.MAX_CONTENT_BYTES), "`too_large`"),
        ("a room's `metadata` as JSON", size(commands.MAX_METADATA_BYTES), "`too_large`"),
        (
            "nesting of `content` and `metadata`",
            f"{nesting.MAX_DEPTH} levels",
            "`bad_request`",
        ),
        ("a token", size(tokens.MAX_TOKEN_BYTES), "`unauthorized`"),
        ("the URL of a WebSocket", f"{amount(_GATEWAY.websocket_url_chars)} characters", "414"),
        ("messages in one answer to `sync`", size(packing.SYNC_BYTES), "`more` is true"),
        ("messages in one page over HTTP", size(packing.PAGE_BYTES), "`more` is true"),
        ("the body of an HTTP request", size(rest.MAX_BODY_BYTES), "`too_large`"),
        ("an HTTP request's line and header values", size(_GATEWAY.head_bytes), "431"),
        ("a body that API Gateway takes", size(_GATEWAY.http_body_bytes), "413"),
        ("a POST of a polling client", size(engine.MAX_PAYLOAD), "413, the session ends"),
        ("packets in such a POST", amount(engineio.MAX_PACKETS), "400, the session ends"),
        ("attachments of a Socket.IO event", amount(socketio.MAX_ATTACHMENTS), "closed"),
        ("the name of a namespace", f"{socketio.MAX_NAMESPACE} characters", "the session ends"),
        ("parts of incomplete binary events", size(sessions.MAX_PARTS_BYTES), "the session ends"),
        ("what waits for a poll", size(sessions.MAX_FRAMES_BYTES), "the session ends"),
    ]
    return table(["what", "at most", "above it"], rows)


_PAID = {
    "*": "all other actions together, HTTP included",
    "connect": "`connect`: connections, and namespaces of Socket.IO",
    "refused": "`refused`: frames that are refused for a rate, or invalid",
    "packet": "`packet`: packets, polls and POSTs of a session, without actions",
    "address": "`address`: what comes without a valid token, of an address",
}


def rates() -> str:
    """The default buckets."""
    rows = [(_PAID.get(name, code(name)), *_bucket(rate)) for name, rate in DEFAULT_LIMITS.items()]
    return table(["what", "a second", "at once"], rows)


def namespaces() -> str:
    """The events that each Socket.IO namespace gets."""
    rows = [
        (code(name), "every event but `ping`" if only is None else codes(sorted(only)))
        for name, only in socketwire.NAMESPACES.items()
    ]
    return table(["namespace", "gets"], rows)


def _fields(title: str, fields: list[models.Field]) -> str:
    return f"{title}: none." if not fields else f"{title}:\n\n{_table(fields)}"


def _table(fields: list[models.Field]) -> str:
    headers = ["field", "type", "", "meaning"]
    return table(headers, [(code(f.name), f.type, f.presence, f.meaning) for f in fields])


def _codes() -> Iterator[type[tree.TidingsError]]:
    for each in vars(tree).values():
        if isinstance(each, type) and "code" in vars(each) and each is not tree.TidingsError:
            yield each


def _form(schema: dict[str, typing.Any]) -> str:
    if "pattern" in schema:
        return code(schema["pattern"])
    return f"`region:seq:message_id`, …; {amount(schema['maxLength'])} characters at most"


def _rate(name: str) -> str:
    if name not in DEFAULT_LIMITS:
        return "shared"
    per_s, burst = _bucket(DEFAULT_LIMITS[name])
    return f"{per_s} a second, {burst} at once"


def _bucket(rate: Rate) -> tuple[str, str]:
    return re.sub(r"\.0$", "", f"{rate.per_s}"), amount(rate.burst)


SECTIONS: Makers = {
    "actions": actions,
    "action": action,
    "ack": ack,
    "any_action": any_action,
    "errors": errors,
    "reasons": reasons,
    "reserved": reserved,
    "types": types,
    "sizes": sizes,
    "rates": rates,
    "namespaces": namespaces,
    "events": events,
    "event": event,
}
