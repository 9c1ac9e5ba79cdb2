"""Identifiers: right and wrong numbers, told apart by check digits worked out here on their own."""

from __future__ import annotations

import json
import pickle
from datetime import date
from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip_fhir.domain.people import PersonName, PlanOwner
from ip_fhir.domain.plan import Goal
from ip_fhir.domain.values.ids import (
    HerId,
    HprNumber,
    Identifier,
    MunicipalityNumber,
    OrganizationNumber,
    PersonId,
    PersonIdKind,
    ReshId,
    Synthetic,
    find_person_number,
)
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput
from tests.support.strategies import organization_numbers, person_ids

# The tax administration's description: multiply digit by digit, add, and see what is left when divided by 11.
FIRST = [3, 7, 6, 1, 8, 9, 4, 5, 2, 1, 0]
SECOND = [5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]
ORGANIZATION = [3, 2, 7, 6, 5, 4, 3, 2, 1]


def left_over(digits: str, weights: list[int]) -> int:
    """What is left when the weighted sum is divided by 11: 0 for a right number."""
    return sum(weights[place] * int(digit) for place, digit in enumerate(digits)) % 11


def endings(nine: str, remainder: int = 0) -> list[str]:
    """All numbers from these nine digits whose first check digit leaves `remainder`, found by trying all hundred."""
    tried = (f"{nine}{first}{second}" for first, second in product(range(10), repeat=2))
    return [one for one in tried if left_over(one, FIRST) == remainder and left_over(one, SECOND) == 0]


RIGHT = [
    ("05827500285", PersonIdKind.FNR, Synthetic.TAX_ADMINISTRATION, date(1975, 2, 5)),
    ("02748412371", PersonIdKind.FNR, Synthetic.HEALTH_NETWORK, date(1984, 9, 2)),
    ("30460761014", PersonIdKind.FNR, Synthetic.NAV, date(2007, 6, 30)),
    ("63918531191", PersonIdKind.DNR, Synthetic.TAX_ADMINISTRATION, date(1985, 11, 23)),
    ("04839852008", PersonIdKind.FNR, Synthetic.TAX_ADMINISTRATION, date(1898, 3, 4)),
    ("04685292004", PersonIdKind.FNR, Synthetic.HEALTH_NETWORK, date(1952, 3, 4)),
    ("80123456797", PersonIdKind.FHN, None, None),
]


@pytest.mark.parametrize(("digits", "kind", "synthetic", "born"), RIGHT)
def test_right_numbers(digits: str, kind: PersonIdKind, synthetic: Synthetic, born: date) -> None:
    """A right number says its register, its test register and its birth date, without warnings."""
    assert left_over(digits, FIRST) == left_over(digits, SECOND) == 0
    found = PersonId(digits)
    assert (found.kind, found.synthetic, found.birth_date, found.warnings) == (kind, synthetic, born, ())


@given(person_ids(), st.integers(0, 10), st.integers(1, 9))
def test_one_wrong_digit_is_always_seen(right: PersonId, place: int, more: int) -> None:
    """No number but a DUF number survives a change of one digit: the second check digit sees them all."""
    if right.kind is PersonIdKind.DUF:
        return
    wrong = right[:place] + str((int(right[place]) + more) % 10) + right[place + 1 :]
    with pytest.raises(InvalidInput, match="person number") as caught:
        PersonId(wrong)
    assert wrong not in str(caught.value)


@pytest.mark.parametrize(
    ("digits", "reason"),
    [
        ("05827500286", "person number: wrong check digit (second)"),
        ("05827500235", "person number: wrong check digit (first and second)"),
        ("0582750028", "person number: 10 digits does not have the form of one"),
        ("0582750028501", "person number: 13 digits does not have the form of one"),
        ("0582750028x", "person number: 11 characters does not have the form of one"),
        ("05827500285\n", "person number: 12 characters does not have the form of one"),
        (
            "".join(chr(ord(digit) + 0xFEE0) for digit in "05827500285"),  # full-width digits
            "person number: 11 digits does not have the form of one",
        ),
        ("", "person number: 0 characters does not have the form of one"),
    ],
)
def test_wrong_numbers_name_what_is_wrong(digits: str, reason: str) -> None:
    """The error names the rule that was broken and the shape of what stood there, never the digits."""
    with pytest.raises(InvalidInput) as caught:
        PersonId(digits)
    assert str(caught.value) == reason
    assert caught.value.problems[0].code == "value"


def test_first_check_digit_alone() -> None:
    """A number whose second check digit is right and whose first leaves 4 to 10 is refused, and the first is named."""
    for remainder in range(4, 11):
        for digits in endings("058275002", remainder):
            with pytest.raises(InvalidInput, match=r"wrong check digit \(first\)$"):
                PersonId(digits)


@pytest.mark.parametrize("remainder", [1, 2, 3])
def test_rule_from_2032_is_a_warning_with_a_name(remainder: int) -> None:
    """A first check digit that is right only by the relaxed rule is accepted, and the warning says so."""
    found = [number_ for nine in ("058275002", "058275004", "058275006") for number_ in endings(nine, remainder)]
    assert found, "there are numbers to test with"
    for digits in found:
        assert PersonId(digits).warnings == ("first check digit: right only by the rule from 2032",)


