"""The cooperation agreement (samarbeidsavtale) of two parties: deadlines, escalation, content level, sharing of plans.

The law says "as soon as possible" and gives no days, so every number here is a setting. The defaults are this library's
own choice.
"""

from __future__ import annotations

import tomllib
from enum import StrEnum
from functools import cache
from itertools import permutations
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, StrictBool, StringConstraints, model_validator

from ip_fhir.domain.consent.ages import LAW, ConsentAges
from ip_fhir.domain.parties import are_one
from ip_fhir.domain.people import Organization
from ip_fhir.domain.sharing.terms import SharingTerms
from ip_fhir.domain.values.calendar import ClosedDays
from ip_fhir.domain.values.ids import HerId, OrganizationNumber, ReshId
from ip_fhir.domain.values.terms import LegalBasis
from ip_fhir.domain.values.value import Day, Days, Text, Value, unknown_keys
from ip_fhir.errors import InvalidInput, Problem, place_in_toml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ip_fhir.domain.parties import Parties

Months = Annotated[int, Field(strict=True, ge=1, le=60)]
"""The interval between two reminders of the same kind in months, 1 to 60."""


LongDays = Annotated[int, Field(strict=True, ge=1, le=3_650)]
"""A time after which nothing more is expected, in days, 1 to 3650."""

DayOfYear = Annotated[
    str,
    StringConstraints(
        pattern=r"^((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|[12][0-9]))$"
    ),
]
"""A day of every year as month and day: `12-24`."""


class ContentLevel(StrEnum):
    """The amount of a person's data that a party may send to the other; each level includes the one before it."""

    HEADER = "header"
    NEEDS = "needs"
    PLAN = "plan"


class Side(StrEnum):
    """The party that a contact on the escalation ladder belongs to."""

    HOSPITAL = "hospital"
    MUNICIPALITY = "municipality"


class Contact(Value):
    """A rung of the escalation ladder: the person or position to tell, and the way to reach them."""

    name: Text = Field(description="Name or position of the contact.")
    role: Text | None = Field(default=None, description="Role.")
    how: Text | None = Field(default=None, description="Way to reach them.")
    side: Side = Field(default=Side.MUNICIPALITY, description="Party they belong to.")


DEFAULT_LADDER = (
    Contact(name="Leader of the coordinating unit"),
    Contact(name="The municipality's chief executive's office"),
    Contact(name="The hospital's own management", side=Side.HOSPITAL),
)


class Party(Value):
    """A party to an agreement, with at least one of organisation number, HER-id and RESH id."""

    name: Text | None = Field(default=None, description="Name.")
    organization_number: OrganizationNumber | None = Field(
        default=None, description="Number in the register of enterprises."
    )
    her_id: HerId | None = Field(default=None, description="Number in the address register.")
    resh_id: ReshId | None = Field(
        default=None, description="Number in the register of units of the specialist health service."
    )

    @model_validator(mode="after")
    def _known_by_something(self) -> Self:
        if self.organization_number is None and self.her_id is None and self.resh_id is None:
            message = "a party has an organization_number, a her_id or a resh_id"
            raise ValueError(message)
        return self


