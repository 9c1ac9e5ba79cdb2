"""Plans over REST: each participant reads and searches its own view, and nothing else is there for it.

What is served is made anew from the plan for each request, after the plan's clocks were applied. The version of a
resource is the number of the view in which it last changed. Who has no share gets one answer, whatever there is.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from ip_fhir.domain.consent.protection import EVERY_PART, protection_of
from ip_fhir.domain.people import AddressProtection
from ip_fhir.domain.sharing.case import PlanSide
from ip_fhir.domain.sharing.ids import share_tag, tag_in
from ip_fhir.domain.sharing.see import remake, see
from ip_fhir.domain.values.aggregate import PLAN
from ip_fhir.domain.values.calendar import local_day
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.access.log import Occasion
from ip_fhir.exchange.plans.due import turn
from ip_fhir.ports import ResourceVersion
from ip_fhir.ports.plans import keeps_plans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ip_fhir.domain.sharing.case import SharedPlan
    from ip_fhir.domain.sharing.share import Share
    from ip_fhir.domain.sharing.view import PlanView
    from ip_fhir.domain.values.ids import PersonId
    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.peers import Credential
    from ip_fhir.ports import JsonObject
    from ip_fhir.ports.plans import NameKind, PlanStore

SERVED: Final = (
    *("CarePlan", "Goal", "CareTeam", "Condition", "Appointment", "Observation"),
    *("Patient", "RelatedPerson", "Practitioner", "PractitionerRole", "Organization"),
)
"""The types of resources of which a view is made."""

_MOST_PLANS: Final = 100


@dataclass(frozen=True, slots=True)
class PlanPage:
    """A page of resources of one view, the number of all of them, and the cursor of the next page; None on the last."""

    found: tuple[ResourceVersion, ...]
    total: int
    after: str | None = None


class _Place(NamedTuple):
    """A place in the resources of a view: the share, the view's number, and how many resources come before."""

    share: str
    number: int
    begin: int


def read(context: Context, peer: Credential, type_: str, id_: str) -> ResourceVersion:
    """A resource of the view that the party has. Raises `InvalidInput` (not-found), `StoreError`.

    That it is shown is recorded before.
    """
    reader = _Reader(context, peer)
    share_of = reader.by_plan(id_) if type_ == "CarePlan" else reader.by_item(id_)
    for resource in reader.resources(share_of) if share_of is not None else ():
        if (resource.type, resource.id) == (type_, id_):
            context.reads.read(reader.occasion, peer.name, resource)
            return resource
    raise _not_found(type_)


def view(context: Context, peer: Credential, plan_id: str) -> JsonObject:
    """The whole view that the party has of a plan, as one Bundle. Raises as `read`."""
    reader = _Reader(context, peer)
    found = reader.by_plan(plan_id)
    bundle = reader.bundle(found) if found is not None else None
    if found is None or bundle is None:
        raise _not_found("CarePlan")
    root = next(one for one in reader.resources(found) if one.type == "CarePlan")
    context.reads.read(reader.occasion, peer.name, root)
    return bundle


def search(
    context: Context, peer: Credential, type_: str, of: PersonId | str, most: int, cursor: str | None = None
) -> PlanPage:
    """The resources of a type in the view that the party has of a plan, or of the plan about a person.

    `of` is the id of a plan or of a resource in a view, or a person's number; with `cursor` it is not looked at. What
    is shown is recorded before. Nothing is found where the party has no view. Raises `InvalidInput` (value: another
    party's cursor; conflict: the view is another one by now), `StoreError`.
    """
    reader = _Reader(context, peer)
    place = _read_cursor(cursor) if cursor is not None else None
    found = reader.by_share(place.share) if place is not None else reader.find(type_, of)
    if found is None and place is not None:
        raise InvalidInput.at("_cursor", "is of no search of this party", "value")
    if found is None:
        return PlanPage((), 0)
    share = found.share
    if place is not None and place.number != share.number:
        raise InvalidInput.at("_cursor", "the view has changed since: search again", "conflict")
    wanted = [one for one in reader.resources(found) if one.type == type_]
    if place is None and isinstance(of, str) and type_ != "CarePlan":
        wanted = [one for one in wanted if one.id == of]
    begin = place.begin if place is not None else 0
    page = wanted[begin : begin + most]
    context.reads.found(reader.occasion, peer.name, type_, {}, page)
    more = begin + most < len(wanted)
    after = _write_cursor(_Place(share.id, share.number, begin + most)) if more else None
    return PlanPage(tuple(page), len(wanted), after)


class _Found(NamedTuple):
    """A plan that we hold, and a share of it that goes on."""

    plan: SharedPlan
    share: Share


