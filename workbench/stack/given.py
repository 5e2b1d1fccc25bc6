"""What a stack finds running when it starts, instead of starting it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from operate.keys import Keys
from workbench.gateway import LocalRoute
from workbench.gateway.faults import Faults

Routes = Mapping[tuple[str, str], LocalRoute]


@dataclass(frozen=True, slots=True)
class Given:
    """A region's services, for one of several regions.

    Attributes:
        secret: Signs the tokens of all regions.
        endpoints: `TIDINGS_ENDPOINTS`: of all regions.
        faults: What the gateway, @connections and the functions suffer.
        routes: Additional routes under /dev/.
        page_origins: The other regions, whose pages may use this one, as its page theirs.
    """

    aws_endpoint_url: str
    redis_url: str
    keys: Keys
    secret: str
    endpoints: Mapping[str, Mapping[str, str]]
    faults: Faults
    routes: Routes = field(default_factory=dict)
    page_origins: tuple[str, ...] = ()

    @property
    def has_peers(self) -> bool:
        """Whether there are other regions."""
        return len(self.endpoints) > 1
