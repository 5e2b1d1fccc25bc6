"""AWS keys of emulators, never the developer's own."""

from __future__ import annotations

import secrets
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Keys:
    """An access key."""

    access_key_id: str
    secret_access_key: str

    def variables(self) -> dict[str, str]:
        """As AWS's SDKs read them from the environment."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
        }


# Where any key does, as in the emulators of localstack/up.
ANY = Keys("test", "test")


def make() -> Keys:
    """Keys that nobody else knows."""
    return Keys(f"local{secrets.token_hex(8)}", secrets.token_urlsafe(30))
