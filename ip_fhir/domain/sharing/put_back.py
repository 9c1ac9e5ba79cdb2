"""The way back of a view: `put_back` applies to the plan what a participant wants otherwise in its view.

It keeps these laws, where `see` and `put_back` are of one share and day, and but for the order of lists, which is the
holder's:

    see(put_back(v, p)) == v                              for every v that is taken, without actors that nothing names
    put_back(see(p), p) == p
    put_back(v2, put_back(v1, p)) == put_back(v2, p)      where v1 adds nothing and both are taken
    hidden(put_back(v, p)) == hidden(p)                   what is hidden stays as it was

Two plans that are alike for the participant give it the same: a change is refused by what it says, the view that it was
made on and today's view, and in the same words. `HiddenClash` alone depends on what is hidden, and is not for its eyes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ip_fhir.domain.merge.difference import ChangeKind, difference
from ip_fhir.domain.merge.places import by_id
from ip_fhir.domain.merge.three_way import merge
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.plan_rules import LISTS
from ip_fhir.domain.sharing.ids import added_id, ids_of
from ip_fhir.domain.sharing.lens.copies import renamed
from ip_fhir.domain.sharing.lens.refusals import (
    CHANGED_MEANWHILE,
    CLOSED_FIELD,
    NOT_IN_VIEW,
    HiddenClash,
    ViewRefused,
    lost,
    refusals,
    refused,
    turned,
)
from ip_fhir.domain.sharing.lens.wanted import filled, trimmed
from ip_fhir.domain.sharing.policy import terms_of
from ip_fhir.domain.sharing.see import see
from ip_fhir.domain.sharing.share import IdPair, Share
from ip_fhir.domain.team import CareTeam
from ip_fhir.domain.values.value import require
from ip_fhir.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from ip_fhir.domain.merge.difference import Change
    from ip_fhir.domain.plan import Measure


@dataclass(frozen=True, slots=True)
class PutBack:
    """The plan after a participant's change, and its share with the ids of what it added. Neither has a new number."""

    plan: IndividualPlan
    share: Share


def put_back(
    wanted: IndividualPlan,
    share: Share,
    plan: IndividualPlan,
    on: date,
    *,
    whole: bool = False,
    base: IndividualPlan | None = None,
) -> PutBack:
    """Returns the plan with what is otherwise in `wanted` than in the view of the share on the Norwegian day `on`.

    `wanted` has the ids of the view. `whole`: a part that is missing in it was taken out; else it is unchanged. `base`
    is the view that `wanted` was made on, if that is not the view of that day; what differs between the two is applied.
    Version and days of `wanted` are not looked at. Actors that nothing in `wanted` names stay in the plan as they are.

    Raises `ViewRefused`, with all such parts, if any cannot be taken; `HiddenClash` if the change cannot stand beside
    what is hidden from its author, who is told that it is proposed; `InvalidInput` if the arguments do not fit.

    >>> from datetime import date
    >>> from ip_fhir.domain.values.value import read
    >>> plan = read(IndividualPlan, '''{"id": "p", "created": "2026-01-12T08:40:00Z", "owner": {"id": "owner",
    ...     "name": {"family": "Testesen"}}, "organizations": [{"id": "school", "name": "Skolen", "kind": "school"}],
    ...     "needs": [{"id": "n1", "text": "Skyss"}, {"id": "n2", "text": "Avlastning"}],
    ...     "team": {"id": "team", "memberships": [{"id": "m", "member": "school", "role": "service-provider"}]},
    ...     "consents": [{"id": "c", "kind": "sharing", "given_on": "2026-01-12"}]}''')
    >>> share = Share(id="s", plan="p", party="nordvik", organizations=["school"], key="00" * 32, began="2026-01-12")
    >>> today = date(2026, 1, 12)
    >>> view = see(plan, share, today).plan
    >>> wanted = view.evolve(needs=(view.needs[0].evolve(text="Drosje"),))
    >>> [need.text for need in put_back(wanted, share, plan, today).plan.needs]
    ['Drosje', 'Avlastning']
    """
    require(wanted, IndividualPlan, "wanted")
    view = see(plan, share, on).plan
    wanted = _on_view(wanted, view if base is None else base, view, whole=whole)
    changes = difference(view, wanted)
    policy = terms_of(plan, share, on).policy
    if parts := tuple(refusals(changes, wanted, share, policy)):
        raise ViewRefused(parts)
    way = _Way(plan, share, view, wanted, changes)
    made, after = way.plan_after(), way.share_after()
    if terms_of(made, after, on).policy != policy:
        raise ViewRefused(turned(changes))
    if parts := tuple(lost(trimmed(wanted), see(made, after, on).plan)):
        raise ViewRefused(parts)
    try:
        return PutBack(made.evolve(), after)
    except InvalidInput as error:
        raise HiddenClash(error.problems) from None


