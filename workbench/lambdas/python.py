"""A Python like Lambda's: the standard library and boto3, nothing else.

A library that the deployment package lacks is then missing, as on AWS, whatever the developer's
own environment has.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html#python-sdk-included
"""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path

from workbench.stack.children import StackError

_CREATE_S = 60.0


def lambda_python(folder: Path, python: Path = Path(sys.executable)) -> Path:
    """Make an environment of `python` in `folder`; return its interpreter.

    boto3 and its dependencies are links to this environment's: they are pure Python, so another
    Python version can run them.

    Raises:
        StackError: `python` cannot make virtual environments.
    """
    folder = folder.resolve()
    command = [str(python), "-m", "venv", "--clear", "--without-pip", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_CREATE_S)
    except (OSError, subprocess.SubprocessError) as fault:
        said = getattr(fault, "stderr", None) or fault
        raise StackError(f"{python} cannot make a virtual environment: {said}") from fault
    [packages] = folder.glob("lib/python*/site-packages")
    for top in sorted(_top_levels(distribution("boto3"), set())):
        (packages / top.name).symlink_to(top)
    return folder / "bin" / "python"


def _top_levels(found: Distribution, seen: set[str]) -> set[Path]:
    """Modules, packages and metadata of a distribution and of its dependencies."""
    seen.add(found.name)
    tops = {str(file).split("/")[0] for file in found.files or ()} - {"..", "__pycache__"}
    paths = {Path(str(found.locate_file(top))).resolve() for top in tops}
    for requirement in found.requires or ():
        name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        if "extra ==" not in requirement and name not in seen:
            paths |= _top_levels(distribution(name), seen)
    return paths
