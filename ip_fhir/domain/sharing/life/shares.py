"""The shares of a plan: each begins, gets a new view, and ends, by membership, agreement, consent and plan.

`look_at_shares` brings all of them up to date after anything that may have changed what somebody sees: a new version,
another day, another agreement. A share whose view changed gets the next number and one message.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.consent.consent import ConsentKind
from ip_fhir.domain.consent.matrix import organizations_above
from ip_fhir.domain.consent.permission import EXPLICIT_NOES, AccessRequest, Refused, permits
from ip_fhir.domain.consent.protection import protected_persons
from ip_fhir.domain.effects import Reason
from ip_fhir.domain.plan import PlanStatus
from ip_fhir.domain.sharing.case import PlanTimerKind
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.lens.index import index_of
from ip_fhir.domain.sharing.life.clocks import acknowledgement_due, set_day_clock, turns
from ip_fhir.domain.sharing.life.step import MadeView
from ip_fhir.domain.sharing.participants import participants
from ip_fhir.domain.sharing.policy import consents_of, people_of, policy_of
from ip_fhir.domain.sharing.see import settle
from ip_fhir.domain.sharing.share import EndReason, ServerReader, Share
from ip_fhir.domain.sharing.terms import ShareStart
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.errors import ConsentRefused, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from ip_fhir.domain.consent.protection import LocatingPart
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.life.step import Step
    from ip_fhir.domain.sharing.participants import Participant, Taking

_OVER: Final = (PlanStatus.ENDED, PlanStatus.REVOKED, PlanStatus.ENTERED_IN_ERROR)
_AT_WORK: Final = (PlanStatus.ACTIVE, PlanStatus.ON_HOLD)

READERS_UNKNOWN: Final = (
    "nobody has said who reads the server on its way: name the other parties in `readers` of this peer in the settings "
    "([]: there are none)"
)
"""The reason for which nothing of a plan goes to a party by a server."""

_TERMS: Final = ("organizations", "level", "ages", "released", "person", "readers")
"""The fields of a share that decide what its view shows."""


def is_over(plan: IndividualPlan, on: date) -> bool:
    """True if nothing of the plan is shared any more: it has ended, the person is dead, or no longer wants a plan.

    >>> from datetime import date
    >>> from ip_fhir.domain.plan import IndividualPlan
    >>> from ip_fhir.domain.values.value import read
    >>> plan = read(IndividualPlan, '''{"id": "p", "created": "2026-01-12T08:40:00Z", "owner": {"id": "owner",
    ...     "name": {"family": "Testesen"}}, "consents": [{"id": "c", "kind": "plan", "given_on": "2026-01-12",
    ...     "status": "withdrawn", "withdrawn_on": "2026-05-01"}]}''')
    >>> is_over(plan, date(2026, 4, 30)), is_over(plan, date(2026, 5, 1))
    (False, True)
    """
    if plan.status in _OVER or plan.owner.has_died:
        return True
    if all(consent.kind is not ConsentKind.PLAN for consent in plan.consents):
        return False
    return index_of(plan).basis.once(("no plan", on), lambda: _is_unwanted(plan, on))


def _is_unwanted(plan: IndividualPlan, on: date) -> bool:
    request = AccessRequest(ConsentKind.PLAN, plan.owner.id, on)
    answer = permits(plan.consents, request, plan.related_persons, plan.owner)
    return isinstance(answer, Refused) and answer.rule in EXPLICIT_NOES


def look_at_shares(step: Step) -> None:
    """Brings every share up to date with plan, day, agreements and settings; begins shares by rule; tells people."""
    taking = participants(step.plan, step.around.party_of, step.on)
    parts = {part.party: part for part in taking.parts}
    if step.settled is not None and step.case.shares:
        index_of(step.plan).since(index_of(step.settled[0]))  # from here on, what both decide alike is known
    for share in step.case.shares:
        if share.goes_on:
            _look_at(step, share, current(step, share, parts))
    _begin_by_rule(step, parts)
    _tell_of_members(step, taking)
    _tell_of_unseeing(step)
    _tell_of_turns(step)
    basis = step.around.basis
    step.evolve(
        settled_on=step.on,
        settled_by=basis.digest if basis is not None else None,
        settled_since=basis.since if basis is not None else None,
        over=is_over(step.plan, step.on),
    )
    step.settled = step.plan, step.on
    set_day_clock(step)


def current(step: Step, share: Share, parts: dict[str, Participant]) -> Share:
    """Returns the share with what settings, agreement and plan say of its party today."""
    terms, part = step.around.of(share.party), parts.get(share.party)
    now = {
        "organizations": share.organizations if part is None else part.organizations,
        "level": terms.level,
        "ages": terms.ages,
        "on_wire": terms.on_wire,
        "readers": tuple(_reader(step, name, parts.get(name)) for name in terms.readers),
    }
    changed = {name: value for name, value in now.items() if getattr(share, name) != value}
    return share.evolve(**changed) if changed else share


def _reader(step: Step, party: str, part: Participant | None) -> ServerReader:
    """Returns a party that reads a server, with what it may see today: nothing without a place or an agreement.

    A share of its own need not have begun, but must not have been ended by hand.
    """
    terms, theirs = step.around.of(party), [share for share in step.case.shares if share.party == party]
    going = [share for share in theirs if share.goes_on]
    stopped = not going and any(share.end_reason is EndReason.BY_HAND for share in theirs)
    parts = frozenset(going[0].released).intersection(*(share.released for share in going)) if going else ()
    return ServerReader(
        party=party,
        organizations=() if part is None or stopped or not terms.may_share else part.organizations,
        level=terms.level,
        ages=terms.ages,
        released=tuple(sorted(parts)),
    )


def end_reason(step: Step, share: Share) -> EndReason | None:
    """Returns the reason for which nothing can be shared by this share today; None if it can go on."""
    plan, terms = step.plan, step.around.of(share.party)
    if plan.owner.has_died:
        return EndReason.DECEASED
    if is_over(plan, step.on):
        return EndReason.PLAN_OVER
    if not terms.may_share or terms.by_person != (share.person is not None):
        return EndReason.NO_AGREEMENT
    if not policy_of(plan, share, step.on).opens_nothing:
        return None
    if share.readers and not policy_of(plan, share.evolve(readers=()), step.on).opens_nothing:
        return EndReason.READERS
    return EndReason.CONSENT if people_of(plan, share, step.on) else EndReason.MEMBERSHIP


def begin(step: Step, party: str) -> tuple[Share, ...]:
    """Begins the share of a party by name: with a system that keeps its people apart, the one of each person.

    With the event's `person`, that person's alone. Returns the shares. Raises `InvalidInput` if no agreement names the
    party, nobody of it takes part, or nobody has said who reads the server on its way, and `ConsentRefused` if nothing
    is open to it today.
    """
    taking = participants(step.plan, step.around.party_of, step.on)
    parts = {one.party: one for one in taking.parts}
    part = parts.get(party)
    if not step.around.of(party).may_share:
        raise InvalidInput.at("to_party", "no agreement names this party: nothing is shared with it", "business-rule")
    if not step.around.of(party).readers_known:
        raise InvalidInput.at("to_party", READERS_UNKNOWN, "business-rule")
    if part is None:
        raise InvalidInput.at("to_party", "nobody of this party takes part in the plan today", "business-rule")
    wanted = [person for person in _persons(step, part) if step.event.person in (None, person)]
    if not wanted:
        raise InvalidInput.at("person", "does not take part for this party today", "not-found")
    shares = [_fresh(step, part, person, parts) for person in wanted]
    if step.event.parts:
        shares = [share.evolve(released=step.event.parts) for share in shares]
    refused = [reason for share in shares if (reason := end_reason(step, share)) is not None]
    if len(refused) == len(shares):
        _refuse(refused[0], shares[0])
    return tuple(_begin(step, share) for share in shares if end_reason(step, share) is None)


def _refuse(reason: EndReason, share: Share) -> None:
    if reason is EndReason.CONSENT:
        raise ConsentRefused(reason.value, "no consent opens anything of the plan to this party today")
    if reason is EndReason.READERS:
        names = ", ".join(reader.party for reader in share.readers)
        told = f"the server on its way is read by {names}, too, and nothing of the plan is open to all of them today"
        raise InvalidInput.at("to_party", told, "business-rule")
    raise InvalidInput.at("to_party", f"nothing can be shared with this party: {reason}", "business-rule")


def end(step: Step, share: Share, reason: EndReason) -> None:
    """Ends a share: a withdrawal, numbered as a view. It names share and number alone and needs no consent."""
    number = share.number + 1
    ended = share.evolve(number=number, digest=withdrawal_digest(share.id, number), ended=step.on, end_reason=reason)
    step.put_share(ended)
    send_newest(step, ended)
    step.record(share=share.id, number=number, digest=ended.digest, about=None, note=f"the share ended: {reason}")


def withdrawal_digest(share_id: str, number: int) -> str:
    """Returns the digest of a withdrawal: a SHA-256, in hexadecimal, of share and number.

    >>> withdrawal_digest("s-1", 4)[:12]
    'f82b5c7da8fe'
    """
    return hashlib.sha256(f"{share_id}|{number}".encode()).hexdigest()


def send_newest(step: Step, share: Share) -> None:
    """Sends the newest view of a share, or its withdrawal, under the number that it has; earlier rows give way."""
    if not share.on_wire:
        step.put_share(share.evolve(acknowledged=share.number))
        return
    kind = PlanMessageKind.PLAN if share.goes_on else PlanMessageKind.PLAN_WITHDRAWN
    step.superseded.append(share.id)
    step.send(kind, share.id, share.party, number=share.number)
    if not step.runs(PlanTimerKind.ACKNOWLEDGEMENT, share.id):
        terms = step.around.of(share.party)
        step.start(PlanTimerKind.ACKNOWLEDGEMENT, share.id, acknowledgement_due(terms, step.event.at))


def share_again(step: Step, share: Share) -> None:
    """Makes a view for a share that is in step again, or begins again, above the highest number.

    Also where it equals the last one made here: the participant may hold another.
    """
    _new_view(step, None, share.evolve(in_step=True, ended=None, end_reason=None, digest=None))


def tick(step: Step, share: Share, parts: tuple[LocatingPart, ...]) -> None:
    """Lets these parts that lead to protected persons, and no others, go to a participant: its view may change."""
    ticked = share.evolve(released=parts)
    if share.goes_on and share.in_step:
        _new_view(step, share, ticked)
    else:
        step.put_share(ticked)


def _look_at(step: Step, was: Share, share: Share) -> None:
    reason = end_reason(step, share)
    if reason is not None:
        end(step, share, reason)
    elif share.in_step:
        _new_view(step, was, share)
    elif share is not was:
        step.put_share(share)


def _new_view(step: Step, was: Share | None, share: Share) -> None:
    """Gives the share its next view, if that differs from the last one, which was made for `was` (None: anew)."""
    settled = settle(_before(step, was, share), step.plan, share, step.on)
    made = settled.share
    if settled.view is None or made.digest == share.digest or made.digest is None:
        if was is not share:
            step.put_share(share)
        return
    step.put_share(made)
    step.views.append(MadeView(made.id, made.number, step.plan.version, step.on, made.digest))
    send_newest(step, made)
    grounds = consents_of(step.plan, made, step.on)
    step.record(share=made.id, number=made.number, digest=made.digest, about=None, consents=grounds)


def _before(step: Step, was: Share | None, share: Share) -> tuple[IndividualPlan, date] | None:
    """Returns the plan and day that equal those of the last view; None if it was made by other terms."""
    if was is None or not was.number or step.anew or any(getattr(was, name) != getattr(share, name) for name in _TERMS):
        return None
    return step.settled


def refusal_of_all(step: Step, party: str) -> Refused | None:
    """Returns the no to sharing all with a party; None if every life area, and what belongs to none, may be shared.

    Raises `InvalidInput` if no organisation of the plan is this party.
    """
    plan, units = step.plan, [unit for unit, name in step.around.party_of.items() if name == party]
    above = organizations_above(plan, {one.id for one in plan.organizations})
    if not units:
        raise InvalidInput.at("to_party", "no organisation of the plan is this party: name it first", "business-rule")
    for unit in units:
        within = tuple(one for one in above[unit] if one != unit)
        for areas in ((), tuple(LifeArea)):
            request = AccessRequest(ConsentKind.SHARING, unit, step.on, within, areas)
            answer = permits(plan.consents, request, plan.related_persons, plan.owner)
            if isinstance(answer, Refused):
                return answer
    return None


def _begin_by_rule(step: Step, parts: dict[str, Participant]) -> None:
    if step.plan.status not in _AT_WORK or protected_persons(step.plan):
        return
    for part in parts.values():
        terms = step.around.of(part.party)
        by_rule = terms.sharing.shares_begin is ShareStart.BY_RULE
        if not (by_rule and terms.may_share and terms.readers_known):
            continue
        for person in _persons(step, part):
            share = _fresh(step, part, person, parts)
            by_hand = share.end_reason is EndReason.BY_HAND
            if (share.number == 0 or not share.goes_on) and not by_hand and end_reason(step, share) is None:
                _begin(step, share)


def _persons(step: Step, part: Participant) -> tuple[str | None, ...]:
    """Returns the persons of a party who have a share each; one None where the party has one for all."""
    return tuple(ident for ident, _ in part.persons) if step.around.of(part.party).by_person else (None,)


def _fresh(step: Step, part: Participant, person: str | None, parts: dict[str, Participant]) -> Share:
    """Returns the share of a party or person as it is, with today's terms, or a new one that has no view yet."""
    known = (one for one in step.case.shares if (one.party, one.person) == (part.party, person))
    share = next(known, None)
    if share is None:
        key = step.around.new_key()
        ident = step.derived_id(key, "share")
        share = Share(id=ident, plan=step.case.id, party=part.party, person=person, key=key, began=step.on)
    return current(step, share, parts)


