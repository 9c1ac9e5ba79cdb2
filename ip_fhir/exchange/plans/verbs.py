"""The deeds of our own people with plans: the methods that `Exchange` has for them, each with its author."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ip_fhir.domain.parties import OURS
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.sharing.case import PlanSide
from ip_fhir.domain.sharing.change import Change
from ip_fhir.domain.sharing.events import PlanEvent, PlanEventKind, PlanSource
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.view import PlanView
from ip_fhir.domain.values.aggregate import PLAN
from ip_fhir.domain.values.calendar import local_day
from ip_fhir.domain.values.value import require
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.access import deeds
from ip_fhir.exchange.access.log import Occasion, OurReader
from ip_fhir.exchange.commit import again_on_conflict
from ip_fhir.exchange.formats import PartialWriter
from ip_fhir.exchange.interactions.plan_changes import change, status
from ip_fhir.exchange.interactions.plan_versions import history, version
from ip_fhir.exchange.plans import rest
from ip_fhir.exchange.plans.around import surroundings
from ip_fhir.exchange.plans.commit import announce, apply, plan_change
from ip_fhir.exchange.plans.following import check_loop
from ip_fhir.exchange.plans.forecast import forecast, seen_by_party, seen_by_person, would_see
from ip_fhir.exchange.plans.restoration import restore
from ip_fhir.exchange.sending.running import Running
from ip_fhir.ports import ResourceVersion
from ip_fhir.ports.plans import keeps_plans
from ip_fhir.ports.readings import OUR_OWN

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from datetime import datetime

    from ip_fhir.domain.agreement import Agreement
    from ip_fhir.domain.consent.ages import ConsentAges
    from ip_fhir.domain.consent.protection import LocatingPart
    from ip_fhir.domain.effects import Effect
    from ip_fhir.domain.people import Organization, PlanOwner
    from ip_fhir.domain.referral import Author
    from ip_fhir.domain.sharing.case import SharedPlan
    from ip_fhir.domain.sharing.change import PartDecision
    from ip_fhir.domain.values.ids import PersonId
    from ip_fhir.exchange.interactions.plan_changes import Became, Wish
    from ip_fhir.exchange.interactions.search import Page
    from ip_fhir.exchange.interactions.versions import Versions
    from ip_fhir.exchange.peers import Credential
    from ip_fhir.exchange.plans.forecast import PlanForecast, Seen
    from ip_fhir.exchange.plans.known_views import Shown
    from ip_fhir.exchange.plans.rest import PlanCriteria
    from ip_fhir.exchange.sending.run_counts import PlanChange
    from ip_fhir.mapping import Mapper
    from ip_fhir.ports.plans import NameKind, PlanStore, PlanTransaction, StoredPlan
    from ip_fhir.ports.readings import ReadingWay

T = TypeVar("T")

_MOST_PLANS = 100

ASKED_BY_PEOPLE: Final = (PlanMessageKind.INVITATION, PlanMessageKind.HANDOVER, PlanMessageKind.PLAN_REQUEST)
"""The questions of a person to another party, who may be asked in words where a wire has no such message."""


class PlanVerbs(Running):
    """The part of `Exchange` that is about plans. Every verb that changes something returns the plan after it.

    They raise `InvalidInput` (not allowed, not known, incomplete), `Conflict` (an outdated version), `StoreError`.
    After an error nothing has changed. `by` is kept as evidence, never sent or logged.
    """

    # --- the holder's own people

    def save_plan(self, plan: IndividualPlan, *, by: Author, referral: str | None = None) -> SharedPlan:
        """Save a plan: a new one, or the next version of one that is here.

        `plan.version` is the version that it was changed from; what is saved has the next one. Saving what is there
        changes nothing. Every share whose view changes gets its next view. `referral` is the key of the loop that a new
        plan comes of, about the same person.

        Raises `Conflict` if another version was saved meanwhile, and `InvalidInput` if the plan is a view of somebody
        else's, or there is no such loop.
        """
        require(plan, IndividualPlan, "plan")
        return self._do(plan.id, PlanEventKind.SAVE, by, plan=plan, based_on=plan.version, referral=referral)

    def share(
        self,
        plan_id: str,
        party: str,
        *,
        by: Author,
        person: str | None = None,
        released: Collection[LocatingPart] = (),
    ) -> SharedPlan:
        """Begin to share a plan with a party of the settings, or begin again: it gets its view.

        `person` is the id in the plan of the one person it is for, where the party keeps its people apart. `released`
        are parts that lead to a person with a protected address and go along to this party. Shared with our own party
        (`OURS`), it is not sent: our own people are shown the view.
        """
        if party != OURS:
            self._context.peers.party(party)
        return self._do(plan_id, PlanEventKind.SHARE, by, to_party=party, person=person, parts=tuple(released))

    def release(self, share_id: str, parts: Collection[LocatingPart], *, by: Author) -> SharedPlan:
        """Let these parts of a protected address, and no others, go to the participant of a share."""
        plan_id = self._plan_of("share", share_id)
        return self._do(plan_id, PlanEventKind.RELEASE, by, share=share_id, parts=tuple(parts))

    def end_share(self, share_id: str, *, by: Author, reason: str | None = None) -> SharedPlan:
        """End a share: its participant is told to use the view no longer."""
        return self._do(self._plan_of("share", share_id), PlanEventKind.END_SHARE, by, share=share_id, text=reason)

    def answer_change(self, change_id: str, decisions: Sequence[PartDecision], *, by: Author) -> SharedPlan:
        """Accept or decline parts of a participant's change that wait for a person; it is answered, with the new view.

        Parts that are not named go on waiting.
        """
        plan_id = self._plan_of("change", change_id)
        return self._do(plan_id, PlanEventKind.DECIDE, by, about=change_id, decisions=tuple(decisions))

    def invite(self, plan_id: str, membership_id: str, *, by: Author) -> SharedPlan:
        """Invite the party of a proposed membership, which may accept or decline it."""
        return self._do(plan_id, PlanEventKind.INVITE, by, membership=membership_id)

    def hand_over(self, plan_id: str, party: str, *, by: Author, reason: str | None = None) -> SharedPlan:
        """Offer the plan to another holder, with its shares and undecided changes. Ours it stays until they accept."""
        self._context.peers.party(party)
        return self._do(plan_id, PlanEventKind.HAND_OVER, by, to_party=party, text=reason)

    def answer_request(self, request_id: str, grants: bool, *, by: Author, reason: str | None = None) -> SharedPlan:
        """Grant or refuse a party's question for a plan: granted, a share begins."""
        plan_id = self._plan_of("request", request_id)
        return self._do(plan_id, PlanEventKind.ANSWER_REQUEST, by, about=request_id, accepts=grants, text=reason)

    # --- a participant's own people

    def change_plan(self, wanted: PlanView, *, by: Author, text: str | None = None, whole: bool = True) -> SharedPlan:
        """Ask the holder for a change: `wanted` is the view that we have, as we want it, with its number.

        With `whole`, a part of the view that is missing in `wanted` was taken out; else it is unchanged.
        """
        require(wanted, PlanView, "wanted")
        now = self._context.clock.now()

        def event(before: SharedPlan) -> dict[str, Any]:
            copy = before.copy_of(wanted.share)
            held = copy.view if copy is not None else None
            base = held if held is not None and held.number == wanted.number else None
            change = Change(
                id=deeds.new_id("change"),
                share=wanted.share,
                base=wanted.number,
                digest=base.digest() if base is not None else None,
                wanted=wanted.plan,
                whole=whole,
                text=text,
                made=now,
                by=by,
            )
            return {"share": wanted.share, "change": change, "about": change.id}

        return self._do(wanted.plan.id, PlanEventKind.CHANGE, by, source=PlanSource.PARTICIPANT, more=event)

    def answer_invitation(
        self, invitation_id: str, accepts: bool, *, by: Author, reason: str | None = None
    ) -> SharedPlan:
        """Accept or decline an invitation to take part; at the holder, a no takes it back."""
        plan_id = self._plan_of("invitation", invitation_id)
        given: dict[str, Any] = {"about": invitation_id, "accepts": accepts, "text": reason}
        return self._do(plan_id, PlanEventKind.ANSWER_INVITATION, by, more=_by_side, **given)

    def answer_handover(self, handover_id: str, accepts: bool, *, by: Author, reason: str | None = None) -> SharedPlan:
        """Accept a plan that is handed over to us, or decline it; at the holder, a no takes the offer back."""
        plan_id = self._plan_of("handover", handover_id)
        given: dict[str, Any] = {"about": handover_id, "accepts": accepts, "text": reason}
        return self._do(plan_id, PlanEventKind.ANSWER_HANDOVER, by, more=_by_side, **given)

    def ask_for_plan(self, owner: PlanOwner, party: str, *, by: Author, reason: str | None = None) -> SharedPlan:
        """Ask a party for the plan about a person. A no is not sent: when our own clock runs out, we are told."""
        self._context.peers.party(party)
        ident = deeds.new_id("request")
        given: dict[str, Any] = {"about": ident, "to_party": party, "owner": owner, "text": reason}
        return self._do(ident, PlanEventKind.REQUEST, by, source=PlanSource.PARTICIPANT, **given)

    # --- anybody

    def restore(self, *, by: Author) -> Iterator[SharedPlan]:
        """Mark every plan after a backup of the store was put back. See `plans.restoration`."""
        yield from restore(self._context, self._plans(), by)
        self._active(None)

    def plan(self, plan_id: str) -> SharedPlan:
        """The plan as this side has it. Raises `InvalidInput` (not-found)."""
        stored = self._plans().shared_plan(plan_id)
        if stored is None:
            raise _unknown("plan", plan_id)
        return stored.plan

    def plan_of(self, person: PersonId) -> tuple[SharedPlan, ...]:
        """The plans about a person that this side holds or has copies of; those that are over come last."""
        store = self._plans()
        found = [store.shared_plan(plan_id) for plan_id in store.plans_about(str(person), _MOST_PLANS)]
        return tuple(sorted((one.plan for one in found if one is not None), key=lambda plan: plan.over))

    def parties(self) -> dict[str, Organization]:
        """The enterprises of all parties by their names in the settings; our own first."""
        return self._context.enterprises()

    @property
    def agreements(self) -> tuple[Agreement, ...]:
        """The agreements of this side, as the settings have them."""
        return self._context.agreements

    @property
    def mapper(self) -> Mapper:
        """The mapper by which this side reads and writes, with the site's own rows."""
        return self._context.mapper

    @property
    def ages(self) -> ConsentAges:
        """The ages by which consents and mandates count among our own people."""
        return self._context.agreement_between_us_and(None).ages

    def addresses(self) -> dict[str, str]:
        """The addresses on the wire of all parties by their names in the settings; our own first."""
        return {OURS: self._context.url} | {peer.name: peer.endpoint.url for peer in self._context.peers}

    def forecast(
        self, plan_id: str, plan: IndividualPlan | None = None, begin: Collection[str] | None = None
    ) -> PlanForecast:
        """The views that participants would have now, or if `plan` were saved. Nothing is written: see `forecast`."""
        with self._plans().begin() as tx:
            before = tx.load_plan(plan_id)
            if before is None and plan is None:
                raise _unknown("plan", plan_id)
            stored = before.plan if before is not None else None
            return forecast(stored, plan, partial(surroundings, self._context, tx), self.now(), begin)

    def seen_as(self, case: SharedPlan, who: str) -> Seen:
        """The view that a party of the settings has of a plan that we hold, or somebody whom the plan names by this id.

        Of a party with which nothing is shared, what it would see. Nothing is written. Raises `InvalidInput` if another
        side holds the plan, nobody is called so, or they may see nothing, and `ConsentRefused`.
        """
        on = local_day(self.now())
        if case.plan is None:
            raise InvalidInput.at("plan", f"{case.holder or 'another side'} holds it", "business-rule")
        if (found := seen_by_person(case.plan, who, on, self.ages)) is not None:
            return found
        if who not in self.parties():
            reason = f"is one of {', '.join(self.parties())}, or the id of the person or a relative in the plan"
            raise InvalidInput.at("as", reason, "not-found")
        return seen_by_party(case, case.plan, who, on) or would_see(self.forecast(case.id, begin=[who]), who)

    def note_read(self, plan_id: str, number: int, by: Author, way: ReadingWay = "read") -> None:
        """Record that one of our own people is about to be shown a plan, or a view of it, by its number.

        Raises `StoreError` if it cannot be recorded: then it is not to be shown.
        """
        now = self.now()
        shown = ResourceVersion("CarePlan", plan_id, number, {}, now, plan_id, aggregate_kind=PLAN)
        self._context.reads.read(Occasion(self._context.store, now), OurReader(OURS, by.id), shown, OUR_OWN, way)

    # --- other parties, over REST

    @property
    def serves_plans(self) -> bool:
        """True if the store keeps plans, so that other parties may read and search their views."""
        return keeps_plans(self._context.store)

    def read_plan_resource(self, peer: Credential, type_: str, id_: str, share: str | None = None) -> ResourceVersion:
        """See `ip_fhir.exchange.plans.rest.read`."""
        return rest.read(self._context, peer, type_, id_, share)

    def plan_view(self, peer: Credential, plan_id: str, share: str | None = None) -> Shown:
        """See `ip_fhir.exchange.plans.rest.view`."""
        return rest.view(self._context, peer, plan_id, share)

    def search_plans(
        self, peer: Credential, type_: str, criteria: PlanCriteria, most: int = 100, cursor: str | None = None
    ) -> Page:
        """See `ip_fhir.exchange.plans.rest.search`."""
        return rest.search(self._context, peer, type_, criteria, most, cursor)

    def plan_resource_version(
        self, peer: Credential, type_: str, id_: str, number: int, share: str | None = None
    ) -> ResourceVersion:
        """See `ip_fhir.exchange.interactions.plan_versions.version`."""
        return version(self._context, peer, (type_, id_), number, share)

    def plan_resource_history(
        self,
        peer: Credential,
        type_: str,
        id_: str,
        most: int = 100,
        before: int | None = None,
        since: datetime | None = None,
        share: str | None = None,
    ) -> Versions:
        """See `ip_fhir.exchange.interactions.plan_versions.history`."""
        return history(self._context, peer, (type_, id_), most, before, since, share)

    def change_plan_resources(self, peer: Credential, wishes: Sequence[Wish], share: str | None = None) -> Became:
        """See `ip_fhir.exchange.interactions.plan_changes.change`."""
        return self._active(change(self._context, peer, wishes, share))

    def plan_change_status(self, peer: Credential, plan_id: str, change_id: str) -> Became:
        """See `ip_fhir.exchange.interactions.plan_changes.status`."""
        return status(self._context, peer, plan_id, change_id)

    # --- the way of each verb

    def _do(
        self,
        plan_id: str,
        kind: PlanEventKind,
        by: Author,
        *,
        source: PlanSource = PlanSource.HOLDER,
        more: Callable[[SharedPlan], dict[str, Any]] | None = None,
        **given: Any,
    ) -> SharedPlan:
        store, now = self._plans(), self._context.clock.now()
        made = PlanEvent(id=deeds.new_id("event"), kind=kind, at=now, raised_by=source, by=by, **given)

        def once() -> tuple[SharedPlan, PlanChange]:
            with deeds.begin(store, now) as tx:
                before = self._before(tx, plan_id, kind)
                deeds.require_revision(before.plan.content_version if before is not None else None)
                if made.referral is not None and made.plan is not None:
                    check_loop(tx, made.referral, made.plan)
                event = made if more is None or before is None else made.evolve(**more(before.plan))
                decision = apply(self._context, tx, before, event, now)
                for effect in decision.effects:
                    self._check_carried(effect)
            return decision.plan, plan_change(before, decision)

        after, moved = self._active(again_on_conflict(once))
        announce(self._context, kind, moved)
        return after

    def _check_carried(self, effect: Effect) -> None:
        """Refuse to ask a party over a wire that has no such message: a person must ask it in words."""
        kind = effect.plan_message
        if kind not in ASKED_BY_PEOPLE or effect.party in (None, OURS):
            return
        wire = self._context.peers.party(effect.party).adapter.format
        writer = self._context.formats.writer(wire)
        if isinstance(writer, PartialWriter) and not writer.carries(kind):
            reason = f"{effect.party} is reached over {wire}, which has no {kind}: a person must ask them in words"
            raise InvalidInput.at("party", reason, "not-supported")

    def _before(self, tx: PlanTransaction, plan_id: str, kind: PlanEventKind) -> StoredPlan | None:
        before = tx.load_plan(plan_id)
        if before is None and kind not in (PlanEventKind.SAVE, PlanEventKind.REQUEST):
            raise _unknown("plan", plan_id)
        return before

    def _plan_of(self, kind: NameKind, ident: str) -> str:
        with self._plans().begin() as tx:
            found = tx.plan_named(kind, ident)
        if found is None:
            raise _unknown(kind, ident)
        return found

    def _plans(self) -> PlanStore:
        store = self._context.store
        if not keeps_plans(store):
            raise InvalidInput.at("store", "this store keeps loops only, and no plans", "not-supported")
        return store


def _by_side(before: SharedPlan) -> dict[str, Any]:
    """Return who raises an event of ours that either side may raise."""
    return {"raised_by": PlanSource.HOLDER if before.side is PlanSide.HOLDER else PlanSource.PARTICIPANT}


def _unknown(kind: str, ident: str) -> InvalidInput:
    return InvalidInput.at(kind, f"there is none with the id {ident} here", "not-found")