@pytest.mark.parametrize(
    ("six", "why"),
    [
        ("328275", "day 32"),
        ("008275", "day 0"),
        ("728275", "day 32 of a D-number"),
        ("298275", "29 February of a year that is no leap year in any century"),
        ("318475", "31 April"),
        ("053875", "month 38: in no register's range"),
        ("058075", "month 80: 15 in the health network's range"),
        ("059375", "month 93: 13 in the tax administration's range"),
    ],
)
def test_no_date_is_refused(six: str, why: str) -> None:
    """Right check digits do not make a date of what is none."""
    numbers = [digits for individual in range(5) for digits in endings(f"{six}{individual:03}")]
    assert numbers, why
    for digits in numbers:
        with pytest.raises(InvalidInput, match="the first six digits are no date"):
            PersonId(digits)


@pytest.mark.parametrize(
    ("year", "individual", "born"),
    [
        ("00", 0, 1900), ("99", 499, 1999), ("54", 499, 1954),
        ("54", 500, 1854), ("99", 749, 1899),
        ("00", 500, 2000), ("39", 999, 2039), ("39", 749, 2039), ("00", 900, 2000),
        ("40", 900, 1940), ("99", 999, 1999),
        ("40", 500, None), ("53", 749, None), ("40", 750, None), ("99", 899, None),
    ],
)  # fmt: skip
def test_century(year: str, individual: int, born: int | None) -> None:
    """The individual number tells the century by the register's ranges; outside them no birth date is guessed."""
    nearby = range(individual, individual + 5) if individual % 10 == 0 else range(individual, individual - 5, -1)
    numbers = [digits for n in nearby for digits in endings(f"1585{year}{n:03}")]
    found = PersonId(numbers[0])
    assert found.birth_date == (date(born, 5, 15) if born else None)
    assert found.synthetic is Synthetic.TAX_ADMINISTRATION


def test_leap_day() -> None:
    """29 February 2000 is a date, 29 February 1900 is none: told by the individual number."""
    assert number_near("298200", 502).birth_date == date(2000, 2, 29)
    assert number_near("298200", 2).birth_date is None


def number_near(six: str, individual: int) -> PersonId:
    """The first number there is from that individual number on."""
    return PersonId(next(one for n in range(individual, individual + 9) for one in endings(f"{six}{n:03}")))


@pytest.mark.parametrize(
    ("six", "kind"),
    [
        ("318575", PersonIdKind.FNR),
        ("418575", PersonIdKind.DNR),
        ("718575", PersonIdKind.DNR),
        ("800000", PersonIdKind.FHN),
        ("999999", PersonIdKind.FHN),
    ],
)
def test_kinds(six: str, kind: PersonIdKind) -> None:
    """D-numbers add 40 to the day; common aid numbers begin with 8 or 9 and hold no date."""
    found = number_near(six, 1)
    assert found.kind is kind
    if kind is PersonIdKind.FHN:
        assert (found.synthetic, found.birth_date) == (None, None)


def test_number_of_a_person_is_not_synthetic() -> None:
    """A number with nothing added to the month is told from those of the test registers. Born in 2039: nobody's yet."""
    found = number_near("551239", 990)
    assert (found.kind, found.synthetic, found.birth_date) == (PersonIdKind.DNR, None, date(2039, 12, 15))


@pytest.mark.parametrize("ten", ["2015123456", "1999000001", "2024987654"])
def test_duf_numbers(ten: str) -> None:
    """A DUF number's two check digits are what its weighted sum leaves; a wrong one is a warning, by name."""
    weights = [4, 6, 3, 2, 4, 6, 3, 2, 7, 5]
    check = f"{left_over(ten, weights):02}"
    wrong = f"{(int(check) + 1) % 11:02}"
    found = PersonId(ten + check)
    assert (found.kind, found.warnings, found.birth_date, found.synthetic) == (PersonIdKind.DUF, (), None, None)
    assert PersonId(ten + wrong).warnings == ("DUF number: check digits are wrong",)


@given(person_ids())
def test_every_generated_number_is_nobodys(made: PersonId) -> None:
    """What the strategies make is synthetic, not yet born, or no fødselsnummer or D-number at all."""
    not_yet = made.birth_date is not None and made.birth_date >= date(2039, 1, 1)
    assert made.synthetic or not_yet or made.kind in (PersonIdKind.FHN, PersonIdKind.DUF)


# --- the other identifiers ---------------------------------------------------------------------------


@pytest.mark.parametrize("digits", ["312001373", "212345679", "100000008"])
def test_right_organisation_numbers(digits: str) -> None:
    """Nine digits whose weighted sum 11 divides."""
    assert left_over(digits, ORGANIZATION) == 0
    assert OrganizationNumber(digits) == digits


