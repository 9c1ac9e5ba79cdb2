"""The documents say what is: their examples run, their generated parts are fresh, and nothing is left out of them."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from base64 import b64encode
from datetime import UTC, datetime
from enum import Enum
from importlib import import_module
from pkgutil import walk_packages
from typing import TYPE_CHECKING, Any

import pytest

from ip_fhir import domain
from ip_fhir.domain.effects import Reason
from ip_fhir.domain.referral import EventKind, Role, State
from ip_fhir.domain.sharing.events import PlanEventKind
from ip_fhir.domain.sharing.life.worklist import PLAN_REASONS
from ip_fhir.domain.values.ids import Identifier
from ip_fhir.domain.values.value import Value
from ip_fhir.exchange.telling.webhook import signature
from ip_fhir.settings import (
    HttpSettings,
    LimitSettings,
    ListenerSettings,
    PeerSettings,
    RetrySettings,
    Settings,
    WorkerSettings,
    read_settings,
    settings_of,
)
from ip_fhir.settings.telling import key_of
from ip_fhir.store import open_store

if TYPE_CHECKING:
    from pathlib import Path


def _run(place: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in `place`, with these variables besides our own."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=place,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_generated_parts_are_fresh(checkout: Path) -> None:
    """What the documents show of tables and commands is what the code has: `make docs` changes nothing."""
    result = _run(checkout, "docs/build.py", "--check")
    assert (result.returncode, result.stdout) == (0, "")


def test_a_stale_part_is_found(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check can fail: a changed generated part is not the same as a fresh one."""
    monkeypatch.syspath_prepend(str(checkout / "docs"))
    build = runpy.run_path(str(checkout / "docs" / "build.py"))
    text = (checkout / "docs" / "loop.md").read_text(encoding="utf-8")
    assert build["fresh"](text) == text
    assert build["fresh"](text.replace("coordinator-confirmed", "confirmed")) == text


