"""Build the profiles: FSH and tables in, FHIR definitions out. Needs Java, Maven and Node.

    .venv/bin/python tests/conformance/build_profiles.py

Run it when mappings/profiles/fsh, mappings/codes or mappings/systems.toml changed; a test says so.
It stands here, not in mappings/, as all of that ships and holds data only.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[2]
sys.path.insert(0, str(CHECKOUT))  # run as a script, it finds its neighbours

from tests.conformance import tools  # noqa: E402 - see the line above
from tests.conformance.sources import EMPTY_PACKAGES, PUBLISHED, Sources  # noqa: E402 - the same

FINGERPRINT = "mappings/profiles/sources.sha256"


def build(checkout: Path, *, snapshots: bool = False) -> dict[str, str]:
    """Every built file: its path in the checkout and its text. Raises `ToolFailed` for an error or warning."""
    with tempfile.TemporaryDirectory() as directory:
        project = Path(directory)
        for name, text in Sources(checkout).project().items():
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            (project / name).write_text(text, encoding="utf-8")
        command = [str(tools.sushi()), "build", *(["--snapshot"] if snapshots else [])]
        said = tools.run(command, project, HOME=str(tools.fhir_home(EMPTY_PACKAGES)))
        if not re.search(r"\b0 Errors\s+0 Warnings", said):
            raise tools.ToolFailed(said)
        made = sorted((project / "fsh-generated" / "resources").glob("*.json"))
        return {_place(file.name): _finished(json.loads(file.read_text(encoding="utf-8"))) for file in made}


def _finished(definition: dict[str, Any]) -> str:
    """The definition as it ships: with who says so and when, which SUSHI leaves out."""
    whole = {**definition, "date": PUBLISHED, "publisher": "ip_fhir"}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _place(name: str) -> str:
    """Questionnaires lie by themselves: they are forms to fill in, the others say what is right."""
    form = re.fullmatch(r"Questionnaire-(.+)", name)
    return f"mappings/questionnaires/{form[1]}" if form else f"mappings/profiles/built/{name}"


def built(checkout: Path) -> dict[str, str]:
    """Every built file that is in the checkout."""
    places = (checkout / "mappings" / "profiles" / "built", checkout / "mappings" / "questionnaires")
    files = (file for place in places for file in sorted(place.glob("*.json")))
    return {str(file.relative_to(checkout)): file.read_text(encoding="utf-8") for file in files}


def fingerprints(checkout: Path) -> str:
    """Two lines, which change with the sources (or the compiler) and with what was built."""
    made = hashlib.sha256(json.dumps(built(checkout), sort_keys=True).encode()).hexdigest()
    return f"{Sources(checkout).fingerprint()}  sources\n{made}  built\n"


def main() -> int:
    """Build, and put what was built into the checkout."""
    problem = tools.missing("java", "mvn", "node", "npm")
    if problem:
        sys.stderr.write(f"{problem}\n")
        return 2
    try:
        files = build(CHECKOUT)
    except tools.ToolFailed as failed:
        sys.stderr.write(f"{failed}\n")
        return 1
    for place in ("mappings/profiles/built", "mappings/questionnaires"):
        shutil.rmtree(CHECKOUT / place, ignore_errors=True)
        (CHECKOUT / place).mkdir(parents=True)
    for name, text in files.items():
        (CHECKOUT / name).write_text(text, encoding="utf-8")
    (CHECKOUT / FINGERPRINT).write_text(fingerprints(CHECKOUT), encoding="utf-8")
    sys.stdout.write(f"{len(files)} definitions built\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
