"""The notice (melding om behov): the hospital tells the coordinating unit that somebody needs coordination.

From the specialist level it replaces the application procedure. It contains everybody that it refers to.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import Field, model_validator

from ip_fhir.domain.consent.consent import Consent
from ip_fhir.domain.people import Attachment, Organization, PlanOwner, Professional, RelatedPerson
from ip_fhir.domain.plan import Need
from ip_fhir.domain.plan_rules import organization_problems, recipients, repeated_ids
from ip_fhir.domain.values.order import Unordered
from ip_fhir.domain.values.terms import LegalBasis
from ip_fhir.domain.values.value import MOST_BASE64, Day, Id, Moment, Text, Value
from ip_fhir.errors import InvalidInput, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator


class NoticeKind(StrEnum):
    """The need that a notice is about. A coordinator without a plan is normal (pbrl § 2-5b)."""

    PLAN = "plan"
    COORDINATOR = "coordinator"
    PLAN_AND_COORDINATOR = "plan-and-coordinator"
    CHILD_COORDINATOR = "child-coordinator"

    @property
    def asks_for_plan(self) -> bool:
        """True if the notice asks for a plan, which requires consent."""
        return self in (NoticeKind.PLAN, NoticeKind.PLAN_AND_COORDINATOR)

    @property
    def asks_for_coordinator(self) -> bool:
        """True if the notice asks for a coordinator, with or without a plan."""
        return self is not NoticeKind.PLAN


class Urgency(StrEnum):
    """The urgency of a notice (FHIR request-priority)."""

    ROUTINE = "routine"
    URGENT = "urgent"


class Notice(Unordered, Value):
    """One notice. `correlation_id` identifies the whole loop, on every wire.

    `sender` and `recipient` are ids of `organizations`, and `author` is an id of `professionals`.
    """

    UNORDERED: ClassVar[tuple[str, ...]] = ("related_persons", "organizations", "professionals", "consents")

    id: Id = Field(description="Id of the notice.")
    correlation_id: Id = Field(description="Id of the whole loop, the same on every wire.")
    kind: NoticeKind = Field(description="Need that the notice is about.")
    authored: Moment = Field(description="Time when it was written, with zone.")
    owner: PlanOwner = Field(description="The person whom it is about.")
    sender: Id = Field(description="Id of the organisation that sends it.")
    recipient: Id = Field(description="Id of the organisation it is addressed to.")
    author: Id | None = Field(default=None, description="Id of the professional who wrote it.")
    urgency: Urgency = Field(default=Urgency.ROUTINE, description="Urgency.")
    legal_basis: tuple[LegalBasis, ...] = Field(
        default=(), max_length=50, description="Sections of law that it is sent by."
    )
    related_persons: tuple[RelatedPerson, ...] = Field(
        default=(), max_length=500, description="Relatives and representatives that it names."
    )
    organizations: tuple[Organization, ...] = Field(max_length=1_000, description="Organisations that it names.")
    professionals: tuple[Professional, ...] = Field(
        default=(), max_length=2_000, description="Professionals that it names."
    )
    consents: tuple[Consent, ...] = Field(default=(), max_length=500, description="Consents that it is sent on.")
    needs: tuple[Need, ...] = Field(default=(), max_length=1_000, description="Needs for services.")
    reason: Text | None = Field(default=None, description="Reason, in words.")
    wished_coordinator: Text | None = Field(
        default=None, description="The coordinator whom the person wishes, in words."
    )
    discharge: Day | None = Field(default=None, description="Planned day of discharge.")
    attachments: tuple[Attachment, ...] = Field(default=(), max_length=200, description="Documents that go with it.")

    @model_validator(mode="after")
    def _refers_only_to_itself(self) -> Self:
        if problems := tuple(_notice_problems(self)):
            raise InvalidInput(problems)
        return self

    def organization(self, ident: str) -> Organization:
        """Returns the organisation with this id, which must be in the notice."""
        return next(o for o in self.organizations if o.id == ident)

    def with_those_above(self, ident: str) -> Iterator[Organization]:
        """Yields the organisation with this id, which must be in the notice, and those that it is part of, upwards."""
        above: str | None = ident
        while above is not None:
            found = self.organization(above)
            yield found
            above = found.part_of


def _notice_problems(notice: Notice) -> Iterator[Problem]:
    lists = ("related_persons", "organizations", "professionals", "needs", "consents")
    yield from repeated_ids(((name, getattr(notice, name)) for name in lists), "the notice", {notice.owner.id})
    yield from organization_problems(notice.organizations)
    if sum(len(document.data or "") for document in documents_of(notice)) > MOST_BASE64:
        yield Problem("attachments", "all documents together are larger than 18 MB", "too-long")
    if notice.sender == notice.recipient:
        yield Problem("recipient", "the recipient is the sender", "invariant")
    for path, ref, known in _references(notice):
        if ref is not None and ref not in known:
            yield Problem(path, "refers to nobody in the notice", "invariant")


def documents_of(notice: Notice) -> Iterator[Attachment]:
    """Yields every document in the notice: its attachments, the papers of its consents and of mandates."""
    yield from notice.attachments
    yield from (consent.document for consent in notice.consents if consent.document is not None)
    mandates = (person.mandate for person in notice.related_persons)
    yield from (mandate.document for mandate in mandates if mandate is not None and mandate.document is not None)


def _references(notice: Notice) -> Iterator[tuple[str, str | None, set[str]]]:
    """Yields every reference to an actor: its path, its id, and the ids that are allowed there."""
    organizations = {o.id for o in notice.organizations}
    professionals = {p.id for p in notice.professionals}
    related = {r.id for r in notice.related_persons}
    yield "sender", notice.sender, organizations
    yield "recipient", notice.recipient, organizations
    yield "author", notice.author, professionals
    for n, organization in enumerate(notice.organizations):
        yield f"organizations.{n}.part_of", organization.part_of, organizations
    for n, professional in enumerate(notice.professionals):
        yield f"professionals.{n}.organization", professional.organization, organizations
    for n, consent in enumerate(notice.consents):
        yield f"consents.{n}.given_by", consent.given_by, related
    everybody = {notice.owner.id} | organizations | professionals | related
    yield from ((path, ref, everybody) for path, ref in recipients(notice.consents))
