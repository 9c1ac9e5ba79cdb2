"""`check`: sees what a file is, says what it lacks, and where it is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.support.two_sides import EXAMPLES

PLANS = sorted((EXAMPLES / "plans").glob("*.json"))
GAPS = EXAMPLES / "plans" / "04-young-adult-from-school-to-work.json"
INCOMPLETE = EXAMPLES / "green_forms" / "03-stroke-patient-1-incomplete.json"
COMPLETE = EXAMPLES / "green_forms" / "03-stroke-patient-2-complete.json"
NOTICE = EXAMPLES / "notices" / "03-stroke-patient.json"


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.stem)
def test_the_laws_items(run: Run, plan: Path) -> None:
    """Each plan meets items a) to i), but for the draft with gaps in e) to h) on purpose; exit code 1 says so."""
    ran = run("check", plan, "--json")
    unmet = [item["item"] for item in ran.data["items"] if not item["met"]]
    assert len(ran.data["items"]) == 9
    assert unmet == (["e", "f", "g"] if plan == GAPS else [])
    assert (ran.code, ran.data["complete"]) == ((1, False) if plan == GAPS else (0, True))


@pytest.mark.parametrize(
    ("language", "words"), [("nb", "hvordan hvert tiltak gjennomføres"), ("en", "how every measure is carried out")]
)
def test_a_table_for_people(run: Run, language: str, words: str) -> None:
    """The table has every item with its letter, met or not, in both languages."""
    ran = run("check", GAPS, "--lang", language)
    assert [line[:2] for line in ran.text.splitlines() if line[1:2] == ")"] == [f"{c})" for c in "abcdefghi"]
    assert (ran.text.count("✓"), ran.text.count("✗")) == (6, 3)
    assert words in ran.text


@pytest.mark.parametrize("variable", ["LC_ALL", "LANG"])
def test_the_locale_chooses_the_language(run: Run, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --lang the terminal's locale decides."""
    monkeypatch.delenv("LC_ALL", raising=False)
    monkeypatch.delenv("LC_MESSAGES", raising=False)
    monkeypatch.setenv(variable, "nb_NO.UTF-8")
    assert "Noe mangler." in run("check", GAPS).text


def test_what_a_bundle_is_and_holds(run: Run) -> None:
    """A plan's Bundle is checked as the plan in it, and its resources are counted."""
    bundle = run("map", GAPS, "--to", "fhir").out
    ran = run("check", "-", "--json", "--strict", stdin=bundle)
    assert ran.code == 1
    assert ran.data["kind"] == "bundle: plan"
    assert ran.data["resources"]["CarePlan"] == 1
    assert [item["item"] for item in ran.data["items"] if not item["met"]] == ["e", "f", "g"]


def test_a_green_form(run: Run) -> None:
    """A form is checked for what closes the loop; with the notice, also for an answer to its wish."""
    assert "coordinator-contact" in run("check", INCOMPLETE, "--json").data["missing"]
    alone, with_notice = (run("check", INCOMPLETE, *more, "--json") for more in ((), ("--notice", NOTICE)))
    assert set(with_notice.data["missing"]) - set(alone.data["missing"]) == {"wish"}
    assert with_notice.code == 1
    assert run("check", COMPLETE, "--notice", NOTICE).code == 0


def test_a_notice(run: Run) -> None:
    """A notice that can be read is right."""
    ran = run("check", NOTICE, "--json")
    assert (ran.code, ran.data["kind"], ran.data["id"]) == (0, "notice", "notice-03")


def changed(file: Path, **fields: Any) -> bytes:
    """An example with other fields."""
    return json.dumps({**json.loads(file.read_bytes()), **fields}).encode()


def test_every_problem_has_its_place(run: Run) -> None:
    """Several things wrong at once: a line for each, with file, path and reason; exit code 2; as JSON too."""
    measures = [{"id": "m", "what": "Hemmelig tiltak", "goals": ["nowhere"], "status": "hemmelig"}]
    spoilt = changed(PLANS[0], measures=measures, period={"start": "2026-02-01", "end": "2026-01-01"}, version="3")
    ran = run("check", "-", stdin=spoilt)
    assert ran.code == 2
    assert ran.out == b""
    lines = ran.err.splitlines()
    assert {line.split(": ")[2] for line in lines} == {"measures.0.status", "period", "version"}
    assert all(line.startswith("ip-fhir: stdin: ") for line in lines)
    assert "emmelig" not in ran.err
    as_json = run("check", "-", "--json", stdin=spoilt)
    assert as_json.code == 2
    assert as_json.data["valid"] is False
    assert {p["path"].removeprefix("stdin: ") for p in as_json.data["problems"]} == {
        "measures.0.status",
        "period",
        "version",
    }


