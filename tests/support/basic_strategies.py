"""Strategies for the small domain values: words, days, identifiers, people. See `strategies`.

No number here belongs to anybody: a person's number is from a test register (+40, +65, +80 to the month),
a D-number with a birth date that has not come yet, a common aid number or a made-up DUF number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta, timezone
from functools import cache
from typing import ParamSpec, TypeVar, cast

from hypothesis import strategies as st

from ip_fhir.domain.people import (
    Address,
    Attachment,
    ContactPoint,
    ContactSystem,
    Gender,
    Mandate,
    MandateKind,
    Organization,
    OrganizationKind,
    PersonName,
    PlanOwner,
    Profession,
    Professional,
    RelatedPerson,
    Relationship,
)
from ip_fhir.domain.values.ids import (
    HerId,
    HprNumber,
    MunicipalityNumber,
    OrganizationNumber,
    PersonId,
    PersonIdKind,
    ReshId,
)
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.domain.values.value import Period

T = TypeVar("T")
P = ParamSpec("P")
R = TypeVar("R")


def reused(make: Callable[P, R]) -> Callable[P, R]:
    """Make each strategy once: building and checking one costs more than drawing from it."""
    return cast("Callable[P, R]", cache(make))


# --- words, days, times ------------------------------------------------------------------------------

NAMES = (
    "Åse",
    "Bjørn",
    "Sæbø",
    "Áile",
    "Čáhppe",
    "Ŋurra",
    "Đurđa",
    "Ragnhild-Øydis",
    "Jose\u0301",
    "李",
    "O'Brien",
)
PHRASES = (
    "Jeg vil gå på skole sammen med de andre",
    "Æ vil bo heime så lenge æ kan; å få hjelp når æ treng det",
    "Mun háliidan čuoigat ja guolástit, ja ŧ đ ŋ š ž",
    "First line\nsecond line\r\nthird\twith tab",
    " blanks before and after ",
    "quotes \" and ' and <tags> & &amp; entities",
    "v2 delimiters | ^ ~ \\ & and \\.br\\ and \\T\\",
    "e\u0301 and \u00e9, a\u030a and \u00e5: not the same letters",
    "no-break\u00a0space, soft\u00adhyphen, «quotes» — dash … 🙂 👩‍👧",
)
_ALPHABET = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn"), include_characters="\t\n\r")


@reused
def texts(max_size: int = 12) -> st.SearchStrategy[str]:
    """Words for people: phrases that break careless code, and any letters that are no control characters."""
    any_letters = st.text(_ALPHABET, min_size=1, max_size=max_size).filter(lambda text: bool(text.strip()))
    return st.sampled_from(PHRASES) | any_letters


@reused
def ids() -> st.SearchStrategy[str]:
    """FHIR ids: one letter, a slug, a UUID, 64 characters."""
    return st.sampled_from(("a", "plan-1", "A.b-9", "x" * 64)) | st.uuids().map(str)


@reused
def dates() -> st.SearchStrategy[date]:
    """Days from 1900 to 2100."""
    return st.dates(date(1900, 1, 1), date(2100, 12, 31))


@reused
def periods() -> st.SearchStrategy[Period]:
    """Periods open at either end, of one day, or of many."""
    start_and_end = st.tuples(st.none() | dates(), st.none() | dates())
    return start_and_end.map(lambda pair: Period(**dict(zip(("start", "end"), _in_order(*pair), strict=True))))


def _in_order(start: date | None, end: date | None) -> tuple[date | None, date | None]:
    return (end, start) if start and end and end < start else (start, end)


@reused
def moments() -> st.SearchStrategy[datetime]:
    """Moments with a time zone, some with parts of a second."""
    zones = st.sampled_from([timezone(timedelta(minutes=m)) for m in (0, 60, 120, -570, 345, 840)])
    naive = st.datetimes(datetime(1901, 1, 1), datetime(2100, 1, 1))  # noqa: DTZ001 - the zone is added below
    whole = naive.map(lambda moment: moment.replace(microsecond=0))
    return st.builds(datetime.replace, whole | naive, tzinfo=zones)


# --- identifiers -------------------------------------------------------------------------------------

_FIRST, _SECOND, _DUF = (
    (3, 7, 6, 1, 8, 9, 4, 5, 2),
    (5, 4, 3, 2, 7, 6, 5, 4, 3, 2),
    (4, 6, 3, 2, 4, 6, 3, 2, 7, 5),
)
_ORGANIZATION = (3, 2, 7, 6, 5, 4, 3, 2)
_NOT_YET = 2039  # the last year that an individual number can tell: nobody has such a number


def _weighted(digits: str, weights: Sequence[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))


def with_check_digits(nine: str, remainder: int = 0) -> str | None:
    """Nine digits and their check digits, or None where there are none; `remainder` 1-3: right from 2032."""
    first = (remainder - _weighted(nine, _FIRST)) % 11
    second = -_weighted(f"{nine}{first}", _SECOND) % 11 if first < 10 else 10
    return f"{nine}{first}{second}" if second < 10 else None


@reused
@st.composite
def person_ids(draw: st.DrawFn, kind: PersonIdKind | None = None) -> PersonId:
    """A person's number of every kind, from every test register; some right only by the rule from 2032."""
    kind = kind or draw(st.sampled_from(PersonIdKind))
    if kind is PersonIdKind.DUF:
        ten = str(draw(st.integers(1990_000000, 2030_999999)))
        return PersonId(f"{ten}{_weighted(ten, _DUF) % 11:02}")
    if kind is PersonIdKind.FHN:
        nine = str(draw(st.integers(800_000_000, 999_999_000)))
    else:
        nine = _birth_digits(draw, d_number=kind is PersonIdKind.DNR)
    remainder = draw(st.sampled_from((0, 0, 0, 1, 2, 3)))
    return PersonId(_next_right(nine, remainder))


