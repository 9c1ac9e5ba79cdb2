"""The log of reads: who was shown what, when, and on what ground. Nothing about a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime

    from ip_fhir.domain.values.aggregate import Aggregate

ReadingWay: TypeAlias = Literal["read", "vread", "history", "search", "view", "update"]
"""The interaction, by FHIR's names; `view` is the whole view of a plan, `update` one that was refused."""

ReadingOutcome: TypeAlias = Literal["shown", "nothing-new", "nothing-found", "refused"]
"""`nothing-new`: only what the same party was shown by the same search within the hour."""

OUR_OWN: Final = "our-own-people"
"""The ground of a read by one of our own people; `Reading.client` is then the id by which the EHR knows them."""

TAKES_PART: Final = "takes-part"
"""The ground of a read: the party takes part in the referral that the resource shows."""


def by_share(share_id: str) -> str:
    """Returns the ground of a read of a plan: the share by which the party has its view.

    >>> by_share("s-1")
    'share s-1'
    """
    return f"share {share_id}"[:_LONGEST]


_LONGEST: Final = 64

REFUSED: Final = "refused"
"""Instead of a ground: the resource is another party's, and was not shown."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One resource that a party was shown, or was refused because it is another party's.

    `party` is the name of the credential in the settings, `client` the name at the authorisation server by which it
    came; empty for a token of the settings. `criteria` are the names of a search's parameters, without their values.
    `number` counts a store's readings from 1; 0 before it is stored.
    """

    party: str
    at: datetime
    way: ReadingWay
    type: str
    id: str
    version: int
    aggregate: Aggregate
    ground: str
    criteria: tuple[str, ...] = ()
    number: int = 0
    client: str = ""


@dataclass(frozen=True, slots=True)
class ReadingCount:
    """The number of requests of a party within an hour, by outcome. `hour` is its beginning in UTC."""

    party: str
    hour: datetime
    outcome: ReadingOutcome
    times: int
