"""`python -m workbench.reference`: rewrite the generated sections of docs/reference."""

from __future__ import annotations

import sys

from .pages import write

if __name__ == "__main__":
    changed = write()
    sys.stderr.write(f"rewritten: {', '.join(changed)}\n" if changed else "nothing has changed\n")
