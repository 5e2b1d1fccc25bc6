"""Information from /proc about processes: children, states, listening sockets."""

from __future__ import annotations

import contextlib
import ipaddress
import os
from collections.abc import Iterator
from pathlib import Path

_LISTEN = "0A"
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def state(pid: int) -> str:
    """The kernel's letter ("T" is stopped); "" for an ended process or a zombie."""
    try:
        letter = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if letter == "Z" else letter


def descendants(pid: int) -> set[int]:
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended
            parents[int(stat.parent.name)] = int(stat.read_text().rsplit(")", 1)[1].split()[1])
    found: set[int] = set()
    youngest = {pid}
    while youngest:
        youngest = {child for child, parent in parents.items() if parent in youngest}
        found |= youngest
    return found


def listening(pids: set[int]) -> list[Address]:
    """The addresses of all TCP sockets on which these processes listen."""
    own = {name for pid in pids for name in _open_files(pid)}
    addresses = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTEN and f"socket:[{fields[9]}]" in own:
                addresses.append(_address(fields[1].split(":")[0]))
    return addresses


def _open_files(pid: int) -> Iterator[str]:
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            yield os.readlink(descriptor)


def _address(text: str) -> Address:
    """Parse an address; each word of 32 bits has its bytes reversed."""
    words = [bytes.fromhex(text[at : at + 8])[::-1] for at in range(0, len(text), 8)]
    found = ipaddress.ip_address(b"".join(words))
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        return found.ipv4_mapped
    return found