class Agreement(Value):
    """An agreement of two parties. Days are working days; `preliminary_reply_days` are calendar days (fvl § 11a).

    With `evaluation_every_months` the municipality's own people are reminded to evaluate a plan that has been started,
    and with `mentor_talk_every_months` of the talks between a coordinator and the mentor. Without them, dates stand
    only in the plan.

    With `close_after_days` a confirmed loop in which nothing has happened for so long, and of which no evaluation or
    talk is due any more, is closed by the clock, on each side by its own, and may then be purged. Without it, a loop
    stays confirmed until somebody closes it, and hears that the coordinator has left however late that is.

    The two parties are `parties`, in any order and of any kind: either may be the hospital in a loop, or the holder of
    a plan. `hospital` and `municipality` may be written instead: then each has that role in every loop of the two. An
    agreement without parties is the default, for parties without an agreement of their own; it names nobody, so it lets
    no share begin.
    """

    LISTS_FIELDS = True

    name: Text | None = Field(default=None, description="Name of the agreement.")
    parties: tuple[Party, ...] = Field(
        default=(), max_length=2, description="The two parties, in any order; none: the default for all."
    )
    hospital: Party | None = Field(default=None, description="The party that is the hospital in every loop.")
    municipality: Party | None = Field(default=None, description="The party that is the municipality in every loop.")
    receipt_minutes: int = Field(
        default=15,
        strict=True,
        ge=1,
        le=10_080,
        description="Minutes to wait for a receipt before the message is sent again.",
    )
    receipt_resends: int = Field(
        default=2, strict=True, ge=0, le=20, description="Times it is sent again before a person is told."
    )
    acceptance_days: Days = Field(default=5, description="Working days until the unit says that it has the case.")
    answer_days: Days = Field(default=15, description="Working days until the green form.")
    reminder_every_days: Days = Field(default=5, description="Working days between reminders.")
    reminders: int = Field(default=3, strict=True, ge=0, le=20, description="Number of reminders.")
    escalation_every_days: Days = Field(default=5, description="Working days between the rungs of the ladder.")
    ladder: tuple[Contact, ...] = Field(
        default=DEFAULT_LADDER, max_length=20, description="Contacts to tell, rung by rung, if no answer comes."
    )
    two_coordinators_allowed: StrictBool = Field(
        default=False, description="True if two main coordinators at once are allowed."
    )
    content_level: ContentLevel = Field(
        default=ContentLevel.NEEDS,
        description="Amount of a person's data that a notice, or the view of a plan, may hold.",
    )
    legal_basis: tuple[LegalBasis, ...] = Field(
        default=(), max_length=50, description="Sections of law that notices go out on."
    )
    preliminary_reply_days: Days = Field(default=30, description="Calendar days until a preliminary reply (fvl § 11a).")
    evaluation_every_months: Months | None = Field(
        default=None, description="Months between reminders to evaluate a plan."
    )
    mentor_talk_every_months: Months | None = Field(
        default=None, description="Months between reminders of talks with the mentor."
    )
    closed_days: tuple[Day, ...] = Field(
        default=(), max_length=400, description="Single days that are no working days: 2026-05-15."
    )
    closed_every_year: tuple[DayOfYear, ...] = Field(
        default=(), max_length=60, description="Days of every year that are no working days: 12-24, 12-31."
    )
    ages: ConsentAges = Field(default=LAW, description="Ages by which consents count; by default those of the law.")
    close_after_days: LongDays | None = Field(
        default=None, description="Calendar days after which a confirmed loop closes, if nothing is left to do."
    )
    sharing: SharingTerms = Field(default=SharingTerms(), description="Terms on which the two share plans.")

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        problems = list(_combination_problems(self))
        if problems:
            raise InvalidInput(problems)
        return self

    @property
    def closed(self) -> ClosedDays:
        """The days beside weekends and public holidays on which no clock counts."""
        yearly = frozenset((int(day[:2]), int(day[3:])) for day in self.closed_every_year)
        return ClosedDays(frozenset(self.closed_days), yearly)

    @property
    def between(self) -> tuple[Party, ...]:
        """The two parties, however they are written; none for the default."""
        return self.parties or tuple(party for party in (self.hospital, self.municipality) if party is not None)

    def holds_between(self, hospital: Organization, municipality: Organization) -> bool:
        """True if the agreement is for loops of these two organisations, compared by `parties.are_one`."""
        return any(are_one(one, hospital) and are_one(other, municipality) for one, other in self._in_loop())

    def is_for_loops_of(self, hospital: str, municipality: str, parties: Parties) -> bool:
        """True if the agreement is for loops of these two of the `parties`, by name."""
        return _is_one_of(self._in_loop(), (hospital, municipality), parties)

    def is_between(self, one: str, other: str, parties: Parties) -> bool:
        """True if the agreement names these two of the `parties`, in any order; never for the default."""
        return _is_one_of(permutations(self.between, 2), (one, other), parties)

    def _in_loop(self) -> Iterable[tuple[Party, ...]]:
        """Returns the two parties as hospital and municipality, in each order in which they may be that."""
        if self.hospital is not None and self.municipality is not None:
            return ((self.hospital, self.municipality),)
        return permutations(self.parties, 2)


