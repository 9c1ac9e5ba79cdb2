"""Read and update of referrals as FHIR resources, only for the party that a referral concerns.

Their search is in `interactions.search`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ip_fhir.domain.loop import decide
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.access.log import Occasion
from ip_fhir.exchange.commit import not_before, put_resources, without_version, write
from ip_fhir.exchange.interactions.criteria import PARTIES, PERSONS
from ip_fhir.exchange.refusals import Arrival, refusals_kept
from ip_fhir.exchange.taking.loop import check_role
from ip_fhir.fhir.json_text import dumps
from ip_fhir.fhir.reading import read_json, write_json
from ip_fhir.fhir.rest.json_patch import patched
from ip_fhir.fhir.summaries import IS_SUMMARY, summary_tags
from ip_fhir.mapping import event_from_task
from ip_fhir.ports.resources import exactly

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.peers import Credential
    from ip_fhir.ports import JsonObject, ResourceVersion, Stored, Transaction
    from ip_fhir.ports.readings import ReadingWay

SEARCH_PARAMETERS: dict[str, dict[str, str]] = {
    "ServiceRequest": {
        "_id": "token",
        "_lastUpdated": "date",
        "identifier": "token",
        "status": "token",
        "code": "token",
        **dict.fromkeys((*PARTIES["ServiceRequest"], *PERSONS), "reference"),
    },
    "Task": {
        "_id": "token",
        "_lastUpdated": "date",
        "identifier": "token",
        "status": "token",
        "code": "token",
        "based-on": "reference",
        "focus": "reference",
        **dict.fromkeys((*PARTIES["Task"], *PERSONS), "reference"),
    },
}
"""The resource types that are served, and their search parameters with FHIR's type of each."""


def read(context: Context, peer: Credential, type_: str, id_: str) -> ResourceVersion:
    """The current version of a resource. Raises `InvalidInput` (not-found), also for another party's resource.

    That it was shown, or was another's, is recorded before. Raises `StoreError` if it cannot be.
    """
    found = current(context, peer, type_, id_)
    context.reads.read(_occasion(context), peer, found)
    return found


def current(context: Context, peer: Credential, type_: str, id_: str, way: ReadingWay = "read") -> ResourceVersion:
    """As `read`, but that it was shown is up to the caller to record. `way` is recorded where it is refused."""
    found = context.store.search_resources(type_, {"_id": exactly(id_)}, 1) if type_ in SEARCH_PARAMETERS else []
    if not found:
        context.reads.found(_occasion(context), peer, type_, {"_id": ""}, [])  # counted, in as long as a refusal
        raise _not_found(type_)
    if not _concerns(context, found[0], peer):
        context.reads.refused(_occasion(context), peer, way, found[0])
        raise _not_found(type_)
    return found[0]


def update(
    context: Context, peer: Credential, type_: str, id_: str, based_on: int, body: JsonObject
) -> ResourceVersion:
    """Apply a changed Task as an event of the loop, or keep elements that were only added; return the new version.

    A resource that is put as it stands keeps its version. `based_on` is the version that was changed. Raises
    `InvalidInput` (not-found; conflict: the version is stale; business-rule: this party may not make this change),
    `LoopError`, `StoreError`. A refusal is recorded by digest and reason, but for not-found and conflict.
    """
    return _changed(context, peer, (type_, id_), based_on, write_json(body), lambda _resource: body)


def patch(
    context: Context, peer: Credential, type_: str, id_: str, based_on: int, operations: list[JsonObject]
) -> ResourceVersion:
    """Apply a JSON Patch, as `ip_fhir.fhir.rest.json_patch.read_patch` gives it, and update with what comes of it.

    Raises as `update`, and as `patched`.
    """

    def changed(resource: JsonObject) -> JsonObject:
        after = patched(resource, operations)
        try:
            return read_json(write_json(after), context.limits)
        except TypeError:  # nested deeper than JSON is written
            raise InvalidInput.at(type_, "is nested too deep", "too-costly") from None

    return _changed(context, peer, (type_, id_), based_on, dumps(operations), changed)


def _changed(
    context: Context,
    peer: Credential,
    place: tuple[str, str],
    based_on: int,
    content: bytes,
    change: Callable[[JsonObject], JsonObject],
) -> ResourceVersion:
    """Update a resource by what `change` makes of it. A refusal is recorded by the digest of `content`."""
    type_, id_ = place
    try:
        with refusals_kept(context, Arrival.of(peer, content), but=("conflict", "not-found")):
            return _updated(context, peer, type_, id_, based_on, change)
    except _AnothersError as error:
        context.reads.refused(_occasion(context), peer, "update", error.resource)
        raise _not_found(type_) from None


def check_body(type_: str, id_: str, body: JsonObject) -> None:
    """Raises `InvalidInput` for a resource that is another than the one that is updated, or a part of it."""
    if body.get("resourceType") != type_ or body.get("id") != id_:
        raise InvalidInput.at(f"{type_}.id", "type and id of the resource are not those of the address", "invariant")
    if not isinstance(body.get("meta", {}), dict):
        raise InvalidInput.at(f"{type_}.meta", "is no object", "structure")
    if (tag := next(summary_tags(body), None)) is not None:
        raise InvalidInput.at(f"{type_}.{tag}", IS_SUMMARY, "business-rule")


def _updated(
    context: Context,
    peer: Credential,
    type_: str,
    id_: str,
    based_on: int,
    change: Callable[[JsonObject], JsonObject],
) -> ResourceVersion:
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
        body = change(current.body)
        check_body(type_, id_, body)
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
