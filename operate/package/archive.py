"""The zip file: which files it has, in a fixed order, with a fixed time and mode.

The same files give the same bytes on all machines whose Python has the same zlib.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import PurePosixPath

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can store
_FILE = 0o100644 << 16  # readable by all: Lambda runs as another user
_UNIX = 3
# For compilers and type checkers, not needed at run time.
_NEEDLESS = {".pyc", ".pyi", ".h", ".cfg"}
# Of a distribution's metadata, only name, version and licences are kept; the rest is about
# installing, and RECORD would differ with each installation.
_METADATA = {"METADATA", "entry_points.txt"}


def read(data: bytes) -> dict[str, bytes]:
    """The files of a zip by name, without those that Lambda does not need."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [info.filename for info in archive.infolist() if not info.is_dir()]
        return {name: archive.read(name) for name in names if _wanted(name)}


def write(files: Mapping[str, bytes]) -> bytes:
    """Make a zip that depends only on `files`."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system, info.external_attr = _UNIX, _FILE
            archive.writestr(info, files[name], zipfile.ZIP_DEFLATED, compresslevel=9)
    return data.getvalue()


def _wanted(name: str) -> bool:
    path = PurePosixPath(name)
    if path.parts[0] == "bin" or path.suffix in _NEEDLESS:
        return False
    if path.parts[0].endswith(".dist-info"):
        return path.name in _METADATA or "licenses" in path.parts or "LICENSE" in path.name
    return True