def _begin(step: Step, share: Share) -> Share:
    """Begins a share, or again; sends the newest view of one that goes on."""
    known = step.case.share(share.id)
    if known is not None and known.goes_on and known.in_step:
        _new_view(step, known, share)
        now = step.case.share(share.id)
        if now is not None and now.number == known.number:
            send_newest(step, now)
    else:
        share_again(step, share)
    return step.case.share(share.id) or share


def _tell_of_members(step: Step, taking: Taking) -> None:
    told = step.case.on_paper
    new = tuple(ident for ident in taking.on_paper if ident not in told)
    for membership in new:
        step.tell(Reason.ON_PAPER, membership)
    if new:
        step.evolve(on_paper=(*told, *new))


def _tell_of_unseeing(step: Step) -> None:
    """Tells of shares whose people are responsible for a measure that they may not see, if it was not so before."""
    new = _unseeing(step.plan, step.case.shares, step.on)
    if new and step.before is not None and step.settled is not None:
        new -= _unseeing(step.settled[0], step.before.shares, step.settled[1])
    for share in dict.fromkeys(sorted(share for share, _ in new)):
        step.tell(Reason.RESPONSIBLE_UNSEEING, share)


def _unseeing(plan: IndividualPlan, shares: Iterable[Share], on: date) -> set[tuple[str, str]]:
    """Returns pairs of a share and a measure that the share's people are responsible for and may not see."""
    found: set[tuple[str, str]] = set()
    areas = index_of(plan).areas
    theirs: dict[str | None, list[str]] = {}
    for measure in plan.measures:
        theirs.setdefault(measure.responsible, []).append(measure.id)
    for share in shares:
        if not share.goes_on:
            continue
        people = {*share.organizations, *(person for person, _ in people_of(plan, share, on))}
        for ident in [ident for person in people & theirs.keys() for ident in theirs[person]]:
            policy = policy_of(plan, share, on)
            if policy.level is not ContentLevel.PLAN or not policy.lets(areas[ident]):
                found.add((share.id, ident))
    return found


def _tell_of_turns(step: Step) -> None:
    """Tells of views that will open or shrink by date, once the day is near enough."""
    before = step.before
    for share in step.case.shares:
        if not share.goes_on:
            continue
        was = before.share(share.id) if before is not None else None
        if was is not None and was.goes_on and _turns_as_before(step, was, share):
            continue
        days = step.around.of(share.party).sharing.warning_days
        known: set[date] = set()
        if was is not None and was.goes_on and step.settled is not None:
            known = set(turns(step.settled[0], was, step.settled[1], days))
        new = [day for day in turns(step.plan, share, step.on, days) if day not in known]
        if new:
            step.tell(Reason.VIEW_TURNS, share.id, text=min(new).isoformat())


def _turns_as_before(step: Step, was: Share, share: Share) -> bool:
    """True if nothing is another by which views turn: neither day, terms, people, team nor consents."""
    if step.settled is None or step.settled[1] != step.on or any(getattr(was, n) != getattr(share, n) for n in _TERMS):
        return False
    return index_of(step.settled[0]).basis is index_of(step.plan).basis
