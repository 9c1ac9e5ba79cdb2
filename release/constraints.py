"""Write constraints.txt: a version and its hashes for each package that any extra needs, and nobody's address.

`python -m release.constraints`, or `make constraints`. One list for every platform and every Python from 3.11.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from release.project import CONSTRAINTS, extras, uv

if TYPE_CHECKING:
    from pathlib import Path

_OLDEST: Final = "3.11"
HEAD: Final = """\
# The versions that the release was tried with: written by `make constraints`. Each file is known by its hash, wherever
# a site keeps its copies: pip install -c constraints.txt 'ip-fhir[web]'. With every extra: --require-hashes -r.
"""


def write(target: Path) -> None:
    """Resolve the newest versions and write them. Raises `CalledProcessError` if they cannot be resolved."""
    asked = [part for extra in extras() for part in ("--extra", extra)]
    quiet = ("--quiet", "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links")
    hashed = uv(
        *("pip", "compile", "pyproject.toml", *asked, "--universal", "--python-version", _OLDEST),
        *("--upgrade", "--generate-hashes", *quiet),
    )
    target.write_text(HEAD + hashed, encoding="utf-8")


if __name__ == "__main__":
    write(CONSTRAINTS)
    sys.stdout.write(f"{CONSTRAINTS.name}: {CONSTRAINTS.read_text(encoding='utf-8').count('==')} packages\n")
