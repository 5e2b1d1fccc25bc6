"""`python -m workbench.site`: build the site into dist/site; `make docs` installs what it needs.

With `--serve` it stays, on a port of this machine. Changes are seen after another run.
"""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

from .diagrams import fetch
from .navigation import menu
from .staging import ROOT, stage

_MKDOCS = ROOT / ".venv-docs/bin/mkdocs"
_MERMAID = ROOT / "dist/mermaid.min.js"  # downloaded once


def build(folder: Path) -> Path:
    """Build the site below this folder, and return where it is.

    Raises:
        CalledProcessError: A link is broken, or the generator has another objection.
    """
    source, site = folder / "site-source", folder / "site"
    pages = stage(source)
    fetch(_MERMAID)
    script = source / "javascripts/mermaid.min.js"
    script.parent.mkdir()
    script.write_bytes(_MERMAID.read_bytes())
    config = {
        "INHERIT": str(ROOT / "mkdocs.yml"),
        "docs_dir": str(source),
        "site_dir": str(site),
        "nav": menu(pages),
    }
    (folder / "mkdocs.yml").write_text(json.dumps(config, indent=1))
    command = [str(_MKDOCS), "build", "--strict", "--quiet", "--config-file"]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}  # decision 61
    subprocess.run([*command, str(folder / "mkdocs.yml")], check=True, env=environment)
    return site


def serve(site: Path) -> None:
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        print(f"http://127.0.0.1:{server.server_port}/", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    (ROOT / "dist").mkdir(exist_ok=True)
    built = build(ROOT / "dist")
    print(f"{built}/index.html", file=sys.stderr)
    if "--serve" in sys.argv:
        serve(built)
