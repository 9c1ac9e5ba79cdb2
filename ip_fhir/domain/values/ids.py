"""Norwegian identifiers: subclasses of `str` that are checked when they are made, and masked in `repr`.

`parse` also accepts blanks, dots and dashes, as people write numbers. `str` gives the number without them.
Source: Volven code list 8116 (id types of persons), 9051 (of organisations); the tax administration's rules for
fødselsnummer, with the relaxed first check digit announced for 2032.
"""

from __future__ import annotations

import re
from datetime import date
from enum import StrEnum
from operator import mul
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from pydantic_core import core_schema

from ip_fhir.errors import InvalidInput, IssueCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue


_LONG_ENOUGH = 6  # to show the last two digits and still hide the number


class Identifier(str):
    """Base of the identifier types: `Type(text)` checks the text; `Type.parse(text)` removes separators first."""

    __slots__ = ()
    NAME: ClassVar[str]
    PATTERN: ClassVar[str]
    _has_form: ClassVar[Callable[[str], object]]

    def __init_subclass__(cls) -> None:
        cls._has_form = re.compile(cls.PATTERN, re.ASCII).fullmatch

    def __new__(cls, text: str) -> Self:
        """Returns the identifier. Raises `InvalidInput` if `text` is none; the error does not show it."""
        if not cls._has_form(text):
            raise cls._refuse(f"{cls.NAME}: {_shape(text)} does not have the form of one")
        cls._check(text)
        return str.__new__(cls, text)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Returns the identifier after removing blanks, dots and dashes. Raises `InvalidInput` like `Type(text)`.

        >>> str(OrganizationNumber.parse("983 971 636"))
        '983971636'
        """
        return cls(re.sub(r"[\s.\-]", "", text))

    @classmethod
    def _check(cls, text: str) -> None:
        """Checks what the pattern cannot express, such as check digits. Raises `InvalidInput`."""

    @classmethod
    def _refuse(cls, reason: str, code: IssueCode = "value") -> InvalidInput:
        return InvalidInput.at("", reason, code)

    def __repr__(self) -> str:
        shown = self[-2:] if len(self) >= _LONG_ENOUGH else ""
        return f"{type(self).__name__}('{'*' * (len(self) - len(shown))}{shown}')"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(cls, core_schema.str_schema())

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "pattern": f"^(?:{cls.PATTERN})$"}


class PersonIdKind(StrEnum):
    """The register that a person's number comes from (code list 8116)."""

    FNR = "fnr"
    DNR = "dnr"
    FHN = "fhn"
    DUF = "duf"


class Synthetic(StrEnum):
    """Test registers, each with the number that it adds to the month. No number of theirs belongs to a real person."""

    NAV = "+40"
    HEALTH_NETWORK = "+65"
    TAX_ADMINISTRATION = "+80"


_SYNTHETIC = {40: Synthetic.NAV, 65: Synthetic.HEALTH_NETWORK, 80: Synthetic.TAX_ADMINISTRATION}
_FIRST = (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)
_SECOND = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)
_DUF = (4, 6, 3, 2, 4, 6, 3, 2, 7, 5)
_RELAXED = 3  # from 2032 a remainder of 0..3 is right for the first check digit
_ZERO = ord("0")
_D_NUMBER, _AID_NUMBER, _DUF_LENGTH = 40, 8, 12


class PersonId(Identifier):
    """Fødselsnummer, D-number, common aid number (FHN) or DUF number: 11 digits, DUF 12.

    A first check digit that is valid only by the rule that applies from 2032 is accepted, and listed in `warnings`.

    >>> PersonId("05827500285").kind.value, PersonId("05827500285")
    ('fnr', PersonId('*********85'))
    >>> PersonId("05827500286")
    Traceback (most recent call last):
    ip_fhir.errors.InvalidInput: person number: wrong check digit (second)
    """

    __slots__ = ()
    NAME = "person number"
    PATTERN = r"[0-9]{11,12}"

    @classmethod
    def _check(cls, text: str) -> None:
        if len(text) == _DUF_LENGTH:
            return
        wrong = ["first"] if _weighted_sum(text, _FIRST) % 11 > _RELAXED else []
        wrong += ["second"] if _weighted_sum(text, _SECOND) % 11 else []
        if wrong:
            raise cls._refuse(f"{cls.NAME}: wrong check digit ({' and '.join(wrong)})")
        if int(text[0]) < _AID_NUMBER and not _is_date(text):
            raise cls._refuse(f"{cls.NAME}: the first six digits are no date")

    @property
    def kind(self) -> PersonIdKind:
        """The register that the number comes from."""
        if len(self) == _DUF_LENGTH:
            return PersonIdKind.DUF
        if int(self[0]) >= _AID_NUMBER:
            return PersonIdKind.FHN
        return PersonIdKind.DNR if int(self[:2]) > _D_NUMBER else PersonIdKind.FNR

    @property
    def synthetic(self) -> Synthetic | None:
        """The test register that the number belongs to; None if the number may belong to a real person."""
        if self.kind in (PersonIdKind.DUF, PersonIdKind.FHN):
            return None
        return _SYNTHETIC.get(_month_offset(self))

    @property
    def birth_date(self) -> date | None:
        """The birth date in the number; None if it has none (FHN, DUF, or a serial number that is not in use)."""
        return None if self.kind in (PersonIdKind.DUF, PersonIdKind.FHN) else _birth_date(self)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Accepted but unusual properties of the number, such as a check digit by the rule from 2032, in words."""
        if len(self) == _DUF_LENGTH:
            right = int(self[10:]) == _weighted_sum(self, _DUF) % 11
            return () if right else ("DUF number: check digits are wrong",)
        return ("first check digit: right only by the rule from 2032",) if _weighted_sum(self, _FIRST) % 11 else ()


PARTS_OF_11_DIGITS: Final = re.compile(r"\b[0-9]{11}\b", re.ASCII)
"""The parts of a text that may be a person's number; `find_person_number` says if one is."""


