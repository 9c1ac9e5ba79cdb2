"""The notice (melding om behov, meldeskjema): the hospital tells the coordinating unit that somebody needs coordination.

From the specialist level it replaces the application procedure. It stands alone: everybody it names is in it.
"""

from __future__ import annotations

from datetime import date  # noqa: TC003 - pydantic reads annotations at run time
from enum import StrEnum
from typing import Self

from pydantic import AwareDatetime, model_validator

from ip_fhir.domain.consent import Consent
from ip_fhir.domain.people import Attachment, Organization, PlanOwner, Professional, RelatedPerson
from ip_fhir.domain.plan import Need
from ip_fhir.domain.plan_rules import organization_problems
from ip_fhir.domain.terms import LegalBasis
from ip_fhir.domain.value import Id, Text, Value
from ip_fhir.errors import InvalidInput, Problem


class NoticeKind(StrEnum):
    """What the person needs. A coordinator without a plan is normal (pbrl § 2-5b)."""

    PLAN = "plan"
    COORDINATOR = "coordinator"
    PLAN_AND_COORDINATOR = "plan-and-coordinator"
    CHILD_COORDINATOR = "child-coordinator"

    @property
    def asks_for_plan(self) -> bool:
        """Whether a plan is asked for, which takes consent."""
        return self in (NoticeKind.PLAN, NoticeKind.PLAN_AND_COORDINATOR)

    @property
    def asks_for_coordinator(self) -> bool:
        """Whether a coordinator is asked for in its own right."""
        return self is not NoticeKind.PLAN


class Urgency(StrEnum):
    """How soon (FHIR request-priority)."""

    ROUTINE = "routine"
    URGENT = "urgent"


class Notice(Value):
    """One notice. `correlation_id` is the one id of the whole loop, on every wire.

    `sender`, `recipient` are organisations of `organizations`; `author` one of `professionals`.
    """

    id: Id
    correlation_id: Id
    kind: NoticeKind
    authored: Moment
    owner: PlanOwner
    sender: Id
    recipient: Id
    author: Id | None = None
    urgency: Urgency = Urgency.ROUTINE
    legal_basis: tuple[LegalBasis, ...] = ()
    related_persons: tuple[RelatedPerson, ...] = ()
    organizations: tuple[Organization, ...]
    professionals: tuple[Professional, ...] = ()
    consents: tuple[Consent, ...] = ()
    needs: tuple[Need, ...] = ()
    reason: Text | None = None
    wished_coordinator: Text | None = None
    discharge: Day | None = None
    attachments: tuple[Attachment, ...] = ()

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if problems := tuple(_notice_problems(self)):
            raise InvalidInput(problems)
        return self

    def organization(self, ident: str) -> Organization:
        """The organisation of that id."""
        return next(o for o in self.organizations if o.id == ident)


def _notice_problems(notice: Notice) -> list[Problem]:
    organizations = {o.id for o in notice.organizations}
    professionals = {p.id for p in notice.professionals}
    related = {r.id for r in notice.related_persons}
    everybody = [notice.owner.id, *(o.id for o in notice.organizations), *(p.id for p in notice.professionals)]
    everybody += [r.id for r in notice.related_persons]
    found = [*organization_problems(notice.organizations)]
    if len(set(everybody)) < len(everybody):
        found.append(Problem("", "the same id is used for two people or organisations", "invariant"))
    if notice.sender == notice.recipient:
        found.append(Problem("recipient", "the recipient is the sender", "invariant"))
    references = [
        *(("sender", notice.sender, organizations), ("recipient", notice.recipient, organizations)),
        ("author", notice.author, professionals),
        *((f"organizations.{n}.part_of", o.part_of, organizations) for n, o in enumerate(notice.organizations)),
        *((f"professionals.{n}.organization", p.organization, organizations) for n, p in enumerate(notice.professionals)),
        *((f"consents.{n}.given_by", c.given_by, related) for n, c in enumerate(notice.consents)),
    ]
    found += [
        Problem(path, "refers to nobody in the notice", "invariant")
        for path, ref, known in references
        if ref is not None and ref not in known
    ]
    return found
