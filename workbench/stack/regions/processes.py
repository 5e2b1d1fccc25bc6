"""One region's processes: its emulator, its Valkey, and the program with gateway and functions.

They are one process group, so that all of a region can be killed at one stroke, and each of them
starts again at its old port.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import redis

from operate.keys import Keys
from operate.probes import healthy

from .. import resources
from ..children import Child, free_port, start_ministack, start_valkey
from .broadcast import wire
from .program import READY_PATH, Config

EMULATOR, VALKEY, PROGRAM = "ministack", "valkey", "program"
_SERVICES = ("cloudwatch", "dynamodb", "dynamodbstreams", "sns", "sqs")
_SAVED = "dump.rdb"
_PROGRAM_READY_S, _PROGRAM_STOP_S = 60.0, 20.0


class RegionProcesses:
    """Its methods block; call them in a thread."""

    def __init__(self, region: str, prefix: str, keys: Keys, peers: list[str]) -> None:
        self.region = region
        self.emulator_port = free_port()
        self.valkey_port = free_port()
        self.children: dict[str, Child] = {}
        self.killed: set[str] = set()
        self._prefix = prefix
        self._keys = keys
        self._peers = peers
        self._group = 0
        self._kept = tempfile.TemporaryDirectory(prefix="tidings-")

    @property
    def emulator_url(self) -> str:
        return f"http://127.0.0.1:{self.emulator_port}"

    @property
    def group(self) -> int:
        """The id of the process group."""
        return self._group

    def start_emulator(self) -> None:
        """Start it, with the region's tables, queues and topic."""
        definition = resources.of_regions(resources.load(), bool(self._peers))
        self._remember(
            EMULATOR,
            start_ministack(
                self.emulator_port,
                self.region,
                services=_SERVICES,
                keys=self._keys,
                global_tables=global_tables(definition["tables"], self._prefix),
                group=self._group,
            ),
        )
        resources.create(definition, self._prefix, self.emulator_url, self.region, self._keys)
        if self._peers:
            wire(self._prefix, self.region, self._peers, self.emulator_url, self._keys)

    def start_valkey(self) -> None:
        self._remember(VALKEY, start_valkey(self.valkey_port, group=self._group))

    def roll_back_valkey(self, lost_s: float) -> None:
        """Let it end in `lost_s` seconds and come back with its data of now, as a late replica."""
        with redis.Redis(port=self.valkey_port) as client:
            client.save()
            folder = client.config_get("dir")["dir"]
        if folder != self._kept.name:  # where it works since the last time
            shutil.copy(Path(folder, _SAVED), self._kept.name)
        time.sleep(lost_s)
        self.children[VALKEY].kill()
        extra = ("--dir", self._kept.name)
        self._remember(VALKEY, start_valkey(self.valkey_port, *extra, group=self._group))

    def start_program(self, config: Config) -> None:
        url = f"http://127.0.0.1:{config.port}{READY_PATH}"
        command = [sys.executable, "-m", "workbench.stack.regions.program"]
        child = Child(
            f"{self.region}",
            command,
            lambda: healthy(url),
            config.variables(),
            ready_s=_PROGRAM_READY_S,
            stop_s=_PROGRAM_STOP_S,
            group=self._group,
            quiet=False,
        )
        self._remember(PROGRAM, child)

    def kill(self, *names: str) -> None:
        """SIGKILL to these; without names to the whole group."""
        if names:
            for name in names:
                self.children[name].kill()
        else:
            with suppress(ProcessLookupError):  # nobody is left of it
                os.killpg(self._group, signal.SIGKILL)
            for child in self.children.values():
                child.kill()
        self.killed |= set(names or self.children)

    def dead(self) -> str | None:
        """Why one died that nobody has killed, None while there is none."""
        return next(
            (
                f"{self.region}: {why}"
                for name, child in self.children.items()
                if name not in self.killed and (why := child.dead())
            ),
            None,
        )

    def stop(self) -> None:
        """End them in good order; what they hold is forgotten."""
        for name in (PROGRAM, VALKEY, EMULATOR):
            if name in self.children:
                if name == EMULATOR:  # it would wait for long polls, and has nothing to write
                    self.children[name].kill()
                self.children[name].stop()
        self._kept.cleanup()

    def _remember(self, name: str, child: Child) -> None:
        if name in self.children:
            self.children[name].stop()
        self.children[name] = child
        self.killed.discard(name)
        self._group = os.getpgid(child.pid)


def global_tables(tables: Mapping[str, Mapping[str, object]], prefix: str) -> dict[str, list[str]]:
    """The key attributes of the tables that regions share, by full name."""
    found = {}
    for name, table in tables.items():
        if table["scope"] == "global":
            keys = (table.get("hash_key"), table.get("range_key"))
            found[f"{prefix}-{name}"] = [str(key) for key in keys if key]
    return found
