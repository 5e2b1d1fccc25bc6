"""A kind of request, and the table of all kinds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .region import Measured

Who = Literal["user", "stranger", "operator"]
Make = Callable[[], Measured]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of request.

    Attributes:
        name: The action, the route, or what it is called.
        worst: The dearest input that limits allow.
        who: Who can make it: a user with a token, anybody, or a back end or operator.
        make: Makes the dearest request of the kind.
        refused: It is over the limit, so that its payer has no more tokens: what holds instead is
            the bucket of refusals, or API Gateway's throttle.
    """

    name: str
    worst: str
    who: Who
    make: Make
    refused: Literal["", "refused", "throttle"] = ""


class Kinds:
    """A table of kinds that functions are put into."""

    def __init__(self) -> None:
        self.all: list[Kind] = []

    def of(
        self,
        name: str,
        worst: str,
        who: Who = "user",
        *,
        refused: Literal["", "refused", "throttle"] = "",
    ) -> Callable[[Make], Make]:
        """Add the decorated function as a kind of its own."""

        def add(make: Make) -> Make:
            self.all.append(Kind(name, worst, who, make, refused))
            return make

        return add