def _example(checkout: Path, name: str) -> str:
    """The code of one example in the README."""
    readme = (checkout / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(rf"<!-- example: {name} -->\n```python\n(.*?)```", readme, re.DOTALL)
    return str(example)


def test_the_signature_of_a_webhook_is_checked_as_the_document_says(checkout: Path) -> None:
    """The receiver's function takes what we send, and no other body, key, or time; it is no longer than ten lines."""
    text = (checkout / "docs" / "told.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"<!-- example: signature -->\n```python\n(.*?)```", text, re.DOTALL)
    assert len([line for line in example.splitlines() if line.strip()]) <= 11  # with the import
    place: dict[str, Any] = {}
    exec(example, place)  # noqa: S102 - our own document
    key, body, at = f"whsec_{b64encode(bytes(range(32))).decode()}", b'{"number": 1}', datetime(2026, 1, 12, tzinfo=UTC)
    headers = signature([key_of(key)], "id-1", at, body)

    def is_ours(seconds: float = 0, **other: Any) -> bool:
        given = {"headers": headers, "body": body, "key": key, **other}
        return bool(place["is_ours"](**given, now=lambda: at.timestamp() + seconds))

    assert is_ours()
    assert is_ours(headers=signature([key_of(key)[::-1], key_of(key)], "id-1", at, body))
    assert not is_ours(body=b'{"number": 2}')
    assert not is_ours(key=f"whsec_{b64encode(bytes(range(1, 33))).decode()}")
    assert not is_ours(headers={**headers, "webhook-id": "id-2"})
    assert not is_ours(seconds=301)
    assert not is_ours(seconds=-301)


def test_the_settings_of_the_document_are_read(checkout: Path, tmp_path: Path) -> None:
    """The example of who is told is a part of a settings file as it stands."""
    text = (checkout / "docs" / "told.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "smtp").write_text("secret", encoding="utf-8")
    organization = {"id": "trust", "name": "x", "kind": "hospital", "organization_number": "983971636"}
    data = {**tomllib.loads(example), "role": "hospital", "organization": organization}
    settings = settings_of(data, tmp_path, environ={"WEBHOOK_KEY": f"whsec_{b64encode(bytes(32)).decode()}"})
    assert [one.way for one in settings.told] == ["webhook", "e-mail", "e-mail", "command"]


def test_the_example_in_the_readme_runs(checkout: Path) -> None:
    """The README's embedding example runs as written, and is no longer than it says one needs."""
    example = _example(checkout, "embed")
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


def test_the_loop_in_the_readme_runs(checkout: Path, tmp_path: Path) -> None:
    """The README's second example runs as written: the notice is stored, and waits for a peer that does not answer."""
    shutil.copytree(checkout / "examples", tmp_path / "examples")
    nobody = "http://127.0.0.1:9"
    result = _run(tmp_path, "-W", "error", "-c", _example(checkout, "loop"), IP_FHIR_PEERS__0__URL=nobody)
    assert result.returncode == 0, result.stderr
    store = open_store(f"sqlite:///{tmp_path / 'examples' / 'settings' / 'hospital.sqlite'}")
    assert [referral.correlation_id for referral in store.referrals()] == ["referral-01"]
    assert [row.status for row in store.outbox()] == ["waiting"]
    store.close()


@pytest.mark.parametrize("role", [Role.HOSPITAL, Role.MUNICIPALITY])
def test_the_settings_to_copy_load(checkout: Path, role: Role) -> None:
    """Each settings file to copy is valid as it is, and the two sides name one another."""
    ours, theirs = (
        read_settings(checkout / "examples" / "settings" / f"{one}.toml", environ={})
        for one in (role, *({Role.HOSPITAL, Role.MUNICIPALITY} - {role}))
    )
    assert ours.role is role
    (peer,) = ours.peers
    assert (peer.organization, peer.url) == (theirs.organization, theirs.http.url)
    assert peer.token in theirs.peers[0].accepts


def test_every_state_and_setting_is_named(checkout: Path) -> None:
    """Every state of the loop and every setting is named in the documents."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in (checkout / "docs").glob("*.md"))
    settings = (Settings, HttpSettings, PeerSettings, ListenerSettings, LimitSettings, WorkerSettings, RetrySettings)
    names = [*State, *(field for model in settings for field in model.model_fields)]
    named = r"`(?:[\w.]+\.)?{0}(?:\.[\w.]+)?`|\| {0} \|"
    assert [name for name in names if not re.search(named.format(re.escape(name)), text)] == []


@pytest.mark.parametrize("kind", [*EventKind, *Reason])
def test_every_event_and_reason_has_its_words(checkout: Path, kind: EventKind | Reason) -> None:
    """Every event has its section, and every reason that people are told its row; those of plans in their own page."""
    page = "sharing.md" if kind in PLAN_REASONS else "events.md"
    text = (checkout / "docs" / page).read_text(encoding="utf-8")
    if kind in PLAN_REASONS:
        text = text.partition("## Who is told what")[2]
    wanted = f"\n### `{kind}`\n" if isinstance(kind, EventKind) else f"\n| `{kind}` | "
    assert text.count(wanted) == 1


@pytest.mark.parametrize("kind", PlanEventKind)
def test_every_event_of_a_plan_has_its_rows(checkout: Path, kind: PlanEventKind) -> None:
    """Every event of a shared plan stands in the table of its page."""
    assert f"\n| `{kind}` | " in (checkout / "docs" / "sharing.md").read_text(encoding="utf-8")


def test_the_glossary_has_every_value(checkout: Path) -> None:
    """Every public value, enumeration and number of the domain stands in the glossary once, with its Norwegian word."""
    text = (checkout / "docs" / "glossary.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| [^|]+ \| [^|]+ \|$", text, re.MULTILINE)
    values = {
        name
        for module in walk_packages(domain.__path__, "ip_fhir.domain.")
        for name, kind in vars(import_module(module.name)).items()
        if isinstance(kind, type) and kind.__module__ == module.name and not name.startswith("_")
        if issubclass(kind, Value | Enum | Identifier)
    }
    assert values - {name for name, _ in rows} == set()
    assert len({name for name, _ in rows}) == len(rows)
    assert [name for name, norwegian in rows if not norwegian.strip()] == []


@pytest.mark.parametrize(
    ("page", "whom"),
    [
        ("embedding", "For an EHR in Python."),
        ("own", "For whoever writes an EHR in another language than Python."),
        ("integration-engine", "For whoever connects a record system by way of an engine"),
        ("operations", "For the operator of a side."),
    ],
)
def test_each_kind_of_reader_has_a_page(checkout: Path, page: str, whom: str) -> None:
    """EHR in Python or another language, integration engine, operator: each page says at its top for whom it is."""
    text = (checkout / "docs" / f"{page}.md").read_text(encoding="utf-8")
    assert text.split("\n\n")[1].startswith(whom)
    assert f"docs/{page}.md" in (checkout / "README.md").read_text(encoding="utf-8")


def test_links_lead_somewhere(checkout: Path) -> None:
    """Every link from one document to another leads to a file that is there."""
    documents = [*checkout.glob("*.md"), *(checkout / "docs").glob("*.md"), checkout / "examples" / "README.md"]
    dead = [
        f"{document.name} -> {target}"
        for document in documents
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
        if not (document.parent / target).exists()
    ]
    assert dead == []


def test_every_reason_for_leaving_out_is_in_the_document_of_foreign_plans(checkout: Path) -> None:
    """What `docs/foreign-plans.md` says of kinds of Bundles names every request, and every option that helps."""
    text = (checkout / "docs" / "foreign-plans.md").read_text(encoding="utf-8")
    wanted = ["DELETE", "GET", "HEAD", "PATCH", "OperationOutcome", "transaction-response", "batch-response", "history"]
    wanted += ["ifMatch", "search.mode", "--created", "--owner", "--plan", "--told-is-error", "onto=", "told_is_error="]
    assert [word for word in wanted if word not in text] == []
    tables = set(re.findall(r"^### `(\w+)`", text, re.MULTILINE))
    assert {"CarePlan", "Patient", "Goal", "Need", "Measure", "CareTeam", "Consent", "Practitioner"} <= tables