@given(organization_numbers(), st.integers(0, 8), st.integers(1, 9))
def test_one_wrong_digit_in_an_organisation_number(right: OrganizationNumber, place: int, more: int) -> None:
    """No organisation number survives a change of one digit."""
    wrong = right[:place] + str((int(right[place]) + more) % 10) + right[place + 1 :]
    with pytest.raises(InvalidInput, match=r"^organisation number: wrong check digit$"):
        OrganizationNumber(wrong)


FORMS: list[tuple[type[Identifier], list[str], list[str]]] = [
    (OrganizationNumber, ["312001373"], ["31200137", "3120013730", "31200137x", "-12001373"]),
    (HprNumber, ["10", "9144889", "999999999"], ["", "0", "1", "0123", "1234567890", "12a"]),
    (HerId, ["1", "90000101", "9999999999"], ["", "0", "012", "12345678901", "12 3"]),
    (ReshId, ["100", "4201115", "9999999999"], ["", "99", "0100", "12345678901", "1o0"]),
    (MunicipalityNumber, ["0301", "5699", "1103"], ["", "301", "0001", "6000", "9999", "03011", "03 1"]),
]


@pytest.mark.parametrize(("kind", "right", "wrong"), FORMS)
def test_forms(kind: type[Identifier], right: list[str], wrong: list[str]) -> None:
    """Each identifier takes what has its form, unchanged, and names itself when it refuses."""
    for text in right:
        assert str(kind(text)) == text
    for text in wrong:
        with pytest.raises(InvalidInput, match=rf"^{kind.NAME}: "):
            kind(text)


# --- what all share ----------------------------------------------------------------------------------


def test_parse_takes_what_people_write() -> None:
    """Blanks, no-break blanks, dots and dashes are left out; nothing else is."""
    assert PersonId.parse(" 058275 00285\u00a0") == PersonId.parse("05.82.75-00285") == "05827500285"
    assert OrganizationNumber.parse("312 001 373") == "312001373"
    with pytest.raises(InvalidInput):
        OrganizationNumber.parse("NO312001373MVA")


@given(person_ids())
def test_repr_is_masked(made: PersonId) -> None:
    """A `repr`, also inside a list or an f-string with !r, shows no more than the last two digits."""
    for shown in (repr(made), f"{[made]}", f"{made!r}", "%r" % made):  # noqa: UP031 - the old way must be silent too
        assert made[:-2] not in shown
        assert sum(letter.isdigit() for letter in shown) == 2


def test_short_numbers_are_masked_whole() -> None:
    """The last two digits of a short number would be the number."""
    assert repr(HerId("7")) == "HerId('*')"
    assert repr(HprNumber("12345")) == "HprNumber('*****')"
    assert repr(HprNumber("123456")) == "HprNumber('****56')"


def test_is_text() -> None:
    """An identifier is its text: it compares, is a key, is written as JSON and comes back from a pickle."""
    made = PersonId("05827500285")
    assert made == "05827500285"
    assert hash(made) == hash("05827500285")
    assert json.dumps([made]) == '["05827500285"]'
    again = pickle.loads(pickle.dumps(made))  # noqa: S301 - our own bytes
    assert (type(again), again) == (PersonId, made)


def test_in_a_value() -> None:
    """In a value an identifier is checked, keeps its type, and a wrong one is a problem with its path and no digits."""
    name = PersonName(family="Sæbø")
    owner = PlanOwner(id="p", name=name, identifier=PersonId("05827500285"))
    assert isinstance(read(PlanOwner, owner.to_json()).identifier, PersonId)
    with pytest.raises(InvalidInput) as caught:
        read(PlanOwner, {"id": "p", "name": {"family": "Sæbø"}, "identifier": "05827500286"})
    (problem,) = caught.value.problems
    assert (problem.path, problem.reason) == ("identifier", "person number: wrong check digit (second)")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("05827500285", True),
        ("05827500285-1", True),
        ("notice-05827500285", True),
        ("a.05827500285.b", True),
        ("urn:oid:2.16.578.1.12.4.1.4.1|05827500285", True),
        ("05827500286", False),
        ("105827500285", False),
        ("058275002851", False),
        ("05827500285a", False),
        ("3f2504e0-4f89-11d3-9a0c-0305e82c3301", False),
        ("90000101", False),
        ("", False),
    ],
)
def test_a_person_number_is_found(text: str, found: bool) -> None:
    """A number that checks is found as a whole, and as a part between other characters; no other number is."""
    assert find_person_number(text) is found


def test_no_uuid_has_one() -> None:
    """Whatever its digits: no part of a UUID has eleven characters."""
    assert not any(find_person_number(str(UUID(int=number))) for number in range(0, 2**128, 2**128 // 20_000))


@pytest.mark.parametrize("ident", ["05827500285", "05827500285-1", "notice.05827500285"])
def test_an_id_is_no_person_number(ident: str) -> None:
    """Ids stand in URLs, logs and lists: one that is a person's number is refused, by its place and without it."""
    with pytest.raises(InvalidInput) as caught:
        read(Goal, {"id": ident, "text": "Gå"})
    (problem,) = caught.value.problems
    assert (problem.path, problem.code) == ("id", "value")
    assert "05827500285" not in str(caught.value)
    assert read(Goal, {"id": "05827500286", "text": "Gå"}).id == "05827500286"
