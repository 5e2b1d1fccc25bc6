"""`make lock`: compile the .in files into locked files with hashes, for every platform.

A version that is locked stays, unless its .in file says otherwise: `make lock ARGS=--upgrade`
takes the newest of all, ARGS="--upgrade-package NAME" of one.
"""

from __future__ import annotations

import re
import subprocess
import sys

import uv
from layers import LAYERS, ROOT

_PIN = re.compile(r"^([\w.-]+)==", re.MULTILINE)


def compile_lock(name: str, *more: str) -> None:
    """Write the last locked file of an environment."""
    *before, locked = LAYERS[name]
    command = [
        uv.find_uv_bin(),
        "pip",
        "compile",
        f"requirements/{name}.in",
        "--output-file",
        locked,
    ]
    command += ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-annotate"]
    command += ["--custom-compile-command", "make lock", "--quiet", "--no-config"]
    # Where a package came from is the business of whoever installs it.
    command += ["--no-emit-index-url", "--no-emit-find-links"]
    if name == "lambda":
        command += ["--no-deps"]  # lambda.in says why
    if name == "dev":
        # Tests and checks share an environment.
        command += ["--constraint", LAYERS["test"][-1]]
    for other in before:
        command += ["--constraint", other]
        for package in _PIN.findall((ROOT / other).read_text()):
            command += ["--no-emit-package", package]
    subprocess.run([*command, *more], cwd=ROOT, check=True)
    print(f"{locked}: {len(_PIN.findall((ROOT / locked).read_text()))} packages")


if __name__ == "__main__":
    for each in LAYERS:
        compile_lock(each, *sys.argv[1:])
