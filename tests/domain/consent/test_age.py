"""Age and consent: whose word counts, by the person's age, the mandate and the day (users.md 0.8 and E, "age").

The table is written down here on its own, by the law: pbrl § 4-3 (16), § 4-4 (the parents), § 3-4 (12 to 16).
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip_fhir.domain.consent.ages import LAW, ConsentAges, birth_dates, first_day_at
from ip_fhir.domain.consent.answers import Answers
from ip_fhir.domain.consent.consent import Access, Consent, ConsentKind, ConsentStatus, Provision
from ip_fhir.domain.consent.permission import AccessRequest, Allowed, Refused, Rule, permits
from ip_fhir.domain.people import Mandate, MandateKind, PersonName, PlanOwner, RelatedPerson, Relationship
from ip_fhir.domain.values.ids import PersonId
from ip_fhir.errors import InvalidInput
from tests.support.strategies import consents, related_persons

TODAY = date(2026, 6, 1)
NAME = PersonName(family="Testesen")


def person(born: date | None, number: str | None = None) -> PlanOwner:
    """Somebody born on that day."""
    return PlanOwner(id="owner", name=NAME, birth_date=born, identifier=None if number is None else PersonId(number))


def relative(kind: MandateKind | None, ident: str = "rep", relationship: str = "mother") -> RelatedPerson:
    """Somebody close, with a mandate of this kind."""
    mandate = None if kind is None else Mandate(kind=kind)
    return RelatedPerson(id=ident, name=NAME, relationship=Relationship(relationship), mandate=mandate)


def said(given_by: str | None = None, on: date = TODAY, ident: str = "c", **more: Any) -> Consent:
    """A consent to sharing."""
    return Consent.model_validate({"id": ident, "kind": "sharing", "given_on": on, "given_by": given_by, **more})


def rule_of(answer: Allowed | Refused) -> Rule | None:
    """The rule that refuses, None for a yes."""
    return answer.rule if isinstance(answer, Refused) else None


def ask(
    words: list[Consent], owner: PlanOwner | None, *people: RelatedPerson, on: date = TODAY, to: str = "nav"
) -> Any:
    """The rule by which somebody at NAV, or whom `to` names, may not see it; None if they may."""
    return rule_of(permits(words, AccessRequest(ConsentKind.SHARING, to, on), people, owner))


def born_to_be(years: int, day: date) -> date:
    """The birth date of somebody who has the birthday on `day`."""
    return day.replace(year=day.year - years)


AGES = range(21)
SPEAKERS: list[tuple[str, MandateKind | None]] = [
    ("person", None), *((kind.value, kind) for kind in MandateKind), ("nobody's", None)
]  # fmt: skip


@pytest.mark.promise(13)
@pytest.mark.parametrize("age", AGES)
@pytest.mark.parametrize(("who", "kind"), SPEAKERS, ids=[name for name, _ in SPEAKERS])
@pytest.mark.parametrize("shift", [-1, 0, 1], ids=["the day before the birthday", "the birthday", "the day after"])
def test_whose_yes_counts(age: int, who: str, kind: MandateKind | None, shift: int) -> None:
    """Each age, speaker, mandate and day: who is sixteen decides; before that, parents and representatives do."""
    owner = person(born_to_be(age, TODAY) - timedelta(days=shift))
    reached = age if shift >= 0 else age - 1
    words = [said(None if who == "person" else "rep")]
    if reached < 0:
        return  # not born yet
    found = ask(words, owner, relative(kind))
    if who == "person":
        expected = None if reached >= 16 else Rule.UNDER_AGE
    elif who == "parent":
        expected = Rule.OF_AGE if reached >= 16 else None
    else:
        expected = Rule.REPRESENTATIVE if who == "nobody's" else None
    assert found is expected


@pytest.mark.parametrize("asked_at", AGES)
@pytest.mark.parametrize("given_at", [0, 6, 11, 15])
def test_a_parents_yes_ends_with_the_childs_majority_in_health(given_at: int, asked_at: int) -> None:
    """Whenever it was given, it counts until the child is sixteen and not from then on."""
    born = date(2000, 3, 3)
    if asked_at < given_at:
        return
    words = [said("rep", on=first_day_at(born, given_at))]
    found = ask(words, person(born), relative(MandateKind.PARENT), on=first_day_at(born, asked_at))
    assert found is (Rule.OF_AGE if asked_at >= 16 else None)


@pytest.mark.parametrize("born", [1980, 2009])
def test_a_mother_does_not_speak_for_an_adult(born: int) -> None:
    """users.md 0.8: born 1980, 2009, 2020, all Allowed; neither her yes nor her no counts for the first two."""
    owner, mother = person(date(born, 1, 1)), relative(MandateKind.PARENT)
    assert ask([said("rep")], owner, mother) is Rule.OF_AGE
    own = said(on=TODAY - timedelta(days=30), ident="own")
    assert ask([own, said("rep", status="refused")], owner, mother) is None
    assert ask([own, said("rep", access="deny")], owner, mother) is None
    assert ask([said("rep")], person(date(2020, 1, 1)), mother) is None


def test_a_child_beside_its_mother() -> None:
    """A six-year-old's yes does not count alone, and stands beside the mother's; its no is a no."""
    child, mother = person(date(2020, 1, 1)), relative(MandateKind.PARENT)
    assert ask([said()], child, mother) is Rule.UNDER_AGE
    assert ask([said(), said("rep", ident="m")], child, mother) is None
    assert ask([said(status="refused"), said("rep", ident="m")], child, mother) is Rule.DISAGREE


NO, LATER = TODAY - timedelta(days=60), TODAY - timedelta(days=30)


@pytest.mark.parametrize("age", AGES)
@pytest.mark.parametrize("to", ["rep", "father", "nav"])
@pytest.mark.parametrize("way", ["refused", "withdrawn"])
def test_what_is_kept_from_parents(age: int, to: str, way: str) -> None:
    """From twelve to sixteen, a mother's later yes does not open to the parents what the child said no to."""
    child = person(born_to_be(age, NO))
    ways: dict[str, dict[str, Any]] = {
        "refused": {"status": "refused"},
        "withdrawn": {"status": "withdrawn", "withdrawn_on": NO},
    }
    no = ways[way]
    people = (relative(MandateKind.PARENT), relative(None, "father", "father"))
    words = [said(on=NO, **no), said("rep", on=LATER, ident="m")]
    found = ask(words, child, *people, to=to)
    if age >= 16:
        assert found in (Rule.REFUSED, Rule.WITHDRAWN, Rule.OF_AGE)
        return
    assert found is (Rule.DISAGREE if age >= 12 and to != "nav" else None)
    assert ask([*words, said(on=TODAY, ident="again")], child, *people, to=to) is None


