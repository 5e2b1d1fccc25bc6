"""All parts, in the order in which a message meets them; then the proof."""

from __future__ import annotations

from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from operate import proof
from operate.checks import Check

from . import account, functions, outside, queues, tables
from .subject import Subject

_EVERYWHERE: dict[str, Callable[[Subject], list[Check]]] = {
    tables.NAME: tables.check,
    queues.NAME: queues.check,
}
_DEPLOYED: dict[str, Callable[[Subject], list[Check]]] = {
    functions.NAME: functions.check,
    functions.SCHEDULES: functions.schedules,
    account.SECRET: account.secret,
    account.ALARMS: account.alarms,
    account.LAG: account.lag,
}


async def examine(
    at: proof.Addresses,
    who: proof.Tokens | proof.Given | None,
    subject: Subject | None,
    *,
    proves: bool = True,
) -> list[Check]:
    """Every check and its result.

    Args:
        who: Whose tokens may be used; None makes no proof.
        subject: The parts, if AWS or the local stack may be asked for them.
    """
    found = await outside.check(at.url, who)
    if subject is not None:
        parts = {**_EVERYWHERE, **(_DEPLOYED if subject.deployed else {})}
        for name, check in parts.items():
            found += _part(name, check, subject)
    if proves and who is not None:
        found += await proof.prove(at, who)
    return found


def _part(name: str, check: Callable[[Subject], list[Check]], subject: Subject) -> list[Check]:
    try:
        return check(subject)
    except (BotoCoreError, ClientError) as why:
        return [Check(name, "warning", f"not known: {why}", "Check it by hand")]
