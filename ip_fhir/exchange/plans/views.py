"""The views that the parties of a credential have of plans held here, as FHIR resources.

A view is made of the plan as it is, after the plan's clocks were applied. Nothing of it depends on what is left out:
the version of a resource is the number of the view in which it last changed, its time the first day of the newest view.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final

from ip_fhir.domain.consent.protection import EVERY_PART, is_strictly_confidential, protected_persons
from ip_fhir.domain.sharing.case import PlanSide
from ip_fhir.domain.sharing.ids import share_tag, tag_in
from ip_fhir.domain.sharing.policy import policy_of
from ip_fhir.domain.sharing.see import remake, see, start_of
from ip_fhir.domain.sharing.share import EndReason
from ip_fhir.domain.values.calendar import local_day
from ip_fhir.errors import InvalidInput, NotYet
from ip_fhir.exchange.plans.due import up_to_date
from ip_fhir.exchange.plans.known_views import Shown
from ip_fhir.mapping.sharing.view import written_view
from ip_fhir.ports.plans import keeps_plans

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.case import SharedPlan
    from ip_fhir.domain.sharing.share import Share
    from ip_fhir.domain.sharing.view import PlanView
    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.peers import Credential
    from ip_fhir.mapping.sharing.resources import WrittenResource
    from ip_fhir.ports.plans import NameKind, PlanStore

_MOST_PLANS: Final = 20  # plans about one person, or with one id of the party's own, that are looked through
_SEVERAL: Final = "several views are meant: name the share, as share=ID"


class HeldElsewhere(InvalidInput):
    """The plan was handed over: the party asks the new holder from now on."""

    @property
    def status(self) -> int:
        """The HTTP status 410."""
        return 410


@dataclass(frozen=True, slots=True)
class Answer:
    """The plan that a request is about, by its id, and the view of it that the party has; None: there is none.

    Without `plan_id` there is no such plan: what was asked for may be anything, a person's number too.

    `gone` is the error to tell where the party's share went to a new holder with the plan.
    """

    plan_id: str | None = None
    shown: Shown | None = None
    gone: HeldElsewhere | None = None


class Views:
    """The views of the parties of one credential at one moment (UTC).

    `share` is the id of the share that the request names. Where a party's system keeps its people apart, each request
    names one: by this, or by the id of a resource in its view. Every method raises `InvalidInput` (required: it must
    name a share; multiple-matches: several shares are meant), `NotYet` (the view is not given out before the two sides
    have compared what they hold), `StoreError`.
    """

    def __init__(self, context: Context, peer: Credential, now: datetime, share: str | None = None) -> None:
        self._context, self._peer, self._now = context, peer, now
        self._day = local_day(now)
        self._share = share

    def of_plan(self, plan_id: str) -> Answer:
        """The view of the plan with this id."""
        self._require_share()
        return self._answer(plan_id, self._is_meant)

    def of_item(self, ident: str) -> Answer:
        """The view that has a resource with this id, which says whose it is, or was given by the party itself."""
        tag = tag_in(ident)
        if tag is None:
            return self._of_given(ident)
        plan_id = self._plan_named("tag", tag)
        return self._answer(plan_id, lambda share: share_tag(share.key) == tag and self._is_meant(share))

    def _of_given(self, ident: str) -> Answer:
        """The view to which the party has added something with this id. The same id may stand in several."""
        self._require_share()
        answers = [
            self._answer(plan_id, lambda share: self._is_meant(share) and _gave(share, ident))
            for plan_id in self._plans_given(ident)
        ]
        shown = [answer for answer in answers if answer.shown is not None]
        if len(shown) > 1:
            raise InvalidInput.at("share", _SEVERAL, "multiple-matches")
        return next(iter((*shown, *answers)), Answer())

    def _plans_given(self, ident: str) -> list[str]:
        """The plans to which the party may have added something with this id: that of its share, if it names one."""
        if self._share is not None:
            named = self._plan_named("share", self._share)
            return [] if named is None else [named]
        if (store := self._store()) is None:
            return []
        with store.begin() as tx:
            found = [tx.plans_given(party, ident, _MOST_PLANS) for party in sorted(self._peer.speaks_as)]
        return list(dict.fromkeys(chain.from_iterable(found)))

    def of_share(self, share_id: str) -> Answer:
        """The view of this share."""
        plan_id = self._plan_named("share", share_id)
        return self._answer(plan_id, lambda share: share.id == share_id and self._is_meant(share))

    def of_person(self, number: str) -> list[Answer]:
        """The views of the plans about the person with this number; those that are over come last."""
        self._require_share()
        store = self._store()
        found = store.plans_about(number, _MOST_PLANS) if store is not None else []
        return [self._answer(plan_id, self._is_meant) for plan_id in found]

    def earlier(self, share: Share, number: int, *, dated: bool = True) -> Shown | None:
        """The view with this number, made again as it was given; None if it cannot be, or shows what is closed by now.

        None is given about somebody with a strictly confidential address. Its resources have no versions yet. Unless
        `dated`, it has neither its number nor its day, and equals others that differ in nothing else.
        """
        store, plan = self._store(), self._load(share.plan)
        if store is None or plan is None or plan.plan is None or is_strictly_confidential(plan.plan):
            return None
        found = made_again(store, share, number)
        view = self._still_open(plan.plan, share, found) if found is not None else None
        if view is None or view.plan.updated is None:
            return None
        updated = view.plan.updated
        if not dated:
            view = view.evolve(number=1, plan=view.plan.evolve(version=1, updated=None))
        written = written_view(view, self._context.mapper.compiled, EVERY_PART, share.kept)
        return Shown(self._context.url, share.plan, share, number, updated, tuple(written))

    # --- which view

    def _require_share(self) -> None:
        """Refuse a request that names no share, by the settings alone."""
        apart = {peer.name for peer in self._context.peers if peer.by_person}
        if self._share is None and apart.intersection(self._peer.speaks_as):
            reason = "your people are kept apart: name the share, as share=ID"
            raise InvalidInput.at("share", reason, "required")

    def _is_meant(self, share: Share) -> bool:
        return self._share in (None, share.id)

    def _plan_named(self, kind: NameKind, ident: str) -> str | None:
        if (store := self._store()) is None:
            return None
        with store.begin() as tx:
            return tx.plan_named(kind, ident)

    def _answer(self, plan_id: str | None, meant: Callable[[Share], bool]) -> Answer:
        plan = self._load(plan_id) if plan_id is not None else None
        if plan is None:
            return Answer()
        shares = [one for one in plan.shares if one.party in self._peer.speaks_as and meant(one)]
        if plan.side is not PlanSide.HOLDER or plan.plan is None:
            return Answer(plan_id, gone=self._gone(plan, shares))
        shares = [one for one in shares if one.goes_on and one.number > 0]
        if len(shares) > 1:
            raise InvalidInput.at("share", _SEVERAL, "multiple-matches")
        return Answer(plan_id, self._known(plan.plan, shares[0]) if shares else None)

    def _gone(self, plan: SharedPlan, shares: list[Share]) -> HeldElsewhere | None:
        """The new holder, for a party whose share went there."""
        if all(share.end_reason is not EndReason.HANDED_OVER for share in shares):
            return None
        known = (peer.organizations[0].name for peer in self._context.peers if peer.name == plan.holder)
        told = ": ".join(("another side holds this plan now", *known))
        return HeldElsewhere.at("CarePlan", told, "not-found")

    def _require_given(self, share: Share) -> None:
        """Raise `NotYet` for a share of which nothing is given out for now."""
        if not share.in_step:
            reason = "nothing is given out before what both sides hold has been compared: try again later"
            raise NotYet.at("share", reason, "conflict")

    def _load(self, plan_id: str) -> SharedPlan | None:
        """The plan after its clocks were applied: the day may have turned, or the settings have changed."""
        store = self._store()
        stored = store.shared_plan(plan_id) if store is not None else None
        if store is None or stored is None:
            return None
        return up_to_date(self._context, store, stored.plan, self._now)

    def _store(self) -> PlanStore | None:
        store = self._context.store
        return store if keeps_plans(store) else None

    # --- what is in it

    def _known(self, content: IndividualPlan, share: Share) -> Shown | None:
        self._require_given(share)
        return self._context.views.get(content, share, self._day, lambda: self._shown(content, share))

    def _shown(self, content: IndividualPlan, share: Share) -> Shown | None:
        """The view as it is today; about somebody with a strictly confidential address the last one let go."""
        if is_strictly_confidential(content):
            view = self._last_let_go(content, share)
        else:
            view = see(content, share, self._day)
        if view is None:
            return None
        updated = start_of(share.updated_on or share.began)
        return Shown(self._context.url, share.plan, share, view.number, updated, self._resources(share, view))

    def _last_let_go(self, content: IndividualPlan, share: Share) -> PlanView | None:
        """The last view that somebody let go, about a person with a strictly confidential address.

        None if there was none, or if it shows anything that is closed or protected by now: that is not given once more.
        """
        store = self._store()
        found = acknowledged_view(store, share) if store is not None else None
        return self._still_open(content, share, found) if found is not None else None

    def _still_open(
        self, content: IndividualPlan, share: Share, found: tuple[PlanView, IndividualPlan]
    ) -> PlanView | None:
        """An earlier view, made from that version of the plan; None if it shows what is closed or protected by now."""
        view, plan = found
        now = policy_of(content, share, self._day)
        shown = {opening.area for opening in view.openings}
        open_ = {*now.areas, *((None,) if now.general else ())}
        reached = protected_persons(content) <= protected_persons(plan)
        return view if shown <= open_ and reached else None

    def _resources(self, share: Share, view: PlanView) -> tuple[WrittenResource, ...]:
        """The resources of a view, each with its version: the greatest number of what stands in it.

        What has no number, being the party's own, has that of the view; none has a higher one than the view.
        """
        written = written_view(view, self._context.mapper.compiled, EVERY_PART, share.kept)
        versions = {one.id: one.number for one in share.numbers}
        apart = {one.id for one in written[:-1]}
        root = [number for ident, number in versions.items() if ident not in apart]
        versions[share.plan] = max(root, default=view.number)
        for one in written:
            one.number(min(versions.get(one.id, view.number), view.number))
        return tuple(written)


def _gave(share: Share, ident: str) -> bool:
    """True if the participant has added something with this id."""
    return any(pair.view == ident for pair in share.book)


def acknowledged_view(store: PlanStore, share: Share) -> tuple[PlanView, IndividualPlan] | None:
    """Return the last view that the participant acknowledged, made again, and the version that it was made from.

    None if there is none, if a purge took it out, or if it cannot be made as it was: the share's terms are others now.
    """
    return made_again(store, share, share.acknowledged)


def made_again(store: PlanStore, share: Share, number: int) -> tuple[PlanView, IndividualPlan] | None:
    """Return the view with a number, made again, and the version that it was made from. None as `acknowledged_view`."""
    if number == 0:
        return None
    with store.begin() as tx:
        made = tx.view_made(share.id, number)
        version = tx.plan_version(share.plan, made.version) if made is not None else None
    if made is None or version is None:
        return None
    view = remake(version.plan, share, made.number, made.day)
    return (view, version.plan) if view.digest() == made.digest else None
