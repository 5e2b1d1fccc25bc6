"""Mermaid, which draws the diagrams in the reader's browser: one file of its npm package.

The package itself would install 200 MB for it.
"""

from __future__ import annotations

import base64
import hashlib
import subprocess
import tarfile
import tempfile
from pathlib import Path

VERSION = "12.3.0"
INTEGRITY = (
    "sha512-4113TdXeLAsMruJ79OpFL5O8+LTFXhQqZ260rF3tgUmi"
    "NAtRm4Uume04I+65PRN6yZ69J4f8rVYWW8zRk65UYw=="
)
_MEMBER = "package/dist/mermaid.min.js"


class Unexpected(Exception):
    """What the registry gave is not what is locked here."""


def fetch(target: Path) -> None:
    """Write the file, unless it is there.

    Raises:
        Unexpected: It has another hash.
    """
    if target.exists():
        return
    with tempfile.TemporaryDirectory() as folder:
        pack = ["npm", "pack", f"mermaid@{VERSION}", "--silent", "--pack-destination", folder]
        subprocess.run(pack, check=True, capture_output=True)
        [packed] = Path(folder).glob("*.tgz")
        content = packed.read_bytes()
        found = "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()
        if found != INTEGRITY:
            raise Unexpected(f"mermaid {VERSION} has the hash {found}")
        with tarfile.open(packed) as archive:
            member = archive.extractfile(_MEMBER)
            assert member is not None
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(member.read())
