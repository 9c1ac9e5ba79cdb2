"""`map`, `put`, `schema`: JSON on stdout and nothing else; what goes out comes back."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.testing.message_samples import plan_message
from tests.cli.conftest import Run
from tests.support.json_schema import fits
from tests.support.two_sides import EXAMPLES

PLANS = sorted((EXAMPLES / "plans").glob("*.json"))
PLAN = PLANS[0]


def canonical(content: bytes) -> str:
    """JSON with sorted keys: the same for the same content."""
    return json.dumps(json.loads(content), sort_keys=True, ensure_ascii=False)


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.stem)
def test_a_plan_comes_back_through_a_pipe(plan: Path) -> None:
    """`ip-fhir map PLAN --to fhir | ip-fhir map - --to plan` gives the same plan, in a real pipe."""
    command = f'"{sys.executable}" -m ip_fhir.cli map'
    pipe = f'set -o pipefail; {command} "{plan}" --to fhir | {command} - --to plan'
    ran = subprocess.run(["bash", "-c", pipe], check=True, capture_output=True)
    assert canonical(ran.stdout) == canonical(plan.read_bytes())
    assert ran.stderr == b""


def test_five_plans_were_tried() -> None:
    """The test above is about the five plans that the issue names, not about none."""
    assert len(PLANS) == 5


def test_compact_and_pretty_say_the_same(run: Run) -> None:
    """One line, or indented: the same content, and a line break at the end of each."""
    compact, pretty = run("map", PLAN, "--to", "fhir"), run("map", PLAN, "--to", "fhir", "--pretty")
    assert compact.data == pretty.data
    assert compact.text.count("\n") == 1
    assert pretty.text.count("\n") > 1000


VIEW = EXAMPLES / "plan_messages" / "plan.json"


def test_a_view_comes_back_and_is_no_plan(run: Run, tmp_path: Path) -> None:
    """A view's Bundle, or a message with one, becomes the view and a Bundle again; as a plan it is refused, and why."""
    view = run("map", VIEW, "--to", "view")
    file = tmp_path / "view.json"
    file.write_text(view.text, encoding="utf-8")
    bundle = tmp_path / "bundle.json"
    bundle.write_text(run("map", file, "--to", "fhir").text, encoding="utf-8")
    assert run("map", bundle, "--to", "view").data == view.data
    for given in (VIEW, bundle):
        refused = run("map", given, "--to", "plan")
        assert (refused.code, refused.out) == (2, b"")
        assert "this is a view of a plan, not the plan" in refused.err
    assert run("put", PLAN, "--onto", bundle).code == 2
    assert "is a view, and a plan is needed" in run("put", file, "--onto", bundle).err
    plan = tmp_path / "plan.json"
    plan.write_text(run("map", PLAN, "--to", "fhir").text, encoding="utf-8")
    assert "it is a plan itself" in run("map", plan, "--to", "view").err
    assert run("map", PLAN, "--to", "view", "--ndjson").code == 2


def test_put_changes_nothing_else(run: Run, tmp_path: Path) -> None:
    """What another system wrote into the bundle is still there; what the plan says has changed."""
    bundle = run("map", PLAN, "--to", "fhir").data
    (care_plan,) = [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "CarePlan"]
    care_plan["extension"] = [*care_plan.get("extension", ()), {"url": "https://else.example/x", "valueCode": "theirs"}]
    care_plan["language"] = "nb"
    onto = tmp_path / "bundle.json"
    onto.write_text(json.dumps(bundle), encoding="utf-8")
    plan = {**json.loads(PLAN.read_bytes()), "title": "En ny tittel"}
    put = run("put", "-", "--onto", onto, stdin=json.dumps(plan).encode()).data
    (written,) = [e["resource"] for e in put["entry"] if e["resource"]["resourceType"] == "CarePlan"]
    assert written == {**care_plan, "title": "En ny tittel"}
    assert [e for e in put["entry"] if e["resource"] != written] == [
        e for e in bundle["entry"] if e["resource"] != care_plan
    ]


def test_put_of_what_was_read_is_the_same(run: Run, tmp_path: Path) -> None:
    """Writing a plan onto its own bundle changes nothing."""
    onto = tmp_path / "bundle.json"
    onto.write_bytes(run("map", PLAN, "--to", "fhir").out)
    assert run("put", PLAN, "--onto", onto).data == json.loads(onto.read_bytes())


