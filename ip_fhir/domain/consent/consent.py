"""Consents to a plan, to sharing its content or to a notice, with provisions for recipients, areas and periods."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from ip_fhir.domain.people import Attachment
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.domain.values.value import Day, Id, Period, Value


class ConsentKind(StrEnum):
    """The matter of a consent."""

    PLAN = "plan"  # that a plan is made (item h, first half)
    SHARING = "sharing"  # that confidential information is shared (item h, second half)
    NOTICE = "notice"  # that the hospital tells the municipality


class ConsentStatus(StrEnum):
    """The status of a consent."""

    DRAFT = "draft"
    ACTIVE = "active"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class ConsentForm(StrEnum):
    """The form in which a consent was expressed."""

    WRITTEN = "written"
    ORAL = "oral"
    ELECTRONIC = "electronic"


class Access(StrEnum):
    """The answer of a consent or of a provision: yes or no."""

    PERMIT = "permit"
    DENY = "deny"


class Provision(Value):
    """An exception to a consent, for some recipients, life areas and days.

    Empty `recipients` or `areas` mean all of them.
    """

    access: Access = Field(description="Yes or no to these.")
    recipients: tuple[Id, ...] = Field(
        default=(), max_length=1_000, description="Ids of persons and organisations; empty: all."
    )
    areas: tuple[LifeArea, ...] = Field(default=(), max_length=50, description="Life areas; empty: all.")
    period: Period = Field(default=Period(), description="Days on which it holds.")


class Consent(Value):
    """A yes or a no of the person, or of a representative (`given_by`; None: the person).

    `access` applies where no provision matches.
    """

    id: Id = Field(description="Id in the plan or notice.")
    kind: ConsentKind = Field(description="Matter of the consent.")
    status: ConsentStatus = Field(default=ConsentStatus.ACTIVE, description="Status.")
    given_on: Day = Field(description="Day of the yes or no.")
    given_by: Id | None = Field(default=None, description="Id of the representative; none: the person.")
    form: ConsentForm | None = Field(default=None, description="Form in which it was expressed.")
    verified_on: Day | None = Field(default=None, description="Day it was checked with the person.")
    withdrawn_on: Day | None = Field(default=None, description="Day from which it is withdrawn.")
    period: Period = Field(default=Period(), description="Days on which it holds.")
    access: Access = Field(default=Access.PERMIT, description="Yes or no, if no provision applies.")
    provisions: tuple[Provision, ...] = Field(default=(), max_length=200, description="Exceptions.")
    document: Attachment | None = Field(default=None, description="The signed paper.")

    @model_validator(mode="after")
    def _withdrawn_has_date(self) -> Self:
        if (self.status is ConsentStatus.WITHDRAWN) != (self.withdrawn_on is not None):
            message = "a consent has withdrawn_on if, and only if, its status is withdrawn"
            raise ValueError(message)
        if self.withdrawn_on is not None and self.withdrawn_on < self.given_on:
            message = "the consent is withdrawn before it was given"
            raise ValueError(message)
        return self
