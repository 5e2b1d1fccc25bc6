"""Which records of a table's stream Lambda passes to `replicated`. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/with-ddb-filtering.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Pattern = Mapping[str, Any]
_MISSING = object()


def patterns(region: str, *, several: bool) -> dict[str, tuple[Pattern, ...]]:
    """Of the region's event source mappings, by the table's short name. One of them must match.

    Args:
        several: Whether the deployment has several regions.
    """
    own = {
        "NewImage": {"region": {"S": [region]}},
        "Keys": {"entry": {"S": [{"prefix": "e#"}]}},
    }
    written = {"eventName": ["INSERT"], "dynamodb": own}
    if not several:
        return {"messages": (written,)}
    elsewhere = {"NewImage": {"region": {"S": [{"anything-but": [region]}]}}}
    entries = {"Keys": {"entry": {"S": [{"prefix": "e#"}, {"prefix": "#"}]}}}
    changes = {"eventName": ["INSERT", "MODIFY"], "dynamodb": elsewhere}
    return {
        "messages": (written, {"eventName": ["INSERT"], "dynamodb": {**entries, **elsewhere}}),
        "rooms": (changes,),
        "memberships": (changes,),
        "friends": (changes,),
        "consents": (changes,),
        "revocations": (changes,),
        "presence": (changes,),
        "reads": (changes,),
    }


def matches(pattern: Pattern, record: Mapping[str, Any]) -> bool:
    """Whether a record has all that the pattern names, each with one of the values given.

    Raises:
        ValueError: The pattern has a rule that is not known here.
    """
    return all(_has(wanted, record.get(name, _MISSING)) for name, wanted in pattern.items())


def _has(wanted: Pattern | Sequence[Any], value: Any) -> bool:
    if isinstance(wanted, Mapping):
        return matches(wanted, value if isinstance(value, Mapping) else {})
    return any(_is(rule, value) for rule in wanted)


def _is(rule: Any, value: Any) -> bool:
    if not isinstance(rule, Mapping):
        return bool(value == rule)
    [(kind, argument)] = rule.items()
    if kind == "prefix":
        return isinstance(value, str) and value.startswith(argument)
    if kind == "anything-but":
        return value is not _MISSING and value not in argument
    raise ValueError(f"no rule {kind} is known here")
