"""`support-bundle`: it says what helps, and neither a person's nor anything that opens something."""

from __future__ import annotations

import json
import re
import stat
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

import ip_fhir
from ip_fhir.cli.commands.operation.support_bundle import places, without_folders
from ip_fhir.domain.notice import Notice
from ip_fhir.ports import Refusal
from ip_fhir.settings import Settings, read_settings
from ip_fhir.settings.outline import outline
from ip_fhir.store import open_store
from tests.cli.conftest import Run, Sides
from tests.support.canaries import CANARY, Heard, with_canaries
from tests.support.two_sides import notice

SECRETS = ("hemmelig-token-aa", "hemmelig-passord-bb", "hemmelig-kommando-cc", "hemmelig-lytter-dd", "hemmelig-valg-ee")
NUMBER = "05827500285"


@pytest.fixture
def config(run: Run, sides: Sides) -> Path:
    """A side with a secret in every setting that may have one, a person of canaries, and messages gone wrong."""
    text = sides.hospital.read_text(encoding="utf-8")
    (sides.hospital.parent / "hospital.token").write_text(SECRETS[0], encoding="utf-8")
    more = f"""
[tell]
command = ["echo", "{SECRETS[2]}"]
[[listeners]]
use = "fhirserver"
server = "http://127.0.0.1:1/{SECRETS[3]}"
password = "{SECRETS[4]}"
"""
    sides.hospital.write_text(text + more, encoding="utf-8")
    made = with_canaries(notice("01"))
    file = sides.hospital.parent / "notice.json"
    file.write_text(made.to_json(), encoding="utf-8")
    assert run("notice", "send", file, "--config", sides.hospital).code == 0
    (row,) = run("outbox", "list", "--status", "waiting", "--json", "--config", sides.hospital).data
    ran = run("outbox", "park", row["id"], "--reason", f"{CANARY} {NUMBER}; HTTP 422", "--config", sides.hospital)
    assert ran.code == 0, ran.err
    at = datetime(2026, 1, 12, tzinfo=UTC)
    reason = f"Bundle.entry[2].resource.birthDate: not a date; Bundle.{CANARY}: is not known here; {NUMBER}.1: {CANARY}"
    with closing(open_store(read_settings(sides.hospital).database)) as store, store.begin() as transaction:
        transaction.refuse(Refusal("municipality", "digest", "value", reason, at, at, f"{CANARY}-1"), 9)
    return sides.hospital


def written(run: Run, config: Path, *, code: int = 0) -> tuple[dict[str, Any], Path]:
    """The parts of a bundle, read as JSON, and its file."""
    target = config.parent / "bundle.zip"
    ran = run("support-bundle", target, "--config", config)
    assert ran.code == code, ran.err
    with ZipFile(target) as opened:
        return {n: json.loads(opened.read(n)) for n in opened.namelist() if n.endswith(".json")}, target


def test_nothing_of_a_person_and_nothing_that_opens_anything(run: Run, config: Path) -> None:
    """No byte of the file is a canary's, a secret's, a person's number's or a folder's; all of them are in the side."""
    parts, target = written(run, config)
    heard = Heard()
    heard.hear("the file", target.read_bytes())
    heard.hear("what is in it", json.dumps(parts, ensure_ascii=False))
    side = Heard()
    for file in config.parent.iterdir():
        if file != target and file.is_file():
            side.hear("the side", file.read_bytes())
    person = notice("01").owner
    names = (person.name.family, str(person.identifier), str(config.parent))
    for word in (CANARY, SECRETS[0], *SECRETS[2:], NUMBER):
        assert side.places_of(word), f"{word} is nowhere, so that it proves nothing"
        assert heard.places_of(word) == [], word
    for word in names:
        assert heard.places_of(word) == [], word


