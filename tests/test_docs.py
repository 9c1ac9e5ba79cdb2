"""The documents say what is: their examples run, their generated parts are fresh, and nothing is left out of them."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from typing import TYPE_CHECKING

from ip_fhir.domain.referral import State
from ip_fhir.settings import (
    HttpSettings,
    LimitSettings,
    ListenerSettings,
    PeerSettings,
    RetrySettings,
    Settings,
    WorkerSettings,
)

if TYPE_CHECKING:
    from pathlib import Path


def _run(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=checkout, capture_output=True, text=True, check=False)


def test_generated_parts_are_fresh(checkout: Path) -> None:
    """What the documents show of tables and commands is what the code has: `make docs` changes nothing."""
    result = _run(checkout, "docs/build.py", "--check")
    assert (result.returncode, result.stdout) == (0, "")


def test_a_stale_part_is_found(checkout: Path) -> None:
    """The check can fail: a changed generated part is not the same as a fresh one."""
    build = runpy.run_path(str(checkout / "docs" / "build.py"))
    text = (checkout / "docs" / "loop.md").read_text(encoding="utf-8")
    assert build["fresh"](text) == text
    assert build["fresh"](text.replace("coordinator-confirmed", "confirmed")) == text


def test_the_example_in_the_readme_runs(checkout: Path) -> None:
    """The README's embedding example runs as written, and is no longer than it says one needs."""
    readme = (checkout / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"<!-- example: embed -->\n```python\n(.*?)```", readme, re.DOTALL)
    assert len([line for line in example.splitlines() if line.strip()]) <= 20
    result = _run(checkout, "-W", "error", "-c", example)
    assert result.returncode == 0, result.stderr
    assert "birthDate" in result.stdout
    assert "in spring" not in result.stdout


def test_the_plug_ins_in_the_documents_keep_their_contracts(checkout: Path, tmp_path: Path) -> None:
    """The plug-ins that docs/plugins.md shows are whole: put into their files, they pass the suites that it shows."""
    text = (checkout / "docs" / "plugins.md").read_text(encoding="utf-8")
    for name, code in re.findall(r"<!-- file: (\S+) -->\n```python\n(.*?)```", text, re.DOTALL):
        with (tmp_path / name).open("a", encoding="utf-8") as file:
            file.write(f"{code}\n\n")
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_folder_wire.py"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
    assert int(re.findall(r"(\d+) passed", result.stdout)[0]) > 40


def test_every_state_and_setting_is_named(checkout: Path) -> None:
    """Every state of the loop and every setting is named in the documents."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in (checkout / "docs").glob("*.md"))
    settings = (Settings, HttpSettings, PeerSettings, ListenerSettings, LimitSettings, WorkerSettings, RetrySettings)
    names = [*State, *(field for model in settings for field in model.model_fields)]
    assert [name for name in names if not re.search(rf"`{re.escape(name)}`|\| {re.escape(name)} \|", text)] == []


def test_links_lead_somewhere(checkout: Path) -> None:
    """Every link from one document to another leads to a file that is there."""
    documents = [*checkout.glob("*.md"), *(checkout / "docs").glob("*.md")]
    dead = [
        f"{document.name} -> {target}"
        for document in documents
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
        if not (document.parent / target).exists()
    ]
    assert dead == []