def _birth_digits(draw: st.DrawFn, *, d_number: bool) -> str:
    """Day, month, year and individual number: of a test register, or (D-number) of somebody not yet born."""
    real = d_number and draw(st.booleans())
    first = date(_NOT_YET, 1, 1) if real else date(1900, 1, 1)
    born = draw(st.dates(first, date(_NOT_YET, 12, 31)))
    month = born.month + (0 if real else draw(st.sampled_from((40, 65, 80))))
    individual = draw(st.integers(0, 480) if born.year < 2000 else st.integers(500, 980))
    return f"{born.day + 40 * d_number:02}{month:02}{born.year % 100:02}{individual:03}"


def _next_right(nine: str, remainder: int) -> str:
    """The number from these nine digits, or from the next ones that have check digits."""
    following = (with_check_digits(f"{number:09}", remainder) for number in range(int(nine), int(nine) + 20))
    return next(number for number in following if number is not None)


@reused
def organization_numbers() -> st.SearchStrategy[OrganizationNumber]:
    """Organisation numbers as in the test registers (first digit 2 or 3)."""
    eight = st.integers(20_000_000, 39_999_999).map(str)
    right = eight.map(lambda digits: (digits, -_weighted(digits, _ORGANIZATION) % 11)).filter(lambda p: p[1] < 10)
    return right.map(lambda pair: OrganizationNumber(f"{pair[0]}{pair[1]}"))


@reused
def hpr_numbers() -> st.SearchStrategy[HprNumber]:
    """Numbers of health personnel, of two to nine digits."""
    return st.integers(10, 999_999_999).map(lambda number: HprNumber(str(number)))


@reused
def her_ids() -> st.SearchStrategy[HerId]:
    """Communication parties."""
    return st.integers(1, 9_999_999_999).map(lambda number: HerId(str(number)))


@reused
def resh_ids() -> st.SearchStrategy[ReshId]:
    """Units of the specialist health service."""
    return st.integers(100, 9_999_999_999).map(lambda number: ReshId(str(number)))


@reused
def municipality_numbers() -> st.SearchStrategy[MunicipalityNumber]:
    """Municipality numbers, also with a leading zero."""
    return st.integers(100, 5999).map(lambda number: MunicipalityNumber(f"{number:04}"))


# --- people and organisations ------------------------------------------------------------------------


@reused
def some(items: st.SearchStrategy[T], most: int = 2) -> st.SearchStrategy[tuple[T, ...]]:
    """None to `most` of them."""
    return st.lists(items, max_size=most).map(tuple)


@reused
def one_of(known: tuple[str, ...]) -> st.SearchStrategy[str | None]:
    """One of the ids, or None."""
    return st.none() | st.sampled_from(known) if known else st.none()


