"""The terms of sharing in an agreement: its clocks, what begins by rule, and the rights of participants."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from ip_fhir.domain.sharing.rights import Rights
from ip_fhir.domain.values.value import Days, Value
from ip_fhir.errors import InvalidInput


class ShareStart(StrEnum):
    """The way in which the share of a party begins.

    By rule: as soon as a membership of that party is in force and the person's consent permits. By name: when the
    coordinator says so for this party. About a person with a protected address every share begins by name.
    """

    BY_RULE = "by-rule"
    BY_NAME = "by-name"


class RequestRule(StrEnum):
    """The way in which a party's request for the plan is decided.

    By rule: it gets what it may see if a membership of that party is in force and the person's consent permits.
    """

    BY_RULE = "by-rule"
    PERSON_DECIDES = "person-decides"


class SharingTerms(Value):
    """The terms on which two parties share plans. The law gives no days: each default is this library's own choice.

    Days are working days, but `warning_days` and `base_days`, which are calendar days. A clock that runs out ends in a
    worklist item. By default nothing begins without a person who says so.

    >>> SharingTerms().change_days, SharingTerms().shares_begin
    (5, <ShareStart.BY_NAME: 'by-name'>)
    >>> SharingTerms(change_days=10, change_leader_days=5)
    Traceback (most recent call last):
    ip_fhir.errors.InvalidInput: change_leader_days: is shorter than change_days
    """

    LISTS_FIELDS = True

    change_days: Days = Field(default=5, description="Working days until an undecided change is told to its decider.")
    change_leader_days: Days = Field(
        default=10, description="Working days until an undecided change is told to the unit's leader."
    )
    request_days: Days = Field(default=5, description="Working days until an unanswered request is told.")
    invitation_days: Days = Field(
        default=10, description="Working days until an invitation is sent again, and again until it is told."
    )
    handover_days: Days = Field(
        default=10, description="Working days until a handover is offered again, and again until it is told."
    )
    acknowledgement_days: Days = Field(
        default=5, description="Working days until a view that is not acknowledged is told."
    )
    warning_days: Days = Field(
        default=14, description="Calendar days before a view opens or shrinks by date that it is told."
    )
    base_days: Days = Field(default=90, description="Calendar days that a view may be old when it is changed.")
    undecided_changes: int = Field(
        default=50, strict=True, ge=1, le=1_000, description="Changes of one share that may be undecided at a time."
    )
    shares_begin: ShareStart = Field(default=ShareStart.BY_NAME, description="Way in which a share begins.")
    requests: RequestRule = Field(
        default=RequestRule.PERSON_DECIDES, description="Way in which a request for the plan is decided."
    )
    rights: Rights = Field(default=Rights(), description="Deviations from the rights that participants have.")

    @model_validator(mode="after")
    def _leader_last(self) -> Self:
        if self.change_leader_days < self.change_days:
            raise InvalidInput.at("change_leader_days", "is shorter than change_days", "invariant")
        return self
