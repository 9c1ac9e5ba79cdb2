"""Protected addresses in FHIR: the label is read, kept and written; what leads to the person is in no bundle made."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip_fhir.domain.consent.protection import EVERY_PART, LocatingPart, protected_persons, withheld
from ip_fhir.domain.message import Message
from ip_fhir.domain.notice import Notice
from ip_fhir.domain.people import AddressProtection
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.referral import Referral, Role, State
from ip_fhir.mapping import (
    default,
    from_fhir,
    message_from_fhir,
    message_to_fhir,
    notice_to_form,
    open_plan,
    read_fhir,
    to_fhir,
    to_fhir_json,
    update_bundle,
)
from ip_fhir.mapping.lenses.references import NO_LINKS
from ip_fhir.mapping.ndjson import map_lines
from ip_fhir.ports import JsonObject
from ip_fhir.report.document import plan_document
from tests.support import strategies as make
from tests.support.data import EXAMPLES
from tests.support.protected import CANARIES, IN_NOTICE, graded, protected_notice, protected_plan

V3 = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
R, V, N = ({"system": V3, "code": code} for code in "RVN")
THEIRS = {"system": "https://ehr.example/labels", "code": "R", "display": "something else"}
EVERYTHING = default().releasing(EVERY_PART)


def patient(*security: JsonObject) -> JsonObject:
    """A Patient with these labels."""
    meta = {"meta": {"security": list(security)}} if security else {}
    return {"resourceType": "Patient", "id": "p", **meta, "name": [{"family": "Testesen"}]}


def leaks(made: Any) -> list[str]:
    """The canaries in what was made."""
    text = made.decode() if isinstance(made, bytes) else json.dumps(made, ensure_ascii=False)
    return [word for word in CANARIES if word in text]


@pytest.mark.parametrize(
    ("security", "protection"),
    [
        ((), None),
        ((N,), None),
        ((THEIRS,), None),
        ((R,), "confidential"),
        ((V,), "strictly-confidential"),
        ((R, V), "strictly-confidential"),
        ((V, N, R), "strictly-confidential"),
        ((THEIRS, {"system": "http://hl7.org/fhir/v3/Confidentiality", "code": "V"}), "strictly-confidential"),
    ],
)
def test_labels_are_read_and_kept(security: tuple[JsonObject, ...], protection: str | None) -> None:
    """The strictest label counts; what was read is written back without a change, other labels too."""
    lens, there = default().lens("Patient"), patient(*security)
    said = lens.get(there, NO_LINKS)
    assert said.get("protection") == protection
    assert lens.put(said, there, NO_LINKS) == there


def test_a_label_is_changed_and_nothing_else() -> None:
    """A new grading takes the place of the old labels; others' labels stay, and its removal leaves them."""
    lens = default().lens("Patient")
    there = patient(THEIRS, R, N)
    said = lens.get(there, NO_LINKS)
    stricter = lens.put({**said, "protection": "strictly-confidential"}, there, NO_LINKS)
    assert stricter["meta"]["security"] == [THEIRS, {**V, "display": "very restricted"}, N]
    without = lens.put({**said, "protection": None}, there, NO_LINKS)
    assert without["meta"]["security"] == [THEIRS, N]
    both = patient(R, THEIRS, V)
    weaker = lens.put({**said, "protection": "confidential"}, both, NO_LINKS)
    assert [label["code"] for label in weaker["meta"]["security"]] == ["R", "R"]
    assert lens.get(weaker, NO_LINKS)["protection"] == "confidential"


@pytest.mark.parametrize("version", ["R4", "R5"])
@pytest.mark.parametrize("protection", AddressProtection)
def test_a_plan_is_written_without(protection: AddressProtection, version: Any) -> None:
    """The label goes along, and nothing that leads there; what is read back is the plan without it, by both readers."""
    plan = protected_plan(protection)
    mapper = default(version)
    made = mapper.to_fhir(plan, strict=True)
    assert leaks(made) == leaks(mapper.to_fhir_json(plan)) == []
    assert mapper.from_fhir(made) == mapper.from_fhir_json(mapper.to_fhir_json(plan)) == withheld(plan)
    assert mapper.from_fhir(made).owner.protection is protection
    whole = mapper.releasing(EVERY_PART).to_fhir(plan)
    assert leaks(whole) == list(CANARIES)
    assert mapper.from_fhir(whole) == plan


def test_a_part_is_released() -> None:
    """A caller who names a part gets it, and the mapper that others share releases nothing."""
    plan = protected_plan()
    made = to_fhir(plan, default().releasing([LocatingPart.CONTACTS]))
    assert leaks(made) == ["99900001", "gøymt@example.org", "99900002"]
    assert default().releasing(()) is default()
    assert EVERYTHING.of("R4").released == frozenset(EVERY_PART)
    assert leaks(to_fhir(plan)) == []


def _moved(plan: IndividualPlan) -> IndividualPlan:
    """The same person at another place."""
    address = plan.owner.address
    assert address is not None
    return plan.evolve(title="Ny tittel", owner=plan.owner.evolve(address=address.evolve(lines=("Nyvegen 9",))))