@pytest.mark.parametrize(("kind", "folder"), [("plan", "plans"), ("notice", "notices"), ("green-form", "green_forms")])
def test_schema_accepts_the_examples_and_not_anything(run: Run, kind: str, folder: str) -> None:
    """By the printed JSON Schema every example fits, and one with a field too many or one missing does not."""
    schema = run("schema", kind).data
    assert schema.pop("$schema") == "https://json-schema.org/draft/2020-12/schema"
    files = sorted((EXAMPLES / folder).glob("*.json"))
    assert len(files) >= 5
    for file in files:
        data = json.loads(file.read_bytes())
        assert fits(data, schema, schema)
        assert not fits({**data, "surprise": 1}, schema, schema)
        assert not fits({name: value for name, value in data.items() if name != "id"}, schema, schema)


def test_schemas_of_view_and_change_accept_what_is_sent(run: Run) -> None:
    """By their JSON Schemas a view and a change fit, and not with a field too many or one missing."""
    view = run("map", VIEW, "--to", "view").data
    change = plan_message(PlanMessageKind.PLAN_CHANGE).change
    assert change is not None
    for kind, data in (("view", view), ("change", change.to_data())):
        schema = run("schema", kind).data
        assert schema.pop("$schema") == "https://json-schema.org/draft/2020-12/schema"
        assert fits(data, schema, schema)
        assert not fits({**data, "surprise": 1}, schema, schema)
        assert not fits({name: value for name, value in data.items() if name != "share"}, schema, schema)


def test_a_plan_goes_out_as_r5_and_comes_back(run: Run, tmp_path: Path) -> None:
    """`--fhir-version R5` writes R5; read, the Bundle shows its version itself, and another one is refused."""
    written = run("map", PLAN, "--to", "fhir", "--fhir-version", "R5")
    file = tmp_path / "r5.json"
    file.write_bytes(written.out)
    assert canonical(run("map", file, "--to", "plan").out) == canonical(PLAN.read_bytes())
    refused = run("map", file, "--to", "plan", "--fhir-version", "R4")
    assert refused.code == 2
    assert "is an element of R5, and the bundle is read as R4" in refused.err


def test_another_systems_plan_is_read_and_the_rest_told(run: Run) -> None:
    """The plan on stdout; on stderr a line for each place that was left unread."""
    ran = run("map", EXAMPLES / "neighbours" / "kommunefhir.json", "--to", "plan")
    assert json.loads(ran.out)["goals"][0]["id"] == "maal"
    assert "warning: Bundle.entry[10].resource.supportingInfo: is not read\n" in ran.err


def test_what_is_left_unread_of_our_own_plan_is_told_too(run: Run) -> None:
    """A second profession, which another system added: the first is in the plan, the second on stderr by its place."""
    bundle = run("map", PLAN, "--to", "fhir").data
    roles = [(n, e["resource"]) for n, e in enumerate(bundle["entry"]) if "code" in e["resource"]]
    number, role = next((n, r) for n, r in roles if r["resourceType"] == "PractitionerRole")
    role["code"].append({"coding": [{"system": role["code"][0]["coding"][0]["system"], "code": "SP"}]})
    ran = run("map", "-", "--to", "plan", stdin=json.dumps(bundle).encode())
    assert ran.code == 0
    assert ran.err == f"ip-fhir: stdin: warning: Bundle.entry[{number}].resource.code[1]: is not read\n"
    assert canonical(ran.out) == canonical(PLAN.read_bytes())


@pytest.mark.parametrize("version", ["R4", "R5"])
def test_a_sites_overlay_both_ways(run: Run, tmp_path: Path, version: str) -> None:
    """--overlay writes the site's codes beside ours, puts them onto a bundle that has none yet, and reads them."""
    site = ("--overlay", EXAMPLES / "overlays" / "nordvik.toml")
    shipped = run("map", PLAN, "--to", "fhir", "--fhir-version", version)
    written = run("map", PLAN, "--to", "fhir", "--fhir-version", version, *site)
    assert written.data != shipped.data
    onto = tmp_path / "bundle.json"
    onto.write_bytes(written.out)
    assert run("put", PLAN, "--onto", onto, "--fhir-version", version, *site).data == written.data
    assert canonical(run("map", onto, "--to", "plan", *site).out) == canonical(PLAN.read_bytes())


