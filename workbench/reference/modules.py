"""The READMEs of Terraform's modules: tables of variables and outputs, read from their files."""

from __future__ import annotations

import re
from pathlib import Path

from operate.deploy import types

from .markdown import code, table
from .sections import rewrite

_TERRAFORM = Path(__file__).resolve().parents[2] / "terraform"
FOLDERS = (*sorted((_TERRAFORM / "modules").iterdir()), _TERRAFORM)
_BLOCK = r'^{} "(\w+)" \{{\n(.*?)^\}}'
_HEREDOC = re.compile(r"^  description\s*=\s*<<-EOT\n(.*?)^\s*EOT$", re.MULTILINE | re.DOTALL)
_QUOTED = re.compile(r'^  description\s*=\s*"((?:[^"\\]|\\.)*)"$', re.MULTILINE)
_DEFAULT = re.compile(r"^  default\s*=\s*(.*)$", re.MULTILINE)
_MOST = 60  # characters of a default that is shown


def made(folder: Path) -> str:
    """A module's README with its sections generated."""
    makers = {"variables": variables, "outputs": outputs}
    return rewrite((folder / "README.md").read_text(), lambda section: makers[section](folder))


def write() -> list[str]:
    """Rewrite the READMEs on disk; return the names of those that changed."""
    changed = []
    for folder in FOLDERS:
        path, after = folder / "README.md", made(folder)
        if after != path.read_text():
            path.write_text(after)
            changed.append(f"{folder.name}/README.md")
    return changed


def variables(folder: Path) -> str:
    """All variables with their types, in the order of the file."""
    path = folder / "variables.tf"
    kinds = types.variables(path)
    rows = [
        (code(name), code(_kind(kinds[name])), _default(body), _description(body))
        for name, body in _blocks(path, "variable")
    ]
    return table(["variable", "type", "default", "meaning"], rows)


def outputs(folder: Path) -> str:
    """All outputs, in the order of the file."""
    rows = [
        (code(name), _description(body)) for name, body in _blocks(folder / "outputs.tf", "output")
    ]
    return table(["output", "meaning"], rows)


def _blocks(path: Path, kind: str) -> list[tuple[str, str]]:
    return re.findall(_BLOCK.format(kind), path.read_text(), re.MULTILINE | re.DOTALL)


def _kind(kind: types.Type) -> str:
    if kind.attributes:
        return f"object({', '.join(kind.attributes)})"
    return f"{kind.kind}({_kind(kind.of)})" if kind.of else kind.kind


def _default(body: str) -> str:
    found = _DEFAULT.search(body)
    if found is None:
        return "required"
    return code(found[1]) if len(found[1]) <= _MOST and found[1] not in "[{" else "see the file"


def _description(body: str) -> str:
    heredoc = _HEREDOC.search(body)
    if heredoc:
        return heredoc[1]
    [quoted] = _QUOTED.findall(body)
    return str(quoted).replace('\\"', '"').replace("$${", "${")
