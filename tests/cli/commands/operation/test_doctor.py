"""`doctor` and `adapters`: each thing that can be wrong is a line that says so."""

import tomllib
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ip_fhir.cli.commands.operation.checks.side import check_capabilities, check_plan_reading, check_refusals
from ip_fhir.mapping import default
from ip_fhir.ports import Refusal
from ip_fhir.settings import read_settings
from ip_fhir.store import open_store
from ip_fhir.testing import only_loops
from ip_fhir.testing.store_samples import append
from tests.cli.conftest import Run, Sides
from tests.support.plugin_site import LISTENER, install
from tests.support.two_sides import EXAMPLES

SIDES = ("hospital", "municipality")
OVERLAY = EXAMPLES / "overlays" / "nordvik.toml"


def lines(run: Run, config: Path) -> dict[str, list[tuple[str, str]]]:
    """What the doctor finds about a side: for each thing, status and detail of its lines."""
    found: dict[str, list[tuple[str, str]]] = {}
    for line in run("doctor", "--config", config, "--json").data:
        found.setdefault(line["what"], []).append((line["status"], line["detail"]))
    return found


def changed(config: Path, old: str, new: str) -> Path:
    """The settings with `new` where `old` stood, which must have been there."""
    text = config.read_text(encoding="utf-8")
    assert old in text
    config.write_text(text.replace(old, new), encoding="utf-8")
    return config


def test_the_installation(run: Run) -> None:
    """Here everything is installed: no line fails, and the tables, the time zone and the adapters are looked at."""
    ran = run("doctor", "--json")
    assert ran.code == 0
    statuses = {line["what"]: line["status"] for line in ran.data}
    looked_at = {
        "mapping tables",
        "plan reading",
        "time zone data",
        "public holidays",
        "adapter fhir-rest",
        "extra web",
    }
    looked_at |= {"format fhir-message", "format fhir-transaction"}
    assert looked_at <= {what for what, status in statuses.items() if status == "ok"}


def test_the_examples_are_read_without_the_lenses(run: Run) -> None:
    """The doctor reads a plan of its own and the five examples: none is left to the lenses."""
    found = {line["what"]: (line["status"], line["detail"]) for line in run("doctor", "--json").data}
    assert found["plan reading"] == ("ok", "6 plans read, none left to the lenses")


def test_what_is_left_to_the_lenses_is_told() -> None:
    """Tables that only lenses can read (R5's are such): a warning with how many plans, and why."""
    found = check_plan_reading("plan reading", default("R5"))
    assert (found.status, found.detail) == ("warn", "6 of 6 plans were left to the lenses (tables: 6): slow")


def test_for_people(run: Run) -> None:
    """A line for each thing, its status first."""
    lines = run("doctor").text.splitlines()
    assert len(lines) > 6
    assert {line.split()[0] for line in lines} <= {"ok", "warn", "fail"}


def test_a_side_that_is_ready(run: Run, bare_sides: Sides) -> None:
    """Settings, store and peer of a side; the store is not made by looking."""
    sides = bare_sides
    found = lines(run, sides.hospital)
    assert found["settings"][0][0] == "ok"
    assert found["store"] == [("warn", "the SQLite file is not there yet; the first start makes it")]
    assert found["peer municipality"][0][0] == "ok"
    assert found["clock"][0][0] == "warn"
    assert not (sides.hospital.parent / "hospital.sqlite").exists()
    assert run("referrals", "list", "--config", sides.hospital).code == 7
    assert not (sides.hospital.parent / "hospital.sqlite").exists()
    run("db", "upgrade", "--config", sides.hospital)
    found = lines(run, sides.hospital)
    assert (found["store"][0][0], found["evidence"][0][0]) == ("ok", "warn"), "nothing is written yet"
    with closing(open_store(read_settings(sides.hospital).database)) as store:
        append(store, "r", "1")
    checked = "the chain is whole: 1 records, and 0 rows and parts of rows as they were written"
    assert lines(run, sides.hospital)["evidence"] == [("ok", checked)]


def test_what_a_store_lacks(sides: Sides, run: Run) -> None:
    """A line for each capability that a store has not, and what that means; none for our own, which has all."""
    run("db", "upgrade", "--config", sides.hospital)
    with closing(open_store(read_settings(sides.hospital).database)) as store:
        assert list(check_capabilities(store)) == []
        found = list(check_capabilities(only_loops(store)))
    assert [finding.status for finding in found] == ["warn"] * 12
    later = (
        "WorklistStore",
        "ReadingStore",
        "AggregateStore",
        "PlanStore",
        "UnreadableStore",
        "ProofStore",
        "SubscriptionStore",
        "TellingStore",
        "JoinableStore",
        "TrialStore",
    )
    words = ("ReceiptStore", "HoldingStore", *later)
    for word, finding in zip(words, found, strict=True):
        assert word in finding.detail