def test_without_a_birth_date() -> None:
    """Decided: the own word counts as before, a parent's yes does not, and a parent's no does."""
    mother = relative(MandateKind.PARENT)
    for nobody in (None, person(None)):
        assert ask([said()], nobody, mother) is None
        assert ask([said("rep")], nobody, mother) is Rule.AGE_NOT_KNOWN
        assert ask([said(), said("rep", ident="m", access="deny")], nobody, mother) is Rule.DISAGREE
        assert ask([said("rep")], nobody, relative(MandateKind.GUARDIAN)) is None


@pytest.mark.parametrize(
    ("number", "born"),
    [
        ("05827500285", date(1975, 2, 5)),  # the tax administration's test register adds 80 to the month
        *(
            (number, date(2015, 6, 7))
            for number in ("07461550023", "07711550008", "07861550006", "47861550180", "47461550017")
        ),
    ],
)
def test_the_number_tells_the_birth_date(number: str, born: date) -> None:
    """Fødselsnummer, D-number and the test registers' +40, +65 and +80."""
    assert birth_dates(person(None, number)) == (born,)
    expected = Rule.OF_AGE if born.year < 2000 else None
    assert ask([said("rep")], person(None, number), relative(MandateKind.PARENT)) is expected


def test_two_birth_dates() -> None:
    """Where number and birth date disagree, a yes must count by both, and a no counts by one."""
    owner = person(date(2020, 1, 1), "05827500285")
    mother = relative(MandateKind.PARENT)
    assert ask([said("rep")], owner, mother) is Rule.AGE_NOT_KNOWN
    assert ask([said()], owner, mother) is Rule.UNDER_AGE
    assert ask([said(), said("rep", status="refused", ident="m")], owner, mother) in (Rule.REFUSED, Rule.UNDER_AGE)


