"""One rule says that two descriptions mean one organisation: to the inbox, the consent gate and the agreements."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ip_fhir.domain.agreement import Agreement, Party, find_agreement, load_agreements
from ip_fhir.domain.consent.consent import Access, Provision
from ip_fhir.domain.consent.permission import Allowed
from ip_fhir.domain.loop.consent_gate import gate
from ip_fhir.domain.people import Organization, OrganizationKind, numbers_agree, same_organization
from ip_fhir.domain.values.ids import HerId, OrganizationNumber, ReshId
from ip_fhir.errors import InvalidInput
from tests.support.loop import AGREEMENT, CONSENT, HOSPITAL, notice

TODAY = date(2026, 3, 2)
NUMBERS: dict[str, list[Any]] = {
    "organization_number": [OrganizationNumber("312001373"), OrganizationNumber("312010968")],
    "her_id": [HerId("90001"), HerId("90002")],
    "resh_id": [ReshId("9900101"), ReshId("9900102")],
}


def _organization(ident: str, numbers: dict[str, Any]) -> Organization:
    return Organization(id=ident, name=f"Lia {ident}", kind=OrganizationKind.COORDINATING_UNIT, **numbers)


NOT_SHARED = {"organization_number": None, "resh_id": None}


# Few numbers, so that two organisations often share some, differ in some and lack some.
numbers = st.fixed_dictionaries({}, optional={name: st.sampled_from(known) for name, known in NUMBERS.items()})


def _shared(one: dict[str, str], other: dict[str, str]) -> bool:
    """The rule, said once more: some number is the same."""
    return any(one.get(name) == other[name] for name in other)


def _is_the_unit_to_the_gate(ours: Organization, theirs: Organization) -> bool:
    """The consent is only for the unit that the notice names: does it let a notice go to `theirs`?"""
    only = CONSENT.evolve(access=Access.DENY, provisions=(Provision(access=Access.PERMIT, recipients=(ours.id,)),))
    made = notice(recipient=ours.id, organizations=(HOSPITAL, ours), consents=(only,))
    return isinstance(gate(made, AGREEMENT, TODAY, theirs), Allowed)


@given(numbers, numbers)
def test_inbox_gate_and_agreement_say_the_same(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Whichever numbers two descriptions share, all who ask get one answer; an id of elsewhere tells nothing."""
    one, other = _organization("unit", ours), _organization("elsewhere", theirs)
    same = _shared(ours, theirs)
    assert bool(numbers_agree(one, other)) is bool(numbers_agree(other, one)) is same
    assert same_organization(one, other) is same_organization(other, one) is same
    assert _is_the_unit_to_the_gate(one, other) is same
    assume(ours)
    party, hospital = Party(**ours), Party(her_id=HerId("7"))
    their_own = Agreement(name="ours", hospital=hospital, municipality=party)
    found = find_agreement((their_own,), HOSPITAL.evolve(**NOT_SHARED, her_id="7"), other)
    assert (found is their_own) is same


@given(numbers, numbers)
def test_two_parties_are_one_by_the_same_rule(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """An agreement of an organisation with itself is refused, whichever number tells."""
    assume(ours and theirs)
    if _shared(ours, theirs):
        with pytest.raises(InvalidInput, match="is the same as the hospital"):
            Agreement(hospital=Party(**ours), municipality=Party(**theirs))
    else:
        Agreement(hospital=Party(**ours), municipality=Party(**theirs))


@given(numbers, numbers)
def test_the_id_tells_only_where_no_number_does(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Two with one id are one organisation, unless their numbers differ; to the gate never by the id."""
    one, other = _organization("unit", ours), _organization("unit", theirs).evolve(name="Another name")
    comparable = ours.keys() & theirs.keys()
    assert same_organization(one, other) is (_shared(ours, theirs) or not comparable)
    assert (numbers_agree(one, other) is None) is (not comparable)
    assert _is_the_unit_to_the_gate(one, other) is _shared(ours, theirs)


def test_a_resh_id_alone_is_enough() -> None:
    """A unit of the specialist health service is known by its RESH id: to all, and as a party to an agreement."""
    resh = {"resh_id": ReshId("9900101")}
    one, other = _organization("unit", resh), _organization("elsewhere", resh)
    assert same_organization(one, other)
    assert _is_the_unit_to_the_gate(one, other)
    text = "[[agreement]]\nhospital = { resh_id = '9900101' }\nmunicipality = { her_id = '90001' }"
    (found,) = load_agreements(text)
    assert found.holds_between(one, _organization("municipality", {"her_id": HerId("90001")}))
    with pytest.raises(InvalidInput, match="a party has an organization_number, a her_id or a resh_id"):
        Party(name="Solvang sykehus")
