"""Read, search and update of referrals as FHIR resources, only for the party that a referral concerns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ip_fhir.domain.loop import decide
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.access.cursor import read_cursor, write_cursor
from ip_fhir.exchange.access.log import Occasion
from ip_fhir.exchange.access.parties import acting, require_all
from ip_fhir.exchange.commit import not_before, put_resources, without_version, write
from ip_fhir.exchange.refusals import Arrival, refusals_kept
from ip_fhir.exchange.taking.loop import check_role
from ip_fhir.fhir.reading import write_json
from ip_fhir.mapping import event_from_task
from ip_fhir.ports.resources import alternatives, exactly

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.peers import Credential
    from ip_fhir.ports import JsonObject, PartyNames, ResourceVersion, SearchPlace, Stored, Transaction

SEARCH_PARAMETERS: dict[str, dict[str, str]] = {
    "ServiceRequest": {"_id": "token", "identifier": "token", "status": "token", "code": "token"},
    "Task": {
        "_id": "token",
        "identifier": "token",
        "status": "token",
        "code": "token",
        "based-on": "reference",
        "focus": "reference",
    },
}
"""The resource types that are served, and their search parameters with FHIR's type of each."""

MOST = 1000
"""The most resources of one page."""

_LOOKED_THROUGH = 10_000  # resources that are read for one page, where a criterion is no index's


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a search. `after` is the cursor of the next page, None on the last.

    `total` counts the resources of all pages that concern the party; None where there are too many to count.
    """

    found: list[ResourceVersion]
    total: int | None
    after: str | None = None


def read(context: Context, peer: Credential, type_: str, id_: str) -> ResourceVersion:
    """The current version of a resource. Raises `InvalidInput` (not-found), also for another party's resource.

    That it was shown, or was another's, is recorded before. Raises `StoreError` if it cannot be.
    """
    found = context.store.search_resources(type_, {"_id": exactly(id_)}, 1) if type_ in SEARCH_PARAMETERS else []
    if not found:
        raise _not_found(type_)
    if not _concerns(context, found[0], peer):
        context.reads.refused(_occasion(context), peer.name, "read", found[0])
        raise _not_found(type_)
    context.reads.read(_occasion(context), peer.name, found[0])
    return found[0]


def search(
    context: Context,
    peer: Credential,
    type_: str,
    criteria: Mapping[str, str],
    most: int = 100,
    cursor: str | None = None,
    counted: int = 10_000,
) -> Page:
    """The next `most` (1 to 1000) current versions that match every criterion and concern this party.

    The order does not change while a caller goes from page to page by `cursor`: nothing is found twice or passed over.
    A total over `counted` is left out. What is shown is recorded before. Raises `InvalidInput` for a cursor of another
    party or search, `StoreError`.
    """
    if not 1 <= most <= MOST:
        raise InvalidInput.at("_count", f"is a number from 1 to {MOST}", "value")
    after = None if cursor is None else read_cursor(cursor, peer.name, type_, criteria)
    require_all(context)
    found, last, complete = _next(context, acting(context, peer), type_, criteria, most, after)
    context.reads.found(_occasion(context), peer.name, type_, dict(criteria), found)
    whole = len(found) if complete and after is None else None
    total = whole if whole is not None or "code" in criteria else _total(context, peer, type_, criteria, counted)
    following = None if complete or last is None else write_cursor(last, peer.name, type_, criteria)
    return Page(found, total, following)


def _next(
    context: Context, parties: PartyNames, type_: str, criteria: Mapping[str, str], most: int, after: SearchPlace | None
) -> tuple[list[ResourceVersion], SearchPlace | None, bool]:
    """The resources of a page, the place to go on from, and True if there are no more.

    A code is no index's, since nearly all resources of a type have the same: it is looked for page by page. If many
    have another one, the page may be shorter, and is not the last.
    """
    indexed = {name: value for name, value in criteria.items() if name != "code"}
    at_once = most if indexed == criteria else MOST
    found: list[ResourceVersion] = []
    for _ in range(max(1, _LOOKED_THROUGH // at_once)):
        some = context.store.search_resources(type_, indexed, at_once + 1, parties=parties, after=after)
        for resource in some[:at_once]:
            if "code" not in criteria or _has_code(resource.body, criteria["code"]):
                found.append(resource)
            after = resource.place
            if len(found) == most:
                return found, after, resource is some[-1]
        if len(some) <= at_once:
            return found, after, True
    return found, after, False


def _total(context: Context, peer: Credential, type_: str, criteria: Mapping[str, str], most: int) -> int | None:
    number = context.store.count_resources(type_, criteria, acting(context, peer), most + 1)
    return number if number <= most else None


def update(
    context: Context, peer: Credential, type_: str, id_: str, based_on: int, body: JsonObject
) -> ResourceVersion:
    """Apply a changed Task as an event of the loop, or keep elements that were only added; return the new version.

    A resource that is put as it stands keeps its version. `based_on` is the version that was changed. Raises
    `InvalidInput` (not-found; conflict: the version is stale; business-rule: this party may not make this change),
    `LoopError`, `StoreError`. A refusal is recorded by digest and reason, but for not-found and conflict.
    """
    try:
        with refusals_kept(context, Arrival.of(peer, write_json(body)), but=("conflict", "not-found")):
            return _updated(context, peer, type_, id_, based_on, body)
    except _AnothersError as error:
        context.reads.refused(_occasion(context), peer.name, "update", error.resource)
        raise _not_found(type_) from None


def _updated(
    context: Context, peer: Credential, type_: str, id_: str, based_on: int, body: JsonObject
) -> ResourceVersion:
    if body.get("resourceType") != type_ or body.get("id") != id_:
        raise InvalidInput.at(f"{type_}.id", "type and id of the resource are not those of the address", "invariant")
    if not isinstance(body.get("meta", {}), dict):
        raise InvalidInput.at(f"{type_}.meta", "is no object", "structure")
    now = context.clock.now()
    with context.store.begin() as tx:
        current = tx.resource(type_, id_) if type_ in SEARCH_PARAMETERS else None
        before = tx.load(current.of_referral or "") if current else None
        speaking = context.speaking(peer, before.referral) if before else ()
        if current is None or before is None:
            raise _not_found(type_)
        if not speaking:
            raise _AnothersError(current)
        if len(speaking) > 1:
            raise InvalidInput.at(type_, "concerns several parties of this carrier", "business-rule")
        if current.version != based_on:
            raise InvalidInput.at(f"{type_}.meta.versionId", "somebody has changed it since", "conflict")
        if type_ != "Task":
            _add_to_request(context, tx, before, current, body, now)
        elif (event := event_from_task(before.referral, body, not_before(before, now), context.mapper)) is None:
            put_resources(tx, before.referral, now, [body], context=context)
        else:
            event = event.evolve(party=speaking[0], to_party=context.party_given(event.form))
            check_role(context, before.referral, event)
            decision = decide(before.referral, event, context.agreement(before.referral))
            write(tx, before, decision, now, [body], context=context)
        return tx.resource(type_, id_) or current


def _add_to_request(
    context: Context, tx: Transaction, before: Stored, current: ResourceVersion, body: JsonObject, now: datetime
) -> None:
    """Keep what was added. A change of what the notice says would be undone by the mapping: it is refused instead."""
    try:
        request, _task = put_resources(tx, before.referral, now, [body], context=context)
    except InvalidInput as error:  # what it says now means that nothing is asked for, or something else
        raise InvalidInput(replace(problem, code="business-rule") for problem in error.problems) from None
    if without_version(request) != without_version(body) or body.get("status") != current.body.get("status"):
        reason = "what a notice says is not changed after it was sent; the Task tells what becomes of it"
        raise InvalidInput.at(current.type, reason, "business-rule")


class _AnothersError(InvalidInput):
    """The resource is another party's. Outside it looks like one that is not there."""

    def __init__(self, resource: ResourceVersion) -> None:
        super().__init__(_not_found(resource.type).problems)
        self.resource = resource


def _not_found(type_: str) -> InvalidInput:
    return InvalidInput.at(type_, "no resource with this id", "not-found")


def _occasion(context: Context) -> Occasion:
    return Occasion(context.store, context.clock.now())


def _concerns(context: Context, resource: ResourceVersion, peer: Credential) -> bool:
    stored = context.store.referral(resource.of_referral) if resource.of_referral else None
    return stored is not None and bool(context.speaking(peer, stored.referral))


def _has_code(body: JsonObject, wanted: str) -> bool:
    """Token search: `code`, `system|code` or `|code`, several joined by commas."""
    codings = body.get("code", {}).get("coding", [])
    for one in alternatives(wanted):
        system, bar, code = one.rpartition("|")
        if any(c.get("code") == code and (not bar or c.get("system", "") == system) for c in codings):
            return True
    return False
