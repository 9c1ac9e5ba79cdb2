"""Consents that cannot be kept whole: a no where they are in force, else out of sight; never a wider yes."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ip_fhir.domain.consent.consent import Access, Consent, ConsentKind, ConsentStatus, Provision
from ip_fhir.domain.consent.permission import AccessRequest, Allowed, permits
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.errors import InvalidInput, MappingError
from ip_fhir.mapping import (
    Mapper,
    default,
    from_fhir,
    from_fhir_json,
    message_from_fhir,
    put_plan,
    read_fhir,
    to_fhir,
)
from ip_fhir.mapping.bundle.refusal import AS_NO, OUT_OF_SIGHT
from ip_fhir.mapping.tables.loading import build_tables, read_source
from ip_fhir.mapping.tables.variants import VERSIONS, FhirVersion
from tests.mapping.lenses.test_foreign_consents import DECIDED, IN_FORCE, REFUSED, _published
from tests.mapping.test_bad_input import notice_message
from tests.support import strategies as make
from tests.support.growing import plan as a_plan

if TYPE_CHECKING:
    from pathlib import Path

JSON = dict[str, Any]
YES = Consent(id="ja", kind=ConsentKind.SHARING, given_on=date(2026, 1, 12))
RESEARCH = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HRESCH"}
ASKED = AccessRequest(kind=ConsentKind.SHARING, recipient="anybody", on=date(2026, 6, 1))


def _damaged(consent: JSON, way: str) -> JSON:
    """The consent with something that cannot be kept."""
    ways: dict[str, JSON] = {
        "rules": {"implicitRules": "https://a.example/rules"},
        "modifier": {"modifierExtension": [{"url": "https://a.example/not", "valueBoolean": True}]},
        "category": {"category": [{"text": "Samtykke til noe annet"}]},
        "undated": {"dateTime": None, "date": None},
        "half dated": {"dateTime": "2026", "date": "2026"},
        "extended": {"provision": [{"purpose": [RESEARCH]}]},
        "performer": {"performer": [{"display": "vergen"}], "grantor": [{"display": "vergen"}]},
        "attachment": {"sourceAttachment": {"url": "https://a.example/x"}},
    }
    is_r5 = "decision" in consent
    changes = dict(ways[way])
    if way == "extended" and not is_r5:
        changes = {"provision": {**consent.get("provision", {}), "purpose": [RESEARCH]}}
    if way == "attachment" and is_r5:
        changes = {"sourceAttachment": [{"url": "https://a.example/x"}]}
    alone = {"performer": ("performer", "grantor"), "half dated": ("dateTime", "date")}.get(way)
    if alone is not None:
        changes = {alone[is_r5]: changes[alone[is_r5]]}
    return {name: value for name, value in (consent | changes).items() if value is not None}


WAYS = ("rules", "modifier", "category", "undated", "half dated", "extended", "performer", "attachment")


def _bundle(*consents: Consent, version: FhirVersion = "R4") -> JSON:
    return to_fhir(a_plan(consents=consents), version=version)


def _consents(bundle: JSON) -> list[JSON]:
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == "Consent"]


def _with(bundle: JSON, *consents: JSON) -> JSON:
    """The bundle with these in place of its consents."""
    others = [entry for entry in bundle["entry"] if entry["resource"]["resourceType"] != "Consent"]
    return {**bundle, "entry": [*others, *({"fullUrl": f"urn:x:{c['id']}", "resource": c} for c in consents)]}


def _is_no(consent: Consent) -> bool:
    return (consent.access, consent.status, consent.provisions) == (Access.DENY, ConsentStatus.ACTIVE, ())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("way", WAYS)
def test_in_force_it_is_a_no_and_is_told(way: str, version: FhirVersion) -> None:
    """The bundle is read; the consent says no to everybody, every way of reading agrees, and put keeps it."""
    there = _bundle(YES, version=version)
    bundle = _with(there, _damaged(_consents(there)[0], way))
    before = copy.deepcopy(bundle)
    found = read_fhir(bundle)
    (consent,) = found.plan.consents
    assert _is_no(consent)
    assert consent.kind is ConsentKind.SHARING
    assert not isinstance(permits(found.plan.consents, ASKED), Allowed)
    (warning,) = found.warnings
    assert warning.reason.endswith(AS_NO)
    assert warning.path.startswith(f"Bundle.entry[{len(bundle['entry']) - 1}].resource.")
    assert from_fhir(bundle) == from_fhir_json(orjson.dumps(bundle)) == found.plan
    assert put_plan(found.plan, bundle) == before
    assert put_plan(found.plan.evolve(title="Ny"), bundle)["entry"][-1] == before["entry"][-1]


@pytest.mark.parametrize("way", [way for way in WAYS if way not in ("rules", "modifier", "category")])
@pytest.mark.parametrize("status", ["draft", "proposed", "inactive", "rejected", "entered-in-error"])
def test_not_in_force_it_is_out_of_sight_and_is_told(way: str, status: str) -> None:
    """No consent is read from it, and put leaves it where it is, also beside a new one."""
    there = _bundle(YES)
    bundle = _with(there, {**_damaged(_consents(there)[0], way), "status": status})
    found = read_fhir(bundle)
    assert found.plan.consents == ()
    in_error = "status: is entered in error: not read"  # whatever else is wrong with it
    assert [warning.reason for warning in found.warnings] == [
        in_error if status == "entered-in-error" else OUT_OF_SIGHT
    ]
    assert put_plan(found.plan, bundle) == bundle
    more = found.plan.evolve(consents=(YES.evolve(id="ny"),))
    written = put_plan(more, bundle)
    assert [c for c in _consents(written) if c["id"] == "ja"] == _consents(bundle)
    assert from_fhir(written) == more


@pytest.mark.parametrize("status", ["unknown", "paused", None, 7])
def test_a_status_that_is_unknown_may_be_in_force(status: Any) -> None:
    """Only a status that says so takes a consent out of sight."""
    there = _bundle(YES)
    bundle = _with(there, {**_consents(there)[0], "status": status})
    (consent,) = read_fhir(bundle).plan.consents
    assert _is_no(consent)


def test_the_rules_of_the_domain_count_too() -> None:
    """A period that ends before it begins, or who gave it being no relative, is no error of the plan any more."""
    there = _bundle(YES)
    resource = _consents(there)[0]
    period = {"start": "2026-03-01", "end": "2026-02-01"}
    owner = a_plan().owner.id
    for damaged in ({**resource, "provision": {"period": period}}, {**resource, "dateTime": "2026-02-30"}):
        found = read_fhir(_with(there, damaged))
        assert [_is_no(consent) for consent in found.plan.consents] == [True]
        assert len(found.warnings) == 1
        assert put_plan(found.plan, _with(there, damaged)) == _with(there, damaged)
    assert owner not in str(found.warnings)


def test_it_is_neither_changed_nor_removed() -> None:
    """To end such a no is for whoever wrote the consent: both are refused, with the place."""
    there = _bundle(YES)
    bundle = _with(there, _damaged(_consents(there)[0], "extended"))
    plan = from_fhir(bundle)
    at = rf"Bundle\.entry\[{len(bundle['entry']) - 1}\]\.resource: cannot be kept whole"
    for changed in (plan.evolve(consents=()), plan.evolve(consents=(YES,))):
        with pytest.raises(InvalidInput, match=at):
            put_plan(changed, bundle)
        with pytest.raises(InvalidInput, match=at):
            default().open_plan(bundle).put(changed)
    assert put_plan(plan.evolve(id="another"), bundle)["entry"][-1] == bundle["entry"][-1]


def test_what_is_read_as_a_no_is_written_as_one_elsewhere() -> None:
    """In a new bundle the no stands in a Consent of ours, and reads as the same plan."""
    there = _bundle(YES)
    plan = from_fhir(_with(there, _damaged(_consents(there)[0], "extended")))
    written = to_fhir(plan)
    assert _consents(written)[0]["policyRule"]["coding"][0]["code"] == "OPTOUT"
    assert from_fhir(written) == plan


def test_another_person_s_consent_is_refused() -> None:
    """It is no no of this person's: two persons in one bundle are an error."""
    there = _bundle(YES)
    strange = {**_consents(there)[0], "patient": {"reference": "Patient/another"}}
    with pytest.raises(InvalidInput, match=r"patient: refers to a resource that is not in the bundle"):
        from_fhir(_with(there, strange))


