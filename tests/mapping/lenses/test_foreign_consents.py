"""Consents of other systems: they give the decision that they demand, or they are refused; never a wider yes."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from ip_fhir.domain.consent.consent import Consent, ConsentKind
from ip_fhir.domain.consent.permission import AccessRequest, Allowed, Refused, Rule, permits
from ip_fhir.domain.people import Mandate, MandateKind, PersonName, PlanOwner, RelatedPerson, Relationship
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput, MappingError
from ip_fhir.mapping import lens
from ip_fhir.mapping.dialects import DIALECTS
from ip_fhir.mapping.lenses.building import build_lenses
from ip_fhir.mapping.lenses.references import Links
from ip_fhir.mapping.tables.loading import build_tables, read_source

if TYPE_CHECKING:
    from pathlib import Path

OWNER = "ex-patient"
MOTHER = RelatedPerson(
    id="ex-mother",
    name=PersonName(family="Prøve"),
    relationship=Relationship.MOTHER,
    mandate=Mandate(kind=MandateKind.PARENT),
)
CHILD = PlanOwner(
    id=OWNER, name=PersonName(family="Prøve"), birth_date=date(2021, 3, 4)
)  # the infant of the published case
IN_FORCE, AFTER = date(2022, 12, 31), date(2023, 1, 1)
ASKED = AccessRequest(kind=ConsentKind.SHARING, recipient="municipality", on=IN_FORCE, areas=tuple(LifeArea))

# By hand, from the descriptions: what each demands of a system that shares for treatment and its coordination, on a
# day in force and after 2022; or where it is refused, because it lets hold what this domain does not know of.
YES, NO = None, Rule.RECIPIENT
DECIDED: dict[str, tuple[Rule | None, Rule | None]] = {
    "basic-treat": (YES, YES),
    "basic-treat-infant": (YES, YES),
    "basic-ink": (YES, YES),
    "basic-reject": (NO, NO),
    "expired-treat": (YES, Rule.PERIOD),
}
REFUSED = {
    "basic-research": "purpose[0]",
    "intermediate-purpose": "actor[0]",
    "intermediate-timeframe": "dataPeriod",
    "intermediate-authoredby": "data[0]",
    "intermediate-data": "data[0]",
    "intermediate-encounter": "data[0]",
    "intermediate-not-timeframe": "provision[0].dataPeriod",
    "intermediate-not-authoredby": "provision[0].data[0]",
    "intermediate-not-data": "provision[0].data[0]",
    "intermediate-not-encounter": "provision[0].data[0]",
    "dissent-break-glass": "provision[0].purpose[0]",
    "advanced-normal": "securityLabel[0]",
    "advanced-normal-restricted": "securityLabel[0]",
    "advanced-normal-not-restricted": "securityLabel[0]",
    "advanced-normal-focused-restricted": "securityLabel[0]",
    "advanced-normal-focused-psy": "securityLabel[0]",
    "advanced-normal-focused-psy-or-sdv": "securityLabel[0]",
    "advanced-normal-break-glass-restricted": "securityLabel[0]",
}


def _published(shared_data: Path, name: str) -> dict[str, Any]:
    stem = "dissent-intermediate-break-glass" if name == "dissent-break-glass" else f"consent-{name}"
    file = shared_data / "closed-loop" / "consent-pcf" / f"Consent-ex-{stem}.json"
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def _get(resource: dict[str, Any]) -> Consent:
    return read(Consent, lens("Consent").get(resource, Links({OWNER: f"Patient/{OWNER}"}, owner=OWNER, closed=False)))


def test_every_published_consent_is_here(shared_data: Path) -> None:
    """Each of the 23 has its decision or its reason below."""
    files = (shared_data / "closed-loop" / "consent-pcf").glob("Consent-*.json")
    names = {file.stem.removeprefix("Consent-ex-").removeprefix("consent-") for file in files}
    assert names == {n.replace("dissent-break", "dissent-intermediate-break") for n in (*DECIDED, *REFUSED)}
    assert len(names) == 23


@pytest.mark.parametrize("name", DECIDED)
def test_decided_as_described(shared_data: Path, name: str) -> None:
    """Within our domain, the decision is the described one, on a day in force and after."""
    consent = _get(_published(shared_data, name))
    for on, rule in zip((IN_FORCE, AFTER), DECIDED[name], strict=True):
        answer = permits([consent], replace(ASKED, on=on), [MOTHER], CHILD if consent.given_by else None)
        assert (answer.rule if isinstance(answer, Refused) else None) is rule
        assert answer.consents == (consent.id,)


def test_a_mother_without_mandate(shared_data: Path) -> None:
    """What the mother signs counts as far as she may sign for the child."""
    consent = _get(_published(shared_data, "basic-treat-infant"))
    answer = permits([consent], ASKED, [MOTHER.evolve(mandate=None)])
    assert isinstance(answer, Refused)
    assert answer.rule is Rule.REPRESENTATIVE


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_its_place(shared_data: Path, name: str) -> None:
    """Outside our domain, the consent is not read at all, and the FHIRPath says what could not be kept."""
    with pytest.raises(InvalidInput) as caught:
        _get(_published(shared_data, name))
    assert [problem.path for problem in caught.value.problems] == [f"Consent.provision.{REFUSED[name]}"]


@pytest.mark.parametrize("name", [*DECIDED, *REFUSED])
def test_never_wider_without_what_limits_it(shared_data: Path, name: str) -> None:
    """The refusals do their work: with their limits taken away, the permits would be read as a yes to everything."""
    resource = _published(shared_data, name)
    limited = copy.deepcopy(resource)
    for limit in ("securityLabel", "data", "dataPeriod", "actor", "purpose", "provision", "period"):
        limited["provision"].pop(limit, None)
    consent = _get(limited)
    person = CHILD if consent.given_by else None
    answer = permits([consent], replace(ASKED, on=date(2026, 1, 12)), [MOTHER], person)
    assert isinstance(answer, Allowed) is (resource["provision"]["type"] == "permit")


# --- each limit alone, on a consent of ours ----------------------------------------------------------

OURS = Consent(id="c1", kind=ConsentKind.SHARING, given_on=date(2026, 1, 12))
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
OTHER = {"coding": [{"system": "http://snomed.info/sct", "code": "1"}]}
LABEL = {"system": f"{TERMINOLOGY}/v3-Confidentiality", "code": "N"}
RESEARCH = {"system": f"{TERMINOLOGY}/v3-ActReason", "code": "HRESCH"}
RESEARCH_SCOPE = {"coding": [{"system": f"{TERMINOLOGY}/consentscope", "code": "research"}]}
CUSTODIAN = {"coding": [{"system": f"{TERMINOLOGY}/v3-ParticipationType", "code": "CST"}]}
RECIPIENT = {
    "role": {"coding": [{"system": f"{TERMINOLOGY}/v3-ParticipationType", "code": "IRCP"}]},
    "reference": {"reference": "Organization/o1"},
}


def _resource(**changes: Any) -> dict[str, Any]:
    made = lens("Consent").new(OURS, Links({}, closed=False))
    return {**made, "patient": {"reference": f"Patient/{OWNER}"}, **changes}


def _limited(**provision: Any) -> dict[str, Any]:
    return _resource(provision=provision)


def _nested(**provision: Any) -> dict[str, Any]:
    return _limited(provision=[{"type": "permit", "actor": [RECIPIENT], **provision}])


def _actor(**changes: Any) -> dict[str, Any]:
    return _nested(actor=[{**RECIPIENT, **changes}])


ACTOR = "provision.provision[0].actor[0]"


@pytest.mark.parametrize(
    ("resource", "path"),
    [
        (_limited(purpose=[RESEARCH]), "provision.purpose[0]"),
        (_limited(purpose=["TREAT"]), "provision.purpose[0]"),
        (_limited(securityLabel=[LABEL]), "provision.securityLabel[0]"),
        (_limited(**{"class": [{"code": "x"}]}), "provision.class[0]"),
        (_limited(code=[OTHER]), "provision.code[0]"),
        (_limited(action=[OTHER]), "provision.action[0]"),
        (_limited(data=[{"meaning": "instance"}]), "provision.data[0]"),
        (_limited(dataPeriod={"end": "2026-12-31"}), "provision.dataPeriod"),
        (_limited(actor=[RECIPIENT]), "provision.actor[0]"),
        (_limited(modifierExtension=[{"url": "urn:x"}]), "provision.modifierExtension[0]"),
        (_limited(period={"end": "2026-12-31T12:00:00+01:00"}), "provision.period.end"),
        (_limited(period={"start": "2026-01-12T12:00:00+01:00"}), "provision.period.start"),
        (_limited(period={"end": "2026"}), "provision.period.end"),
        (_nested(purpose=[RESEARCH]), "provision.provision[0].purpose[0]"),
        (_nested(securityLabel=[LABEL]), "provision.provision[0].securityLabel[0]"),
        (_nested(**{"class": [{"code": "x"}]}), "provision.provision[0].class[0]"),
        (_nested(action=[OTHER]), "provision.provision[0].action[0]"),
        (_nested(data=[{"meaning": "instance"}]), "provision.provision[0].data[0]"),
        (_nested(dataPeriod={}), "provision.provision[0].dataPeriod"),
        (_nested(provision=[{"type": "permit"}]), "provision.provision[0].provision[0]"),
        (_nested(code=[OTHER]), "provision.provision[0].code[0]"),
        (_nested(code=[{"text": "arbeid"}]), "provision.provision[0].code[0]"),
        (_actor(role=CUSTODIAN), ACTOR),
        (_actor(role=None), ACTOR),
        (_actor(reference={"display": "NAV"}), ACTOR),
        (_actor(reference={"identifier": {"value": "1"}}), ACTOR),
        (_actor(modifierExtension=[{"url": "urn:x"}]), f"{ACTOR}.modifierExtension[0]"),
        (_nested(type=None), "provision.provision[0]"),
        (_nested(type="maybe"), "provision.provision[0]"),
        (_resource(policyRule=OTHER), "policyRule"),
        (_resource(policyRule={"text": "opt-in"}), "policyRule"),
        (_resource(policyRule=None), "policyRule"),
        (_resource(performer=[{"display": "the guardian"}]), "performer[0]"),
        (_resource(performer=[{"identifier": {"value": "1"}}]), "performer[0]"),
        (_resource(scope=RESEARCH_SCOPE), "scope.coding[0]"),
        (_resource(implicitRules="urn:x"), "implicitRules"),
        (_resource(provision={"type": "deny"}), "policyRule"),
    ],
)
def test_each_limit_alone(resource: dict[str, Any], path: str) -> None:
    """What narrows a consent and has no field here is refused where it stands."""
    with pytest.raises(InvalidInput) as caught:
        _get(resource)
    assert [problem.path for problem in caught.value.problems] == [f"Consent.{path}"]


@pytest.mark.parametrize("code", ["TREAT", "COC"])
def test_purposes_that_cover_a_plan(code: str) -> None:
    """Treatment and the coordination of care are what a plan is shared for; other purposes beside them take nothing."""
    treatment = {**RESEARCH, "code": code}
    assert _get(_limited(purpose=[RESEARCH, treatment])) == OURS


def test_whole_days_of_moments() -> None:
    """A period of moments that begins and ends with a Norwegian day is kept, whatever zone it is written in."""
    consent = _get(_limited(period={"start": "2026-01-11T23:00:00Z", "end": "2026-06-30T23:59:59.999+02:00"}))
    assert (consent.period.start, consent.period.end) == (date(2026, 1, 12), date(2026, 6, 30))


@pytest.mark.parametrize(("code", "access"), [("permit", "permit"), ("deny", "deny")])
def test_the_second_place_of_the_base_rule(code: str, access: str) -> None:
    """Without a policyRule, the type of the outermost provision says it (IHE PCF); a put keeps it where it stands."""
    resource = _resource(provision={"type": code})
    del resource["policyRule"]
    table = lens("Consent")
    data = table.get(resource)
    assert data["access"] == access
    assert table.put(data, resource) == resource
    other = "deny" if access == "permit" else "permit"
    changed = table.put({**data, "access": other}, resource)
    assert changed["provision"]["type"] == other
    assert table.get(changed) == {**data, "access": other}


def test_nothing_is_written_onto_what_cannot_be_read() -> None:
    """A put onto a consent with limits is refused as well: what it says could not be read back."""
    with pytest.raises(InvalidInput):
        lens("Consent").put(OURS, _limited(securityLabel=[LABEL]))


def test_a_table_with_a_misplaced_limit_is_refused() -> None:
    """Limits that slipped into another part of the table would limit nothing: an unknown key is an error on loading."""
    source = read_source()
    table = source.tables["Consent"]
    slipped = {**table, "const": [{**table["const"][0], "unread": table["unread"]}, *table["const"][1:]]}
    with pytest.raises(MappingError, match=r"table Consent\b.*: unknown key unread"):
        build_tables(replace(source, tables={**source.tables, "Consent": slipped}))
    nameless = {**table, "within": {"scope.coding": ["patient-privacy"]}}
    with pytest.raises(MappingError, match="no system#code"):
        build_lenses(build_tables(replace(source, tables={**source.tables, "Consent": nameless})), DIALECTS)
