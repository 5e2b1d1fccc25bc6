"""`python -m workbench.reference`: rewrite the generated sections of docs/reference and of
Terraform's READMEs.
"""

from __future__ import annotations

import sys

from . import modules, pages

if __name__ == "__main__":
    changed = [*pages.write(), *modules.write()]
    sys.stderr.write(f"rewritten: {', '.join(changed)}\n" if changed else "nothing has changed\n")
