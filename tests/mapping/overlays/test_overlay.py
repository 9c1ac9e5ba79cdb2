"""A site's overlay: it changes what it names and nothing else, and keeps the laws; two sites live in one process."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput, MappingError
from ip_fhir.mapping import Mapper, default, from_fhir, message_from_fhir, message_to_fhir, to_fhir
from ip_fhir.mapping.overlays.laws import broken_laws
from ip_fhir.mapping.overlays.overlay import check_sets
from ip_fhir.mapping.tables.loading import build_tables
from ip_fhir.mapping.tables.variants import SETS, varied, vary
from tests.mapping.json_diff import differences
from tests.support import strategies as make
from tests.support.data import EXAMPLES

OVERLAY = EXAMPLES / "overlays" / "nordvik.toml"
PLANS = sorted((EXAMPLES / "plans").glob("*.json"))
GOAL_CATEGORY = "https://nordvik.example/fhir/CodeSystem/goal-category"
ROLE = "https://nordvik.example/fhir/CodeSystem/role"


@pytest.fixture(scope="module")
def nordvik() -> Mapper:
    """The worked example."""
    return Mapper.load(OVERLAY)


def example(path: Path) -> IndividualPlan:
    """An example plan."""
    return read(IndividualPlan, path.read_bytes())


def codings(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """Every coding in the resources of a type."""
    return list(_codings([e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == kind]))


def _codings(node: Any) -> Any:
    if isinstance(node, list):
        for item in node:
            yield from _codings(item)
    elif isinstance(node, dict):
        yield from node.get("coding", ())
        for value in node.values():
            yield from _codings(value)


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_the_plan_comes_back(nordvik: Mapper, path: Path) -> None:
    """With an overlay too, what was written is read back, and writing what was read changes nothing."""
    plan = example(path)
    bundle = nordvik.to_fhir(plan)
    assert nordvik.from_fhir(bundle) == plan
    assert nordvik.put_plan(plan, bundle) == bundle


@given(plan=make.plans())
@settings(max_examples=25)
def test_any_plan_comes_back(nordvik: Mapper, plan: IndividualPlan) -> None:
    """So does any plan; and a site without the overlay understands all of it."""
    bundle = nordvik.to_fhir(plan)
    assert nordvik.from_fhir(bundle) == plan
    assert from_fhir(bundle) == plan


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_only_what_it_names_changes(nordvik: Mapper, path: Path) -> None:
    """Beside what ships there are Nordvik's codings in goals and in the team, and nothing else."""
    plan = example(path)
    with_overlay, without = nordvik.to_fhir(plan), to_fhir(plan)
    kinds = {e["resource"]["resourceType"] for e in without["entry"]}
    assert {c["system"] for c in codings(with_overlay, "Goal")} >= {GOAL_CATEGORY}
    for kind in kinds:
        local = [c for c in codings(with_overlay, kind) if "nordvik" in c.get("system", "")]
        assert bool(local) <= (kind in ("Goal", "CareTeam"))
    assert _stripped(with_overlay) == without


def _stripped(node: Any) -> Any:
    if isinstance(node, list):
        return [_stripped(i) for i in node if not (isinstance(i, dict) and i.get("system") in (GOAL_CATEGORY, ROLE))]
    return {k: _stripped(v) for k, v in node.items()} if isinstance(node, dict) else node


def test_the_local_code_alone_is_understood(nordvik: Mapper) -> None:
    """A member whose role has Nordvik's code and no other is the primary contact for Nordvik, and nobody for others."""
    member = {"role": [{"coding": [{"system": ROLE, "code": "PK"}]}], "member": {"reference": "Practitioner/1"}}
    assert nordvik.lens("Membership").get(member)["role"] == "primary-contact"
    assert not default().lens("Membership").owns(member)


def test_a_changed_word_takes_its_local_code_along(nordvik: Mapper) -> None:
    """When the role changes, Nordvik's code beside it goes or comes; what somebody else put beside them stays."""
    member = nordvik.lens("Membership").new(_member("primary-contact"))
    member["role"][0]["coding"].append({"system": "urn:somebody-else", "code": "x"})
    other = nordvik.lens("Membership").put(_member("volunteer"), member)
    again = nordvik.lens("Membership").put(_member("primary-contact"), other)
    codes = [[coding["code"] for coding in one["role"][0]["coding"]] for one in (member, other, again)]
    assert codes == [["9", "PK", "x"], ["volunteer", "x"], ["9", "PK", "x"]]
    assert differences(member, again) == []


