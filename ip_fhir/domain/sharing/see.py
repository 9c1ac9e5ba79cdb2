"""The view of a share on a day: `see`, and `settle`, which tells if it is another one than before.

Both are pure. A view is made of what a table lets through (`lens.visible`), with the share's own ids, and says nothing
of what is left out: two plans that differ only in that give the same view, numbers and digests.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.plan_rules import LISTS
from ip_fhir.domain.sharing.ids import ids_of
from ip_fhir.domain.sharing.lens.copies import copied, renamed
from ip_fhir.domain.sharing.lens.cut import Cut, cut
from ip_fhir.domain.sharing.lens.index import index_of
from ip_fhir.domain.sharing.policy import terms_of
from ip_fhir.domain.sharing.share import ItemNumber, Share
from ip_fhir.domain.sharing.view import PlanView
from ip_fhir.domain.values.calendar import OSLO
from ip_fhir.domain.values.value import require

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Settled:
    """A share after it was looked at, and its new view; None if the participant would see the same as before."""

    share: Share
    view: PlanView | None


def see(plan: IndividualPlan, share: Share, on: date) -> PlanView:
    """Returns the plan as the share's participant may see it on the Norwegian day `on`.

    The view has the number of the share's last one, or 1. Raises `InvalidInput` if an argument is of another type, or
    (too-costly) if the consents name hundreds, each in another way.

    >>> from ip_fhir.domain.values.value import read
    >>> plan = read(IndividualPlan, '''{"id": "p", "created": "2026-01-12T08:40:00Z", "owner": {"id": "owner",
    ...     "name": {"family": "Testesen"}}, "organizations": [{"id": "school", "name": "Skolen", "kind": "school"}],
    ...     "needs": [{"id": "n1", "text": "Skyss", "area": "transport"}, {"id": "n2", "text": "Avlastning"}],
    ...     "team": {"id": "team", "memberships": [{"id": "m", "member": "school", "role": "service-provider"}]},
    ...     "consents": [{"id": "c", "kind": "sharing", "given_on": "2026-01-12", "access": "deny",
    ...         "provisions": [{"access": "permit", "areas": ["transport"]}]}]}''')
    >>> share = Share(id="s", plan="p", party="nordvik", organizations=["school"], key="00" * 32, began="2026-01-12")
    >>> view = see(plan, share, date(2026, 1, 12))
    >>> [need.text for need in view.plan.needs], [opening.area.value for opening in view.openings]
    (['Skyss'], ['transport'])
    """
    require(plan, IndividualPlan, "plan")
    require(share, Share, "share")
    return _view(_cut(plan, share, on), plan, share, max(share.number, 1), share.updated_on)


def remake(plan: IndividualPlan, share: Share, number: int, day: date) -> PlanView:
    """Returns the view `number` of a share again, from the version of the plan and the day that it was made of."""
    return _view(_cut(plan, share, day), plan, share, number, day)


def settle(before: tuple[IndividualPlan, date] | None, plan: IndividualPlan, share: Share, on: date) -> Settled:
    """Returns the share with its next view, if the participant sees something else on the day `on` than before.

    `before` are the plan and the day for which the share was last looked at, by the same organisations, level, ages and
    released parts; None if these have changed, or if no view was made: then the digest of the last view decides. The
    next view has the next number; that of an item is the number of the view in which it last changed, and without
    `before` each counts as changed.
    """
    changed = None if before is None else _changed_items(*before, plan, share, on)
    if changed is not None and not changed and share.digest is not None:
        return Settled(share, None)
    now = _cut(plan, share, on)
    if changed is None and before is not None:
        was = _cut(before[0], share, before[1])
        if was == now and share.digest is not None:
            return Settled(share, None)
        changed = _differing(was, now)
    number = share.number + 1
    view = _view(now, plan, share, number, on)
    digest = view.digest()
    if digest == share.digest:
        return Settled(share, None)
    changes = {
        "number": number,
        "digest": digest,
        "version": plan.version,
        "made_on": on,
        "updated_on": on,
        "numbers": tuple(_numbers(changed, now, share, number)),
    }
    return Settled(share.evolve(**changes), view)


def _changed_items(
    old: IndividualPlan, day: date, plan: IndividualPlan, share: Share, on: date
) -> Collection[str] | None:
    """Returns the ids of all that may have changed in the view; None if only two cuts can tell."""
    changes = index_of(plan).since(index_of(old))
    if changes.elsewhere or day != on:
        return None
    lets = terms_of(plan, share, on).policy.lets
    found = set()
    for ident, (name, before, now) in changes.items.items():
        if lets(before) != lets(now):
            return None
        if lets(now):
            found |= {ident, ident if name in _APART else plan.id}
    return found


def _cut(plan: IndividualPlan, share: Share, on: date) -> Cut:
    return cut(index_of(plan), share, terms_of(plan, share, on), on)


def _view(made: Cut, plan: IndividualPlan, share: Share, number: int, updated: date | None) -> PlanView:
    return PlanView(
        share=share.id,
        number=number,
        level=made.terms.policy.level,
        openings=made.terms.openings,
        holds_until=made.terms.holds_until,
        plan=_plan(made, plan, share, number, updated),
    )


def _plan(made: Cut, plan: IndividualPlan, share: Share, number: int, updated: date | None) -> IndividualPlan:
    """Returns the cut plan with the share's ids.

    It needs no check: each value was in a sound plan, whole or without what may be missing; references to goals that
    are left out are gone, and all who are referred to are there.
    """
    ids = ids_of(share)
    fields = {name: renamed(name, value, ids) for name, value in made.fields.items()}
    fields |= {"version": number, "created": start_of(share.began), "updated": updated and start_of(updated)}
    whole: IndividualPlan = copied(plan, {**_empty(), **fields})
    return whole


@lru_cache(maxsize=1)
def _empty() -> Mapping[str, Any]:
    """Returns the fields that a plan may lack, with their defaults."""
    return {name: info.default for name, info in IndividualPlan.model_fields.items() if not info.is_required()}


@lru_cache(maxsize=1024)
def start_of(day: date) -> datetime:
    """Returns the start of a Norwegian day, with zone.

    >>> start_of(date(2026, 7, 1)).isoformat()
    '2026-07-01T00:00:00+02:00'
    """
    return datetime.combine(day, time.min, tzinfo=OSLO)


def _numbers(changed: Collection[str] | None, now: Cut, share: Share, number: int) -> Iterator[ItemNumber]:
    """Yields for each item of the view, by its id there, the number of the view in which it last changed."""
    known = {} if changed is None else {one.id: one for one in share.numbers}
    ids = ids_of(share)
    for ident, _ in _resources(now):
        there = None if changed is None or ident in changed else known.get(ids[ident])
        yield there or ItemNumber(id=ids[ident], number=number)


def _differing(was: Cut, now: Cut) -> set[str]:
    """Returns the ids of all that differs between two cuts."""
    old = dict(_resources(was))
    return {ident for ident, content in _resources(now) if old.get(ident) is not content and old.get(ident) != content}


_APART = ("related_persons", "organizations", "professionals", "needs", "goals", "reviews")


def _resources(made: Cut) -> Iterator[tuple[str, Any]]:
    """Yields what has a number of its own, by its id in the plan: owner, team, each item, and the plan itself.

    The plan itself is all that stands in it: of owner, team, and the items that have a place of their own on every
    wire, only that they are there.
    """
    fields = made.fields
    rest = {name: value for name, value in fields.items() if name not in ("owner", "team", *_APART)}
    apart = {name: tuple(item.id for item in fields.get(name, ())) for name in _APART}
    yield fields["id"], (rest, apart, made.terms, "team" in fields)
    for whole in (fields["owner"], fields.get("team")):
        if whole is not None:
            yield whole.id, whole
    for name in LISTS:
        yield from ((item.id, item) for item in fields.get(name, ()))