@pytest.mark.parametrize("scope", ["research", "treatment", "adr"])
def test_a_consent_in_another_matter_is_not_read(scope: str) -> None:
    """Research, treatment and advance directives say nothing about who sees a plan, if the category does not."""
    there = _bundle(YES)
    other = _damaged(_consents(there)[0], "category")
    other["scope"] = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": scope}]}
    found = read_fhir(_with(there, other))
    assert found.plan.consents == ()
    assert [w.reason for w in found.warnings] == ["is no part of the plan as it is read here: not read"]


def test_a_notice_is_read_too() -> None:
    """A message whose notice has such a consent is taken in, with the no."""
    message = notice_message()
    for entry in message["entry"]:
        if entry["resource"]["resourceType"] == "Consent":
            entry["resource"] |= {"implicitRules": "https://a.example/rules"}
    notice = message_from_fhir(message).notice
    assert notice is not None
    assert notice.consents
    assert all(map(_is_no, notice.consents))


@pytest.mark.parametrize("name", [*DECIDED, *REFUSED])
def test_every_published_consent_leaves_the_plan_readable(shared_data: Path, name: str) -> None:
    """IHE's 23, each in a plan of another system: never a yes where IHE says no, and put keeps it."""
    published = _published(shared_data, name)
    patient: JSON = {"resourceType": "Patient", "id": "ex-patient", "name": [{"family": "Prøve"}]}
    mother: JSON = {"resourceType": "RelatedPerson", "id": "ex-mother", "name": [{"family": "Prøve"}]}
    mother["patient"] = {"reference": "Patient/ex-patient"}
    plan: JSON = {"resourceType": "CarePlan", "id": "c", "status": "active", "intent": "plan", "created": "2021-01-02"}
    plan["subject"] = {"reference": "Patient/ex-patient"}
    bundle: JSON = {"resourceType": "Bundle", "type": "collection"}
    bundle["entry"] = [{"resource": resource} for resource in (patient, mother, plan, published)]
    found = read_fhir(bundle)
    (consent,) = found.plan.consents
    asked = replace(ASKED, on=IN_FORCE, areas=tuple(LifeArea))
    answer = permits((consent,), asked)
    noes = {*REFUSED, "basic-reject", "basic-treat-infant"}  # the mother is a second Patient: nobody a plan can name
    assert isinstance(answer, Allowed) is (name not in noes)
    assert _is_no(consent) is (name in noes)
    if name in REFUSED:
        assert [w.path for w in found.warnings if w.path.startswith("Bundle.entry[3].")] == [
            f"Bundle.entry[3].resource.provision.{REFUSED[name]}"
        ]
    assert put_plan(found.plan, bundle) == bundle


