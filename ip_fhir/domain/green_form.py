"""The green form (tilbakemeldingsskjema, «grønt skjema»): names the coordinator, or gives the reason for none.

A form that is only partly filled in is kept but counts as not returned; `missing_items` returns what it lacks.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import Field, model_validator

from ip_fhir.domain.people import Organization, Professional
from ip_fhir.domain.plan_rules import organization_problems, repeated_ids
from ip_fhir.domain.team import Coordinator
from ip_fhir.domain.values.calendar import local_day
from ip_fhir.domain.values.order import Unordered
from ip_fhir.domain.values.terms import LegalBasis
from ip_fhir.domain.values.value import Day, Flag, Id, Moment, Text, Value, require
from ip_fhir.errors import InvalidInput, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ip_fhir.domain.notice import Notice


class FormDecision(StrEnum):
    """The decision of the municipality."""

    APPOINTED = "appointed"
    DECLINED = "declined"  # the person does not want it
    REJECTED = "rejected"
    FORWARDED = "forwarded"


class PlanState(StrEnum):
    """The state of the plan when a coordinator is appointed."""

    STARTED = "started"
    STARTS_LATER = "starts-later"
    DECLINED = "declined"  # no plan, but a coordinator
    NOT_ASKED_FOR = "not-asked-for"


class Declined(StrEnum):
    """The offer that the person declined."""

    PLAN = "plan"
    COORDINATOR = "coordinator"
    BOTH = "both"


class RejectionReason(StrEnum):
    """The reason for which the municipality rejects a notice."""

    NOT_RESIDENT = "not-resident"
    NO_LASTING_NEED = "no-lasting-need"
    NO_COORDINATED_NEED = "no-coordinated-need"
    ALREADY_HAS = "already-has"
    OTHER = "other"


class Rejection(Value):
    """A rejection: reason, section of law, and information on the right to complain (pbrl § 7-2)."""

    reason: RejectionReason = Field(description="Reason.")
    text: Text | None = Field(default=None, description="Reason in words.")
    legal_basis: LegalBasis | None = Field(default=None, description="Section of law.")
    told_of_right_to_complain: Flag | None = Field(
        default=None, description="True if the person is told of the right to complain."
    )
    complaint_to: Text | None = Field(default=None, description="Receiver of a complaint.")


class GreenForm(Unordered, Value):
    """An answer to a notice, complete or not. `answers` is the correlation id of the loop."""

    UNORDERED: ClassVar[tuple[str, ...]] = ("organizations", "professionals")

    id: Id = Field(description="Id of the form.")
    answers: Id = Field(description="Correlation id of the loop.")
    authored: Moment = Field(description="Time when it was written, with zone.")
    sender: Id = Field(description="Id of the organisation that answers.")
    decision: FormDecision | None = Field(default=None, description="Decision; none: not filled in.")
    signed_by: Id | None = Field(default=None, description="Id of the professional who signed.")
    organizations: tuple[Organization, ...] = Field(max_length=1_000, description="Organisations that it names.")
    professionals: tuple[Professional, ...] = Field(
        default=(), max_length=2_000, description="Professionals that it names."
    )
    coordinators: tuple[Coordinator, ...] = Field(
        default=(), max_length=500, description="Coordinators who are appointed."
    )
    plan_state: PlanState | None = Field(default=None, description="State of the plan.")
    plan_starts: Day | None = Field(default=None, description="Day on which work on the plan begins.")
    declined: Declined | None = Field(default=None, description="The offer that the person declined.")
    declined_on: Day | None = Field(default=None, description="Day on which the person declined.")
    rejection: Rejection | None = Field(default=None, description="Rejection by the municipality.")
    forwarded_to: Id | None = Field(default=None, description="Id of the organisation that has the notice now.")
    note: Text | None = Field(default=None, description="Note.")

    @model_validator(mode="after")
    def _refers_only_to_itself(self) -> Self:
        if problems := tuple(_form_problems(self)):
            raise InvalidInput(problems)
        return self

    def professional(self, ident: str | None) -> Professional | None:
        """Returns the professional with this id; None if the form has none."""
        return next((p for p in self.professionals if p.id == ident), None)


def _form_problems(form: GreenForm) -> Iterator[Problem]:
    actors = (("organizations", form.organizations), ("professionals", form.professionals))
    yield from repeated_ids(actors, "the form")
    yield from repeated_ids((("coordinators", form.coordinators),), "the form")
    yield from organization_problems(form.organizations)
    for path, ref, known in _references(form):
        if ref is not None and ref not in known:
            yield Problem(path, "refers to nobody in the form", "invariant")


def _references(form: GreenForm) -> Iterator[tuple[str, str | None, set[str]]]:
    """Yields every reference to an actor: its path, its id, and the ids that are allowed there."""
    organizations = {o.id for o in form.organizations}
    professionals = {p.id for p in form.professionals}
    yield "sender", form.sender, organizations
    yield "forwarded_to", form.forwarded_to, organizations
    yield "signed_by", form.signed_by, professionals
    for n, organization in enumerate(form.organizations):
        yield f"organizations.{n}.part_of", organization.part_of, organizations
    for n, professional in enumerate(form.professionals):
        yield f"professionals.{n}.organization", professional.organization, organizations
    for n, coordinator in enumerate(form.coordinators):
        yield f"coordinators.{n}.holder", coordinator.holder, professionals
        yield f"coordinators.{n}.mentor", coordinator.mentor, professionals
        yield f"coordinators.{n}.appointed_by", coordinator.appointed_by, organizations


class Missing(StrEnum):
    """An item that a green form may lack; the list of them is sent back to the municipality."""

    DECISION = "decision"
    COORDINATOR = "coordinator"
    COORDINATOR_ROLE = "coordinator-role"
    COORDINATOR_ORGANIZATION = "coordinator-organization"
    COORDINATOR_CONTACT = "coordinator-contact"
    COORDINATOR_FROM = "coordinator-from"
    WISH = "wish"
    PLAN_STATE = "plan-state"
    PLAN_STARTS = "plan-starts"
    DECLINED_WHAT = "declined-what"
    DECLINED_WHEN = "declined-when"
    REJECTION_REASON = "rejection-reason"
    REJECTION_LEGAL_BASIS = "rejection-legal-basis"
    COMPLAINT_TOLD = "complaint-told"
    COMPLAINT_TO = "complaint-to"
    FORWARDED_TO = "forwarded-to"


def missing_items(form: GreenForm, notice: Notice | None = None) -> tuple[Missing, ...]:
    """Returns the items that the form lacks; an empty tuple for a complete form, which closes the loop.

    `notice` is the notice that the form answers. If it names a wished coordinator, the form must say whether the wish
    is honoured. Raises `InvalidInput` if `form` is no green form.
    """
    require(form, GreenForm, "form")
    rules: dict[FormDecision | None, Callable[[], Iterator[Missing]]] = {
        None: lambda: iter((Missing.DECISION,)),
        FormDecision.APPOINTED: lambda: _lacks_when_appointed(form, notice),
        FormDecision.DECLINED: lambda: _lacks_when_declined(form, notice),
        FormDecision.REJECTED: lambda: _lacks_when_rejected(form),
        FormDecision.FORWARDED: lambda: iter(() if form.forwarded_to else (Missing.FORWARDED_TO,)),
    }
    return tuple(dict.fromkeys(rules[form.decision]()))


def _lacks_when_appointed(form: GreenForm, notice: Notice | None) -> Iterator[Missing]:
    named = [c for c in form.coordinators if not c.vacant]
    yield from _lacks_coordinators(form)
    if notice is not None and notice.wished_coordinator and all(c.wish_honoured is None for c in named):
        yield Missing.WISH
    if form.plan_state is None and (notice is None or notice.kind.asks_for_plan):
        yield Missing.PLAN_STATE
    if form.plan_state is PlanState.STARTS_LATER and form.plan_starts is None:
        yield Missing.PLAN_STARTS


def _lacks_coordinators(form: GreenForm) -> Iterator[Missing]:
    named = [c for c in form.coordinators if not c.vacant]
    people: dict[str | None, Professional] = {person.id: person for person in form.professionals}
    if not named:
        yield Missing.COORDINATOR
    for coordinator in named:
        yield from _lacks_coordinator(coordinator, people.get(coordinator.holder))
    if named and all(is_far_ahead(coordinator, form) for coordinator in named):
        yield Missing.COORDINATOR_FROM


LONGEST_WAIT = timedelta(days=183)
"""The time from a form until its first coordinator begins, after which nobody counts as appointed: half a year.