class _Reader:
    """The views that the parties of one credential have, at one moment."""

    def __init__(self, context: Context, peer: Credential) -> None:
        self._context, self._peer = context, peer
        self._now = context.clock.now()

    @property
    def occasion(self) -> Occasion:
        """The store and the time of the read."""
        return Occasion(self._context.store, self._now)

    # --- which view

    def find(self, type_: str, of: PersonId | str) -> _Found | None:
        """The view of a plan by its id, by that of a resource in it, or by the number of the person."""
        if not isinstance(of, str) or hasattr(of, "kind"):
            return self.by_person(str(of))
        return self.by_plan(of) if type_ == "CarePlan" else self.by_item(of)

    def by_plan(self, plan_id: str) -> _Found | None:
        """The view of the plan with this id."""
        store = self._store()
        stored = store.shared_plan(plan_id) if store is not None else None
        return self._of(stored.plan) if stored is not None else None

    def by_item(self, ident: str) -> _Found | None:
        """The view that has a resource with this id, which says whose it is."""
        tag = tag_in(ident)
        return self._named("tag", tag, lambda share: share_tag(share.key) == tag) if tag is not None else None

    def by_share(self, share_id: str) -> _Found | None:
        """The view of this share."""
        return self._named("share", share_id, lambda share: share.id == share_id)

    def by_person(self, number: str) -> _Found | None:
        """The view of the plan about a person, the first of several."""
        store = self._store()
        for plan_id in store.plans_about(number, _MOST_PLANS) if store is not None else ():
            if (found := self.by_plan(plan_id)) is not None:
                return found
        return None

    def _named(self, kind: NameKind, name: str, meant: Callable[[Share], bool]) -> _Found | None:
        store = self._store()
        if store is None:
            return None
        with store.begin() as tx:
            plan_id = tx.plan_named(kind, name)
        stored = store.shared_plan(plan_id) if plan_id is not None else None
        if stored is None:
            return None
        return next((one for one in self._all(stored.plan) if meant(one.share)), None)

    def _of(self, plan: SharedPlan) -> _Found | None:
        found = list(self._all(plan))
        if len(found) > 1:
            raise InvalidInput.at("CarePlan", "several persons have views here: name the share", "multiple-matches")
        return found[0] if found else None

    def _all(self, plan: SharedPlan) -> Iterator[_Found]:
        """The shares of the credential's parties that go on, of a plan that we hold."""
        if plan.side is not PlanSide.HOLDER:
            return
        for share in self._settled(plan).shares:
            if share.party in self._peer.speaks_as and share.goes_on and share.number > 0:
                yield _Found(plan, share)

    def _settled(self, plan: SharedPlan) -> SharedPlan:
        """The plan after its clocks were applied: the day may have turned."""
        store = self._store()
        if store is None or plan.settled_on is None or plan.settled_on >= local_day(self._now):
            return plan
        turn(self._context, store, plan.id, self._now)
        stored = store.shared_plan(plan.id)
        return stored.plan if stored is not None else plan

    def _store(self) -> PlanStore | None:
        store = self._context.store
        return store if keeps_plans(store) else None

    # --- what is in it

    def bundle(self, found: _Found) -> JsonObject | None:
        """The view as one Bundle; None if nobody has let a view go yet."""
        shown = self._shown(found)
        if shown is None:
            return None
        numbers = {one.id: one.number for one in found.share.numbers}
        kept = found.share.kept
        return self._context.mapper.view_to_fhir(shown, released=EVERY_PART, numbers=numbers, kept=kept)

    def resources(self, found: _Found) -> list[ResourceVersion]:
        """The resources of the view, each with the number of the view in which it last changed."""
        bundle = self.bundle(found)
        return [self._version(found, entry["resource"]) for entry in bundle["entry"]] if bundle is not None else []

    def _version(self, found: _Found, body: JsonObject) -> ResourceVersion:
        version = int(body.get("meta", {}).get("versionId", found.share.number))
        meta = {**body.get("meta", {}), "versionId": str(version)}
        place = (body["resourceType"], body["id"], version, {**body, "meta": meta})
        return ResourceVersion(*place, found.plan.changed, found.plan.id, aggregate_kind=PLAN)

    def _shown(self, found: _Found) -> PlanView | None:
        """The view of today; about somebody with a strictly confidential address the last one that was let go."""
        plan, share = found.plan.plan, found.share
        if plan is None:
            return None
        if protection_of(plan) is not AddressProtection.STRICTLY_CONFIDENTIAL:
            return see(plan, share, local_day(self._now))
        store = self._store()
        if store is None or share.acknowledged == 0:
            return None
        with store.begin() as tx:
            made = tx.view_made(share.id, share.acknowledged)
            version = tx.plan_version(found.plan.id, made.version) if made is not None else None
        return remake(version.plan, share, made.number, made.day) if made is not None and version is not None else None


def _read_cursor(text: str) -> _Place:
    try:
        share, number, begin = json.loads(urlsafe_b64decode(text.encode()))
        return _Place(str(share), int(number), int(begin))
    except (Base64Error, ValueError, TypeError):
        raise InvalidInput.at("_cursor", "is no cursor", "value") from None


def _write_cursor(place: _Place) -> str:
    return urlsafe_b64encode(json.dumps(place).encode()).decode()


def _not_found(type_: str) -> InvalidInput:
    return InvalidInput.at(type_, "no resource with this id", "not-found")
