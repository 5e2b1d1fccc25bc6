"""Which locked files make up an environment."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# The folders with packages of npm, each with its lock.
NODE = ("clients/js", "tests/node", "tests/page")

_RUN = ("requirements/uv.txt", "requirements.txt", "requirements/run.txt")
# By environment: its locked files. Each leaves out what those before it have. The last is compiled
# from the .in file of the environment's name.
LAYERS = {
    "uv": ("requirements/uv.txt",),
    "lambda": ("requirements.txt",),
    "run": _RUN,
    "test": (*_RUN, "requirements/test.txt"),
    "dev": (*_RUN, "requirements/dev.txt"),
    "scan": ("requirements/uv.txt", "requirements/scan.txt"),
    "docs": ("requirements/uv.txt", "requirements/docs.txt"),
}