def _is_one_of(orders: Iterable[tuple[Party, ...]], sides: tuple[str, str], parties: Parties) -> bool:
    """True if, in one of the orders, each of the two sides has the numbers of the party at its place."""
    return any(all(map(parties.covers, sides, order)) for order in orders)


def find_agreement(agreements: tuple[Agreement, ...], hospital: Organization, municipality: Organization) -> Agreement:
    """Returns the agreement for loops of the two; else the one without parties; else `Agreement()`, the defaults."""
    between = (agreement for agreement in agreements if agreement.holds_between(hospital, municipality))
    return next(between, None) or default_of(agreements)


def default_of(agreements: Iterable[Agreement]) -> Agreement:
    """Returns the agreement without parties, for those who have none of their own; else `Agreement()`, the defaults."""
    return next((agreement for agreement in agreements if not agreement.between), None) or _by_default()


@cache
def _by_default() -> Agreement:
    return Agreement()


def _combination_problems(agreement: Agreement) -> Iterator[Problem]:
    """Yields the problems of fields that do not fit together, though each is valid by itself."""
    yield from _party_problems(agreement)
    if agreement.acceptance_days > agreement.answer_days:
        yield Problem("acceptance_days", "is longer than answer_days", "invariant")


def _party_problems(agreement: Agreement) -> Iterator[Problem]:
    hospital, municipality = agreement.hospital, agreement.municipality
    if agreement.parties and (hospital or municipality):
        yield Problem("parties", "are written twice: leave them out, or hospital and municipality", "invariant")
    elif len(agreement.parties) == 1:
        yield Problem("parties", "has one party: an agreement has two, or none when it is the default", "required")
    elif (hospital is None) != (municipality is None):
        absent = "hospital" if hospital is None else "municipality"
        yield Problem(absent, "is missing: an agreement has two parties, or none when it is the default", "required")
    elif len(agreement.between) == 2 and are_one(*agreement.between):
        same = ("parties.1", "the other party") if agreement.parties else ("municipality", "the hospital")
        yield Problem(same[0], f"is the same as {same[1]}", "invariant")


def load_agreements(text: str) -> tuple[Agreement, ...]:
    r"""Reads agreements from TOML text with `[[agreement]]` tables. Raises `InvalidInput` with all problems and paths.

    An unknown field is told by its place and by the fields that are known, not by its name.

    >>> load_agreements("[[agreement]]\nanswer_days = -3\nreminders = 'three'")
    Traceback (most recent call last):
    ip_fhir.errors.InvalidInput: agreement.0.answer_days: input should be greater than or equal to 1;
    agreement.0.reminders: input should be a valid integer
    """
    try:
        data: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput.at("", f"not TOML: {place_in_toml(error)}", "structure") from None
    entries = data.pop("agreement", None)
    problems = [Problem("", unknown_keys([*data], ["agreement"], lists=True), "structure")] if data else []
    if entries is None or entries == []:
        problems.append(Problem("agreement", "there is none", "required"))
    elif not isinstance(entries, list):
        problems.append(Problem("agreement", "is written [[agreement]]", "structure"))
        entries = None
    found: dict[int, Agreement] = {}
    for number, entry in enumerate(entries or ()):
        try:
            found[number] = Agreement.from_data(entry)
        except InvalidInput as error:
            problems.extend(_in_agreement(problem, number) for problem in error.problems)
    reason = "a second agreement between the same parties"
    problems += [Problem(f"agreement.{number}", reason, "invariant") for number in duplicates(found)]
    if problems:
        raise InvalidInput(problems)
    return tuple(found.values())


def _in_agreement(problem: Problem, number: int) -> Problem:
    path = ".".join(filter(None, ("agreement", str(number), problem.path)))
    return Problem(path, problem.reason, problem.code)


def duplicates(agreements: Mapping[int, Agreement]) -> Iterator[int]:
    """Yields the number of each agreement whose two parties, in any order, or none, are those of an earlier one."""
    for number, later in agreements.items():
        if any(_same_parties(later, earlier) for n, earlier in agreements.items() if n < number):
            yield number


def _same_parties(one: Agreement, other: Agreement) -> bool:
    if len(one.between) != len(other.between):
        return False
    return any(all(map(are_one, one.between, order)) for order in permutations(other.between))