@pytest.mark.parametrize(
    ("old", "new", "what", "status", "words"),
    [
        ('role = "hospital"', 'role = "clinic"', "settings", "fail", "hospital.toml: role"),
        ("peers = [", "peers = []\nunused = [", "settings", "fail", "a field that is not known here"),
        ('token = { file = "hospital.token" }, ', "", "peer municipality", "warn", "no token to show"),
        (', accepts = [{ file = "municipality.token" }]', "", "peer municipality", "warn", "they cannot send to us"),
        ('url = "http://127.0.0.1', 'url = "http://ke.example', "settings", "fail", "in the clear"),
        ("timeout = 10.0", "plain_http = true", "peer municipality", "warn", "something else must encrypt"),
        ('host = "127.0.0.1"', 'host = "0.0.0.0"', "address", "warn", "unencrypted"),
    ],
)
def test_what_can_be_wrong(run: Run, sides: Sides, old: str, new: str, what: str, status: str, words: str) -> None:
    """Each thing that can be wrong with a side is a line that names it."""
    found = lines(run, changed(sides.hospital, old, new))
    assert [(s, d) for s, d in found[what] if s == status and words in d], found
    assert run("doctor", "--config", sides.hospital).code == (1 if status == "fail" else 0)


def test_parties_that_no_number_tells(run: Run, sides: Sides) -> None:
    """We, to whom nothing can be addressed; a peer, whom only its token tells; an agreement of numbers nobody has."""
    text = sides.hospital.read_text(encoding="utf-8")
    for name, number in (("organization_number", "312001373"), ("organization_number", "312012332"),
                         ("her_id", "90000101"), ("her_id", "90000202")):  # fmt: skip
        assert f', {name} = "{number}"' in text
        text = text.replace(f', {name} = "{number}"', "")
    sides.hospital.write_text(text, encoding="utf-8")
    found = lines(run, sides.hospital)
    assert [status for status, detail in found["parties"] if "ours alone" in detail] == ["fail"]
    assert [status for status, detail in found["peer municipality"] if "its alone" in detail] == ["warn"]
    assert [status for status, _ in found["agreement 0"]] == ["warn", "warn"]


def test_agreements_that_do_not_count(run: Run, sides: Sides) -> None:
    """A second agreement of the same two is told, in whatever order and words; an earlier one alone counts."""
    said = tomllib.loads(sides.municipality.with_name("agreement.toml").read_text(encoding="utf-8"))["agreement"][0]
    hospital, municipality = (f'{{ organization_number = "{said[side]["organization_number"]}" }}' for side in SIDES)
    kept = (
        line
        for line in sides.municipality.read_text(encoding="utf-8").splitlines()
        if not line.startswith("agreements")
    )
    by_role = f"[[agreements]]\nhospital = {hospital}\nmunicipality = {municipality}\n"
    either = f"[[agreements]]\nparties = [{municipality}, {hospital}]\n"
    sides.municipality.write_text("\n".join((*kept, by_role, either)), encoding="utf-8")
    found = lines(run, sides.municipality)
    assert found["agreement 1"] == [("warn", "is between the same two as an earlier one, which counts alone")]
    assert "agreement 0" not in found


def test_a_side_without_peers(run: Run, sides: Sides) -> None:
    """Nobody to send to is a failure."""
    text = sides.hospital.read_text(encoding="utf-8")
    sides.hospital.write_text("\n".join(line for line in text.splitlines() if not line.startswith("peers")), "utf-8")
    assert lines(run, sides.hospital)["peers"][0][0] == "fail"


def test_adapters(run: Run) -> None:
    """Each installed adapter with its format and where it comes from."""
    (rest,) = [one for one in run("adapters", "--json").data if one["name"] == "fhir-rest"]
    assert (rest["format"], rest["problem"]) == ("fhir-message", None)
    assert "fhir-rest" in run("adapters").text


