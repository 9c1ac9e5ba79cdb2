"""The agreement: read whole or refused whole, and what it says will happen when nobody answers."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip_fhir.domain.agreement import (
    Agreement,
    Contact,
    ContentLevel,
    Party,
    Side,
    default_of,
    duplicates,
    find_agreement,
    load_agreements,
)
from ip_fhir.domain.effects import EffectKind, TimerKind
from ip_fhir.domain.loop.forecast import ForecastStep, explain
from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.parties import Parties
from ip_fhir.domain.people import Organization, OrganizationKind
from ip_fhir.domain.sharing.terms import ShareStart, SharingTerms
from ip_fhir.domain.values.ids import HerId, OrganizationNumber
from ip_fhir.domain.values.terms import LegalBasis
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput
from tests.support.loop import HOSPITAL, NOW, delivered, run

OSLO = ZoneInfo("Europe/Oslo")

TEXT = """
[[agreement]]
name = "Solvang sykehus and Lia"
answer_days = 10
acceptance_days = 3
reminders = 2
two_coordinators_allowed = true
content_level = "plan"
legal_basis = ["hol-7-2"]
hospital = { organization_number = "983971636" }
municipality = { her_id = "90001" }
[[agreement.ladder]]
name = "Head of health services"
role = "leader"
how = "phone"
[[agreement.ladder]]
name = "Director"
side = "hospital"