A choice of this library: law and agreements give no number of days.
"""


def is_far_ahead(coordinator: Coordinator, form: GreenForm) -> bool:
    """True if the coordinator begins more than `LONGEST_WAIT` after the day on which the form was written (Norway)."""
    start = coordinator.period.start
    return start is not None and start - local_day(form.authored) > LONGEST_WAIT


def _lacks_coordinator(coordinator: Coordinator, person: Professional | None) -> Iterator[Missing]:
    if person is None or (person.title is None and person.profession is None):
        yield Missing.COORDINATOR_ROLE
    if person is None or person.organization is None:
        yield Missing.COORDINATOR_ORGANIZATION
    if person is None or all(contact.doubt for contact in person.contacts):
        yield Missing.COORDINATOR_CONTACT
    if coordinator.period.start is None:
        yield Missing.COORDINATOR_FROM


def _lacks_when_declined(form: GreenForm, notice: Notice | None) -> Iterator[Missing]:
    """Yields missing items. A person who declines only the plan still has a right to a coordinator (pbrl § 2-5b)."""
    if form.declined is None:
        yield Missing.DECLINED_WHAT
    if form.declined_on is None:
        yield Missing.DECLINED_WHEN
    if form.declined is Declined.PLAN and notice is not None and notice.kind.asks_for_coordinator:
        yield from _lacks_coordinators(form)


def _lacks_when_rejected(form: GreenForm) -> Iterator[Missing]:
    rejection = form.rejection
    if rejection is None or (rejection.reason is RejectionReason.OTHER and rejection.text is None):
        yield Missing.REJECTION_REASON
    if rejection is None or rejection.legal_basis is None:
        yield Missing.REJECTION_LEGAL_BASIS
    if rejection is None or rejection.told_of_right_to_complain is not True:
        yield Missing.COMPLAINT_TOLD
    if rejection is None or rejection.complaint_to is None:
        yield Missing.COMPLAINT_TO