def test_a_broken_adapter_is_named(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plug-in that cannot be loaded is a line with its reason, and exit code 1; the others are still shown."""
    info = tmp_path / "broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[ip_fhir.adapters]\nbroken = not_there:adapter\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    ran = run("adapters", "--json")
    assert ran.code == 1
    found = {one["name"]: one["problem"] for one in ran.data}
    assert "ModuleNotFoundError" in found["broken"]
    assert found["fhir-rest"] is None
    assert run("doctor").code == 1


@pytest.mark.parametrize(
    ("overlay", "status", "reading"),
    [
        ("[[code]]", "fail", None),
        (OVERLAY.read_text(encoding="utf-8"), "ok", ("ok", "6 plans read, none left to the lenses")),
    ],
    ids=["wrong", "nordvik"],
)
def test_a_sites_overlay(run: Run, sides: Sides, overlay: str, status: str, reading: tuple[str, str] | None) -> None:
    """It is loaded, and plans are read by its tables; a wrong one is a line that says why."""
    (sides.hospital.parent / "site.toml").write_text(overlay, encoding="utf-8")
    with sides.hospital.open("a", encoding="utf-8") as file:
        file.write('\n[mappings]\noverlay = "site.toml"\n')
    found = lines(run, sides.hospital)
    assert found["overlay"][0][0] == status
    assert found.get("plan reading with the overlay", [None])[0] == reading


def test_formats_and_listeners(run: Run, plugin_site: Path) -> None:
    """They stand beside the adapters, each with its kind; a broken one is named, and exit code 1."""
    install(plugin_site, "ear", "plugin_ear", LISTENER, "ip_fhir.listeners")
    found = {(one["kind"], one["name"]): one for one in run("adapters", "--json").data}
    assert found["format", "fhir-message"]["format"] == "application/fhir+json"
    assert found["adapter", "fhir-rest"]["format"] == "fhir-message"
    assert (found["listener", "ear"]["from"], found["listener", "ear"]["problem"]) == ("plugin_ear 1.0", None)
    install(plugin_site, "smoke", "plugin_smoke", "make = 7", "ip_fhir.formats")
    ran = run("adapters", "--json")
    assert ran.code == 1
    assert [one["problem"] for one in ran.data if one["name"] == "smoke"] == ["plugin_smoke:make is no function"]
    assert "format smoke" in run("doctor").text


def test_the_listeners_of_a_side(run: Run, sides: Sides, plugin_site: Path) -> None:
    """A line for each that can be made, without starting it; a line for each problem."""
    install(plugin_site, "ear", "plugin_ear", LISTENER, "ip_fhir.listeners")
    with sides.hospital.open("a", encoding="utf-8") as file:
        file.write('\n[[listeners]]\nuse = "ear"\nfails = true\n')
    assert lines(run, sides.hospital)["listener 0"] == [("ok", "ear")]
    with sides.hospital.open("a", encoding="utf-8") as file:
        file.write('\n[[listeners]]\nuse = "nose"\n')
    ((status, detail),) = lines(run, sides.hospital)["listeners"]
    assert (status, detail) == ("fail", "listeners.1.use: not installed (installed: ear, fhirserver, mllp)")


def test_files_that_others_can_use(run: Run, sides: Sides) -> None:
    """Database, settings, tokens: what others can change fails, what they can read is a warning, with the mode."""
    run("db", "upgrade", "--config", sides.hospital)
    place = sides.hospital.parent
    sides.hospital.chmod(0o644)
    for one in place.glob("*.token"):
        one.chmod(0o600)
    assert "file" not in lines(run, sides.hospital)
    (place / "hospital.sqlite").chmod(0o644)
    (place / "hospital.token").chmod(0o640)
    assert lines(run, sides.hospital)["file"] == [
        ("warn", "the store (hospital.sqlite) is 0644: others can read it"),
        ("warn", "a token or key (hospital.token) is 0640: others can read it"),
    ]
    sides.hospital.chmod(0o666)
    assert ("fail", "the settings (hospital.toml) is 0666: others can change it") in lines(run, sides.hospital)["file"]
    assert run("doctor", "--config", sides.hospital).code == 1
    sides.hospital.chmod(0o644)
    changed(sides.hospital, 'token = { file = "hospital.token" }', 'token = "0123456789abcdef-of-nobody"')
    found = lines(run, sides.hospital)["file"]
    assert ("warn", "the settings (hospital.toml) is 0644: others can read it") in found
    assert "0123456789abcdef" not in str(found)


def test_an_empty_file_is_no_store(run: Run, sides: Sides) -> None:
    """It is a failure, never whole; a store without a record is a warning."""
    file = sides.hospital.parent / "hospital.sqlite"
    file.write_bytes(b"")
    found = lines(run, sides.hospital)
    assert found["store"] == [
        ("fail", f"there is no store: {file} is not there, or empty (ip-fhir serve, work and db upgrade make it)")
    ]
    assert "evidence" not in found
    file.unlink()
    run("db", "upgrade", "--config", sides.hospital)
    ((status, words),) = lines(run, sides.hospital)["evidence"]
    assert (status, words.startswith("no record was ever written")) == ("warn", True)


def test_messages_that_were_not_taken_in(sides: Sides, run: Run) -> None:
    """They are counted in a line; it is a warning, with the peer, where there were more than are recorded."""
    run("referrals", "list", "--config", sides.hospital)
    at = datetime(2026, 1, 12, tzinfo=UTC)
    with closing(open_store(read_settings(sides.hospital).database)) as store:
        assert list(check_refusals(store)) == []
        for number, status in ((1, "ok"), (2, "warn"), (3, "warn")):
            with store.begin() as transaction:
                transaction.refuse(Refusal("municipality", f"d{number}", "structure", "not JSON", at, at), 1)
            (found,) = check_refusals(store)
            assert (found.status, f"{number} times" in found.detail) == (status, True)
    assert "municipality" in found.detail
