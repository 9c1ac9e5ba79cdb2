"""The state of a store in numbers, and the messages that it did not take in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from ip_fhir.errors import IssueCode

OutboxStatus: TypeAlias = Literal["waiting", "awaiting", "sent", "parked", "refused", "held", "superseded"]
"""`awaiting`: handed over, and its receipt has not come. Only of a store that is a `capabilities.ReceiptStore`.

`held`: not tried, until a person lets it go. Only of a store that is a `capabilities.HoldingStore`.
`superseded`: not sent, since a newer one went in its place. Only of a store that is a `plans.PlanStore`.
"""


BEYOND: Final = "beyond"
"""The digest in the record of refused messages that are only counted."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message that was not taken in: its peer, id, reason, and how often it came. It changed no referral.

    `message_id` is None if it could not be read; `digest` is the SHA-256 of the bytes received. Neither content nor
    anything about a person is kept.
    """

    peer: str
    digest: str
    code: IssueCode
    reason: str
    first: datetime
    last: datetime
    message_id: str | None = None
    times: int = 1

    def beyond(self) -> Refusal:
        """The one record for all messages of the peer that are no longer recorded one by one."""
        reason = "further messages that were not taken in: more than are recorded one by one"
        return replace(self, digest=BEYOND, code="too-costly", reason=reason, message_id=None)


@dataclass(frozen=True, slots=True)
class Figures:
    """The state of a store in numbers, for a dashboard and an alarm. Nothing about a person.

    `loops` counts referrals by state, `outbox` rows by status; those with a count of zero may be left out. `overdue`
    counts referrals that wait for an answer after its deadline; `unanswered_since` is the time (UTC) at which the
    longest wait began. `most_attempts` is the largest number among waiting rows. `open_items` counts the open items of
    the worklist, if one is kept; `unreadable` the rows that cannot be read and are set aside. `refusals` counts
    different messages that were not taken in, `refused_times` how often that was.
    """

    loops: Mapping[str, int]
    overdue: int
    unanswered_since: datetime | None
    outbox: Mapping[OutboxStatus, int]
    most_attempts: int
    refusals: int
    open_items: int = 0
    unreadable: int = 0
    refused_times: int = 0
