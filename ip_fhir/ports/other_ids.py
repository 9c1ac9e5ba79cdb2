"""The ids that other systems use for our messages and loops, where their wire cannot carry ours.

HL7 v2 has room for 20 characters of a message id, a KITH conversation has an id of its own, and some systems give a
referral a number of theirs. Such an id is kept with the party it was exchanged with: nobody finds another's loop by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, TypeGuard

from ip_fhir.errors import InvalidInput
from ip_fhir.ports import Transaction

if TYPE_CHECKING:
    from ip_fhir.domain.values.aggregate import Aggregate

KindOfId: TypeAlias = Literal["message", "referral", "conversation"]
"""The kind of thing that an id stands for: equal ids of different kinds are different ids."""

MOST_CHARACTERS = 255


@dataclass(frozen=True, slots=True)
class OtherId:
    """An id as it stands on a wire, at most 255 characters. Raises `InvalidInput` for an empty or a longer one."""

    kind: KindOfId
    value: str

    def __post_init__(self) -> None:
        """Checks the length."""
        if not 0 < len(self.value) <= MOST_CHARACTERS:
            raise InvalidInput.at(self.kind, f"an id has 1 to {MOST_CHARACTERS} characters", "too-long")


@dataclass(frozen=True, slots=True)
class KnownId:
    """The meaning of such an id: our own id of the message or referral, and what that belongs to."""

    stands_for: str
    aggregate: Aggregate


class OtherIdTransaction(Transaction, Protocol):
    """A transaction that keeps the ids of other systems."""

    def keep_id(self, party: str, other: OtherId, known: KnownId) -> None:
        """Keep an id of that party's. One that is kept already is left as it is, whatever it stands for.

        It goes when what it belongs to is purged.
        """
        ...

    def known_id(self, party: str, other: OtherId) -> KnownId | None:
        """The meaning of an id of that party's, or None."""
        ...

    def ids_of(self, party: str, kind: KindOfId, aggregate: Aggregate) -> tuple[OtherId, ...]:
        """The ids of this kind that were kept of that party for an aggregate, in the order of their text."""
        ...


def keeps_other_ids(transaction: Transaction) -> TypeGuard[OtherIdTransaction]:
    """True if the transaction is of a store that keeps the ids of other systems."""
    return hasattr(transaction, "known_id")
