"""`make setup` and its like: install an environment, and say in plain words what went wrong.

Runs on whatever Python the machine has, before anything is installed: standard library only, and
no syntax that an older Python cannot read.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from layers import LAYERS, NODE, ROOT

OLDEST = (3, 11)
# By environment: its folder, what it is for, and about how much it adds to running (in MB).
PLACES = {
    "run": (".venv", "what running needs", 160),
    "test": (".venv", "what the tests need", 250),
    "dev": (".venv", "what the checks need", 90),
    "scan": (".venv-scan", "the Terraform scanner", 300),
    "docs": (".venv-docs", "what builds the documentation site", 190),
}
_SHOWN_LINES, _SHOWN_COLUMNS = 15, 160


class SetupError(Exception):
    """Nothing more can be installed; the text says why and what to do."""


def main(name: str) -> None:
    check_writable(ROOT)
    started = time.monotonic()
    if name == "node":
        say("Installing what the tests take from npm …")
        install_node()
    else:
        check_python(sys.version_info[:2])
        folder, purpose, megabytes = PLACES[name]
        say(f"Installing {purpose} into {folder} (about {megabytes} MB, once) …")
        install(name, ROOT / folder)
    say(f"Installed in {time.monotonic() - started:.0f} s.")


def check_python(version: tuple[int, ...]) -> None:
    """
    Raises:
        SetupError: This Python is too old.
    """
    if version >= OLDEST:
        return
    newer = (f"python3.{minor}" for minor in range(20, OLDEST[1] - 1, -1))
    found = next(filter(runs, newer), "")
    advice = f"Add PYTHON={found} to the make command." if found else "Install a later one."
    raise SetupError(
        f"Tidings needs Python 3.{OLDEST[1]} or later; {sys.executable} is"
        f" {version[0]}.{version[1]}. {advice}"
    )


def check_writable(folder: Path) -> None:
    """
    Raises:
        SetupError: Nothing can be created in the checkout.
    """
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as fault:
        raise SetupError(
            f"Cannot write to {folder} ({fault.strerror}). Everything is installed inside the"
            " checkout: copy it to a folder that you can write to, and run make there."
        ) from fault


def install(name: str, folder: Path) -> None:
    """Make the virtual environment at `folder` hold the locked packages of `name`."""
    python = folder / "bin" / "python"
    if not usable(python):
        make_environment(folder)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pip += ["--no-input", "--require-hashes"]
    run("pip", [*pip, "--no-deps", *locked("uv")])
    uv = [str(folder / "bin" / "uv"), "pip", "install", "--quiet", "--python", str(python)]
    try:
        run("uv", [*uv, "--require-hashes", *locked(name)])
    except SetupError:
        # Its configuration is not pip's: only pip may know of a proxy or a mirror.
        say("uv could not install; trying pip, which takes longer …")
        run("pip", [*pip, *locked(name)])
    if name not in ("scan", "docs"):
        project = ["--no-deps", "--no-build-isolation", "--editable", str(ROOT)]
        run("uv", [*uv, "--offline", *project])


def usable(python: Path) -> bool:
    """Whether it is an environment's, new enough, with pip: not half made, not left by a Python
    that has since been removed."""
    probe = f"import pip, sys; sys.exit(sys.version_info < {OLDEST})"
    try:
        return subprocess.run([str(python), "-c", probe], capture_output=True).returncode == 0
    except OSError:
        return False


def runs(name: str) -> bool:
    """Whether there is such an interpreter on the PATH; pyenv has some there that refuse to run."""
    found = shutil.which(name)
    return found is not None and subprocess.run([found, "-V"], capture_output=True).returncode == 0


def make_environment(folder: Path) -> None:
    run("venv", [sys.executable, "-m", "venv", "--clear", str(folder)], network=False)


def locked(name: str) -> list[str]:
    return [part for file in LAYERS[name] for part in ("-r", str(ROOT / file))]


def install_node() -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise SetupError("npm is not on the PATH: install Node.js 18 or later, with npm.")
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    # By itself it tries for over a minute before it says that there is no network.
    options += ["--fetch-retries=2", "--fetch-retry-mintimeout=1000"]
    for folder in NODE:
        run("npm", [npm, "ci", "--prefix", str(ROOT / folder), *options])


def run(program: str, command: list[str], network: bool = True) -> None:
    """
    Raises:
        SetupError: It failed, with its last lines.
    """
    try:
        done = subprocess.run(
            command,
            cwd=str(ROOT),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    except OSError as fault:
        raise SetupError(f"{command[0]} cannot be run: {fault.strerror}.") from fault
    if done.returncode == 0:
        return
    advice = "Is there a network? What is missing is downloaded once; then run make again. "
    lines = [line[:_SHOWN_COLUMNS] for line in done.stdout.strip().splitlines()[-_SHOWN_LINES:]]
    raise SetupError("\n  ".join([f"{program} failed. {advice * network}It said:", *lines]))


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except SetupError as fault:
        sys.exit(str(fault))
    except KeyboardInterrupt:
        sys.exit("Interrupted. Run make again to finish the installation.")
