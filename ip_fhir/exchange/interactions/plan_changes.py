"""Resources of a view that its party changes or adds over REST: a change of the plan, decided as one by message.

It is made on the view that the party has today, and has its effect once: the same again is the same change. Its author
is not sent an answer, and asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from uuid import NAMESPACE_URL, uuid5

from ip_fhir.domain.sharing.change import Change, Outcome
from ip_fhir.domain.sharing.events import PlanEvent, PlanEventKind, PlanSource
from ip_fhir.domain.sharing.ids import given_id
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.commit import again_on_conflict
from ip_fhir.exchange.interactions.conditions import there, waiting
from ip_fhir.exchange.plans import rest
from ip_fhir.exchange.plans.commit import announce, apply, plan_change
from ip_fhir.exchange.refusals import Arrival, refusals_kept
from ip_fhir.exchange.rest import check_body
from ip_fhir.fhir.bundle import BundleContent
from ip_fhir.fhir.references import references_in
from ip_fhir.mapping.sharing.kept import kept_in
from ip_fhir.mapping.sharing.view import find_cut, read_cut
from ip_fhir.ports.plans import keeps_plans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.change import KeptChange, PartDecision
    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.peers import Credential
    from ip_fhir.exchange.plans.known_views import Shown
    from ip_fhir.exchange.sending.run_counts import PlanChange
    from ip_fhir.ports import JsonObject, ResourceVersion

_WAITING: Final = (Outcome.PROPOSED, Outcome.CONFLICT)
_NO_CHANGE: Final = "no change of yours has this id"
_NAMED_BY: Final = {"Goal": "goal", "Condition": "addresses"}
"""By type the element of the CarePlan that refers to it."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A change of one resource as it is asked for: the version it was made from, what it makes of the resource.

    `content` is what was sent. With `whole`, an element that is missing was taken out; else it is unchanged. Without
    `id` a resource is added, which other wishes refer to by `url`, as `urn:uuid:...`; not if one is there that has the
    values of `unless`, which are criteria by name (`conditions.CONDITIONS`).
    """

    type: str
    id: str | None
    based_on: int
    make: Callable[[JsonObject], JsonObject]
    content: bytes
    whole: bool
    url: str | None = None
    unless: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Became:
    """The state of a change; `plan_id` is the id of the plan. It is None where all that was to be added is there.

    `resources` are those of the wishes, in their order, as the party sees them now; None for one that it does not see.
    `there` are the numbers of the wishes whose resource was there, and is not added.
    """

    plan_id: str
    kept: KeptChange | None
    resources: tuple[ResourceVersion | None, ...] = ()
    there: frozenset[int] = frozenset()

    @property
    def decisions(self) -> tuple[PartDecision, ...]:
        """The outcome of each part."""
        return self.kept.decisions if self.kept is not None else ()

    @property
    def waits(self) -> bool:
        """True if something of it waits for a person."""
        return any(one.outcome in _WAITING for one in self.decisions)


def change(context: Context, peer: Credential, wishes: Sequence[Wish], share: str | None = None) -> Became:
    """Change resources of the view that the party has, or add some: one change, which is decided as a whole.

    `share` is the id of the share that the request names. Raises `InvalidInput` (not-found; conflict: one has changed
    since; required: nothing says whose plan it is; invariant, structure, ...: what it makes is no such resource; and
    why the change is not taken at all), and as `plans.rest.read`. A refusal is recorded by digest and reason, but for
    not-found and conflict.
    """
    content = b"".join(wish.content for wish in wishes)
    with refusals_kept(context, Arrival.of(peer, content), but=("conflict", "not-found")):
        shown = _view(context, peer, wishes, share)
        wanted = _Wanted(shown, wishes)
        kept = None
        if len(wanted.there) < len(wishes):
            kept = _known(context, wanted) or _decided(context, shown, _event(context, wanted))
    now = tuple(_now(context, peer, place, shown.share.id) for place in wanted.places)
    return Became(shown.plan_id, kept, now, wanted.there)


def _view(context: Context, peer: Credential, wishes: Sequence[Wish], share: str | None) -> Shown:
    """The one view that all wishes are about, after their versions were looked at."""
    found: dict[str, Shown] = {}
    for wish in wishes:
        if wish.id is not None:
            shown, current = rest.found(context, peer, wish.type, wish.id, share, "update")
            if current.version != wish.based_on:
                raise InvalidInput.at(f"{wish.type}.meta.versionId", "it has changed since", "conflict")
            found[shown.share.id] = shown
    if not found:
        shown = _view_referred_to(context, peer, wishes, share)
        found[shown.share.id] = shown
    if len(found) > 1:
        raise InvalidInput.at("Bundle.entry", "is about the views of several plans", "multiple-matches")
    return next(iter(found.values()))


def _view_referred_to(context: Context, peer: Credential, wishes: Sequence[Wish], share: str | None) -> Shown:
    """The view that what is added belongs to: it refers to a resource there, such as its Patient or CarePlan."""
    for wish in wishes:
        for reference in references_in(wish.make({})):
            type_, _, ident = reference.removeprefix(f"{context.url}/").partition("/")
            if type_ in rest.SERVED and ident:
                return rest.found(context, peer, type_, ident, share, "update")[0]
    reason = "refers to no resource of a view, so that nobody can tell whose plan it is for: subject, Patient/[id]"
    raise InvalidInput.at(wishes[0].type, reason, "required")


def _now(context: Context, peer: Credential, place: tuple[str, str], share: str) -> ResourceVersion | None:
    try:
        return rest.read(context, peer, *place, share)
    except InvalidInput:  # the change took it out of the view, or it waits
        return None


def _known(context: Context, wanted: _Wanted) -> KeptChange | None:
    """The same change, if it was made before: what was added then is in the view by now. Else one by which it waits."""
    store, shown = context.store, wanted.shown
    stored = store.shared_plan(shown.plan_id) if keeps_plans(store) else None
    if stored is None:
        return None
    same = next((one for one in stored.plan.changes if one.change.id == wanted.id), None)
    if same is not None or len(wanted.wishes) > 1:
        return same
    (wish,) = wanted.wishes
    return waiting(stored.plan, shown.share.id, wish.type, wish.unless)


class _Wanted:
    """The view as the wishes make it. `id` is that of the change, `places` are type and id of each wish's resource.

    `there` are the numbers of the wishes whose resource is there, and is not added.
    """

    def __init__(self, shown: Shown, wishes: Sequence[Wish]) -> None:
        self.shown, self.wishes = shown, wishes
        contents = [self._without_urls(wish.content) for wish in wishes]
        digest = sha256(b"".join(contents)).hexdigest()
        said = "/".join(f"{wish.type}/{wish.id}/{wish.based_on}" for wish in wishes)
        only_added = all(wish.id is None for wish in wishes)  # sent again after it took effect, it is the same
        base = "" if only_added else f"/{shown.version}"
        self.id = str(uuid5(NAMESPACE_URL, f"{shown.share.id}{base}/{said}/{digest}"))
        found = [there(shown, wish.type, wish.unless) for wish in wishes]
        self.there = frozenset(number for number, ident in enumerate(found) if ident is not None)
        self.places = [
            (wish.type, wish.id or ident or given_id(shown.share, f"{number}/{wish.type}/{digest}"))
            for number, (wish, ident) in enumerate(zip(wishes, found, strict=True))
        ]

    def _without_urls(self, content: bytes) -> bytes:
        """The content without the names by which entries refer to each other, which are other ones each time."""
        for number, wish in enumerate(self.wishes):
            if wish.url is not None:
                content = content.replace(wish.url.encode(), f"urn:entry:{number}".encode())
        return content

    def _made(self) -> Iterator[tuple[tuple[str, str], Wish]]:
        """The wishes that change or add something, with their places."""
        for number, (place, wish) in enumerate(zip(self.places, self.wishes, strict=True)):
            if number not in self.there:
                yield place, wish

    def resources(self) -> list[JsonObject]:
        """The resources of the view, those changed in their places, and those added at the front."""
        before = {(one.type, one.id): one.data() for one in self.shown.resources}
        after = dict(before)
        added: list[JsonObject] = []
        for (type_, ident), wish in self._made():
            if wish.id is None and (type_, ident) in before:
                raise InvalidInput.at(type_, "the same was added before", "duplicate")
            body = self._resolved(wish.make(after.get((type_, ident), {})))
            if wish.id is None:
                body = {**body, "id": ident}
                added.append(body)
            else:
                after[type_, ident] = body
            check_body(type_, ident, body)
        for body in added:
            self._link(body, after)
        return [*added, *after.values()]

    def require_in(self, plan: IndividualPlan) -> None:
        """Raise `InvalidInput` for what is added and is no part of the plan: nothing refers to it."""
        idents = set(_idents(plan.to_data()))
        for (type_, ident), wish in self._made():
            if wish.id is None and ident not in idents:
                raise InvalidInput.at(type_, "nothing in the plan refers to it, so that it would be lost", "invariant")

    def _link(self, body: JsonObject, after: dict[tuple[str, str], JsonObject]) -> None:
        """Have the CarePlan refer to what is added, where it does not yet: else it would be no part of the plan."""
        place, member = (rest.ROOT, self.shown.plan_id), _NAMED_BY.get(body["resourceType"])
        link = {"reference": f"{body['resourceType']}/{body['id']}"}
        there = after[place].get(member, []) if member is not None else None
        if isinstance(there, list) and link not in there:
            after[place] = {**after[place], str(member): [*there, link]}

    def _resolved(self, node: Any) -> Any:
        """A resource whose references to what is added have the ids that it was given."""
        if isinstance(node, list):
            return [self._resolved(one) for one in node]
        if not isinstance(node, dict):
            return node
        found = {name: self._resolved(value) for name, value in node.items()}
        for (type_, ident), wish in zip(self.places, self.wishes, strict=True):
            if wish.url is not None and found.get("reference") == wish.url:
                found["reference"] = f"{type_}/{ident}"
        return found


def status(context: Context, peer: Credential, plan_id: str, change_id: str) -> Became:
    """The state of a change of the party's. Raises `InvalidInput` (not-found), also for another party's."""
    store = context.store
    stored = store.shared_plan(plan_id) if keeps_plans(store) else None
    shares = {one.id for one in stored.plan.shares if one.party in peer.speaks_as} if stored is not None else set()
    for kept in stored.plan.changes if stored is not None else ():
        if kept.change.id == change_id and kept.change.share in shares:
            return Became(plan_id, kept)
    raise InvalidInput.at("CarePlan", _NO_CHANGE, "not-found")


def _idents(node: Any) -> Iterator[str]:
    """Yields all ids in a plan's data."""
    if isinstance(node, list):
        for one in node:
            yield from _idents(one)
    elif isinstance(node, dict):
        if isinstance(node.get("id"), str):
            yield node["id"]
        for one in node.values():
            yield from _idents(one)


