"""Write our definitions as a FHIR package. Needs Java, Maven and Node, which the definitions' snapshots are made with.

    make package

writes dist/ip-fhir.r4-VERSION.tgz: definitions, search parameters, capability statements and examples.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[3]
sys.path.insert(0, str(CHECKOUT))  # run as a script, it finds its neighbours

from tests.conformance import tools  # noqa: E402 - see the line above
from tests.conformance.build_profiles import build  # noqa: E402 - the same
from tests.conformance.package.contents import NAME, archive, files  # noqa: E402 - the same
from tests.conformance.sources import Sources  # noqa: E402 - the same


def package(checkout: Path) -> bytes:
    """The package, built anew. Raises `ToolFailed` for an error or warning of SUSHI."""
    definitions = [json.loads(text) for text in build(checkout, snapshots=True).values()]
    return archive(files(checkout, definitions))


def main() -> int:
    """Build, write, and say where."""
    problem = tools.missing("java", "mvn", "node", "npm")
    if problem:
        sys.stderr.write(f"{problem}\n")
        return 2
    try:
        content = package(CHECKOUT)
    except tools.ToolFailed as failed:
        sys.stderr.write(f"{failed}\n")
        return 1
    place = CHECKOUT / "dist" / f"{NAME}-{Sources(CHECKOUT).version}.tgz"
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(content)
    sys.stdout.write(f"{place.relative_to(CHECKOUT)}: {len(content)} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
