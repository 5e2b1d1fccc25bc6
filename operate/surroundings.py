"""The environment of what runs on this machine alone, and must not meet its user's AWS account."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping

# Credentials, profile, region and endpoints; what Terraform takes as if it were said to it.
_THE_USER_S = ("AWS_", "TF_VAR_", "TF_CLI_ARGS", "TF_WORKSPACE")
_HERE = "127.0.0.1,localhost,::1"


def local(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """A copy without the user's AWS, with no proxy towards this machine, and in UTF-8."""
    kept = {name: value for name, value in environment.items() if not name.startswith(_THE_USER_S)}
    return {
        **kept,
        **direct(kept),
        # The files of the developer's own may say more than a profile: endpoints, roles.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONUTF8": "1",
    }


def direct(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables that keep a proxy out of the way to this machine."""
    given = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    value = given if given.strip() == "*" else ",".join(filter(None, (given, _HERE)))
    return {"no_proxy": value, "NO_PROXY": value}


def prepare() -> None:
    """Of a command: reach this machine without a proxy, and print on any console.

    What its encoding lacks is printed as an escape.
    """
    os.environ.update(direct())
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def isolate() -> None:
    """Make this process's environment a local one."""
    wanted = local()
    for name in os.environ.keys() - wanted.keys():
        del os.environ[name]
    os.environ.update(wanted)
