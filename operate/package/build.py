"""The steps from a checkout to dist/: stage, wheels, Chalice, bytecode, zip, checks, files.

Chalice packages for the Python that runs it, and may build libraries that have no wheel. So it
gets a staged project without requirements.txt, with the target's wheels in vendor/, its documented
folder for other libraries; and the runtime in its manifest is set here.
https://aws.github.io/chalice/topics/packaging.html
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from operate import triggers

from . import archive, bytecode, checks
from .checks import PackageError
from .manifest import Manifest
from .target import Target

ROOT = Path(__file__).resolve().parents[2]
STAGE = "prod"
ZIP, MANIFEST, FACTS = "deployment.zip", "chalice.tf.json", "package.json"
_WITHIN_S = 300.0


@dataclass(frozen=True, slots=True)
class Package:
    """The contents of package.json, which Terraform reads, too.

    Attributes:
        runtime: Lambda's name, such as python3.13.
        sha256_base64: The zip's hash, as Terraform's `filebase64sha256` writes it.
        bytes: The zip's size.
        functions: Their names.
        bytecode: The Python that compiled the modules, such as "CPython 3.13.5"; None if the zip
            has sources only. The same commit and the same Python give the same zip.
    """

    runtime: str
    architecture: str
    sha256_base64: str
    bytes: int
    functions: tuple[str, ...]
    bytecode: str | None


def build(
    target: Target,
    out: Path,
    tell: Callable[[str], None] = lambda step: None,
    root: Path = ROOT,
    compiles: bool = True,
) -> Package:
    """Package the checkout at `root` into `out`; `tell` gets a line for each step.

    Only a package that passed all checks replaces what `out` had before.

    Args:
        compiles: Put bytecode into the zip. Without it, each cold start compiles.

    Raises:
        PackageError: Packaging failed, no Python of the target's version can be found or fetched,
            or a check found something wrong.
    """
    compiler = bytecode.find(target, tell) if compiles else None
    with tempfile.TemporaryDirectory(prefix="tidings-package-") as name:
        stage = Path(name, "stage")
        tell("copying the project")
        config = _stage(root, stage, target)
        tell(f"fetching wheels for {target.runtime} on {target.architecture}")
        _wheels(root / "requirements.txt", stage / "vendor", target)
        tell("running chalice package")
        made = Path(name, "out")
        _chalice(stage, made)
        files = archive.read((made / ZIP).read_bytes())
        if compiler is not None:
            tell(f"compiling with {compiler.version}")
            files |= bytecode.compiled(files, compiler, target)
        tell("writing the zip")
        data = archive.write(files)
        manifest = Manifest(json.loads((made / MANIFEST).read_text()))
    manifest.set_runtime(target.runtime)
    tell("checking")
    called = triggers.load(root / "app.py")
    queues = json.loads((root / "terraform" / "resources.json").read_text())["queues"]
    findings = list(
        itertools.chain(
            checks.archive(files, len(data), target, compiled=compiles),
            checks.manifest(manifest, called, files, target, config, queues),
        )
    )
    if findings:
        raise PackageError("the package failed its checks:\n  " + "\n  ".join(findings))
    digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
    names = tuple(sorted(called.functions))
    package = Package(
        target.runtime,
        target.architecture,
        digest,
        len(data),
        names,
        compiler.version if compiler is not None else None,
    )
    _publish(
        out,
        {
            ZIP: data,
            MANIFEST: manifest.to_json().encode(),
            FACTS: (json.dumps(asdict(package), indent=2) + "\n").encode(),
        },
    )
    return package


def _stage(root: Path, stage: Path, target: Target) -> dict[str, Any]:
    """Copy what ships; return each function's own settings, from .chalice/config.json."""
    ignore = shutil.ignore_patterns("__pycache__", "*.pyc", ".*", "*~")
    shutil.copytree(root / "chalicelib", stage / "chalicelib", ignore=ignore)
    shutil.copy(root / "app.py", stage / "app.py")
    config = json.loads((root / ".chalice" / "config.json").read_text())
    config["lambda_architecture"] = target.architecture
    (stage / ".chalice").mkdir()
    (stage / ".chalice" / "config.json").write_text(json.dumps(config))
    own: dict[str, Any] = config["stages"][STAGE]["lambda_functions"]
    return own


def _wheels(requirements: Path, vendor: Path, target: Target) -> None:
    """Unpack the wheels of requirements.txt for the target.

    Chalice adds two files of its own run-time code, from the version installed here. Nothing is
    resolved: pip would judge markers for the Python that runs it, and a new release somewhere would
    change the zip. `checks` finds distributions that requirements.txt lacks. Each file must have
    one of the hashes in there, whatever its platform.
    """
    pins = dict(_pins(requirements))
    chalice = next(pin for pin in pins if pin.name == "chalice")
    installed = importlib.metadata.version("chalice")
    if not chalice.specifier.contains(installed):
        raise PackageError(f"chalice {installed} is installed, but requirements.txt has {chalice}")
    wheels = vendor.with_name("wheels.txt")
    wheels.write_text("".join(f"{pins[pin]}\n" for pin in pins if pin is not chalice))
    _run(
        "pip",
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--no-compile", "--only-binary", ":all:", "--target", str(vendor)),
            *("--implementation", "cp", "--python-version", target.python),
            *(part for platform in target.platforms for part in ("--platform", platform)),
            *("--require-hashes", "--requirement", str(wheels)),
        ],
        cwd=vendor.parent,
    )


def _pins(requirements: Path) -> Iterator[tuple[Requirement, str]]:
    """Each pinned requirement, with its line: the pin and its hashes."""
    for line in requirements.read_text().replace("\\\n", " ").splitlines():
        if line.strip() and not line.startswith("#"):
            yield Requirement(line.partition("--hash")[0]), line


def _chalice(stage: Path, out: Path) -> None:
    """Run `chalice package`, without access to any AWS account: it needs a region's name only."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    environment |= {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    main = "from chalice.cli import main; raise SystemExit(main())"
    arguments = ["package", "--pkg-format", "terraform", "--stage", STAGE, str(out)]
    _run("chalice", [sys.executable, "-c", main, *arguments], stage, environment)


def _run(
    name: str, command: Sequence[str], cwd: Path, environment: dict[str, str] | None = None
) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_WITHIN_S,
        )
    except subprocess.TimeoutExpired as fault:
        raise PackageError(f"{name} took over {_WITHIN_S:.0f} s") from fault
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()[-12:]
        raise PackageError("\n  ".join([f"{name} failed with exit code {done.returncode}:", *said]))


def _publish(out: Path, files: dict[str, bytes]) -> None:
    """Write each file atomically; package.json comes last."""
    out.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        partial = out / f".{name}.part"
        partial.write_bytes(data)
        partial.replace(out / name)
