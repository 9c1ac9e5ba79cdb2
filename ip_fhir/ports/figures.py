"""The state of a store in numbers, and the messages that it did not take in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from ip_fhir.errors import IssueCode

OutboxStatus: TypeAlias = Literal["waiting", "awaiting", "sent", "parked", "refused"]
"""`awaiting`: handed over, and its receipt has not come. Only of a store that is a `capabilities.ReceiptStore`."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message that was not taken in: from whom, which, why, and how often it came. It moved no referral.

    `message_id` is None where it could not be read; `digest` is of the bytes as they came. Neither content nor
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


@dataclass(frozen=True, slots=True)
class Figures:
    """The state of a store in numbers, for a dashboard and an alarm. Nothing about a person.

    `loops` counts referrals by state, `outbox` rows by status; a state or status of which there is none may be left
    out. `overdue`: an answer is waited for, and its deadline is over; `unanswered_since` is when the wait that has
    lasted longest began. `most_attempts` is of a waiting row. `open_items` counts the worklist, where one is kept.
    """

    loops: Mapping[str, int]
    overdue: int
    unanswered_since: datetime | None
    outbox: Mapping[OutboxStatus, int]
    most_attempts: int
    refusals: int
    open_items: int = 0
