"""A participant's change to a plan: what it wants otherwise, made on one of its views, and what became of it."""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime, Field

from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.referral import Author
from ip_fhir.domain.sharing.share import Digest, Kept
from ip_fhir.domain.values.value import Count, Flag, Id, MadeText, Text, Value


class ChangeStatus(StrEnum):
    """The status of a change as a whole; it follows from its parts."""

    SENT = "sent"  # at the participant: not answered yet
    PROPOSED = "proposed"  # something waits for a person
    ACCEPTED = "accepted"
    PARTLY = "partly"
    DECLINED = "declined"
    CONFLICT = "conflict"  # something waits for a person, who has to choose between two values


class Outcome(StrEnum):
    """The outcome of one part of a change."""

    DONE = "done"  # took effect at once, or was so already
    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    CONFLICT = "conflict"  # the holder's value stands until a person decides
    NOT_FOUND = "not-found"  # not in today's view: deleted, moved or closed, which is not told
    REFUSED = "refused"  # nobody may change this so


class PartDecision(Value):
    """The decision about one part of a change: a field of an item, or an item that was added."""

    field: Text = Field(description="Dotted field, as in the difference of two plans.")
    id: Id | None = Field(default=None, description="Id of the item in the view; none: a field of the plan itself.")
    outcome: Outcome = Field(description="Outcome.")
    reason: Text | None = Field(default=None, description="Reason in words, for whoever made the change.")


class Change(Value):
    """The wish of a participant that something be otherwise. `wanted` is the view as it wants it, with the view's ids.

    `base` is the number of the view it was made on, `digest` that view's. With `whole`, a part of `wanted` that is
    missing was taken out; else it is unchanged. An item in `unchanged` is as in the view, whatever `wanted` says of
    it; with the plan's own id there, so are the fields of the plan itself. With `team_unnamed` its roles are those of
    the view's team, whatever id it has there. Times are with zone.
    """

    id: Id = Field(description="Id of the change.")
    share: Id = Field(description="Id of the share.")
    base: Count = Field(ge=1, description="Number of the view that it was made on.")
    digest: Digest | None = Field(default=None, description="Digest of that view; none: not said.")
    wanted: IndividualPlan = Field(description="The view as the participant wants it.")
    whole: Flag = Field(default=False, description="True if a part that is missing was taken out.")
    unchanged: tuple[Id, ...] = Field(
        default=(), max_length=20_000, description="Ids of items that are said to be as they were."
    )
    team_unnamed: Flag = Field(default=False, description="True if it has roles of the team that no id names.")
    kept: tuple[Kept, ...] = Field(default=(), max_length=20_000, description="Data in it that no table names.")
    text: Text | None = Field(default=None, description="Words that go with it.")
    made: AwareDatetime = Field(description="Time when it was made, by the participant's clock.")
    by: Author | None = Field(default=None, description="The person of our own side who made it; never sent.")


class KeptChange(Value):
    """A change that one side has, with what became of it. At the participant, `decisions` are those answered.

    No answer is sent to a change that is `polled`: whoever made it knows it by no message, and asks for the answer.
    """

    change: Change = Field(description="The change.")
    status: ChangeStatus = Field(description="Status.")
    received: AwareDatetime = Field(description="Time when this side got or made it.")
    decided: AwareDatetime | None = Field(default=None, description="Time when the last part was decided.")
    decisions: tuple[PartDecision, ...] = Field(default=(), max_length=20_000, description="What became of each part.")
    by: Author | None = Field(default=None, description="The person of our side who decided last.")
    told: Count = Field(default=0, ge=0, description="Times our people were told that it waits.")
    polled: Flag = Field(default=False, description="True if its author asks what became of it.")
    answered: Count = Field(default=0, ge=0, description="Number of the newest view at the answer, at the participant.")


class ChangeAnswer(Value):
    """The answer to a change; the new view follows as a message of its own."""

    change: Id = Field(description="Id of the change.")
    share: Id = Field(description="Id of the share.")
    status: ChangeStatus = Field(description="Status of the change as a whole.")
    decisions: tuple[PartDecision, ...] = Field(default=(), max_length=20_000, description="What became of each part.")
    number: Count = Field(ge=0, description="Number of the newest view of the share.")
    text: MadeText | None = Field(default=None, description="Words that go with it.")
