"""Pools: words, days, numbers and small values made beforehand, the same in every run, for `strategies` to draw from.

To draw a value from a pool is one choice; to draw its letters and digits would be a dozen, and choices are what a drawn
plan costs. No number here belongs to anybody, see `basic_strategies`. `IP_FHIR_POOLS` says which chance they are made
by; with the profile `search` it is another in each run (tests/conftest.py).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import date, datetime, timedelta, timezone
from functools import partial
from itertools import permutations
from random import Random
from typing import Any, TypeVar
from unicodedata import category
from uuid import UUID

from ip_fhir.domain.people import (
    Address,
    Attachment,
    ContactPoint,
    ContactSystem,
    Mandate,
    MandateKind,
    PersonName,
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
H = TypeVar("H", bound=Hashable)
SEED = int(os.environ.get("IP_FHIR_POOLS", "20260112"))


def pool(make: Callable[[Random], H], count: int, first: Sequence[H] = ()) -> tuple[H, ...]:
    """`first`, then as many as chance makes, each once. Simple ones come first: they are what is shrunk to."""
    chance = Random(SEED)
    return tuple(dict.fromkeys((*first, *(make(chance) for _ in range(count)))))


def up_to_two(values: Iterable[T]) -> tuple[tuple[T, ...], ...]:
    """Every way to take none, one or two of them, each once; to take two is no likelier than to take fewer."""
    known = list(values)
    few, two = [(), *((value,) for value in known)], list(permutations(known, 2))
    return (*few * (len(two) // len(few) or 1), *two)


def optional(values: Sequence[T]) -> tuple[T | None, ...]:
    """The values, and None as often."""
    return (*[None] * len(values), *values)


def some_of(**fields: Sequence[Any]) -> tuple[dict[str, Any], ...]:
    """What a part may say, all its words, days and numbers at once: the simplest, then as chance has it.

    That is one choice. What parts are and refer to (kinds, statuses, ids) is drawn one by one: code decides by that.
    """
    chance = Random(SEED)
    simplest = {name: values[0] for name, values in fields.items()}
    return (simplest, *({name: chance.choice(values) for name, values in fields.items()} for _ in range(200)))


def _perhaps(chance: Random, values: Sequence[T]) -> T | None:
    return chance.choice(values) if chance.random() < 0.5 else None


def _few(chance: Random, values: Sequence[T], most: int) -> tuple[T, ...]:
    return tuple(chance.choice(values) for _ in range(chance.randint(0, most)))


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
# fmt: off
_BREAKING = (
    "0", "-1", "None", "null", "true", "NaN", "=1+1", "{x}", "%s", "$&", "../..", "#", "?", "a/b", "a|b", "<!--", "]]>",
    "\\", '"', "'", "\ufeffa", "a\u200b", "\u2067abc\u2069", "a\u2028b", "\u2029.", "a\n", "\ra", "\ufffd",
    "ß", "İ", "ﬁ", "\u0301", "\U0001f1f3\U0001f1f4", "\U0010fffd", "\ue000", "a long one; " * 20,
)
# fmt: on
# Blocks of letters, the common ones more often; what is no letter (controls, halves of pairs, unassigned) is left out.
_BLOCKS = ((0x20, 0x7F), (0x20, 0x7F), (0xA0, 0x17F), (0x180, 0x2FFF), (0x3000, 0xFFFF), (0x1_0000, 0x10_FFFF))


def _letter(chance: Random) -> str:
    while True:
        letter = chr(chance.randrange(*chance.choice(_BLOCKS)))
        if category(letter) not in ("Cc", "Cs", "Cn"):
            return letter


def _text(chance: Random) -> str:
    while True:
        text = "".join(_letter(chance) for _ in range(chance.randint(1, 12)))
        if text.strip():
            return text


def _day(chance: Random, first: date = date(1900, 1, 1), last: date = date(2100, 12, 31)) -> date:
    return date.fromordinal(chance.randint(first.toordinal(), last.toordinal()))


_ZONES = tuple(timezone(timedelta(minutes=minutes)) for minutes in (0, 60, 120, -570, 345, 840))
_DAYS = (
    *(date(2026, 1, 12), date(1900, 1, 1), date(1999, 12, 31), date(2000, 1, 1), date(2000, 2, 29), date(2024, 2, 29)),
    *(date(2025, 12, 31), date(2026, 3, 29), date(2026, 10, 25), date(2100, 2, 28), date(2100, 12, 31)),
)


def _moment(chance: Random) -> datetime:
    seconds = timedelta(seconds=chance.randrange(86_400), microseconds=chance.choice((0, 0, 1, 500_000, 999_999)))
    day = _day(chance, date(1901, 1, 1), date(2099, 12, 31))
    return datetime(day.year, day.month, day.day, tzinfo=chance.choice(_ZONES)) + seconds


# A quarter are phrases: there are few of them, and whoever reads little is to meet each.
TEXTS = (*pool(_text, 150, ("a", *PHRASES, *NAMES, *_BREAKING)), *PHRASES * 8)
IDS = pool(
    lambda chance: str(UUID(int=chance.getrandbits(128))), 30, ("a", "plan-1", "A.b-9", "x" * 64, "0", "-", "101")
)
DAYS = pool(_day, 80, _DAYS)


def _period(chance: Random) -> Period:
    start, end = _perhaps(chance, DAYS), _perhaps(chance, DAYS)
    if start and end and end < start:
        start, end = end, start
    return Period(**{name: day for name, day in (("start", start), ("end", end)) if day})


MOMENTS = pool(_moment, 80, tuple(datetime(2026, 1, 12, 8, tzinfo=zone) for zone in _ZONES))
PERIODS = pool(_period, 150, (Period(), Period(start=_DAYS[0], end=_DAYS[0])))

AREAS = up_to_two(LifeArea)

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


def _person_id(kind: PersonIdKind, chance: Random) -> PersonId:
    if kind is PersonIdKind.DUF:
        ten = str(chance.randint(1990_000000, 2030_999999))
        return PersonId(f"{ten}{_weighted(ten, _DUF) % 11:02}")
    if kind is PersonIdKind.FHN:
        nine = str(chance.randint(800_000_000, 999_999_000))
    else:
        nine = _birth_digits(chance, d_number=kind is PersonIdKind.DNR)
    return PersonId(_next_right(nine, chance.choice((0, 0, 0, 1, 2, 3))))


def _birth_digits(chance: Random, *, d_number: bool) -> str:
    """Day, month, year and individual number: of a test register, or (D-number) of somebody not yet born."""
    real = d_number and chance.random() < 0.5
    born = _day(chance, date(_NOT_YET, 1, 1) if real else date(1900, 1, 1), date(_NOT_YET, 12, 31))
    month = born.month + (0 if real else chance.choice((40, 65, 80)))
    individual = chance.randint(0, 480) if born.year < 2000 else chance.randint(500, 980)
    return f"{born.day + 40 * d_number:02}{month:02}{born.year % 100:02}{individual:03}"


def _next_right(nine: str, remainder: int) -> str:
    """The number from these nine digits, or from the next ones that have check digits."""
    following = (with_check_digits(f"{number:09}", remainder) for number in range(int(nine), int(nine) + 20))
    return next(number for number in following if number is not None)


def _organization_number(chance: Random) -> OrganizationNumber:
    """As in the test registers: the first digit is 2 or 3."""
    while True:
        eight = str(chance.randint(20_000_000, 39_999_999))
        check = -_weighted(eight, _ORGANIZATION) % 11
        if check < 10:
            return OrganizationNumber(f"{eight}{check}")


PERSON_IDS_OF = {kind: pool(partial(_person_id, kind), 100) for kind in PersonIdKind}
PERSON_IDS = tuple(number for numbers in zip(*PERSON_IDS_OF.values(), strict=False) for number in numbers)
ORGANIZATION_NUMBERS = pool(_organization_number, 150)
HPR_NUMBERS = pool(lambda c: HprNumber(str(c.randint(10, 999_999_999))), 40, (HprNumber("10"), HprNumber("999999999")))
HER_IDS = pool(lambda c: HerId(str(c.randint(1, 9_999_999_999))), 40, (HerId("1"), HerId("9999999999")))
RESH_IDS = pool(lambda c: ReshId(str(c.randint(100, 9_999_999_999))), 40, (ReshId("100"), ReshId("9999999999")))
MUNICIPALITY_NUMBERS = pool(
    lambda c: MunicipalityNumber(f"{c.randint(100, 5999):04}"), 40, (MunicipalityNumber("0301"),)
)

# --- people ------------------------------------------------------------------------------------------

_NAMES = (*NAMES, *TEXTS)
_PLACES = ({"url": "https://nordvik.example/doc/1"}, {"data": "JVBERi0xLjQK"})
_REACHED_AT = ("+47 99 99 99 99", "post@nordvik.example", "https://nordvik.example/ke")


def _contact_point(chance: Random) -> ContactPoint:
    return ContactPoint(
        system=chance.choice(tuple(ContactSystem)),
        value=chance.choice((chance.choice(_REACHED_AT), chance.choice(TEXTS))),
    )


def _address(chance: Random) -> Address:
    return Address(
        lines=_few(chance, TEXTS, 2),
        postal_code=_perhaps(chance, (f"{chance.randint(0, 9999):04}",)),
        city=_perhaps(chance, TEXTS),
        municipality=_perhaps(chance, MUNICIPALITY_NUMBERS),
    )


def _attachment(chance: Random) -> Attachment:
    kind = chance.choice(("application/pdf", "image/png"))
    return Attachment(title=chance.choice(TEXTS), content_type=kind, **chance.choice(_PLACES))


def _mandate(chance: Random) -> Mandate:
    return Mandate(
        kind=chance.choice(tuple(MandateKind)),
        period=chance.choice(PERIODS),
        scope=_perhaps(chance, TEXTS),
        document=_perhaps(chance, ATTACHMENTS),
    )


PERSON_NAMES = pool(lambda c: PersonName(family=c.choice(_NAMES), given=_perhaps(c, _NAMES)), 120)
ADDRESSES = pool(_address, 100, (Address(),))
ATTACHMENTS = pool(_attachment, 60)
MANDATES = pool(_mandate, 100)
CONTACT_POINTS = pool(_contact_point, 100)
CONTACTS = pool(lambda chance: _few(chance, CONTACT_POINTS, 2), 120)
ONE_CONTACT = ((),) * 60 + pool(lambda chance: (chance.choice(CONTACT_POINTS),), 60)