def test_what_it_says(run: Run, config: Path) -> None:
    """Versions, settings, findings, counts, and the last errors by their codes and places."""
    parts, target = written(run, config)
    assert set(parts) == {"versions.json", "settings.json", "findings.json", "store.json", "errors.json"}
    assert parts["versions.json"]["ip-fhir"] == ip_fhir.__version__
    assert "sqlalchemy" in {name.lower() for name in parts["versions.json"]["packages"]}
    settings = parts["settings.json"]
    assert (settings["role"], settings["peers"][0]["name"]) == ("hospital", "municipality")
    assert (settings["peers"][0]["token"], settings["tell"]["command"]) == ("set", "set")
    assert settings["limits"]["max_depth"] == 64
    assert {"evidence", "settings", "mapping tables"} <= {one["what"] for one in parts["findings.json"]}
    store = parts["store.json"]
    assert (store["version"], store["figures"]["outbox"], store["figures"]["refusals"]) == (
        store["needed"],
        {"parked": 1, "waiting": 1},
        1,
    )
    (row,) = parts["errors.json"]["outbox"]
    assert (row["peer"], row["status"], row["http"], row["places"]) == ("municipality", "parked", ["422"], [])
    (refusal,) = parts["errors.json"]["refusals"]
    assert (refusal["code"], refusal["times"]) == ("value", 1)
    assert refusal["places"][0].endswith("entry[2].resource.birthDate")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_it_takes_no_other_files_place(run: Run, config: Path) -> None:
    """A file of this name stays as it is: exit code 2."""
    target = config.parent / "there.zip"
    target.write_bytes(b"mine")
    ran = run("support-bundle", target, "--config", config)
    assert (ran.code, ran.err) == (2, "ip-fhir: FILE: there is a file of this name already\n")
    assert target.read_bytes() == b"mine"


def test_when_nothing_works(run: Run, config: Path) -> None:
    """It is written where the settings cannot be used, or there is no store: that is when somebody needs it."""
    store = config.with_suffix(".sqlite")
    store.unlink()
    parts, target = written(run, config)
    assert parts["store.json"]["version"] is None
    assert not store.exists()
    target.unlink()
    config.write_text(f'role = "{SECRETS[1]}"\n', encoding="utf-8")
    parts, target = written(run, config)
    assert list(parts["settings.json"]) == ["cannot be read"]
    assert {one["status"] for one in parts["findings.json"] if one["what"] == "settings"} == {"fail"}
    assert SECRETS[1].encode() not in target.read_bytes()


def test_a_password_in_an_address_is_left_out(sides: Sides) -> None:
    """Of a database's address scheme, host and port are left."""
    read = read_settings(sides.hospital, {"IP_FHIR_DATABASE": f"postgresql://me:{SECRETS[1]}@db.example:5432/ip?x=1"})
    shown = outline(read)
    assert re.fullmatch(r"postgresql(\+\w+)?://db\.example:5432", shown["database"])
    assert SECRETS[1] not in json.dumps(shown)


def test_every_setting_is_in_the_outline(sides: Sides) -> None:
    """No section is left out, and what is in it can be written as JSON."""
    shown = outline(read_settings(sides.hospital))
    assert set(shown) == set(Settings.model_fields)
    assert json.loads(json.dumps(shown)) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Bundle.entry[2].resource.birthDate: not a date", ["Bundle.entry[2].resource.birthDate"]),
        ("Patient.Kari: is not known here", ["Patient...."]),
        ("Kari.Nordmann: is not known here", []),
        ("about Kari Nordmann: no", []),
        ("host: HTTP 422; Task.owner: unknown", ["Task.owner"]),
        ("", []),
    ],
)
def test_of_an_error_the_places_are_left(text: str, shown: list[str]) -> None:
    """Names that FHIR has, and nothing else of what was said."""
    known = {"Bundle", "Patient", "Task", "entry", "resource", "birthDate", "owner"}
    assert places(text, known) == shown


def test_folders_are_left_out() -> None:
    """They may be named after whoever works there; addresses and names of files stay."""
    said = "there is no store: /home/kari/side/hospital.sqlite is not there; http://ke.example/fhir; ~/kari/x.toml"
    assert without_folders(said) == (
        "there is no store: .../hospital.sqlite is not there; http://ke.example/fhir; .../x.toml"
    )


def test_a_notice_has_canaries() -> None:
    """What the tests above look for is in the notice's words, so that they can fail."""
    assert isinstance(with_canaries(notice("01")), Notice)
    assert CANARY in with_canaries(notice("01")).to_json()
