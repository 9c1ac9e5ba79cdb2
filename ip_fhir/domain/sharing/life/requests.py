"""Questions for a plan: a party with a membership, or an open loop about the person, asks; a person or a rule decides.

A no is not sent: the party's own clock runs out, and its people ask by other ways. So it learns nothing by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ip_fhir.domain.consent.protection import protected_persons
from ip_fhir.domain.effects import Reason
from ip_fhir.domain.sharing.case import PlanRequest, PlanTimerKind
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.life.changes import UNKNOWN
from ip_fhir.domain.sharing.life.clocks import request_due
from ip_fhir.domain.sharing.life.shares import begin, is_over, look_at_shares, send_newest
from ip_fhir.domain.sharing.life.table import Finding
from ip_fhir.domain.sharing.participants import participants
from ip_fhir.domain.sharing.terms import RequestRule
from ip_fhir.errors import ConsentRefused, InvalidInput, NotTaken

if TYPE_CHECKING:
    from ip_fhir.domain.sharing.life.step import Step

_PERSON_DECIDES: Final = RequestRule.PERSON_DECIDES


# --- at the party that asks


def ask(step: Step) -> Finding:
    """Sends our question for a plan to the party `to_party`."""
    party, ident = step.needed("to_party"), step.event.about or step.case.id
    if _find(step, ident) is not None:
        raise InvalidInput.at("about", "another question has this id", "duplicate")
    owner = step.event.owner
    asked = PlanRequest(
        id=ident, party=party, asked=step.event.at, owner=owner, reason=step.event.text, by=step.event.by
    )
    step.evolve(requests=(*step.case.requests, asked))
    step.send(PlanMessageKind.PLAN_REQUEST, ident, party)
    step.start(PlanTimerKind.REQUEST, ident, request_due(step.around.of(party), step.event.at))
    return Finding.FIRST


def came_true(step: Step) -> Finding:
    """Stops the clock of a question of ours that a view has answered."""
    request = _find(step, step.needed("about"))
    if request is None:
        raise InvalidInput.at("about", "there is no such question", "not-found")
    _put(step, request.evolve(answered=step.event.at, granted=True))
    return Finding.DONE


# --- at the holder


def asked(step: Step) -> Finding:
    """Decides a party's question by rule, or leaves it to a person. Raises `NotTaken` if it may not ask."""
    party, ident = step.needed("party"), step.needed("about")
    known = _find(step, ident)
    if known is not None and known.party == party:
        return Finding.REPEATED
    if known is not None or not _may_ask(step, party):
        raise NotTaken.at("question", UNKNOWN, "not-found")
    if step.is_unsettled:
        look_at_shares(step)
    shares = [share for share in step.case.shares if share.party == party and share.goes_on and share.in_step]
    request = PlanRequest(id=ident, party=party, asked=step.event.at, reason=step.event.text)
    step.evolve(requests=(*step.case.requests, request))
    for share in shares:
        send_newest(step, share)
    if shares or _begins_by_rule(step, party):
        _put(step, request.evolve(answered=step.event.at, granted=True))
        return Finding.DONE
    step.tell(Reason.REQUEST_TO_ANSWER, ident, text=step.event.text)
    step.start(PlanTimerKind.REQUEST, ident, request_due(step.around.of(party), step.event.at))
    return Finding.WAITS


def _may_ask(step: Step, party: str) -> bool:
    """True for a party with a share that goes on, with a place in the team today, or with an open loop."""
    if is_over(step.plan, step.on):
        return False
    if party in step.around.loop_parties or any(one.party == party and one.goes_on for one in step.case.shares):
        return True
    return any(part.party == party for part in participants(step.plan, step.around.party_of, step.on).parts)


def _begins_by_rule(step: Step, party: str) -> bool:
    if step.around.of(party).sharing.requests is _PERSON_DECIDES or protected_persons(step.plan):
        return False
    try:
        return bool(begin(step, party))
    except (InvalidInput, ConsentRefused):  # a person decides what the rule does not allow
        return False


def answer(step: Step) -> Finding:
    """Grants a question, so that a share begins, or leaves it. Raises as `shares.begin`, and if it does not wait."""
    request = _find(step, step.needed("about"))
    if request is None or request.answered is not None:
        raise InvalidInput.at("about", "there is no such question that waits for an answer", "not-found")
    grants = step.needed("accepts")
    if grants:
        begin(step, request.party)
    _put(step, request.evolve(answered=step.event.at, granted=grants, by=step.event.by))
    return Finding.ACCEPTED if grants else Finding.DECLINED


def close(step: Step) -> None:
    """Closes the questions that wait, as the plan is over."""
    for request in step.case.requests:
        if request.answered is None:
            _put(step, request.evolve(answered=step.event.at, granted=False))


def _find(step: Step, ident: str) -> PlanRequest | None:
    return next((one for one in step.case.requests if one.id == ident), None)


def _put(step: Step, request: PlanRequest) -> None:
    step.evolve(requests=tuple(request if one.id == request.id else one for one in step.case.requests))
    step.stop(PlanTimerKind.REQUEST, request.id)