def test_an_overlay_with_old_keys(run: Run, tmp_path: Path) -> None:
    """A key of an earlier name is read, and told in one line with its place and its name of today."""
    overlay = tmp_path / "site.toml"
    overlay.write_text('[[table]]\nname = "Membership"\nrow = [{ domain = "status", always = true }]\n', "utf-8")
    ran = run("map", PLANS[0], "--to", "fhir", "--overlay", overlay)
    assert ran.code == 0
    assert (
        ran.err
        == "ip-fhir: warning: overlay, table Membership, row status: the key 'always' is called write_default now\n"
    )


def test_put_onto_a_neighbours_bundle_under_an_overlay(run: Run, tmp_path: Path) -> None:
    """What the site reads of another system's plan it writes back, and nothing else in the bundle changes."""
    site = ("--overlay", EXAMPLES / "overlays" / "nordvik.toml")
    bundle = EXAMPLES / "neighbours" / "kommunefhir.json"
    plan = tmp_path / "plan.json"
    plan.write_bytes(run("map", bundle, "--to", "plan", *site).out)
    assert run("put", plan, "--onto", bundle, *site).data == json.loads(bundle.read_bytes())


@pytest.mark.parametrize("command", [("map", PLAN, "--to", "fhir"), ("put", PLAN, "--onto", PLAN)])
def test_a_bad_overlay_is_refused(run: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    """Exit code 6, with table, row and reason, and nothing on stdout."""
    bad = tmp_path / "bad.toml"
    bad.write_text('[[table]]\nname = "Goal"\nrow = [{ domain = "tekst", fhir = "x" }]\n', encoding="utf-8")
    onto = tmp_path / "bundle.json"
    onto.write_bytes(run("map", PLAN, "--to", "fhir").out)
    arguments = [onto if n == 3 and command[0] == "put" else a for n, a in enumerate(command)]
    ran = run(*arguments, "--overlay", bad)
    assert (ran.code, ran.out) == (6, b"")
    assert "bad.toml: table Goal, row tekst: Goal has no field tekst" in ran.err


def test_what_leaves_the_bundle_is_told(run: Run, tmp_path: Path) -> None:
    """A goal and a professional that the plan no longer has: each by its place, and no request to delete anything."""
    onto = tmp_path / "bundle.json"
    onto.write_bytes(run("map", PLAN, "--to", "fhir").out)
    before = json.loads(onto.read_bytes())["entry"]
    plan = json.loads(PLAN.read_bytes())
    goal = next(g["id"] for g in plan["goals"] if g.get("part_of"))
    plan["goals"] = [g for g in plan["goals"] if g["id"] != goal]
    for measure in plan["measures"]:
        measure["goals"] = [g for g in measure.get("goals", ()) if g != goal]
    ran = run("put", "-", "--onto", onto, stdin=json.dumps(plan).encode())
    number = next(n for n, e in enumerate(before) if e["resource"]["id"] == goal)
    said = "is no part of the plan any more: it leaves the bundle, and whoever has stored it keeps it"
    assert ran.err == f"ip-fhir: {onto}: warning: Bundle.entry[{number}].resource: {said}\n"
    assert len(ran.data["entry"]) == len(before) - 1
    assert {entry["request"]["method"] for entry in ran.data["entry"]} == {"PUT"}


NEIGHBOUR = EXAMPLES / "neighbours" / "kommunefhir.json"


def _without(tmp_path: Path, *, created: bool = True, patient: bool = True) -> Path:
    """A neighbour's bundle as a file, without a time of creation, or without its Patient."""
    bundle = json.loads(NEIGHBOUR.read_bytes())
    if not created:
        del bundle["entry"][10]["resource"]["created"]
    if not patient:
        del bundle["entry"][0]
    file = tmp_path / "theirs.json"
    file.write_text(json.dumps(bundle), encoding="utf-8")
    return file


@pytest.mark.parametrize("created", ["2026-01-13", "2026-01-13T00:00:00+01:00", "2026-01-12T23:00:00Z"])
def test_the_time_of_creation_is_given(run: Run, tmp_path: Path, created: str) -> None:
    """--created says what the Bundle does not; a day is its beginning in Norway. Put back, nothing is added."""
    file = _without(tmp_path, created=False)
    ran = run("map", file, "--to", "plan")
    assert ran.code == 2
    assert "resource.created: is required; if you know it, say it: created= of read_fhir" in ran.err
    ran = run("map", file, "--to", "plan", "--created", created)
    assert ran.code == 0
    plan = tmp_path / "plan.json"
    plan.write_bytes(ran.out)
    assert run("put", plan, "--onto", file).data == json.loads(file.read_bytes())
    assert run("put", plan, "--onto", file, "--created", created).data == json.loads(file.read_bytes())
    other = run("put", plan, "--onto", file, "--created", "2026-01-14")
    assert (other.code, other.out) == (2, b"")
    assert "--created: is not when the plan says that it was made" in other.err


@pytest.mark.parametrize("created", ["2026", "2026-13-01", "2026-01-13T10:00:00", "i går"])
def test_a_time_that_is_none_is_refused(run: Run, tmp_path: Path, created: str) -> None:
    """A time needs its zone, a day all its parts: nothing is filled in."""
    ran = run("map", _without(tmp_path, created=False), "--to", "plan", "--created", created)
    assert (ran.code, ran.out) == (2, b"")
    assert "--created: a day (2026-01-31) or a time with its zone" in ran.err


def test_the_owner_is_given(run: Run, tmp_path: Path) -> None:
    """--owner takes a FHIR Patient, or the owner of a plan: the same plan as from the whole Bundle."""
    whole = run("map", NEIGHBOUR, "--to", "plan").data
    file = _without(tmp_path, patient=False)
    refused = run("map", file, "--to", "plan")
    assert refused.code == 2
    assert "--owner of the commands" in refused.err
    patient, owner = tmp_path / "patient.json", tmp_path / "owner.json"
    patient.write_text(json.dumps(json.loads(NEIGHBOUR.read_bytes())["entry"][0]["resource"]), encoding="utf-8")
    owner.write_text(json.dumps(whole["owner"]), encoding="utf-8")
    for given in (patient, owner):
        ran = run("map", file, "--to", "plan", "--owner", given)
        assert ran.data == whole
        assert run("put", "-", "--onto", file, "--owner", given, stdin=ran.out).data == json.loads(file.read_bytes())
    wrong = run("map", file, "--to", "plan", "--owner", NEIGHBOUR)
    assert "is not Patient" in wrong.err
    owner.write_text(json.dumps({**whole["owner"], "birth_date": "1950-01-01"}), encoding="utf-8")
    other = run("put", "-", "--onto", file, "--owner", owner, stdin=json.dumps(whole).encode())
    assert "--owner: is not the person whom the plan is about" in other.err


def test_one_of_two_plans_is_named(run: Run, tmp_path: Path) -> None:
    """--plan says which CarePlan is read, and which one is written."""
    bundle = json.loads(NEIGHBOUR.read_bytes())
    second = {**bundle["entry"][10]["resource"], "id": "second", "title": "Den andre"}
    bundle["entry"].append({"resource": second})
    file = tmp_path / "two.json"
    file.write_text(json.dumps(bundle), encoding="utf-8")
    refused = run("map", file, "--to", "plan")
    assert refused.code == 2
    assert "2 of them active (plan, second); say which one is meant: plan= of read_fhir" in refused.err
    plan = run("map", file, "--to", "plan", "--plan", "second").data
    assert plan["title"] == "Den andre"
    changed = json.dumps({**plan, "title": "Ny"}).encode()
    written = run("put", "-", "--onto", file, "--plan", "second", stdin=changed).data
    assert written["entry"][:-1] == bundle["entry"][:-1]
    assert written["entry"][-1]["resource"] == {**second, "title": "Ny"}


def test_told_is_error(run: Run, tmp_path: Path) -> None:
    """--told-is-error: each place that would be told is an error, exit code 2, nothing on stdout."""
    told = run("map", NEIGHBOUR, "--to", "plan")
    strict = run("map", NEIGHBOUR, "--to", "plan", "--told-is-error")
    assert (strict.code, strict.out) == (2, b"")
    assert strict.err == told.err.replace(": warning: ", ": ")
    ours = tmp_path / "ours.json"
    ours.write_bytes(run("map", PLAN, "--to", "fhir").out)
    assert run("map", ours, "--to", "plan", "--told-is-error").code == 0
    plan = {**json.loads(PLAN.read_bytes()), "consents": []}
    removed = run("put", "-", "--onto", ours, "--told-is-error", stdin=json.dumps(plan).encode())
    assert (removed.code, removed.out) == (2, b"")
    assert "is no part of the plan any more" in removed.err
