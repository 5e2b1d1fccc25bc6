"""The files into which a local stack writes its lines, one for each region."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from .lines import Line, parsed

# The older one is the file of before the last change.
OLDER = ".1"


class Files:
    """Lines of some files, in the order of their times.

    Attributes:
        paths: Of the files; one that is not there has no lines yet.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._tails = [_Tail(path) for path in paths]

    def new(self) -> list[Line]:
        """The lines written since the last call; at first, all that are kept."""
        return sorted((line for tail in self._tails for line in tail.new()), key=_when)


class _Tail:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None
        self._rest = ""

    def new(self) -> Iterator[Line]:
        if self._file is None:
            yield from _whole(self._path.with_name(self._path.name + OLDER))
        else:
            yield from self._read()
        if self._is_another():
            self._open()
            yield from self._read()

    def _read(self) -> Iterator[Line]:
        """Whole lines only: the last one may be half written."""
        if self._file is None:
            return
        *lines, self._rest = (self._rest + self._file.read()).split("\n")
        yield from (parsed(line, 0) for line in lines if line)

    def _is_another(self) -> bool:
        """Whether the file was replaced since it was opened, or has been made."""
        try:
            now = self._path.stat()
        except FileNotFoundError:
            return False
        return self._file is None or os.fstat(self._file.fileno()).st_ino != now.st_ino

    def _open(self) -> None:
        if self._file is not None:
            self._file.close()
        self._rest = ""
        try:
            self._file = self._path.open(encoding="utf-8")
        except FileNotFoundError:
            self._file = None


def _whole(path: Path) -> Iterator[Line]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return
    yield from (parsed(line, 0) for line in lines if line)


def _when(line: Line) -> int:
    return line.at_ms