def find_person_number(text: str) -> bool:
    """True if the text is a number that may be a person's, or has one as a part: 11 digits that check.

    Parts end at anything but letters, digits and underscores: no part of a UUID has 11 characters. A DUF number has 12
    digits and no check that says so: it cannot be told from another number, and is not found.

    >>> find_person_number("05827500285-1"), find_person_number("05827500286"), find_person_number("105827500285")
    (True, False, False)
    """
    return any(map(_is_person_number, PARTS_OF_11_DIGITS.findall(text)))


def _is_person_number(digits: str) -> bool:
    try:
        PersonId(digits)
    except InvalidInput:
        return False
    return True


def _weighted_sum(text: str, weights: tuple[int, ...]) -> int:
    """Returns the sum of the digits, each times its weight. The ASCII code of `0` is subtracted once, for speed."""
    total: int = sum(map(mul, text.encode(), weights))
    return total - sum(weights) * _ZERO


def _month_offset(text: str) -> int:
    month = int(text[2:4])
    return next((offset for offset in (80, 65, 40) if month > offset), 0)


def _day_month_year(text: str) -> tuple[int, int, int]:
    """Returns day, month and two-digit year, without the offsets of D-numbers (day) and test registers (month)."""
    day = int(text[:2])
    return (day - _D_NUMBER if day > _D_NUMBER else day), int(text[2:4]) - _month_offset(text), int(text[4:6])


def _is_date(text: str) -> bool:
    """True if the first six digits are a date in the 1900s or the 2000s."""
    day, month, year = _day_month_year(text)
    return _date(1900 + year, month, day) is not None or _date(2000 + year, month, day) is not None


def _birth_date(text: str) -> date | None:
    """Returns the date in the century of the individual number (positions 7 to 9); None if it gives no century."""
    day, month, year = _day_month_year(text)
    century = _century(year, int(text[6:9]))
    return _date(century + year, month, day) if century is not None else None


def _century(year: int, individual: int) -> int | None:
    """Returns the century by the population register's ranges; None for a range that is not in use."""
    if individual <= 499:
        return 1900
    if year <= 39:
        return 2000
    if individual >= 900:
        return 1900
    return 1800 if individual <= 749 and year >= 54 else None


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


class HprNumber(Identifier):
    """Number in the register of health personnel (HPR): up to nine digits, no check digit."""

    __slots__ = ()
    NAME = "HPR number"
    PATTERN = r"[1-9][0-9]{1,8}"


class HerId(Identifier):
    """Communication party in the Norwegian address register (HER-id): organisation, service or person."""

    __slots__ = ()
    NAME = "HER-id"
    PATTERN = r"[1-9][0-9]{0,9}"


class ReshId(Identifier):
    """Unit in the register of units in the specialist health service (RESH)."""

    __slots__ = ()
    NAME = "RESH id"
    PATTERN = r"[1-9][0-9]{2,9}"


_ORGANIZATION_WEIGHTS = (3, 2, 7, 6, 5, 4, 3, 2, 1)


class OrganizationNumber(Identifier):
    """Organisation number (organisasjonsnummer): nine digits, the last a check digit mod 11.

    >>> OrganizationNumber("983971637")
    Traceback (most recent call last):
    ip_fhir.errors.InvalidInput: organisation number: wrong check digit
    """

    __slots__ = ()
    NAME = "organisation number"
    PATTERN = r"[0-9]{9}"

    @classmethod
    def _check(cls, text: str) -> None:
        if _weighted_sum(text, _ORGANIZATION_WEIGHTS) % 11:
            raise cls._refuse(f"{cls.NAME}: wrong check digit")


class MunicipalityNumber(Identifier):
    """Municipality number (kommunenummer), code list 3402: county in the first two digits."""

    __slots__ = ()
    NAME = "municipality number"
    PATTERN = r"(?:0[1-9]|[1-5][0-9])[0-9]{2}"


def _shape(text: str) -> str:
    """Describes a text without showing it, by its length: `11 digits`, `8 characters`."""
    return f"{len(text)} digits" if text.isdigit() else f"{len(text)} characters"
