"""The share: a plan and one participant, with all that decides what the participant's view says and how it says it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, StringConstraints

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.consent.ages import LAW, ConsentAges
from ip_fhir.domain.consent.protection import LocatingPart
from ip_fhir.domain.values.value import Count, Day, Flag, Id, MadeText, Value

if TYPE_CHECKING:
    from datetime import date

Key = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""The secret of a share: 32 bytes in hexadecimal. It never leaves its holder but in a handover."""

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 in hexadecimal."""


class EndReason(StrEnum):
    """The reason for which a share ended."""

    BY_HAND = "by-hand"  # a person of the holder's side ended it
    CONSENT = "consent"  # nothing is open to the participant any more
    MEMBERSHIP = "membership"  # none of its people takes part any more
    PLAN_OVER = "plan-over"  # the plan has ended, or the person no longer wants it
    DECEASED = "deceased"  # the person is dead
    NO_AGREEMENT = "no-agreement"  # no agreement names the party any more
    HANDED_OVER = "handed-over"  # the participant is the new holder
    READERS = "readers"  # nothing is open to all who read the server by which the participant is reached


class IdPair(Value):
    """The id of an item in a share's views, and its id in the plan, where the participant gave the item its id."""

    view: Id = Field(description="Id in the views of this share.")
    plan: Id = Field(description="Id in the plan.")


class ItemNumber(Value):
    """The number of the view in which an item last changed."""

    id: Id = Field(description="Id in the views of this share.")
    number: Count = Field(ge=1, description="Number of that view.")


class Kept(Value):
    """Data that a participant wrote and no table names: kept for it, and given back to it alone."""

    resource: Id = Field(description="Id, in the views, of the resource that it stands in.")
    type: Id = Field(description="Type of this resource.")
    data: MadeText = Field(description="The resource as the participant wrote it: JSON.")


class ServerReader(Value):
    """A party that reads the server by which a participant is reached: a view there may show what both may see.

    Its terms are those of the agreement with it. Without organisations nothing may be shown to it: none of its people
    is in the plan, no agreement names it, or somebody has ended its share.
    """

    party: Id = Field(description="Party, by its name in the settings.")
    organizations: tuple[Id, ...] = Field(
        default=(), max_length=1_000, description="Ids of the plan's organisations that are this party's."
    )
    level: ContentLevel = Field(default=ContentLevel.PLAN, description="Amount of the plan that it may see.")
    ages: ConsentAges = Field(default=LAW, description="Ages by which consents count.")
    released: tuple[LocatingPart, ...] = Field(
        default=(), max_length=10, description="Parts ticked for it that lead to persons with a protected address."
    )

    @property
    def person(self) -> None:
        """None: whoever of the party takes part may read there."""


class Share(Value):
    """A plan and one participant: a party of the settings, or one person of a party that keeps its people apart.

    The first part decides what the participant sees: `organizations`, `level` and `readers` follow the settings and the
    agreements, and are brought up to date before each view is made. The second part is what its views have been so far.
    Days are Norwegian days, included.
    """

    id: Id = Field(description="Id of the share, the same on both sides; it says nothing.")
    plan: Id = Field(description="Id of the plan.")
    party: Id = Field(description="Party, by its name in the settings.")
    person: Id | None = Field(default=None, description="Id in the plan of the one person it is for; none: the party.")
    on_wire: Flag = Field(default=True, description="False where the party is the holder itself: its own people.")
    organizations: tuple[Id, ...] = Field(
        default=(), max_length=1_000, description="Ids of the plan's organisations that are this party's."
    )
    level: ContentLevel = Field(default=ContentLevel.PLAN, description="Amount of the plan that it may see.")
    ages: ConsentAges = Field(default=LAW, description="Ages by which consents count.")
    released: tuple[LocatingPart, ...] = Field(
        default=(), max_length=10, description="Parts ticked for it that lead to persons with a protected address."
    )
    readers: tuple[ServerReader, ...] = Field(
        default=(), max_length=100, description="Other parties that read the server by which it is reached."
    )
    key: Key = Field(description="Secret from which its ids are made.", repr=False)
    book: tuple[IdPair, ...] = Field(
        default=(), max_length=20_000, description="Ids that the participant gave to what it added."
    )
    kept: tuple[Kept, ...] = Field(default=(), max_length=20_000, description="Data that it wrote and no table names.")

    began: Day = Field(description="Day on which it first began.")
    number: Count = Field(default=0, ge=0, description="Number of the last view; 0: there was none.")
    digest: Digest | None = Field(default=None, description="Digest of the last view; none: there was none.")
    version: Count | None = Field(default=None, ge=1, description="Version of the plan it was made from.")
    made_on: Day | None = Field(default=None, description="Day for which it was made.")
    updated_on: Day | None = Field(default=None, description="Day on which the view last changed.")
    numbers: tuple[ItemNumber, ...] = Field(
        default=(), max_length=20_000, description="Number of the view in which each item last changed."
    )
    acknowledged: Count = Field(default=0, ge=0, description="Highest number that the participant acknowledged.")
    in_step: Flag = Field(default=True, description="False after a conflict of numbers, until a person has looked.")
    ended: Day | None = Field(default=None, description="Day on which it ended; none: it goes on.")
    end_reason: EndReason | None = Field(default=None, description="Reason for which it ended.")

    def handed_over(self, on: date) -> Self:
        """Returns the share as it ends here on a day, since the plan has gone to a new holder."""
        return self.evolve(ended=on, end_reason=EndReason.HANDED_OVER)

    @property
    def sides(self) -> tuple[Self | ServerReader, ...]:
        """The participant, and the others to whom its views lie open: a view shows what every one of them may see."""
        return (self, *self.readers)

    @property
    def is_behind(self) -> bool:
        """True if the participant has not acknowledged the newest view or withdrawal."""
        return self.acknowledged < self.number

    @property
    def goes_on(self) -> bool:
        """True while it has not ended."""
        return self.ended is None