def _event(context: Context, wanted: _Wanted) -> PlanEvent:
    """The event of a change: its id follows from what it changes, and from what was sent."""
    compiled, shown = context.mapper.compiled, wanted.shown
    resources = wanted.resources()
    entries = [{"fullUrl": f"{shown.url}/{one['resourceType']}/{one['id']}", "resource": one} for one in resources]
    content = BundleContent({"resourceType": "Bundle", "type": "collection", "entry": entries})
    try:
        cut = find_cut(content, compiled)
        plan = read_cut(cut, compiled)
        kept = kept_in(plan, cut.content, (), compiled)
        wanted.require_in(plan)
    except InvalidInput as error:
        raise _placed(error, resources, wanted) from None
    ident, now = wanted.id, context.clock.now()
    whole = any(wish.whole for wish in wanted.wishes)
    made = Change(id=ident, share=shown.share.id, base=shown.version, wanted=plan, whole=whole, kept=kept, made=now)
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


def _placed(error: InvalidInput, resources: list[JsonObject], wanted: _Wanted) -> InvalidInput:
    """The error with the places in what was sent, instead of those in the view."""
    numbers = {(one["resourceType"], one["id"]): number for number, one in enumerate(resources)}
    several = len(wanted.places) > 1
    before = {
        f"Bundle.entry[{numbers[place]}].resource": f"Bundle.entry[{number}].resource" if several else place[0]
        for number, place in enumerate(wanted.places)
    }

    def placed(path: str) -> str:
        found = next((old for old in before if path == old or path.startswith(f"{old}.")), None)
        return path if found is None else path.replace(found, before[found], 1)

    return InvalidInput(type(one)(placed(one.path), one.reason, one.code, one.severity) for one in error.problems)


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
