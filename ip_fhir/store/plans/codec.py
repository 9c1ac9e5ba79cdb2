"""Conversion between shared plans and table rows."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.referral import Author
from ip_fhir.domain.sharing.case import HandoverStatus, InvitationStatus, PlanSide, SharedPlan
from ip_fhir.domain.sharing.change import ChangeStatus
from ip_fhir.domain.sharing.ids import share_tag
from ip_fhir.errors import StoreError
from ip_fhir.ports.plans import PlanVersion, SavedVersion, ViewMade
from ip_fhir.store.codec import micros, moment, parse
from ip_fhir.store.damage.unreadable import is_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from ip_fhir.ports.plans import NameKind


def plan_values(plan: SharedPlan, revision: int) -> dict[str, Any]:
    """Returns a shared plan as a table row; its body is without the plan itself."""
    next_due = min((timer.due for timer in plan.timers), default=None)
    shares = plan.side is PlanSide.HOLDER and not plan.over
    since = plan.settled_since if shares else None
    return {
        "id": plan.id,
        "side": plan.side.value,
        "changed": micros(plan.changed),
        "next_due": None if next_due is None else micros(next_due),
        "over": int(plan.over or _is_gone(plan)),
        "version": None if plan.plan is None else plan.plan.version,
        "revision": revision,
        "body": plan.model_dump_json(exclude_defaults=True, exclude={"plan"}),
        "settled_by": plan.settled_by if shares else None,
        "settled_since": None if since is None else micros(since),
    }


def _is_gone(plan: SharedPlan) -> bool:
    """True at a side that does not hold the plan, has no view of it, and waits for nothing: as if it were over."""
    if plan.side is PlanSide.HOLDER or any(copy.view is not None for copy in plan.copies):
        return False
    waits = (
        *(one.status is InvitationStatus.OPEN for one in plan.invitations),
        *(one.answered is None for one in plan.requests),
        *(one.status is ChangeStatus.SENT for one in plan.changes),
        plan.handover is not None and plan.handover.status is HandoverStatus.OFFERED,
    )
    return not any(waits)


def shared_plan(row: Any) -> SharedPlan:
    """Returns a plan's row as a value without its newest version. Raises `StoreError` if it cannot be read."""
    found = parse(SharedPlan, row.body)
    if found.id != row.id:
        raise StoreError("a stored SharedPlan is not the one of its id")
    return found


def newest(row: Any) -> IndividualPlan:
    """Returns the newest version of a plan from the plan's row. Raises `StoreError` if it cannot be read."""
    if not is_text(row.newest):
        raise StoreError(f"its version {row.version} is missing, or is no text")
    found = parse(IndividualPlan, row.newest)
    if found.version != row.version:
        raise StoreError(f"its version {row.version} has the content of another")
    return found


def version_values(plan_id: str, plan: IndividualPlan, saved: datetime, by: Author | None) -> dict[str, Any]:
    """Returns a version of a plan as a new table row."""
    body = plan.to_json()
    return {
        "plan_id": plan_id,
        "version": plan.version,
        "digest": sha256(body.encode()).hexdigest(),
        "saved": micros(saved),
        "saved_by": None if by is None else by.to_json(),
        "body": body,
    }


def saved_version(row: Any) -> SavedVersion:
    """Returns a version's row as a value without the content."""
    return SavedVersion(row.plan_id, row.version, row.digest, moment(row.saved), _author(row.saved_by))


def plan_version(row: Any) -> PlanVersion:
    """Returns a version's row as a value."""
    of = saved_version(row)
    plan = parse(IndividualPlan, row.body)
    if plan.version != of.version:
        raise StoreError("a stored version of a plan is not the one of its number")
    return PlanVersion(of.plan_id, of.version, of.digest, of.saved, of.by, plan=plan)


def _author(text: str | None) -> Author | None:
    return None if text is None else parse(Author, text)


def view_values(plan_id: str, view: ViewMade) -> dict[str, Any]:
    """Returns a view that was made as a new table row."""
    return {
        "share": view.share,
        "number": view.number,
        "plan_id": plan_id,
        "version": view.version,
        "day": view.day.isoformat(),
        "digest": view.digest,
    }


def view_made(row: Any) -> ViewMade:
    """Returns a view's row as a value."""
    return ViewMade(row.share, row.number, row.version, date.fromisoformat(row.day), row.digest)


def plan_named(row: Any) -> str:
    """Returns the id of the plan from the row of a name."""
    return str(row.plan_id)


def names_of(plan: SharedPlan) -> Iterator[tuple[NameKind, str]]:
    """Yields the names by which messages find the plan: kind and id."""
    for share in plan.shares:
        yield "share", share.id
        yield "tag", share_tag(share.key)
    for copy in plan.copies:
        yield "share", copy.share
    for kept in plan.changes:
        yield "change", kept.change.id
    for invitation in plan.invitations:
        yield "invitation", invitation.id
    for request in plan.requests:
        yield "request", request.id
    if plan.handover is not None:
        yield "handover", plan.handover.id
    if plan.referral is not None:
        yield "referral", plan.referral


def given_ids(plan: SharedPlan) -> Iterator[tuple[str, str]]:
    """Yields what participants have added under ids of their own: party and id."""
    for share in plan.shares:
        for pair in share.book:
            yield share.party, pair.view


def person_of(plan: SharedPlan) -> str | None:
    """Returns the number of the person whom the plan is about; None where it is not known here.

    A side that has only asked for the plan knows whom it asked about.
    """
    owners = (plan.owner, *(request.owner for request in plan.requests))
    numbers = (owner.identifier for owner in owners if owner is not None)
    return next((str(number) for number in numbers if number is not None), None)