[[agreement]]
receipt_minutes = 30
"""


SAME = "[[agreement]]\nhospital = { her_id = '90001' }\nmunicipality = { her_id = '90001' }"
PAIR = """
[[agreement]]
hospital = { organization_number = "983971636" }
municipality = { her_id = "90001" }
"""

EITHER = """
[[agreement]]
parties = [{ her_id = "90001" }, { organization_number = "983971636" }]
[agreement.sharing]
change_days = 3
shares_begin = "by-rule"
[agreement.sharing.rights]
at_once = ["measures.how"]
"""


def _unit(her_id: str | None = None) -> Organization:
    number = HerId(her_id) if her_id else None
    return Organization(id="unit", name="Lia", kind=OrganizationKind.COORDINATING_UNIT, her_id=number)


def test_defaults_are_those_agreed_on() -> None:
    """Without a word said otherwise, the deadlines are the ones the documentation names."""
    agreement = Agreement()
    assert (agreement.receipt_minutes, agreement.receipt_resends) == (15, 2)
    assert (agreement.acceptance_days, agreement.answer_days) == (5, 15)
    assert (agreement.reminder_every_days, agreement.reminders, agreement.escalation_every_days) == (5, 3, 5)
    assert [contact.side for contact in agreement.ladder] == [Side.MUNICIPALITY, Side.MUNICIPALITY, Side.HOSPITAL]
    assert not agreement.two_coordinators_allowed


def test_a_file_is_read() -> None:
    """Everything that is written is read, everything that is not is as by default."""
    one, other = load_agreements(TEXT)
    assert one.ladder == (
        Contact(name="Head of health services", role="leader", how="phone"),
        Contact(name="Director", side=Side.HOSPITAL),
    )
    assert (one.answer_days, one.reminders, one.two_coordinators_allowed) == (10, 2, True)
    assert (one.content_level, one.legal_basis) == (ContentLevel.PLAN, (LegalBasis.HOL_7_2,))
    assert one.hospital == Party(organization_number=OrganizationNumber("983971636"))
    assert (other.receipt_minutes, other.answer_days) == (30, 15)
    assert read(Agreement, one.to_data()) == one


def test_every_mistake_is_told_at_once() -> None:
    """Every mistake of a file is told in one go, with table and field; an unknown field by what may be meant."""
    text = (
        """
    title = "agreements"
    [[agreement]]
    answer_days = -1
    reminders = true
    content_level = "all"
    answer_dayz = 3
    ladder = [{ name = "Leader", side = "clinic", phone = "62 00 00 00" }]
    [[agreement]]
    hospital = { name = "somewhere" }
    [[agreement]]
    acceptance_days = 20
    municipality = { her_id = "90001" }
    """
        + PAIR * 2
    )
    with pytest.raises(InvalidInput) as caught:
        load_agreements(text)
    assert {problem.path for problem in caught.value.problems} == {
        "",
        "agreement.0.answer_days",
        "agreement.0.reminders",
        "agreement.0.content_level",
        "agreement.0",
        "agreement.0.ladder.0.side",
        "agreement.0.ladder.0",
        "agreement.1.hospital",
        "agreement.2.acceptance_days",
        "agreement.2.hospital",
        "agreement.4",
    }
    assert "agreement.0: has a field that is not known here; perhaps answer_days is meant" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("[[agreement", ""),
        ("", "agreement"),
        ("agreement = []", "agreement"),
        ("[[agreement]]\n[[agreement]]", "agreement.1"),
        ("[[agreement]]\nacceptance_days = 20", "agreement.0.acceptance_days"),
        ("[[agreement]]\nhospital = { her_id = '90001' }", "agreement.0.municipality"),
        ("[[agreement]]\nmunicipality = { her_id = '90001' }", "agreement.0.hospital"),
        (SAME, "agreement.0.municipality"),
        ("[agreement]\nanswer_days = 3", "agreement"),
        ("agreement = 3", "agreement"),
        ("agreement = [3]", "agreement.0"),
        (PAIR + PAIR, "agreement.1"),
        (PAIR + EITHER, "agreement.1"),
        (EITHER + PAIR, "agreement.1"),
        ("[[agreement]]\nparties = []\n[[agreement]]", "agreement.1"),
        (
            PAIR
            + "[[agreement]]\nhospital = { her_id = '90001' }\nmunicipality = { organization_number = '983971636' }",
            "agreement.1",
        ),
        (PAIR + "parties = [{ her_id = '90001' }, { her_id = '90002' }]", "agreement.0.parties"),
        ("[[agreement]]\nhospital = { her_id = '1' }\nparties = [{ her_id = '2' }]", "agreement.0.parties"),
        ("[[agreement]]\nparties = [{ her_id = '90001' }]", "agreement.0.parties"),
        ("[[agreement]]\nparties = [{ her_id = '90001' }, { her_id = '90001' }]", "agreement.0.parties.1"),
        (
            "[[agreement]]\nparties = [{ her_id = '1' }, { her_id = '2' }, { her_id = '3' }]",
            "agreement.0.parties",
        ),
        ("[[agreement]]\nparties = [{ name = 'somebody' }, { her_id = '2' }]", "agreement.0.parties.0"),
        ("[[agreement]]\n[agreement.sharing]\nchange_days = 0", "agreement.0.sharing.change_days"),
        ("[[agreement]]\n[agreement.sharing]\ndays = 1", "agreement.0.sharing"),
        (
            "[[agreement]]\n[agreement.sharing.rights]\nat_once = ['goals.areas']",
            "agreement.0.sharing.rights.at_once.0",
        ),
        ("[[agreement]]\nanswer_days = 366", "agreement.0.answer_days"),
        ("[[agreement]]\nreceipt_minutes = 0", "agreement.0.receipt_minutes"),
        ("[[agreement]]\ntwo_coordinators_allowed = 1", "agreement.0.two_coordinators_allowed"),
    ],
)
def test_what_makes_no_agreement(text: str, path: str) -> None:
    """Each is refused, and the place is named."""
    with pytest.raises(InvalidInput) as caught:
        load_agreements(text)
    assert [problem.path for problem in caught.value.problems] == [path]


def test_which_agreement_holds() -> None:
    """Their own agreement before the general one before the defaults; by any number the two share."""
    own, general = load_agreements(TEXT)
    assert find_agreement((own, general), HOSPITAL, _unit("90001")) == own
    assert find_agreement((own, general), HOSPITAL, _unit("90002")) == general
    assert find_agreement((own, general), HOSPITAL, _unit()) == general
    assert find_agreement((own,), HOSPITAL, _unit()) == Agreement()
    assert find_agreement((), HOSPITAL, _unit()) == Agreement()


def test_parties_in_any_order() -> None:
    """Written as `parties`, either of the two may be the hospital in a loop; written by role, each has that role."""
    (either,), (by_role,) = load_agreements(EITHER), load_agreements(PAIR)
    one, other = _unit("90001"), HOSPITAL
    assert (find_agreement((either,), one, other), find_agreement((either,), other, one)) == (either, either)
    assert (find_agreement((by_role,), other, one), find_agreement((by_role,), one, other)) == (by_role, Agreement())
    assert set(either.between) == set(by_role.between)
    assert find_agreement((either,), one, _unit("90002")) == Agreement()


def test_which_parties_of_the_settings_an_agreement_names() -> None:
    """It names two parties of the settings if each has the numbers of one of them; the default names nobody.

    For plans the order is nothing, however it is written; for loops only where it is written without roles.
    """
    parties = Parties({"us": (HOSPITAL,), "unit": (_unit("90001"),), "school": (_unit("90002"),)})
    (either,), (by_role,) = load_agreements(EITHER), load_agreements(PAIR)
    for agreement in (either, by_role):
        assert agreement.is_between("us", "unit", parties)
        assert agreement.is_between("unit", "us", parties)
        assert agreement.is_for_loops_of("us", "unit", parties)
        assert agreement.is_for_loops_of("unit", "us", parties) is (agreement is either)
        for pair in (("us", "school"), ("school", "unit"), ("us", "us"), ("unit", "unit"), ("us", "nobody")):
            assert not agreement.is_between(*pair, parties)
            assert not agreement.is_for_loops_of(*pair, parties)
    assert not Agreement().is_between("us", "unit", parties)
    assert not Agreement().is_for_loops_of("us", "unit", parties)


def test_the_default_is_the_agreement_without_parties() -> None:
    """The first of them, or what the library says."""
    (either,), named = load_agreements(EITHER), Agreement(name="for all")
    assert default_of((either, named)) is named
    assert default_of((either,)) == default_of(()) == Agreement()


def test_terms_of_sharing_are_read() -> None:
    """What is written is kept, the rest is as by default, and all is read again as it was."""
    (either,) = load_agreements(EITHER)
    assert (either.sharing.change_days, either.sharing.shares_begin) == (3, ShareStart.BY_RULE)
    assert either.sharing.rights.at_once == ("measures.how",)
    assert either.sharing.change_leader_days == SharingTerms().change_leader_days
    assert read(Agreement, either.to_data()) == read(Agreement, either.to_json()) == either


def test_duplicates_are_found_by_number() -> None:
    """Each later one of the same two is told, whatever lies between, and however they are written."""
    (either,), (by_role,) = load_agreements(EITHER), load_agreements(PAIR)
    numbered = dict(enumerate((Agreement(), either, Agreement(name="again"), by_role)))
    assert list(duplicates(numbered)) == [2, 3]


def test_explained_by_hand() -> None:
    """A notice of 20 March 2026: Easter, 1 May and Ascension Day are skipped, summer time changes no hour."""
    steps = explain(Agreement(), datetime(2026, 3, 20, 12, tzinfo=OSLO))
    told = [
        (s.due.astimezone(OSLO).strftime("%m-%d %H"), s.kind, s.number, s.contact and s.contact.name) for s in steps
    ]
    assert told == [
        ("03-27 12", TimerKind.ACCEPTANCE, 1, None),
        ("04-15 12", TimerKind.REMINDER, 1, None),
        ("04-22 12", TimerKind.REMINDER, 2, None),
        ("04-29 12", TimerKind.REMINDER, 3, None),
        ("05-07 12", TimerKind.ESCALATION, 1, "Leader of the coordinating unit"),
        ("05-15 12", TimerKind.ESCALATION, 2, "The municipality's chief executive's office"),
        ("05-22 12", TimerKind.ESCALATION, 3, "The hospital's own management"),
        ("06-01 12", TimerKind.ESCALATION, 4, None),
    ]


MOMENTS = st.datetimes(datetime(2027, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds
AGREEMENTS = st.builds(
    Agreement,
    acceptance_days=st.integers(1, 5),
    answer_days=st.integers(5, 40),
    reminder_every_days=st.integers(1, 20),
    reminders=st.integers(0, 5),
    escalation_every_days=st.integers(1, 20),
    ladder=st.lists(st.builds(Contact, name=st.just("contact"), side=st.sampled_from(Side)), max_size=4).map(tuple),
)


@given(AGREEMENTS, MOMENTS)
def test_what_is_explained_is_what_happens(agreement: Agreement, at: datetime) -> None:
    """The steps foretold are those that the loop takes when the worker is never late, whatever the agreement says."""
    happened: list[ForecastStep] = []
    for decision in run(delivered(agreement, at), datetime(2040, 1, 1, tzinfo=UTC), agreement):
        (effect,) = decision.effects
        due = decision.records[0].event.at
        if effect.message is MessageKind.REMINDER:
            happened.append(ForecastStep(due=due, kind=TimerKind.REMINDER, number=effect.number or 0))
        elif effect.to is not None:
            contact = agreement.ladder[(effect.number or 0) - 1]
            assert (effect.kind is EffectKind.TELL) == (contact.side is Side.HOSPITAL)
            happened.append(
                ForecastStep(due=due, kind=TimerKind.ESCALATION, number=effect.number or 0, contact=contact)
            )
        else:
            acceptance = effect.reason == "not-accepted"
            kind, number = (
                (TimerKind.ACCEPTANCE, 1) if acceptance else (TimerKind.ESCALATION, len(agreement.ladder) + 1)
            )
            happened.append(ForecastStep(due=due, kind=kind, number=number))
    foretold = explain(agreement, at)
    assert sorted(happened, key=lambda s: (s.due, s.kind)) == sorted(foretold, key=lambda s: (s.due, s.kind))


def test_no_ladder_and_no_reminders() -> None:
    """With nothing agreed, our own people are told at the deadline: nobody is forgotten."""
    steps = explain(Agreement(reminders=0, ladder=()), NOW)
    assert [(s.kind, s.contact) for s in steps] == [(TimerKind.ACCEPTANCE, None), (TimerKind.ESCALATION, None)]


@pytest.mark.parametrize("day", ["24-12", "12-32", "02-30", "04-31", "13-01", "1-1", ""])
def test_a_day_of_every_year_is_month_and_day(day: str) -> None:
    """Anything else is refused with its place."""
    with pytest.raises(InvalidInput, match="closed_every_year"):
        Agreement.from_data({"closed_every_year": [day]})


def test_not_every_day_can_be_closed() -> None:
    """Sixty days of the year and four hundred single ones are the most: a working day is always found."""
    sixty_one = [f"{month:02}-{day:02}" for month in (1, 3, 5) for day in range(1, 22)][:61]
    with pytest.raises(InvalidInput):
        Agreement.from_data({"closed_every_year": sixty_one})
