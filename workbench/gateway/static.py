"""Static files beside the APIs: folders of a page, under one prefix, known types only.

Owns the mapping from URL path to file; must never serve files outside its folders.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from .wire import Reply, message

# A table of its own, because `mimetypes` differs from machine to machine.
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}


@dataclass(frozen=True, slots=True)
class StaticFiles:
    """`/` is the folder's index.html, `{prefix}a/b.js` is its a/b.js.

    Attributes:
        more: Folders to search for files that `folder` does not have.
        headers: Sent with every file.
        others: Files from elsewhere, by name under the prefix.
    """

    folder: Path
    more: tuple[Path, ...] = ()
    prefix: str = "/web/"
    headers: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, Path] = field(default_factory=dict)

    def serve(self, method: str, path: str) -> Reply:
        """A file, or a 404; `path` is as in the request line."""
        found = self._find(unquote(path)) if method in ("GET", "HEAD") else None
        if found is None:
            return message(404, "Not Found")
        return 200, {"content-type": TYPES[found.suffix], **self.headers}, found.read_bytes()

    def _find(self, path: str) -> Path | None:
        name = "index.html" if path == "/" else path.removeprefix(self.prefix)
        if name == path or "\0" in name:
            return None
        if name in self.others:
            return self.others[name] if self.others[name].is_file() else None
        candidates = (_inside(folder, name) for folder in (self.folder, *self.more))
        return next((found for found in candidates if found is not None), None)


def _inside(folder: Path, name: str) -> Path | None:
    """The file of this name; None if it does not exist or is outside the folder."""
    folder = folder.resolve()
    found = (folder / name).resolve()  # follows `..` and links
    inside = found.is_relative_to(folder) and found.suffix in TYPES
    return found if inside and found.is_file() else None
