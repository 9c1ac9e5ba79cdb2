"""Writes to the resources of a view: a change of the plan, which takes effect at once or waits for a person.

200 with the resource (201 for one that was added) where it took effect, 202 with an OperationOutcome where it waits,
422 where nothing of it may be.
`Content-Location` of a 202 is where its author asks what became of it: `CarePlan/[id]/$change?change=[id]`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ip_fhir.domain.sharing.change import Outcome
from ip_fhir.domain.values.ids import find_person_number
from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.exchange.interactions.conditions import CONDITIONS
from ip_fhir.exchange.interactions.plan_changes import Wish
from ip_fhir.fhir.json_text import dumps
from ip_fhir.fhir.outcome import outcome
from ip_fhir.fhir.reading import read_json, write_json
from ip_fhir.fhir.rest.json_patch import patched, read_patch
from ip_fhir.web import requests as headers
from ip_fhir.web.answers import fhir, versioned, with_version
from ip_fhir.web.requests import BadRequest
from ip_fhir.web.searching import NO_PERSON, SAYS_NOTHING, condition_of, unsupported, values_of

if TYPE_CHECKING:
    from starlette.responses import Response

    from ip_fhir.domain.sharing.change import PartDecision
    from ip_fhir.errors import IssueCode
    from ip_fhir.exchange import Exchange
    from ip_fhir.exchange.interactions.plan_changes import Became
    from ip_fhir.exchange.peers import Credential
    from ip_fhir.fhir.reading import Limits
    from ip_fhir.ports import JsonObject, ResourceVersion
    from ip_fhir.web.fhir.asked import Asked

_CODES: Final[dict[Outcome, IssueCode]] = {
    Outcome.CONFLICT: "conflict",
    Outcome.NOT_FOUND: "not-found",
    Outcome.REFUSED: "business-rule",
    Outcome.DECLINED: "business-rule",
}
_DONE: Final = (Outcome.DONE, Outcome.ACCEPTED)
_SHARE: Final = "share"


def update(exchange: Exchange, type_: str, peer: Credential, asked: Asked) -> Response:
    """Take a changed resource of a view. An element that is missing is unchanged."""
    wish = put_wish(type_, asked, exchange.limits)
    return _answered(exchange, exchange.change_plan_resources(peer, (wish,), share_of(asked)), asked)


def patch(exchange: Exchange, type_: str, peer: Credential, asked: Asked) -> Response:
    """Take a JSON Patch of a resource of a view. An element that it removes is taken out."""
    wish = patch_wish(type_, asked, exchange.limits)
    return _answered(exchange, exchange.change_plan_resources(peer, (wish,), share_of(asked)), asked)


def create(exchange: Exchange, type_: str, peer: Credential, asked: Asked) -> Response:
    """Take a resource that is to be added to a view, unless `If-None-Exist` finds it there: then that is answered.

    The same again is the same, and has the same answer.
    """
    wish = post_wish(type_, asked, exchange)
    became = exchange.change_plan_resources(peer, (wish,), share_of(asked))
    response = _answered(exchange, became, asked)
    (made,) = became.resources
    if response.status_code == 200 and made is not None:
        response.status_code = 200 if became.there else 201
        response.headers["Location"] = f"{exchange.url}/{version_path(made)}"
    return response


def put_wish(type_: str, asked: Asked, limits: Limits) -> Wish:
    """Returns the change that a PUT asks for. Raises `InvalidInput`, `BadRequest` 428 without a version."""
    body = asked.resource(limits)
    based_on = headers.if_match(asked, body)
    return Wish(type_, asked.ids["id"], based_on, lambda _before: body, write_json(body), whole=False)


def patch_wish(type_: str, asked: Asked, limits: Limits) -> Wish:
    """Returns the change that a PATCH asks for. Raises as `put_wish`."""
    based_on = headers.if_match(asked)
    operations = read_patch(asked.content)

    def make(before: JsonObject) -> JsonObject:
        return read_json(write_json(patched(before, operations)), limits)

    return Wish(type_, asked.ids["id"], based_on, make, dumps(operations), whole=True)


def post_wish(type_: str, asked: Asked, exchange: Exchange, url: str | None = None) -> Wish:
    """Returns the addition that a POST asks for; `url` is the name by which other entries refer to it.

    Raises `InvalidInput`, `BadRequest` 400 for a condition that cannot be looked for.
    """
    body = asked.resource(exchange.limits)
    unless = _condition(type_, asked, exchange.url)
    return Wish(type_, None, 0, lambda _before: body, write_json(body), whole=False, url=url, unless=unless)


def _condition(type_: str, asked: Asked, url: str) -> dict[str, str]:
    """The criteria of `If-None-Exist`, or of the address; none without a condition."""
    condition = condition_of(replace(asked, in_url=tuple(one for one in asked.in_url if one[0] != _SHARE)), type_, url)
    found: dict[str, str] = {}
    for name, value in condition or ():
        if name in SAYS_NOTHING:
            continue
        if find_person_number(value):
            raise BadRequest(400, NO_PERSON, "not-supported", type_)
        if name not in CONDITIONS:
            raise unsupported(type_, CONDITIONS)
        if name in found:
            raise BadRequest(400, "is given twice; AND is not supported", "not-supported", f"{type_}.{name}")
        if any(one.endswith("|") for one in values_of(value, f"{type_}.{name}")):
            raise BadRequest(400, "has a system and no value, which is not supported", "not-supported", type_)
        found[name] = value
    if condition is not None and not found:
        raise BadRequest(400, "needs a criterion, such as identifier", "required", "If-None-Exist")
    return found


def version_path(resource: ResourceVersion) -> str:
    """Returns the address of a version below the endpoint: `Goal/1/_history/2`."""
    return f"{resource.type}/{resource.id}/_history/{resource.version}"


def status(exchange: Exchange, peer: Credential, asked: Asked) -> Response:
    """Answer what became of a change: 202 while something of it waits, else 200; an OperationOutcome."""
    change_id = dict(asked.in_url).get("change")
    if change_id is None:
        raise InvalidInput.at("CarePlan.change", "say which change: change=ID", "required")
    return _told(exchange, exchange.plan_change_status(peer, asked.ids["id"], change_id))


def share_of(asked: Asked) -> str | None:
    """Returns the id of the share that a request names; of several the last."""
    return dict(asked.in_url).get(_SHARE)


def _answered(exchange: Exchange, became: Became, asked: Asked) -> Response:
    told = not_done(exchange, became)
    if told is not None:
        return told
    (resource,) = became.resources
    if resource is None:
        return _told(exchange, became)
    if asked.returns == "representation":
        return versioned(resource)
    return with_version(resource, _told(exchange, became))


def not_done(exchange: Exchange, became: Became) -> Response | None:
    """Returns the answer to a change of which a part waits (202) or all is refused (422); None if it took effect."""
    decisions = became.decisions
    if not became.waits and all(one.outcome in _DONE for one in decisions):
        return None
    response = _told(exchange, became)
    if not became.waits and all(one.outcome not in _DONE for one in decisions):
        response.status_code = 422
    return response


def _told(exchange: Exchange, became: Became) -> Response:
    """The OperationOutcome of a change, if there is one, and the address at which it is asked for again."""
    response = fhir(outcome([_problem(one) for one in became.decisions]))
    response.status_code = 202 if became.waits else 200
    if became.kept is None:
        return response
    where = f"{exchange.url}/CarePlan/{became.plan_id}/$change?change={became.kept.change.id}"
    response.headers["Content-Location"] = where
    return response


def _problem(one: PartDecision) -> Problem:
    """A part of a change as an issue: the field and, of an item, its id in the view."""
    words = one.outcome if one.reason is None else f"{one.outcome}: {one.reason}"
    is_no = one.outcome in (Outcome.REFUSED, Outcome.NOT_FOUND, Outcome.DECLINED)
    place = one.field if one.id is None else f"{one.field} of {one.id}"
    return Problem(place, words, _CODES.get(one.outcome, "informational"), "error" if is_no else "warning")
