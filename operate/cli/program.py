"""The root of the program: every failure is one sentence and an exit code.

Exit codes: 0 done, 1 failed or a fault found, 2 wrong usage. A traceback is a bug in Tidings.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, ClassVar

import typer
from botocore.exceptions import BotoCoreError, ClientError
from typer.core import TyperGroup

from operate.dead import NoQueuesError
from operate.deploy.errors import DeployError
from operate.deploy.terraform import TerraformError
from operate.http import HttpError
from operate.package import PackageError
from operate.tokens import NoSecret

from . import say


class Program(TyperGroup):
    """A group of commands that reports failures as text.

    Attributes:
        faults: Exceptions whose text is for the user; the command could not do what was asked.
    """

    faults: ClassVar[tuple[type[Exception], ...]] = (
        DeployError,
        HttpError,
        NoQueuesError,
        NoSecret,
        PackageError,
        TerraformError,
    )

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        try:
            code = super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)
        except typer.TyperException as fault:
            code = _asked_wrongly(fault)
        except typer.Abort:
            say.problem("not confirmed: nothing was done")
            code = 1
        except self.faults as fault:
            say.problem(fault)
            code = 1
        except (BotoCoreError, ClientError) as fault:
            say.problem(f"AWS refused or did not answer: {fault}")
            code = 1
        except OSError as fault:
            if fault.filename is None:
                raise
            say.problem(f"{fault.filename}: {fault.strerror}")
            code = 1
        sys.exit(code if isinstance(code, int) else 0)


def _asked_wrongly(fault: typer.TyperException) -> int:
    message = fault.format_message().strip()
    if message:  # without one, the command's help has been printed already
        context = getattr(fault, "ctx", None)
        if context is not None and type(fault) is not typer.BadParameter:
            message = f"{message.rstrip('.')}: see {context.command_path} -h"
        say.problem(message)
    return 2
