"""A resource of a view that its party changes over REST: a change of the plan, decided as one that came by message.

It is made on the view that the party has today, and has its effect once: the same again is the same change. Its author
is not sent an answer, and asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from uuid import NAMESPACE_URL, uuid5

from ip_fhir.domain.sharing.change import Change, Outcome
from ip_fhir.domain.sharing.events import PlanEvent, PlanEventKind, PlanSource
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.commit import again_on_conflict
from ip_fhir.exchange.plans import rest
from ip_fhir.exchange.plans.commit import announce, apply, plan_change
from ip_fhir.exchange.refusals import Arrival, refusals_kept
from ip_fhir.exchange.rest import check_body
from ip_fhir.fhir.bundle import BundleContent
from ip_fhir.mapping.sharing.kept import kept_in
from ip_fhir.mapping.sharing.view import find_cut, read_cut
from ip_fhir.ports.plans import keeps_plans

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.domain.sharing.change import KeptChange
    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.peers import Credential
    from ip_fhir.exchange.plans.known_views import Shown
    from ip_fhir.exchange.sending.run_counts import PlanChange
    from ip_fhir.ports import JsonObject, ResourceVersion

_WAITING: Final = (Outcome.PROPOSED, Outcome.CONFLICT)
_NO_CHANGE: Final = "no change of yours has this id"


@dataclass(frozen=True, slots=True)
class Wish:
    """A change of one resource as it is asked for: the version it was made from, what it makes of the resource.

    `content` is what was sent. With `whole`, an element that is missing was taken out; else it is unchanged.
    """

    type: str
    id: str
    based_on: int
    make: Callable[[JsonObject], JsonObject]
    content: bytes
    whole: bool


@dataclass(frozen=True, slots=True)
class Became:
    """The state of a change; `plan_id` is the id of the plan, `resource` as the party sees it now, None if not."""

    plan_id: str
    kept: KeptChange
    resource: ResourceVersion | None = None

    @property
    def waits(self) -> bool:
        """True if something of it waits for a person."""
        return any(one.outcome in _WAITING for one in self.kept.decisions)


def change(context: Context, peer: Credential, wish: Wish, share: str | None = None) -> Became:
    """Change a resource of the view that the party has. `share` is the id of the share that the request names.

    Raises `InvalidInput` (not-found; conflict: it has changed since; invariant, structure, ...: what it makes is no
    such resource; and why the change is not taken at all), and as `plans.rest.read`. A refusal is recorded by digest
    and reason, but for not-found and conflict.
    """
    with refusals_kept(context, Arrival.of(peer, wish.content), but=("conflict", "not-found")):
        shown, current = rest.found(context, peer, wish.type, wish.id, share, "update")
        if current.version != wish.based_on:
            raise InvalidInput.at(f"{wish.type}.meta.versionId", "it has changed since", "conflict")
        body = wish.make(current.body)
        check_body(wish.type, wish.id, body)
        kept = _decided(context, shown, _event(context, shown, wish, body))
    try:
        now = rest.read(context, peer, wish.type, wish.id, share)
    except InvalidInput:  # the change took it out of the view
        now = None
    return Became(shown.plan_id, kept, now)


def status(context: Context, peer: Credential, plan_id: str, change_id: str) -> Became:
    """The state of a change of the party's. Raises `InvalidInput` (not-found), also for another party's."""
    store = context.store
    stored = store.shared_plan(plan_id) if keeps_plans(store) else None
    shares = {one.id for one in stored.plan.shares if one.party in peer.speaks_as} if stored is not None else set()
    for kept in stored.plan.changes if stored is not None else ():
        if kept.change.id == change_id and kept.change.share in shares:
            return Became(plan_id, kept)
    raise InvalidInput.at("CarePlan", _NO_CHANGE, "not-found")


def _event(context: Context, shown: Shown, wish: Wish, body: JsonObject) -> PlanEvent:
    """The event of a change: its id follows from what it changes, and from what was sent."""
    compiled = context.mapper.compiled
    place = (wish.type, wish.id)
    resources = [body if (one.type, one.id) == place else one.data() for one in shown.resources]
    entries = [{"fullUrl": f"{shown.url}/{one['resourceType']}/{one['id']}", "resource": one} for one in resources]
    content = BundleContent({"resourceType": "Bundle", "type": "collection", "entry": entries})
    try:
        cut = find_cut(content, compiled)
        wanted = read_cut(cut, compiled)
        kept = kept_in(wanted, cut.content, (), compiled)
    except InvalidInput as error:
        raise _placed(error, resources.index(body), wish.type) from None
    digest = sha256(wish.content).hexdigest()
    said = f"{shown.share.id}/{shown.version}/{wish.type}/{wish.id}/{wish.based_on}/{digest}"
    ident, now = str(uuid5(NAMESPACE_URL, said)), context.clock.now()
    made = Change(
        id=ident, share=shown.share.id, base=shown.version, wanted=wanted, whole=wish.whole, kept=kept, made=now
    )
    return PlanEvent(
        id=ident,
        kind=PlanEventKind.CHANGE,
        at=now,
        raised_by=PlanSource.PARTICIPANT,
        party=shown.share.party,
        share=shown.share.id,
        change=made,
        about=ident,
        polled=True,
    )


def _placed(error: InvalidInput, number: int, type_: str) -> InvalidInput:
    """The error with the places in the resource that was sent, instead of those in the view."""
    before = f"Bundle.entry[{number}].resource"
    return InvalidInput(
        type(one)(one.path.replace(before, type_), one.reason, one.code, one.severity) for one in error.problems
    )


def _decided(context: Context, shown: Shown, event: PlanEvent) -> KeptChange:
    store, now = context.store, context.clock.now()
    if not keeps_plans(store) or event.change is None:
        raise InvalidInput.at("CarePlan", "this side keeps no plans", "not-supported")
    ident = event.change.id

    def once() -> tuple[KeptChange | None, InvalidInput | None, PlanChange | None]:
        with store.begin() as tx:
            before = tx.load_plan(shown.plan_id)
            known = None if before is None else next((k for k in before.plan.changes if k.change.id == ident), None)
            if known is not None:
                return known, None, None
            decision = apply(context, tx, before, event, now)
        error = InvalidInput(decision.problems) if decision.problems else None
        kept = next((one for one in decision.plan.changes if one.change.id == ident), None)
        return kept, error, plan_change(before, decision)

    kept, error, moved = again_on_conflict(once)
    if moved is not None:
        announce(context, PlanEventKind.CHANGE, moved)
    if error is not None or kept is None:
        raise error or InvalidInput.at("CarePlan", "the change was not taken", "business-rule")
    return kept
