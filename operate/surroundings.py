"""The environment of what runs on this machine alone, and must not meet its user's AWS account."""

from __future__ import annotations

import os
from collections.abc import Mapping

# Credentials, profile, region and endpoints; what Terraform takes as if it were said to it.
_THE_USER_S = ("AWS_", "TF_VAR_", "TF_CLI_ARGS", "TF_WORKSPACE")
_HERE = "127.0.0.1,localhost,::1"


def local(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """A copy without the user's AWS, and with no proxy towards this machine."""
    kept = {name: value for name, value in environment.items() if not name.startswith(_THE_USER_S)}
    given = kept.get("no_proxy") or kept.get("NO_PROXY")
    direct = f"{given},{_HERE}" if given else _HERE
    return {**kept, "no_proxy": direct, "NO_PROXY": direct}