@settings(max_examples=40)
@given(
    consents=st.lists(make.consents(recipients=("owner",)), max_size=3),
    added=make.consents(),
    way=st.sampled_from(WAYS),
    on=make.dates(),
    kind=st.sampled_from(ConsentKind),
)
def test_it_never_allows_what_was_refused(
    consents: list[Consent], added: Consent, way: str, on: date, kind: ConsentKind
) -> None:
    """Whatever the other consents say, and whatever this one said: beside it nothing is allowed that was not before."""
    owner = a_plan().owner.id
    known = tuple(
        c.evolve(
            id=f"c-{n}",
            given_by=None,
            provisions=tuple(Provision(access=p.access, areas=p.areas, period=p.period) for p in c.provisions),
        )
        for n, c in enumerate(consents)
    )
    bundle = _bundle(*known)
    unreadable = _damaged(_consents(_bundle(added.evolve(id="mer", given_by=None, provisions=())))[0], way)
    bundle["entry"].append({"fullUrl": "urn:x:mer", "resource": unreadable})
    read_consents = from_fhir(bundle).consents
    for area in (None, *LifeArea):
        request = AccessRequest(kind=kind, recipient=owner, on=on, areas=() if area is None else (area,))
        if isinstance(permits(read_consents, request), Allowed):
            assert isinstance(permits(known, request), Allowed)


def test_an_unknown_rule_is_refused_when_tables_are_loaded() -> None:
    """A key of a part that names no rule would leave the part without one."""
    source = read_source()
    (plan, *others) = source.bundles
    parts = [{**part, "in_doubt": "permission"} if part["field"] == "consents" else part for part in plan["part"]]
    with pytest.raises(MappingError, match="there is no rule 'permission'"):
        build_tables(replace(source, bundles=({**plan, "part": parts}, *others)))


def test_a_plan_of_readable_consents_is_read_fast() -> None:
    """The rule costs a plan without such consents nothing: the fast reader reads it."""
    mapper = Mapper(default().compiled)
    plan: IndividualPlan = mapper.from_fhir_json(orjson.dumps(_bundle(YES)))
    assert plan.consents == (YES,)
    assert mapper.reads.fast == 1


def test_a_new_consent_may_not_have_the_id_of_one_out_of_sight() -> None:
    """The bundle would have two resources of one id."""
    there = _bundle(YES)
    bundle = _with(there, {**_damaged(_consents(there)[0], "undated"), "status": "draft"})
    with pytest.raises(InvalidInput, match="has the id of what is to be added"):
        put_plan(from_fhir(bundle).evolve(consents=(YES,)), bundle)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_consent_of_two_kinds_is_a_no_to_sharing(version: FhirVersion) -> None:
    """One kind alone can be kept: the other's no must not be lost. The same kind by two codes is one."""
    there = _bundle(YES.evolve(access=Access.DENY, kind=ConsentKind.PLAN), version=version)
    plan, sharing = (_consents(_bundle(YES.evolve(kind=kind)))[0]["category"] for kind in (ConsentKind.PLAN, YES.kind))
    loinc = {"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}
    two = _with(there, {**_consents(there)[0], "category": [*plan, *sharing]})
    assert from_fhir_json(orjson.dumps(two)) == from_fhir(two)
    (consent,) = read_fhir(two).plan.consents
    assert (consent.kind, _is_no(consent)) == (ConsentKind.SHARING, True)
    permitted = _consents(_bundle(YES, version=version))[0]
    one = _with(there, {**permitted, "category": [*sharing, loinc]})
    assert from_fhir_json(orjson.dumps(one)).consents == from_fhir(one).consents == (YES,)


def test_an_id_that_is_a_person_s_number_is_refused_at_its_place() -> None:
    """A no needs an id too; the error does not say the number."""
    there = _bundle(YES)
    bundle = _with(there, {**_damaged(_consents(there)[0], "extended"), "id": "17851950222"})
    with pytest.raises(InvalidInput, match=rf"Bundle\.entry\[{len(bundle['entry']) - 1}\]\.resource\.id: ") as caught:
        from_fhir(bundle)
    assert "17851950222" not in str(caught.value)
