"""What a package is made for: a Python version and an architecture, and their wheels."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import PurePosixPath

PYTHON = "3.13"  # docs/decisions/0010-lambda-runtime.md
# glibc's minor version of each runtime: Amazon Linux 2 has 2.26, Amazon Linux 2023 has 2.34.
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
_GLIBC = {"3.11": 26, "3.12": 34, "3.13": 34, "3.14": 34}
PYTHONS = tuple(_GLIBC)
_OLDEST_GLIBC = 17
# The number with which bytecode of a version begins: that of its releases, not of their alphas.
# https://github.com/python/cpython/blob/main/Include/internal/pycore_magic_number.h
_MAGIC = {"3.11": 3495, "3.12": 3531, "3.13": 3571, "3.14": 3627}
# By Lambda's name: the architecture's name in wheels, and its ELF e_machine.
# https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
_MACHINES = {"arm64": ("aarch64", 0xB7), "x86_64": ("x86_64", 0x3E)}
ARCHITECTURES = tuple(_MACHINES)


@dataclass(frozen=True, slots=True)
class Target:
    """A Lambda runtime on an architecture, by Lambda's names.

    Attributes:
        python: A version such as 3.13.
        architecture: arm64 or x86_64.
    """

    python: str = PYTHON
    architecture: str = "arm64"

    def __post_init__(self) -> None:
        if self.python not in _GLIBC:
            raise ValueError(f"Python {self.python}: not one of {', '.join(PYTHONS)}")
        if self.architecture not in _MACHINES:
            raise ValueError(f"{self.architecture}: not one of {', '.join(ARCHITECTURES)}")

    @property
    def runtime(self) -> str:
        return f"python{self.python}"

    @property
    def machine(self) -> str:
        """The architecture as wheels and `platform.machine()` name it."""
        return _MACHINES[self.architecture][0]

    @property
    def elf_machine(self) -> int:
        return _MACHINES[self.architecture][1]

    @property
    def platforms(self) -> list[str]:
        """Platform tags of wheels that run on the target, best first; pip does not add any.

        https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/
        """
        minors = range(_GLIBC[self.python], _OLDEST_GLIBC - 1, -1)
        newer = [f"manylinux_2_{minor}_{self.machine}" for minor in minors]
        return [*newer, f"manylinux2014_{self.machine}"]

    def cached(self, module: str) -> str:
        """The file of the zip in which the target looks for the bytecode of `module`, a file, too.

        https://peps.python.org/pep-3147/
        """
        path = PurePosixPath(module)
        tag = f"cpython-{self.python.replace('.', '')}"
        return str(path.parent / "__pycache__" / f"{path.stem}.{tag}.pyc")

    @property
    def magic(self) -> bytes:
        """The four bytes with which its bytecode begins; with others it compiles the sources.

        https://docs.python.org/3/library/importlib.html#importlib.util.MAGIC_NUMBER
        """
        return _MAGIC[self.python].to_bytes(2, "little") + b"\r\n"

    @property
    def markers(self) -> dict[str, str]:
        """The environment in which the markers of requirements are evaluated."""
        return {
            "implementation_name": "cpython",
            "implementation_version": f"{self.python}.0",
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            # Lambda keeps its runtimes at recent patch releases.
            "python_full_version": f"{self.python}.9",
            "python_version": self.python,
            "sys_platform": "linux",
        }


def host_architecture() -> str:
    """This machine's architecture, by Lambda's name.

    Raises:
        ValueError: Lambda does not support it.
    """
    machine = platform.machine().lower().replace("amd64", "x86_64")
    for architecture, (name, _) in _MACHINES.items():
        if machine in (architecture, name):
            return architecture
    raise ValueError(f"{machine}: Lambda does not support this architecture")
