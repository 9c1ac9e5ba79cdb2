"""One rule says which party an organisation is; another that two descriptions mean one organisation."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ip_fhir.domain.agreement import Agreement, Party, find_agreement, load_agreements
from ip_fhir.domain.consent.consent import Access, Consent, Provision
from ip_fhir.domain.consent.permission import Allowed
from ip_fhir.domain.loop.consent_gate import gate
from ip_fhir.domain.parties import OURS, Parties, Unit, are_one, check_names, may_be_one, numbers_of
from ip_fhir.domain.people import Organization, OrganizationKind
from ip_fhir.domain.values.ids import HerId, OrganizationNumber, ReshId
from ip_fhir.errors import InvalidInput
from tests.support.loop import AGREEMENT, CONSENT, HOSPITAL, notice

TODAY = date(2026, 3, 2)
NUMBERS: dict[str, list[Any]] = {
    "organization_number": [OrganizationNumber("312001373"), OrganizationNumber("312010968")],
    "her_id": [HerId("90001"), HerId("90002"), HerId("90003")],
    "resh_id": [ReshId("9900101"), ReshId("9900102")],
}


def organization(ident: str = "o", **numbers: Any) -> Organization:
    """An organisation with these numbers; its id and its name tell nothing."""
    return Organization(id=ident, name=f"Lia {ident}", kind=OrganizationKind.COORDINATING_UNIT, **numbers)


# Few numbers, so that two organisations often share some, differ in some and lack some.
numbers = st.fixed_dictionaries({}, optional={name: st.sampled_from(known) for name, known in NUMBERS.items()})
towns = st.dictionaries(st.sampled_from([OURS, "a", "b", "c"]), st.lists(numbers, min_size=1, max_size=2), min_size=1)


def parties(town: dict[str, list[dict[str, Any]]], *, closed: bool = False) -> Parties:
    """The parties of a town."""
    return Parties({name: [organization(**n) for n in given] for name, given in town.items()}, closed=closed)


# --- which party it is


@given(towns, numbers, st.booleans())
def test_a_party_is_found_by_a_number_of_its_own(
    town: dict[str, list[dict[str, Any]]], said: dict[str, Any], closed: bool
) -> None:
    """The rule, said once more and slowly: for every party by itself, all the numbers that anybody has."""
    known = {name: {pair for given in all_of for pair in given.items()} for name, all_of in town.items()}
    fitting = []
    for party, theirs in known.items():
        others = {pair for name, pairs in known.items() if name != party for pair in pairs}
        registers = {register for register, _ in theirs}
        agrees = all(pair in theirs for pair in said.items() if pair[0] in registers)
        is_nobody_elses = all(pair in theirs for pair in said.items() if pair in others)
        is_known = not closed or all(pair in theirs | others for pair in said.items())
        named = any(pair in theirs and pair not in others for pair in said.items())
        if agrees and is_nobody_elses and is_known and named:
            fitting.append(party)
        made = parties(town, closed=closed)
        assert made.fits(organization(**said), party) is (agrees and is_nobody_elses and is_known)
    found = parties(town, closed=closed).find(organization(**said))
    assert fitting in ([], [found])
    assert (found is None) is (fitting == [])


@given(towns, numbers, st.sampled_from(["a", "b", OURS]))
def test_an_id_and_a_name_tell_nothing(town: dict[str, list[dict[str, Any]]], said: dict[str, Any], ident: str) -> None:
    """Whatever an organisation calls itself, it is the party that its numbers say."""
    made = parties(town)
    assert made.find(organization(ident, **said)) == made.find(organization("o", **said))


def test_two_systems_of_one_enterprise() -> None:
    """They share the organisation number: it identifies neither; the HER-id of each does."""
    enterprise = OrganizationNumber("312001373")
    one = organization(her_id=HerId("90001"), organization_number=enterprise)
    other = organization(her_id=HerId("90002"), organization_number=enterprise)
    town = Parties({"one": [one], "other": [other]})
    assert town.find(organization(organization_number=enterprise)) is None
    assert (town.find(one), town.find(other)) == ("one", "other")
    assert town.find(organization(her_id=HerId("90003"), organization_number=enterprise)) is None
    assert not town.fits(other, "one")
    assert town.fits(organization(organization_number=enterprise), "one")
    assert list(town.without_own_number()) == []
    assert town.covers("one", Party(organization_number=enterprise))
    assert not town.covers("one", Party(organization_number=enterprise, her_id=HerId("90002")))


def test_a_number_that_nobody_has() -> None:
    """Kept where the party has no number of that register, refused where the lists of units are closed."""
    known = {"one": [organization(her_id=HerId("90001"))], "other": [organization(her_id=HerId("90002"))]}
    said = organization(her_id=HerId("90001"), resh_id=ReshId("9900101"))
    unknown = organization(resh_id=ReshId("9900101"))
    assert Parties(known).find(said) == "one"
    assert Parties(known).fits(unknown, "one")
    assert Parties(known).find(unknown) is None
    closed = Parties(known, closed=True)
    assert closed.find(said) is None
    assert not closed.fits(unknown, "one")
    assert closed.names_unknown(said)
    assert not Parties(known).names_unknown(said)


def test_among_some_parties_only() -> None:
    """A carrier finds none but its own parties; the numbers of all others count all the same."""
    known = {name: [organization(her_id=number)] for name, number in zip("abc", NUMBERS["her_id"], strict=True)}
    town = Parties(known)
    assert town.find(organization(her_id="90001"), ("a", "b")) == "a"
    assert town.find(organization(her_id="90003"), ("a", "b")) is None
    assert town.find(organization(), ("a",)) is None
    assert list(town) == ["a", "b", "c"]
    assert "a" in town
    assert None not in town


def test_a_number_of_whatever_register() -> None:
    """The party that alone has it, if it is one of those named; none for a number of two, or of nobody."""
    two: list[dict[str, Any]] = [{"her_id": HerId("90002")}, {"resh_id": ReshId("9900101")}]
    found = parties({"a": [{"her_id": HerId("90001")}], "b": two, "c": [{"her_id": HerId("90002")}]})
    assert found.numbered("90001", ("a", "b")) == "a"
    assert found.numbered("9900101", ("a", "b")) == "b"
    assert found.numbered("90001", ("b", "c")) is None
    assert found.numbered("90002", ("b", "c")) is None
    assert found.numbered("90003", ("a", "b", "c")) is None


def test_who_has_no_number_of_its_own() -> None:
    """None at all, or only such as another has too."""
    shared = organization(her_id=HerId("90001"))
    town = Parties({OURS: [organization()], "a": [shared], "b": [shared, organization(her_id=HerId("90002"))]})
    assert list(town.without_own_number()) == [OURS, "a"]


def test_names() -> None:
    """Each name once, and our own party's is nobody else's."""
    check_names(["a", "b"])
    for names, words in ((["a", "a"], "the same name"), ([OURS], "our own party's name")):
        with pytest.raises(InvalidInput, match=words):
            check_names(names)


# --- one organisation, described twice


def one_by_numbers(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    """The rule, said once more: some number is the same, and none differs."""
    both = ours.keys() & theirs.keys()
    return bool(both) and all(ours[name] == theirs[name] for name in both)


def is_the_unit_to_the_gate(ours: Organization, theirs: Organization) -> bool:
    """The consent is only for the unit that the notice names: does it let a notice go to `theirs`?"""
    only = CONSENT.evolve(access=Access.DENY, provisions=(Provision(access=Access.PERMIT, recipients=(ours.id,)),))
    made = notice(recipient=ours.id, organizations=(HOSPITAL, ours), consents=(only,))
    return isinstance(gate(made, AGREEMENT, TODAY, theirs), Allowed)


@given(numbers, numbers, st.sampled_from(["unit", "elsewhere"]))
def test_gate_agreement_and_units_say_the_same(ours: dict[str, Any], theirs: dict[str, Any], ident: str) -> None:
    """Every number that both give is equal and one is: all who ask get one answer, whatever ids and names are."""
    one, other = organization("unit", **ours), organization(ident, **theirs)
    same = one_by_numbers(ours, theirs)
    assert are_one(one, other) is are_one(other, one) is same
    assert Unit(one).is_same(Unit(other)) is Unit(other, "a").is_same(Unit(one)) is same
    assert may_be_one(one, other) is (same or not ours.keys() & theirs.keys())
    assert is_the_unit_to_the_gate(one, other) is same
    assume(ours)
    hospital = Party(her_id=HerId("7"))
    their_own = Agreement(name="ours", hospital=hospital, municipality=Party(**ours))
    bare = HOSPITAL.evolve(organization_number=None, resh_id=None, her_id="7")
    assert (find_agreement((their_own,), bare, other) is their_own) is same


@given(numbers, numbers)
def test_an_agreement_with_oneself(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """It is refused, whichever numbers tell."""
    assume(ours and theirs)
    if one_by_numbers(ours, theirs):
        with pytest.raises(InvalidInput, match="is the same as the hospital"):
            Agreement(hospital=Party(**ours), municipality=Party(**theirs))
    else:
        Agreement(hospital=Party(**ours), municipality=Party(**theirs))


def test_units_of_parties() -> None:
    """Where both parties are known they decide, against all that was said."""
    one, other = organization(her_id=HerId("90001")), organization(her_id=HerId("90002"))
    assert Unit(one, "a").is_same(Unit(other, "a"))
    assert not Unit(one, "a").is_same(Unit(one, "b"))
    assert not Unit(one, "a").is_same(None)
    assert not Unit(None, "a").is_same(Unit(one))
    assert Unit(None, "a").is_same(Unit(one, "a"))


def test_a_resh_id_alone_is_enough() -> None:
    """A unit of the specialist health service is known by its RESH id, and so is a party to an agreement."""
    one = organization(resh_id=ReshId("9900101"))
    assert numbers_of(one) == (("resh_id", "9900101"),)
    text = "[[agreement]]\nhospital = { resh_id = '9900101' }\nmunicipality = { her_id = '90001' }"
    (found,) = load_agreements(text)
    assert found.holds_between(one, organization(her_id=HerId("90001")))
    with pytest.raises(InvalidInput, match="a party has an organization_number, a her_id or a resh_id"):
        Party(name="Solvang sykehus")


# --- the gate, where it cannot be told


def refusing(ident: str) -> Consent:
    """A consent for everybody but one."""
    return CONSENT.evolve(provisions=(Provision(access=Access.DENY, recipients=(ident,)),))


@pytest.mark.promise(13)
@pytest.mark.parametrize(
    ("named", "receiver", "allowed"),
    [
        (organization("x", her_id="90001"), organization(her_id="90001"), False),
        (organization("x", her_id="90001"), organization(her_id="90002"), True),
        (organization("x", her_id="90001"), organization(organization_number="312001373"), False),
        (organization("x"), organization(her_id="90002"), False),
        (organization("x"), organization("x"), False),
    ],
    ids=["the same", "another", "no register in common", "no number there", "no number at all"],
)
def test_a_no_to_somebody_who_may_be_meant(named: Organization, receiver: Organization, allowed: bool) -> None:
    """Who may be the one whom the person said no to gets nothing, unless a number tells them apart."""
    made = notice(organizations=(*notice().organizations, named), consents=(refusing("x"),))
    assert isinstance(gate(made, AGREEMENT, TODAY, receiver), Allowed) is allowed


@pytest.mark.promise(13)
def test_a_receiver_who_may_be_two_of_those_named() -> None:
    """Two departments share the organisation number, and only that is said: both must be allowed."""
    number = OrganizationNumber("312001373")
    one, other = (organization(i, organization_number=number, her_id=h) for i, h in (("x", "90001"), ("y", "90002")))
    made = notice(organizations=(*notice().organizations, one, other), consents=(refusing("y"),))
    assert not isinstance(gate(made, AGREEMENT, TODAY, organization(organization_number=number)), Allowed)
    assert isinstance(gate(made, AGREEMENT, TODAY, one.evolve(id="z")), Allowed)


@pytest.mark.promise(13)
def test_a_consent_for_one_party_is_not_anothers() -> None:
    """Where parties are known, a number that only messages give makes nobody the one who was consented to."""
    ward = organization("x", resh_id="9900101")
    only = CONSENT.evolve(access=Access.DENY, provisions=(Provision(access=Access.PERMIT, recipients=("x",)),))
    made = notice(organizations=(*notice().organizations, ward), consents=(only,))
    claims = organization("y", her_id="90002", resh_id="9900101")
    assert isinstance(gate(made, AGREEMENT, TODAY, claims), Allowed)
    assert not isinstance(gate(made, AGREEMENT, TODAY, claims, frozenset()), Allowed)
    assert isinstance(gate(made, AGREEMENT, TODAY, claims, frozenset({"x"})), Allowed)
    assert isinstance(gate(made, AGREEMENT, TODAY, organization("y"), frozenset({"x"})), Allowed)
    assert not isinstance(gate(made, AGREEMENT, TODAY, organization("y"), frozenset({"x", "unit"})), Allowed)
