"""`init`: a settings file to fill in, which cannot go stale (findings/users.md B)."""

import re
import tomllib
from pathlib import Path

import pytest

from ip_fhir.domain.referral import Role
from ip_fhir.errors import InvalidInput
from ip_fhir.settings import Settings, read_settings, settings_of
from ip_fhir.settings.template import template
from tests.cli.conftest import Run

SIDES = ("hospital", "municipality", "participant")
FILLED = {
    "organization.name": "Invented side",
    "organization.organization_number": "312001373",
    "http.base_url": "http://127.0.0.1:8080",
    "peers.0.organization.name": "Invented other side",
    "peers.0.organization.organization_number": "312010968",
    "peers.0.url": "http://127.0.0.1:8090",
    "peers.0.token": "a-token-that-they-gave-us",
}
PARTICIPANT = {
    "organization.name": "Invented school",
    "organization.kind": "school",
    **FILLED,
    "agreements.0.parties.0.organization_number": FILLED["organization.organization_number"],
    "agreements.0.parties.1.organization_number": FILLED["peers.0.organization.organization_number"],
}
"""What a side without a role in the loop fills in: its kind, and an agreement, besides."""


def places_of(side: str | None) -> dict[str, str]:
    """Each place of a side's file, with what is filled in there."""
    return FILLED if side in ("hospital", "municipality") else PARTICIPANT


def fill(text: str, side: str | None) -> str:
    """The file with each place filled in, in the order in which they stand."""
    places = iter(places_of(side).values())
    return re.sub(r'(?m)(?<=")FILL IN: [^"]*(?=")', lambda _: next(places), text)


@pytest.mark.parametrize("side", SIDES)
def test_unfilled_it_says_all_that_is_missing(run: Run, tmp_path: Path, side: str) -> None:
    """Every place at once, by its path and with words, exit code 2."""
    file = tmp_path / f"{side}.toml"
    written = run("init", side, tmp_path)
    assert (written.code, file.stat().st_mode & 0o777) == (0, 0o600)
    ran = run("referrals", "list", "--config", file)
    assert ran.code == 2
    assert [line.split(": ")[2] for line in ran.err.splitlines()] == list(places_of(side))
    assert all(": is to be filled in: " in line for line in ran.err.splitlines())


@pytest.mark.parametrize("side", SIDES)
def test_filled_in_it_runs(run: Run, tmp_path: Path, side: str) -> None:
    """What is filled in is a side: its store is made beside it, and its list of loops is empty."""
    file = tmp_path / "mine.toml"
    assert run("init", side, file).code == 0
    file.write_text(fill(file.read_text(encoding="utf-8"), side), encoding="utf-8")
    assert run("db", "upgrade", "--config", file).code == 0
    assert (tmp_path / f"{side}.sqlite").exists()
    assert run("referrals", "list", "--config", file).text == "no referrals\n"


def test_it_is_never_written_over(run: Run, tmp_path: Path) -> None:
    """A file that is there stays as it is."""
    file = tmp_path / "hospital.toml"
    file.write_text("mine", encoding="utf-8")
    ran = run("init", "hospital", tmp_path)
    assert (ran.code, file.read_text(encoding="utf-8")) == (2, "mine")
    assert ran.err == f"ip-fhir: {file}: is there already, and is not written over\n"
    assert run("init", "clinic", tmp_path).code == 2


@pytest.mark.parametrize("role", [Role.HOSPITAL, Role.MUNICIPALITY, None])
def test_the_defaults_are_the_settings_own(role: Role | None) -> None:
    """With every default switched on the settings are the same: no line of the file is stale or wrong."""
    text = fill(template(role, "x.toml"), role)
    off = re.compile(r"(?m)^#(?=[a-z_]+ = |\[)")
    said = "\n".join(line for line in off.sub("", text).splitlines() if not line.endswith('"FILL IN"'))
    unused = r"own|own.programs|own.tls|\[carriers\]|\[listeners\]|\[told\]|smtp|http\.issuer|http\.tls|peers\.auth"
    said = re.sub(rf"(?ms)^\[({unused})\]\n.*?(?=^\[)", "", said)
    data = tomllib.loads(said)
    assert settings_of(data, environ={}) == settings_of(tomllib.loads(text), environ={})


def test_every_setting_is_in_it() -> None:
    """A setting that is added is in the file by itself."""
    text = template(Role.HOSPITAL, "x.toml")
    for name, field in Settings.model_fields.items():
        assert re.search(rf"(?m)^#?(\[?\[{name}\]\]?$|{name} = )", text), (name, field)


def test_a_token_is_fresh() -> None:
    """Two files do not have the same token."""
    assert template(Role.HOSPITAL, "x.toml") != template(Role.HOSPITAL, "x.toml")


def test_a_place_in_the_middle(tmp_path: Path) -> None:
    """A place that somebody left is named wherever it stands, before anything else is said."""
    file = tmp_path / "x.toml"
    file.write_text('role = "clinic"\nunits = [{ id = "a", name = "FILL IN" }]\n', encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"^units\.0\.name: is to be filled in$"):
        read_settings(file, {})


def test_a_participant_is_told_what_it_lacks(run: Run, tmp_path: Path) -> None:
    """Filled in, it has no role in the loop and an agreement with its one peer; `doctor` says if it has none."""
    file = tmp_path / "school.toml"
    assert run("init", "participant", file).code == 0
    file.write_text(fill(file.read_text(encoding="utf-8"), None), encoding="utf-8")
    assert settings_of(tomllib.loads(file.read_text(encoding="utf-8")), environ={}).role is None
    told = run("doctor", "--config", file).text
    assert "no role in the green form loop" in told
    assert "no agreement names us" not in told
    file.write_text(re.sub(r"(?m)^parties = .*$", "", file.read_text(encoding="utf-8")), encoding="utf-8")
    assert "no agreement names us and it: no plan is shared with it" in run("doctor", "--config", file).text