def test_only_what_changed_is_written_anew(nordvik: Mapper) -> None:
    """A goal that was written without the overlay gets a local category where its area changes, and nowhere else."""
    goal = {"id": "g", "text": "Bo selv", "status": "active", "areas": ["housing", "leisure"]}
    shipped = default().lens("Goal").new(goal)
    assert nordvik.lens("Goal").put(goal, shipped) == shipped
    changed = nordvik.lens("Goal").put({**goal, "areas": ["housing", "work"]}, shipped)
    assert differences(shipped, changed)
    assert changed["category"][0] == shipped["category"][0]
    assert [coding["code"] for coding in changed["category"][1]["coding"]] == ["work", "C"]


def test_an_alias_is_read_and_kept(nordvik: Mapper) -> None:
    """An identifier under the site's own alias is read, and stays as it stands."""
    alias = "https://nordvik.example/fhir/her-id"
    unit = nordvik.lens("Organization").new(
        {"id": "o", "name": "KE", "kind": "coordinating-unit", "her_id": "90000202"}
    )
    unit["identifier"][0]["system"] = alias
    data = nordvik.lens("Organization").get(unit)
    assert data["her_id"] == "90000202"
    assert nordvik.lens("Organization").put(data, unit) == unit
    assert "her_id" not in default().lens("Organization").get(unit)


def test_two_sites_in_one_process(nordvik: Mapper) -> None:
    """Loading an overlay changes nothing for whoever uses the tables as they ship, or another overlay."""
    before = to_fhir(example(PLANS[0]))
    other = Mapper.load({"codes": [{"name": "team-role", "row": [_role("volunteer", "V")]}]})
    assert to_fhir(example(PLANS[0])) == before
    assert other.lens("Membership").new(_member("volunteer"))["role"][0]["coding"][0]["code"] == "V"
    assert nordvik.lens("Membership").new(_member("volunteer"))["role"][0]["coding"][0]["code"] == "volunteer"
    assert Mapper.load() is default()


def _role(word: str, code: str, **more: str) -> dict[str, str]:
    return {"domain": word, "system": "9034", "code": code, "display": code, **more}


def _member(role: str) -> dict[str, str]:
    return {"id": "m", "role": role, "status": "accepted"}


def test_a_replaced_code_is_still_read() -> None:
    """Where a word gets another code, what was written with the old one is not lost."""
    site = Mapper.load({"codes": [{"name": "team-role", "row": [_role("primary-contact", "P")]}]})
    old = {"role": [{"coding": [{"system": "urn:oid:2.16.578.1.12.4.1.1.9034", "code": "9", "display": "x"}]}]}
    got = site.lens("Membership").get({**old, "member": {"reference": "Practitioner/1"}})
    assert got["role"] == "primary-contact"
    written = site.lens("Membership").new(_member("primary-contact"))["role"]
    assert [coding["code"] for coding in written[0]["coding"]] == ["P"]


def test_a_moved_field() -> None:
    """A field may stand elsewhere; what the row does not say (law, required) stays."""
    row = {"domain": "target", "fhir": "target[0].detailString"}
    site = Mapper.load({"table": [{"name": "Goal", "row": [row]}]})
    rows = {r.field: r for r in site.tables.fields["Goal"].rows}
    assert rows["target"].law == next(r.law for r in default().tables.fields["Goal"].rows if r.field == "target")
    goal = site.lens("Goal").new({"id": "g", "text": "a", "status": "active", "target": "b"})
    assert goal["target"] == [{"detailString": "b"}]
    plan = example(PLANS[0])
    assert site.from_fhir(site.to_fhir(plan)) == plan


def test_a_row_may_name_a_clause_of_its_own() -> None:
    """A site's row may serve a rule of the site."""
    row = {"domain": "target", "law": "Nordvik's handbook, chapter 3"}
    site = Mapper.load({"table": [{"name": "Goal", "row": [row]}]})
    assert {r.field: r.law for r in site.tables.fields["Goal"].rows}["target"] == "Nordvik's handbook, chapter 3"