def test_what_a_bundle_has_stays_in_it() -> None:
    """Put onto a bundle, nothing is disclosed that it lacks, nothing taken away that it has; a release writes it."""
    plan = protected_plan()
    bare, whole = to_fhir(plan), EVERYTHING.to_fhir(plan)
    for there in (bare, whole):
        assert update_bundle(there, from_fhir(there)) == there
        assert open_plan(there).put(open_plan(there).plan) == there
    assert update_bundle(bare, plan) == bare
    assert update_bundle(whole, withheld(plan)) == whole
    moved = update_bundle(whole, _moved(plan))
    assert from_fhir(moved) == plan.evolve(title="Ny tittel")
    assert "Nyvegen" not in json.dumps(update_bundle(bare, _moved(plan)))
    assert from_fhir(update_bundle(whole, _moved(plan), EVERYTHING)) == _moved(plan)
    assert from_fhir(open_plan(whole, EVERYTHING).put(_moved(plan))) == _moved(plan)


def test_another_systems_plan_keeps_its_label() -> None:
    """A foreign Patient with R is read as confidential; put keeps label, address and telecom to the letter."""
    there = orjson.loads((EXAMPLES / "neighbours" / "kommunefhir.json").read_bytes())
    owner = next(e["resource"] for e in there["entry"] if e["resource"]["resourceType"] == "Patient")
    owner["meta"] = {"security": [THEIRS, R]}
    owner["telecom"] = [{"system": "phone", "value": "99900001", "use": "mobile"}]
    plan = read_fhir(there).plan
    assert plan.owner.protection is AddressProtection.CONFIDENTIAL
    assert update_bundle(there, plan) == there
    changed = plan.evolve(owner=plan.owner.evolve(contacts=()), title="Ny tittel")
    put = update_bundle(there, changed)
    assert next(e["resource"] for e in put["entry"] if e["resource"]["resourceType"] == "Patient") == owner
    assert leaks(to_fhir(plan)) == []


def test_messages_forms_and_documents() -> None:
    """Every other whole that is made of a plan or notice has the label and none of the canaries."""
    notice = protected_notice()
    message = Message.of_notice(notice, "m1")
    made = message_to_fhir(message)
    assert leaks(made) == leaks(notice_to_form(notice)) == []
    read = message_from_fhir(made).notice
    assert read is not None
    assert read == withheld(notice)
    assert leaks(message_to_fhir(message, EVERYTHING)) == leaks(notice_to_form(notice, EVERYTHING)) == list(IN_NOTICE)
    assert leaks(plan_document(protected_plan())) == []
    assert leaks(plan_document(protected_plan(), mapper=EVERYTHING)) == list(CANARIES)


def test_resources_that_others_may_read() -> None:
    """The ServiceRequest has no whereabouts, also where the other side wrote the persons into it."""
    notice = protected_notice()
    referral = Referral(
        correlation_id=notice.correlation_id,
        role=Role.MUNICIPALITY,
        state=State.DELIVERED,
        notice=notice,
        opened=notice.authored,
        changed=notice.authored,
    )
    made = default().referral_to_fhir(referral, [])
    assert leaks(made) == []
    free = notice.evolve(owner=notice.owner.evolve(protection=None))
    theirs = default().referral_to_fhir(referral.evolve(notice=free), [])
    assert leaks(theirs) != []
    for just_read in (False, True):
        assert leaks(default().referral_to_fhir(referral, theirs, just_read=just_read)) == []


_OF_OWNER = set(CANARIES) - {"99900002"}


def _expected(whole: IndividualPlan | Notice) -> set[str]:
    """The canaries that may be seen: those of persons who are neither graded nor relatives of somebody graded."""
    hidden = protected_persons(whole)
    shown = _OF_OWNER if whole.owner.id not in hidden else set[str]()
    free = [person for person in whole.related_persons if person.id not in hidden]
    return shown | ({"99900002"} if free else set())


@given(st.data())
def test_whoever_is_graded(data: st.DataObject) -> None:
    """Of any plan and notice, with any gradings: what is made of them shows nobody who is protected."""
    plan, notice = data.draw(make.plans().flatmap(graded)), data.draw(make.notices().flatmap(graded))
    assert set(leaks(to_fhir_json(plan))) <= _expected(plan)
    assert set(leaks(notice_to_form(notice))) <= _expected(notice)
    message = Message.of_notice(notice, "m1")
    assert set(leaks(message_to_fhir(message))) <= _expected(notice)
    assert from_fhir(to_fhir(plan)) == withheld(plan)


def test_lines() -> None:
    """A plan or Bundle a line: the same, both ways."""
    plan = protected_plan()
    (written,) = map_lines([plan.to_json().encode()], "fhir", 1)
    (read,) = map_lines([to_fhir_json(plan, EVERYTHING)], "plan", 1)
    assert leaks(written.content) == leaks(read.content) == []
    (ticked,) = map_lines([plan.to_json().encode()], "fhir", 1, released=[LocatingPart.PLACES])
    assert leaks(ticked.content) == ["Gøymeplassen"]
