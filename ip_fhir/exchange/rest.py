"""Read, search and update of referrals as FHIR resources, only for the party that a referral concerns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.domain.loop import decide
from ip_fhir.errors import InvalidInput, Unreadable
from ip_fhir.exchange.commit import not_before, put_resources, without_version, write
from ip_fhir.exchange.inbound import check_role
from ip_fhir.exchange.refusals import Arrival, refusals_kept
from ip_fhir.fhir.reading import write_json
from ip_fhir.mapping import event_from_task

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.peers import Credential
    from ip_fhir.ports import JsonObject, ResourceVersion, Stored, Transaction

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

_MOST = 1000


def read(context: Context, peer: Credential, type_: str, id_: str) -> ResourceVersion:
    """The current version of a resource. Raises `InvalidInput` (not-found), also for another party's resource."""
    found = context.store.search_resources(type_, {"_id": id_}, 1) if type_ in SEARCH_PARAMETERS else []
    if not found or not _concerns(context, found[0], peer):
        raise _not_found(type_)
    return found[0]


def search(
    context: Context, peer: Credential, type_: str, criteria: Mapping[str, str], most: int = _MOST
) -> list[ResourceVersion]:
    """Current versions that match every criterion and concern this party.

    Raises `InvalidInput` (too-costly) when `most` or more match the indexed criteria.
    """
    indexed = {name: value for name, value in criteria.items() if name != "code"}
    found = context.store.search_resources(type_, indexed, most)
    if len(found) == most:
        raise InvalidInput.at(type_, f"more than {most - 1} match; narrow the search", "too-costly")
    coded = [r for r in found if "code" not in criteria or _has_code(r.body, criteria["code"])]
    return [resource for resource in coded if _can_be_read_by(context, resource, peer)]


def update(
    context: Context, peer: Credential, type_: str, id_: str, based_on: int, body: JsonObject
) -> ResourceVersion:
    """Apply a changed Task as an event of the loop, or keep elements added to a ServiceRequest; return the new version.

    `based_on` is the version that was changed. Raises `InvalidInput` (not-found; conflict: the version is stale;
    business-rule: this party may not make this change), `LoopError`, `StoreError`. A refusal is recorded by digest and
    reason, but for not-found and conflict.
    """
    with refusals_kept(context, Arrival.of(peer, write_json(body)), but=("conflict", "not-found")):
        return _updated(context, peer, type_, id_, based_on, body)


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
        if current is None or before is None or not speaking:
            raise _not_found(type_)
        if len(speaking) > 1:
            raise InvalidInput.at(type_, "concerns several parties of this carrier", "business-rule")
        if current.version != based_on:
            raise InvalidInput.at(f"{type_}.meta.versionId", "somebody has changed it since", "conflict")
        if type_ == "Task":
            event = event_from_task(before.referral, body, not_before(before, now), context.mapper)
            event = event.evolve(party=speaking[0], to_party=context.party_given(event.form))
            check_role(context, before.referral, event)
            decision = decide(before.referral, event, context.agreement(before.referral))
            write(tx, before, decision, now, [body], context=context)
        else:
            _add_to_request(context, tx, before, current, body, now)
        return tx.resource(type_, id_) or current


def _add_to_request(
    context: Context, tx: Transaction, before: Stored, current: ResourceVersion, body: JsonObject, now: datetime
) -> None:
    """Keep what was added. A change of what the notice says would be undone by the mapping: it is refused instead."""
    request, _task = put_resources(tx, before.referral, now, [body], context=context)
    if without_version(request) != without_version(body) or body.get("status") != current.body.get("status"):
        reason = "what a notice says is not changed after it was sent; the Task tells what becomes of it"
        raise InvalidInput.at(current.type, reason, "business-rule")


def _not_found(type_: str) -> InvalidInput:
    return InvalidInput.at(type_, "no resource with this id", "not-found")


def _concerns(context: Context, resource: ResourceVersion, peer: Credential) -> bool:
    stored = context.store.referral(resource.of_referral) if resource.of_referral else None
    return stored is not None and bool(context.speaking(peer, stored.referral))


def _can_be_read_by(context: Context, resource: ResourceVersion, peer: Credential) -> bool:
    """As `_concerns`; False for a resource whose referral cannot be read: nobody can tell whom it concerns."""
    try:
        return _concerns(context, resource, peer)
    except Unreadable:
        return False


def _has_code(body: JsonObject, wanted: str) -> bool:
    """Token search: `code`, `system|code` or `|code`."""
    system, bar, code = wanted.rpartition("|")
    codings = body.get("code", {}).get("coding", [])
    return any(c.get("code") == code and (not bar or c.get("system", "") == system) for c in codings)