@given(message=make.messages(MessageKind.REMINDER))
@settings(max_examples=5)
def test_messages_follow_the_overlay(message: Message) -> None:
    """What goes over the wire is by the site's tables too, and only by those that it was asked to follow."""
    row = {"domain": "reminder", "system": "nordvik-kind", "code": "purring", "display": "Purring"}
    site = Mapper.load(
        {"system": {"nordvik-kind": {"uri": "urn:nordvik:kind"}}, "codes": [{"name": "message-kind", "row": [row]}]}
    )
    bundle = message_to_fhir(message, site)
    assert bundle["entry"][0]["resource"]["eventCoding"]["code"] == "purring"
    assert message_from_fhir(bundle, site) == message
    assert message_to_fhir(message)["entry"][0]["resource"]["eventCoding"]["code"] == "reminder"


@given(message=make.messages())
@settings(max_examples=20)
def test_a_message_comes_back(nordvik: Mapper, message: Message) -> None:
    """A message by the site's tables is read by them, and by those that ship."""
    bundle = message_to_fhir(message, nordvik)
    assert message_from_fhir(bundle, nordvik) == message
    assert message_from_fhir(bundle) == message


@pytest.mark.slow
@pytest.mark.parametrize("overlay", [None, OVERLAY], ids=["shipped", "nordvik"])
def test_what_ships_has_no_problem(overlay: Path | None) -> None:
    """Each set as it ships, and with the example over it, passes what an overlay must: R4, R5, other systems'."""
    checked = list(check_sets(overlay))
    assert [one.name for one in checked] == list(SETS)
    assert [(one.problems, one.unfit) for one in checked] == [((), ())] * len(SETS)
    assert all(one.rows > 200 for one in checked)


@pytest.mark.slow
def test_a_place_of_r4_is_not_used_in_r5() -> None:
    """A site's own place holds where our row stands as in R4; elsewhere it is told, and not written into R5."""
    site: dict[str, Any] = {
        "table": [{"name": "Measure", "row": [{"domain": "how", "fhir": "detail.extension(ip-how).valueString"}]}]
    }
    unfit = {one.name: one.unfit for one in check_sets(site)}
    reason = "overlay: table Measure, row how: stands at {} here: the overlay's place is one of R4, as we write it"
    assert unfit == {
        "R4": (),
        "R5": (reason.format("description"),),
        "another system's plan": (),
        "another system's plan with requests": (reason.format("orderDetail[0].text"),),
    }
    with pytest.raises(MappingError, match="row how: stands at description here"):
        Mapper.load(site, "R5")


@pytest.mark.parametrize("names", SETS.values(), ids=SETS)
def test_a_law_that_a_variant_breaks_is_found(names: tuple[str, ...]) -> None:
    """The trial can fail for each set: two fields in one place are told with table and row."""
    row = {"domain": "note", "fhir": "statusReason"}
    tables = build_tables(vary(varied(*names), {"table": [{"name": "Goal", "row": [row]}]}))
    (told, *_) = broken_laws(tables, {"Goal": ["note"]}, ())
    assert told.startswith("table Goal, row note: get(put(d, r)) == d is broken")


def test_r5_with_an_overlay() -> None:
    """An overlay goes over the tables of another FHIR version as well."""
    site = Mapper.load(OVERLAY, version="R5")
    plan = example(PLANS[0])
    bundle = site.to_fhir(plan)
    assert {c["system"] for c in codings(bundle, "Goal")} >= {GOAL_CATEGORY}
    assert site.from_fhir(bundle) == plan


def test_the_example_says_what_it_overlays() -> None:
    """The example has every kind of entry that there is."""
    data = tomllib.loads(OVERLAY.read_text(encoding="utf-8"))
    uses = {row.get("use", "both") for entry in data["codes"] for row in entry["row"]}
    assert set(data) == {"name", "system", "codes", "table"}
    assert uses == {"beside", "read"}


def test_a_code_of_no_table_is_refused(nordvik: Mapper) -> None:
    """The local role system is closed: a code that the overlay does not list is refused, not skipped."""
    member = {"role": [{"coding": [{"system": ROLE, "code": "??"}]}], "member": {"reference": "Practitioner/1"}}
    with pytest.raises(InvalidInput, match="does not know"):
        nordvik.lens("Membership").get(member)
