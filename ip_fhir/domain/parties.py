"""Parties: which entry of the settings an organisation is, by the numbers that a message gives it.

A party is an entry of the settings: we ourselves (`OURS`), and each peer, by its name there. Its numbers are those of
its organisations. Only numbers are compared, register by register, never a name or an id. One rule for all who ask:

| the organisation, as it was said | is this party |
|---|---|
| a number of a register in which the party has others | no |
| a number that belongs to other parties only | no |
| a number that is this party's alone | yes, unless one of the two above |
| only numbers that it shares with another party, or that nobody has, or none | only if nobody else may be meant |

Nobody else may be meant under a credential that belongs to one party alone: who it is, the credential has said, and the
message may not contradict it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from ip_fhir.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from ip_fhir.domain.people import Organization, RegisterNumbers

OURS: Final = "us"
"""The name of our own party among the parties; no peer may have it."""

Number: TypeAlias = tuple[str, str]
"""The register and the number in it."""


def numbers_of(organization: RegisterNumbers) -> tuple[Number, ...]:
    """Returns the register numbers that are given, each with its register.

    >>> from ip_fhir.domain.people import Organization, OrganizationKind
    >>> numbers_of(Organization(id="o", name="O", kind=OrganizationKind.SCHOOL, her_id="1234"))
    (('her_id', '1234'),)
    """
    given = (
        ("her_id", organization.her_id),
        ("organization_number", organization.organization_number),
        ("resh_id", organization.resh_id),
    )
    return tuple((register, str(number)) for register, number in given if number is not None)


def are_one(one: RegisterNumbers, other: RegisterNumbers) -> bool:
    """True if every number that both give is equal, and at least one is: two descriptions of one organisation."""
    compared = _compared(one, other)
    return bool(compared) and all(compared)


def may_be_one(one: RegisterNumbers, other: RegisterNumbers) -> bool:
    """True if no number tells the two apart; they may have no register in common."""
    return all(_compared(one, other))


def _compared(one: RegisterNumbers, other: RegisterNumbers) -> list[bool]:
    """Returns for each register that both give a number of if the two numbers are equal."""
    ours, theirs = dict(numbers_of(one)), dict(numbers_of(other))
    return [ours[register] == theirs[register] for register in ours.keys() & theirs.keys()]


@dataclass(frozen=True, slots=True)
class Unit:
    """An organisation as it was said, and beside it the party that it is; None: not said, or not known."""

    organization: Organization | None
    party: str | None = None

    def is_same(self, other: Unit | None) -> bool:
        """True if both are of one party; where one party is not known, if `are_one` says so of the organisations."""
        if other is None:
            return False
        if self.party is not None and other.party is not None:
            return self.party == other.party
        if self.organization is None or other.organization is None:
            return False
        return are_one(self.organization, other.organization)


class Parties:
    """The parties of the settings, by name, each with the organisations that are known to be part of it.

    `closed` says that these are all the units there are: a number that nobody has then fits no party.
    """

    def __init__(self, known: Mapping[str, Iterable[RegisterNumbers]], *, closed: bool = False) -> None:
        self._closed = closed
        self._registers: dict[str, dict[str, set[str]]] = {}
        self._holders: dict[Number, set[str]] = {}
        for party, organizations in known.items():
            registers = self._registers.setdefault(party, {})
            for number in (number for organization in organizations for number in numbers_of(organization)):
                registers.setdefault(number[0], set()).add(number[1])
                self._holders.setdefault(number, set()).add(party)

    def __iter__(self) -> Iterator[str]:
        return iter(self._registers)

    def __contains__(self, party: object) -> bool:
        return party in self._registers

    def find(self, said: RegisterNumbers, among: Collection[str] | None = None) -> str | None:
        """Returns the party that a number of its own identifies; None if none is identified.

        Only a party of `among` is returned, but every party's numbers count.
        """
        numbers = numbers_of(said)
        alone = {party for number in numbers if len(of := self._holders.get(number, ())) == 1 for party in of}
        if len(alone) != 1:
            return None
        (party,) = alone
        found = (among is None or party in among) and self._fits(numbers, party)
        return party if found else None

    def numbered(self, number: str, among: Collection[str]) -> str | None:
        """Returns the party of `among` that alone has this number, in whatever register; None if there is none."""
        alike = (of for (_, known), of in self._holders.items() if known == number)
        holders = {party for of in alike for party in of}
        return next(iter(holders & {*among})) if len(holders) == 1 and holders <= {*among} else None

    def fits(self, said: RegisterNumbers, party: str) -> bool:
        """True if nothing that is said speaks against this party, to which the credential belongs alone."""
        return self._fits(numbers_of(said), party)

    def belongs_to_others(self, said: RegisterNumbers, party: str) -> bool:
        """True if a number is said that other parties have and this one has not: its name is another's by now."""
        holders = (self._holders.get(number) for number in numbers_of(said))
        return any(of is not None and party not in of for of in holders)

    def covers(self, party: str, given: RegisterNumbers) -> bool:
        """True if the party has at least one of the numbers, and every one whose register it has numbers of.

        For an agreement between enterprises, which holds for each party of an enterprise that has several.
        """
        registers = self._registers.get(party, {})
        common = [number in registers[register] for register, number in numbers_of(given) if register in registers]
        return bool(common) and all(common)

    def names_unknown(self, said: RegisterNumbers) -> bool:
        """True if a number is said that no party has, and the lists of units are closed."""
        return self._closed and any(number not in self._holders for number in numbers_of(said))

    def without_own_number(self) -> Iterator[str]:
        """Yields the parties that no number identifies: each has none, or shares all with another."""
        for party, registers in self._registers.items():
            numbers = ((register, number) for register, all_of in registers.items() for number in all_of)
            if all(len(self._holders[number]) > 1 for number in numbers):
                yield party

    def _fits(self, numbers: tuple[Number, ...], party: str) -> bool:
        registers = self._registers[party]
        for register, number in numbers:
            if register in registers and number not in registers[register]:
                return False
            holders = self._holders.get((register, number))
            if holders is None and self._closed:
                return False
            if holders is not None and party not in holders:
                return False
        return True


def check_names(names: Iterable[str]) -> None:
    """Raises `InvalidInput` if a party or carrier has our own party's name, or another's."""
    seen = {OURS}
    for name in names:
        if name == OURS:
            raise InvalidInput.at("peers", f"{OURS} is our own party's name", "value")
        if name in seen:
            raise InvalidInput.at("peers", "two have the same name", "duplicate")
        seen.add(name)