def _on_view(wanted: IndividualPlan, base: IndividualPlan, view: IndividualPlan, *, whole: bool) -> IndividualPlan:
    """Returns the view of the day as it is wanted: with what differs between `base` and `wanted`."""
    if not wanted.id == base.id == view.id:
        raise ViewRefused([refused("id", None, CLOSED_FIELD)])
    if not whole:
        wanted = filled(wanted, base)
    if base is not view:
        merged = merge(base, wanted, view)
        if merged.conflicts:
            raise ViewRefused(
                refused(one.field, one.id, NOT_IN_VIEW if one.theirs is None else CHANGED_MEANWHILE)
                for one in merged.conflicts
            )
        wanted = merged.plan
    return wanted.evolve(version=view.version, created=view.created, updated=view.updated)


class _Way:
    """The way back of changes that are taken: from the ids of a view to those of the plan."""

    def __init__(
        self,
        plan: IndividualPlan,
        share: Share,
        view: IndividualPlan,
        wanted: IndividualPlan,
        changes: Sequence[Change],
    ) -> None:
        ids = ids_of(share)
        self._plan, self._share, self._changes = plan, share, changes
        self._added = [str(change.id) for change in changes if change.kind is ChangeKind.ADDED]
        self._back = {ids[ident]: ident for ident in _idents(plan)}
        self._back |= {ident: added_id(share, ident) for ident in self._added}
        self._shown_goals = {self._back[goal.id] for goal in view.goals}
        self._wanted = {name: renamed(name, getattr(wanted, name), self._back) for name in _RENAMED}

    def share_after(self) -> Share:
        """Returns the share with the ids that the participant gave."""
        if not self._added:
            return self._share
        pairs = (IdPair(view=ident, plan=self._back[ident]) for ident in self._added)
        return self._share.evolve(book=(*self._share.book, *pairs))

    def plan_after(self) -> IndividualPlan:
        """Returns the plan with the changes. It is not checked if it is sound as a whole."""
        values = {}
        for name in dict.fromkeys(change.field.partition(".")[0] for change in self._changes):
            values[name] = self._wanted[name]
            if name in LISTS:
                values[name] = self._items(name, getattr(self._plan, name), self._wanted[name])
            elif name == "team" and self._plan.team is not None:
                values[name] = self._team(self._plan.team, self._wanted[name])
        return self._plan.model_copy(update=values)

    def _team(self, team: CareTeam, wanted: CareTeam) -> CareTeam:
        """Returns the team with the changes to it and to its memberships."""
        own = {change.field.removeprefix("team.") for change in self._changes if change.field.startswith("team.")}
        fields = {name: getattr(wanted, name) for name in own & CareTeam.model_fields.keys()}
        return team.evolve(
            **{**fields, "memberships": self._items("team.memberships", team.memberships, wanted.memberships)}
        )

    def _items(self, name: str, items: Sequence[Any], wanted: Sequence[Any]) -> tuple[Any, ...]:
        """Returns the plan's items of one list with the changes, in their order, and after them those added."""
        given = by_id(wanted)
        fields: dict[str, dict[str, Any]] = {}
        added = []
        for change in self._changes:
            ident = self._back.get(str(change.id), "")
            place, _, field = change.field.rpartition(".")
            if change.kind is ChangeKind.ADDED and change.field == name:
                added.append(given[ident])
            elif change.kind is ChangeKind.CHANGED and place == name:
                fields.setdefault(ident, {})[field] = getattr(given[ident], field)
        for measure in items if name == "measures" else ():
            if "goals" in fields.get(measure.id, {}):
                fields[measure.id]["goals"] += self._hidden_goals(measure)
        return (*(item.evolve(**fields[item.id]) if item.id in fields else item for item in items), *added)

    def _hidden_goals(self, measure: Measure) -> tuple[str, ...]:
        return tuple(ident for ident in measure.goals if ident not in self._shown_goals)


_RENAMED = tuple(name for name in IndividualPlan.model_fields if name not in ("id", "author", "replaces"))


def _idents(plan: IndividualPlan) -> Iterator[str]:
    """Yields every id in the plan but its own."""
    yield plan.owner.id
    for name in LISTS:
        yield from (item.id for item in getattr(plan, name))
    if plan.team is not None:
        yield plan.team.id
        yield from (place.id for place in plan.team.memberships)
        yield from (place.id for place in plan.team.coordinators)