def test_a_bundle_that_does_not_hang_together(run: Run) -> None:
    """A dangling reference in a Bundle is told with its FHIRPath."""
    bundle = run("map", PLANS[0], "--to", "fhir").data
    bundle["entry"] = [e for e in bundle["entry"] if e["resource"]["resourceType"] != "Goal"]
    ran = run("check", "-", stdin=json.dumps(bundle).encode())
    assert ran.code == 2
    assert "ip-fhir: stdin: Bundle.entry[" in ran.err


def test_strict_asks_fhir_itself(run: Run) -> None:
    """What our tables do not look at is seen by FHIR's own model, when asked for; the value is not repeated."""
    bundle = run("map", PLANS[0], "--to", "fhir").data
    number = next(n for n, e in enumerate(bundle["entry"]) if e["resource"]["resourceType"] == "Patient")
    bundle["entry"][number]["resource"]["multipleBirthBoolean"] = "hemmelig"
    spoilt = json.dumps(bundle).encode()
    assert run("check", "-", stdin=spoilt).code == 0
    ran = run("check", "-", "--strict", stdin=spoilt)
    assert ran.code == 2
    assert f"Bundle.entry[{number}].resource.multipleBirthBoolean: FHIR: " in ran.err
    assert "hemmelig" not in ran.err


def test_what_a_bundle_leaves_unread_is_told(run: Run) -> None:
    """Issue 11: `check` of a Bundle tells each place on stderr, and in JSON; the exit code is that of the plan."""
    neighbour = EXAMPLES / "neighbours" / "kommunefhir.json"
    told = run("map", neighbour, "--to", "plan").err
    ran = run("check", neighbour)
    assert ran.code == 1
    assert ran.err.startswith(told)  # after it what is told of the plan itself
    in_json = run("check", neighbour, "--json").data
    assert len(in_json["warnings"]) >= len(told.splitlines())
    assert "Bundle.entry[6].resource" in [warning["path"] for warning in in_json["warnings"]]
    strict = run("check", neighbour, "--told-is-error")
    assert (strict.code, strict.out) == (2, b"")


def test_what_the_caller_says_of_a_bundle(run: Run, tmp_path: Path) -> None:
    """--created, --owner and --plan are those of `map`."""
    bundle = json.loads((EXAMPLES / "neighbours" / "kommunefhir.json").read_bytes())
    del bundle["entry"][10]["resource"]["created"]
    (owner := tmp_path / "patient.json").write_text(json.dumps(bundle["entry"].pop(0)["resource"]), encoding="utf-8")
    (file := tmp_path / "bundle.json").write_text(json.dumps(bundle), encoding="utf-8")
    refused = run("check", file, "--owner", owner)
    assert refused.code == 2
    assert "--created of the commands" in refused.err
    given = ("--owner", owner, "--created", "2026-01-13", "--plan", "plan")
    assert run("check", file, *given, "--json").data["id"] == "plan"


MESSAGES = sorted((EXAMPLES / "plan_messages").glob("*.json"))


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.stem)
def test_messages_about_a_plan_are_known(run: Run, message: Path) -> None:
    """Each is named by its kind, so that nobody takes a view or a change for a plan."""
    ran = run("check", message, "--json")
    assert (ran.code, ran.data["kind"]) == (0, f"bundle: message {message.stem}")


def test_a_view_is_called_a_view(run: Run, tmp_path: Path) -> None:
    """As the library's own JSON, and as a Bundle of its own; one with a wrong part is told with its place."""
    file, bundle = tmp_path / "view.json", tmp_path / "bundle.json"
    file.write_text(run("map", EXAMPLES / "plan_messages" / "plan.json", "--to", "view").text, encoding="utf-8")
    bundle.write_text(run("map", file, "--to", "fhir").text, encoding="utf-8")
    assert run("check", file).text.startswith(f"{file}: view plan-01")
    assert run("check", bundle).text.startswith(f"{bundle}: bundle: view plan-01")
    broken = json.loads(file.read_bytes())
    broken["number"] = 0
    file.write_text(json.dumps(broken), encoding="utf-8")
    ran = run("check", file)
    assert (ran.code, "number: " in ran.err) == (2, True)