def test_the_29th_of_february() -> None:
    """Who is born on it becomes older on the first of March in other years."""
    owner = person(date(2012, 2, 29))
    fifteen = ConsentAges(health_consent=15)
    for day, counts in ((date(2027, 2, 28), False), (date(2027, 3, 1), True)):
        request = AccessRequest(ConsentKind.SHARING, "nav", day)
        assert isinstance(permits([said(on=day)], request, (), owner, fifteen), Allowed) is counts
    assert first_day_at(date(9990, 1, 1), 16) == date(9999, 1, 1)


def test_the_ages_are_settings() -> None:
    """The law's are 16 and 12; others may be set, in their order."""
    assert (LAW.health_consent, LAW.may_withhold) == (16, 12)
    request = AccessRequest(ConsentKind.SHARING, "nav", TODAY)
    owner = person(born_to_be(17, TODAY))
    assert isinstance(permits([said()], request, (), owner, ConsentAges(health_consent=18)), Refused)
    with pytest.raises(InvalidInput, match="may_withhold is above health_consent"):
        ConsentAges.from_data({"health_consent": 10, "may_withhold": 11})


RECIPIENTS = ("related-1", "nav")
ANY = st.lists(st.integers(1, 9).flatmap(lambda n: consents(f"c{n}", ("related-1",), RECIPIENTS)), max_size=4)
BORN = st.none() | st.dates(date(2000, 1, 1), date(2025, 1, 1))
DAYS = st.dates(date(2020, 1, 1), date(2030, 1, 1))


@given(ANY, BORN, DAYS, st.sampled_from(RECIPIENTS), st.lists(related_persons("related-1"), max_size=1))
def test_an_unknown_age_is_never_wider(
    several: list[Consent], born: date | None, on: date, to: str, people: list[RelatedPerson]
) -> None:
    """Without a birth date, a yes is also one where every mandate is a guardian's, whose word no age ends."""
    as_guardian = [
        one.evolve(mandate=one.mandate.evolve(kind=MandateKind.GUARDIAN), relationship=Relationship.GUARDIAN)
        if one.mandate is not None
        else one
        for one in people
    ]
    request = AccessRequest(ConsentKind.SHARING, to, on)
    if isinstance(permits(several, request, people), Allowed):
        assert isinstance(permits(several, request, as_guardian), Allowed)
    if born is not None and isinstance(permits([*several], request, people, person(born)), Allowed):
        assert any(one.given_by is not None or first_day_at(born, 16) <= one.given_on for one in several)


@given(ANY, BORN, DAYS, st.sampled_from(RECIPIENTS), st.lists(related_persons("related-1"), max_size=1))
def test_the_last_day_of_a_yes(
    several: list[Consent], born: date | None, on: date, to: str, people: list[RelatedPerson]
) -> None:
    """The matrix and `permits` agree on that day, on the last day of a yes and on the one after it."""
    several = [one.evolve(kind=ConsentKind.SHARING) for one in several]
    owner = person(born)
    answers = Answers(several, ConsentKind.SHARING, on, people, owner)
    answer = dict(answers.to(to, ()))[None]
    assert answer.given == permits(several, AccessRequest(ConsentKind.SHARING, to, on), people, owner)
    if isinstance(answer.given, Allowed) and answer.until is not None:
        for day, yes in ((answer.until, True), (answer.until + timedelta(days=1), False)):
            request = AccessRequest(ConsentKind.SHARING, to, day)
            assert isinstance(permits(several, request, people, owner), Allowed) is yes


def test_a_provision_of_a_child_keeps_it_from_its_mother() -> None:
    """A child of any age may say no to one recipient; that no does not end with the mother's yes."""
    no = said(ident="no", access="permit", provisions=(Provision(access=Access.DENY, recipients=("rep",)),))
    child, mother = person(date(2013, 1, 1)), relative(MandateKind.PARENT)
    assert ask([no, said("rep", ident="m")], child, mother, to="rep") is Rule.DISAGREE
    assert no.status is ConsentStatus.ACTIVE