@reused
def several(known: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    """Up to two of the ids, each once."""
    return st.lists(st.sampled_from(known), max_size=2, unique=True).map(tuple) if known else st.just(())


@reused
def areas() -> st.SearchStrategy[tuple[LifeArea, ...]]:
    """Some life areas, each once."""
    return st.lists(st.sampled_from(LifeArea), max_size=2, unique=True).map(tuple)


@reused
def contact_points() -> st.SearchStrategy[ContactPoint]:
    """Ways to reach somebody."""
    values = st.sampled_from(("+47 99 99 99 99", "post@nordvik.example", "https://nordvik.example/ke"))
    return st.builds(ContactPoint, system=st.sampled_from(ContactSystem), value=values | texts())


@reused
def person_names() -> st.SearchStrategy[PersonName]:
    """Names with Norwegian and Sámi letters and combining characters."""
    names = st.sampled_from(NAMES) | texts()
    return st.builds(PersonName, family=names, given=st.none() | names)


@reused
def addresses() -> st.SearchStrategy[Address]:
    """Addresses from nothing at all to everything."""
    postal_codes = st.none() | st.integers(0, 9999).map(lambda number: f"{number:04}")
    return st.builds(
        Address,
        lines=some(texts()),
        postal_code=postal_codes,
        city=st.none() | texts(),
        municipality=st.none() | municipality_numbers(),
    )


@reused
def attachments() -> st.SearchStrategy[Attachment]:
    """Documents by address or with their bytes."""
    place = st.sampled_from(({"url": "https://nordvik.example/doc/1"}, {"data": "JVBERi0xLjQK"}))
    kind = st.sampled_from(("application/pdf", "image/png"))
    return st.builds(
        lambda title, content_type, where: Attachment(title=title, content_type=content_type, **where),
        texts(),
        kind,
        place,
    )


@reused
def mandates() -> st.SearchStrategy[Mandate]:
    """Rights to act for somebody."""
    return st.builds(
        Mandate,
        kind=st.sampled_from(MandateKind),
        period=periods(),
        scope=st.none() | texts(),
        document=st.none() | attachments(),
    )


@reused
def owners(ident: str = "owner") -> st.SearchStrategy[PlanOwner]:
    """The person whose plan it is."""
    return st.builds(
        PlanOwner,
        id=st.just(ident),
        name=person_names(),
        identifier=st.none() | person_ids(),
        birth_date=st.none() | dates(),
        gender=st.none() | st.sampled_from(Gender),
        contacts=some(contact_points()),
        address=st.none() | addresses(),
        language=st.sampled_from((None, "nb", "nn", "se", "en-GB")),
        needs_interpreter=st.none() | st.booleans(),
        deceased=st.none() | dates(),
    )


@reused
def related_persons(ident: str = "related-1") -> st.SearchStrategy[RelatedPerson]:
    """Relatives and representatives."""
    return st.builds(
        RelatedPerson,
        id=st.just(ident),
        name=person_names(),
        relationship=st.sampled_from(Relationship),
        identifier=st.none() | person_ids(),
        contacts=some(contact_points(), 1),
        next_of_kin=st.booleans(),
        mandate=st.none() | mandates(),
    )


@reused
def organizations(ident: str = "organization-1", above: tuple[str, ...] = ()) -> st.SearchStrategy[Organization]:
    """Organisations, perhaps part of one of those `above`."""
    return st.builds(
        Organization,
        id=st.just(ident),
        name=texts(),
        kind=st.sampled_from(OrganizationKind),
        part_of=one_of(above),
        organization_number=st.none() | organization_numbers(),
        her_id=st.none() | her_ids(),
        resh_id=st.none() | resh_ids(),
        municipality=st.none() | municipality_numbers(),
        contacts=some(contact_points(), 1),
        address=st.none() | addresses(),
    )


@reused
def professionals(ident: str = "professional-1", works_in: tuple[str, ...] = ()) -> st.SearchStrategy[Professional]:
    """Professionals, with and without an HPR number."""
    return st.builds(
        Professional,
        id=st.just(ident),
        name=person_names(),
        organization=one_of(works_in),
        profession=st.none() | st.sampled_from(Profession),
        title=st.none() | texts(),
        hpr_number=st.none() | hpr_numbers(),
        her_id=st.none() | her_ids(),
        contacts=some(contact_points(), 1),
    )
