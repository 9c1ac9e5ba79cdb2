"""A participant's change: sent, decided part by part against the view it was made on, and answered.

At the holder a change is decided when it comes: what its author may do at once takes effect, what nobody may do is
refused, and the rest waits for a person. It is decided once: the same change again gets the same answer.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from ip_fhir.domain.effects import Reason
from ip_fhir.domain.sharing.case import PlanTimerKind
from ip_fhir.domain.sharing.change import ChangeStatus, KeptChange, Outcome, PartDecision
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.lens.wanted import as_said, filled
from ip_fhir.domain.sharing.life.clocks import change_due
from ip_fhir.domain.sharing.life.parts import Bench, applied, decided_with, parts_of, value_at
from ip_fhir.domain.sharing.life.shares import look_at_shares, send_newest
from ip_fhir.domain.sharing.life.table import Finding
from ip_fhir.domain.sharing.put_back import put_back
from ip_fhir.domain.sharing.see import remake, see
from ip_fhir.errors import InvalidInput, NotTaken, NotYet, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.case import PlanTimer
    from ip_fhir.domain.sharing.change import Change
    from ip_fhir.domain.sharing.life.step import Step
    from ip_fhir.domain.sharing.share import Kept, Share
    from ip_fhir.domain.sharing.view import PlanView

UNKNOWN: Final = "unknown here"
"""The one answer to whoever asks about what is not theirs, whether it is there or not."""

_WAITING: Final = (Outcome.PROPOSED, Outcome.CONFLICT)
_DONE: Final = (Outcome.DONE, Outcome.ACCEPTED)
_FINAL: Final = (ChangeStatus.ACCEPTED, ChangeStatus.PARTLY, ChangeStatus.DECLINED)


def status_of(decisions: Sequence[PartDecision]) -> ChangeStatus:
    """Returns the status of a change as a whole, by those of its parts.

    >>> status_of([PartDecision(field="title", outcome="done"), PartDecision(field="note", outcome="refused")])
    <ChangeStatus.PARTLY: 'partly'>
    """
    outcomes = {one.outcome for one in decisions}
    if Outcome.CONFLICT in outcomes:
        return ChangeStatus.CONFLICT
    if Outcome.PROPOSED in outcomes:
        return ChangeStatus.PROPOSED
    if outcomes <= set(_DONE):
        return ChangeStatus.ACCEPTED
    return ChangeStatus.DECLINED if outcomes.isdisjoint(_DONE) else ChangeStatus.PARTLY


def waits(kept: KeptChange) -> bool:
    """True if something of a change waits for a person of the holder."""
    return any(one.outcome in _WAITING for one in kept.decisions)


def undecided(changes: Iterable[KeptChange], share_id: str) -> list[KeptChange]:
    """Returns the changes of a share of which something waits for a person."""
    return [kept for kept in changes if kept.change.share == share_id and waits(kept)]


# --- at the participant


def made(step: Step) -> Finding:
    """Sends a change of our own people. Raises `InvalidInput` if it is not made on the newest view that is in step."""
    change = step.needed("change")
    copy = step.case.copy_of(change.share)
    if copy is None or copy.view is None:
        raise InvalidInput.at("change.share", "there is no view of this share any more", "not-found")
    if not copy.in_step:
        raise InvalidInput.at("change.share", "the two sides hold different views: ask the holder first", "conflict")
    if copy.number != change.base:
        raise InvalidInput.at("change.base", f"the newest view has the number {copy.number}", "conflict")
    if copy.view.holds_until is not None and copy.view.holds_until < step.on:
        raise InvalidInput.at("change.base", "the view may be shown no longer", "business-rule")
    if change.wanted.id != copy.view.plan.id:
        raise InvalidInput.at("change.wanted.id", "is another plan", "invariant")
    if _kept(step, change.id) is not None:
        raise InvalidInput.at("change.id", "another change has this id", "duplicate")
    wanted = as_said(change.wanted, copy.view.plan, change.unchanged, team_unnamed=change.team_unnamed)
    sent = change.evolve(wanted=wanted, unchanged=(), team_unnamed=False, digest=copy.digest, by=step.event.by)
    kept = KeptChange(change=sent, status=ChangeStatus.SENT, received=step.event.at)
    step.evolve(changes=(*step.case.changes, kept))
    step.send(PlanMessageKind.PLAN_CHANGE, change.id, step.case.holder)
    _expect_answer(step, change.id, 1)
    return Finding.FIRST


def unanswered(step: Step, timer: PlanTimer) -> None:
    """Sends a change that is not decided once more, and tells our people if the holder has not said a word so far.

    A holder that knows it answers as before; one that has lost it, with a store that a backup replaced, takes it anew.
    """
    kept = _kept(step, timer.about or "")
    if kept is None or kept.status in _FINAL:
        return
    if kept.status is ChangeStatus.SENT and timer.step == 1:
        step.tell(Reason.CHANGE_UNANSWERED, kept.change.id)
    _send_once_more(step, kept)
    _expect_answer(step, kept.change.id, timer.step + 1)


def _expect_answer(step: Step, change_id: str, times: int) -> None:
    due = change_due(step.around.of(step.case.holder), step.event.at, 1)
    step.start(PlanTimerKind.CHANGE_ANSWER, change_id, due, times)


def answered(step: Step) -> Finding:
    """Keeps the holder's answer to a change of ours. An answer with more parts undecided than one before is late.

    So is one after the change was decided, but for another decision with a view of a higher number: the holder has lost
    the first with a store that a backup replaced, and decided again.

    Raises `NotTaken` if another party than the holder answers, as for a change that is not known.
    """
    answer = step.needed("answer")
    kept = _kept(step, answer.change)
    if kept is None or step.event.party != step.case.holder:
        raise NotTaken.at("answer.change", UNKNOWN, "not-found")
    waiting = sum(one.outcome in _WAITING for one in answer.decisions)
    before = sum(one.outcome in _WAITING for one in kept.decisions)
    # Declined without decisions it is if a machine refused to take it once more: the holder's word counts for more.
    first = kept.status is ChangeStatus.SENT or not kept.decisions
    again = not waiting and answer.decisions != kept.decisions and answer.number > kept.answered
    if not first and (waiting > before or (kept.status in _FINAL and not again)):
        return Finding.LATE
    now = {
        "status": answer.status,
        "decisions": answer.decisions,
        "decided": None if waiting else step.event.at,
        "answered": answer.number,
    }
    put(step, kept.evolve(**now))
    if not waiting:  # else the clock runs on: the decision may be lost on its way
        step.stop(PlanTimerKind.CHANGE_ANSWER, answer.change)
    if answer.decisions != kept.decisions or kept.status is ChangeStatus.SENT:
        step.tell(Reason.CHANGE_ANSWERED, answer.change, text=answer.text)
    return Finding.WAITS if waiting else Finding.DECIDED


def refused(step: Step, change_id: str) -> None:
    """Marks a change of ours as declined whole: the holder's machine did not take it."""
    kept = _kept(step, change_id)
    if kept is not None and kept.status not in _FINAL:
        put(step, kept.evolve(status=ChangeStatus.DECLINED, decided=step.event.at))
        step.stop(PlanTimerKind.CHANGE_ANSWER, change_id)


def send_again(step: Step, share_id: str | None = None) -> None:
    """Sends what is not decided, of one share or all, to the holder once more: it is decided once, answered each time.

    What waits gives way: a restored holder takes no change before it knows what we hold, and this goes behind that.
    """
    for kept in step.case.changes:
        if share_id in (None, kept.change.share) and kept.status not in _FINAL:
            _send_once_more(step, kept)


def _send_once_more(step: Step, kept: KeptChange) -> None:
    step.superseded.append(kept.change.id)
    step.send(PlanMessageKind.PLAN_CHANGE, kept.change.id, step.case.holder)


# --- at the holder


def received(step: Step) -> Finding:
    """Decides a change that came. Raises `NotTaken` if its party has no such share."""
    change = step.needed("change")
    share = step.case.share(change.share)
    if share is None or share.party != step.event.party:
        raise NotTaken.at("change.share", UNKNOWN, "not-found")
    known = _kept(step, change.id)
    if known is not None:
        return _again(step, known, change)
    if share.goes_on and not share.in_step:
        raise NotYet.at("change.share", "a backup was restored here: later, please", "conflict")
    if share.goes_on and step.is_unsettled:
        look_at_shares(step)
        share = step.case.share(change.share) or share
    if not share.goes_on:
        return _problem(step, Finding.LATE, "change.share", "the share has ended", "business-rule")
    if len(undecided(step.case.changes, share.id)) >= step.around.of(share.party).sharing.undecided_changes:
        reason = "too many changes of this share wait for a decision"
        return _problem(step, Finding.TOO_MANY, "change", reason, "business-rule")
    now = see(step.plan, share, step.on)
    base = _base(step, share, change, now)
    if base is None:
        send_newest(step, share)
        return _problem(step, Finding.OUTDATED, "change.base", "on your newest view, please", "conflict")
    return _decide(step, share, change, base, now)


def _problem(step: Step, finding: Finding, path: str, reason: str, code: str) -> Finding:
    step.problems = (Problem(path, reason, code),)  # type: ignore[arg-type]
    return finding


def _again(step: Step, known: KeptChange, change: Change) -> Finding:
    theirs, ours = change.evolve(by=None), known.change.evolve(by=None)
    if theirs != ours:
        return _problem(step, Finding.CONFLICT, "change.id", "another change has this id", "conflict")
    _answer(step, known)
    return Finding.REPEATED


def _base(step: Step, share: Share, change: Change, now: PlanView) -> IndividualPlan | None:
    """Returns the view that a change was made on; None if it cannot be made again, is too old or was another one."""
    if change.wanted.id != now.plan.id or change.base > share.number:
        return None
    if change.base == share.number:
        view = now
    elif step.around.base is None:
        return None
    else:
        plan, day = step.around.base
        if (step.on - day).days > step.around.of(share.party).sharing.base_days:
            return None
        view = remake(plan, share, change.base, day)
    return view.plan if change.digest in (None, view.digest()) else None


def _decide(step: Step, share: Share, change: Change, base: IndividualPlan, now: PlanView) -> Finding:
    terms = step.around.of(share.party)
    whole = change.whole or terms.absent == "removed"
    bench = Bench(base, now.plan, share, step.plan, step.on, terms.sharing.rights)
    try:
        wanted = as_said(change.wanted, base, change.unchanged, team_unnamed=change.team_unnamed)
        wanted = wanted if whole else filled(wanted, base)
    except InvalidInput as error:  # with what it leaves out, it does not hang together
        return _problem(step, Finding.CONFLICT, "change.wanted", error.problems[0].reason, "invariant")
    parts = parts_of(base, wanted)
    verdict = bench.judge(parts)
    decisions = verdict.decisions(parts)
    status = status_of(decisions)
    own = change.evolve(by=None)
    received = step.event.at
    kept = KeptChange(change=own, status=status, received=received, decisions=decisions, polled=step.event.polled)
    is_done = not waits(kept)
    kept = kept.evolve(decided=step.event.at) if is_done else kept
    step.evolve(changes=(*step.case.changes, kept))
    before = () if terms.absent == "removed" else share.kept  # else its absence says nothing
    _put_plan(step, verdict.plan, verdict.share.evolve(kept=_kept_data(before, change.kept)))
    _answer(step, kept)
    if not is_done:
        step.start(PlanTimerKind.CHANGE, change.id, change_due(terms, step.event.at, 1))
        step.tell(Reason.CHANGE_TO_DECIDE, share.id)
    if status is ChangeStatus.CONFLICT:
        step.tell(Reason.CHANGE_CONFLICT, share.id)
    if any(one.outcome is Outcome.NOT_FOUND for one in decisions):
        step.tell(Reason.CHANGE_NOT_FOUND, share.id)
    return Finding.DONE if is_done else Finding.WAITS


def _kept_data(before: tuple[Kept, ...], new: tuple[Kept, ...]) -> tuple[Kept, ...]:
    """Returns the data that no table names, with the later of two about one resource."""
    return tuple({(one.type, one.resource): one for one in (*before, *new)}.values())


def _put_plan(step: Step, plan: IndividualPlan, share: Share) -> None:
    """Puts a changed plan and share in place: a new version if the plan differs, and a view for each who sees it."""
    step.put_share(share)
    if plan != step.plan:
        step.evolve(plan=plan.evolve(version=step.plan.version + 1, updated=step.event.at))
        look_at_shares(step)


def _answer(step: Step, kept: KeptChange) -> None:
    if kept.polled:
        return
    share = step.case.share(kept.change.share)
    party, number = (share.party, share.number) if share is not None else (step.event.party, None)
    answers = step.event.message_id if step.event.change is not None else None
    step.send(PlanMessageKind.PLAN_CHANGE_ANSWER, kept.change.id, party, number=number or None, answers=answers)


def answer_again(step: Step, share: Share) -> None:
    """Answers once more what came lately: answers may be lost with a restored backup."""
    for kept in step.case.changes:
        if kept.change.share == share.id and _is_recent(step, kept, share):
            _answer(step, kept)


def _is_recent(step: Step, kept: KeptChange, share: Share) -> bool:
    """True if a change came so lately that its base would still be taken: its author may ask for it again."""
    return kept.received >= step.event.at - timedelta(days=step.around.of(share.party).sharing.base_days)


def to_hand_over(step: Step) -> tuple[KeptChange, ...]:
    """Returns the changes that a new holder must know: undecided, or so recent that the answer may not have arrived.

    Of these it decides none once more.
    """
    shares = {share.id: share for share in step.case.shares}
    known = [(kept, shares.get(kept.change.share)) for kept in step.case.changes]
    return tuple(
        kept.evolve(by=None)
        for kept, share in known
        if share is not None and (waits(kept) or _is_recent(step, kept, share))
    )


def decided(step: Step) -> Finding:
    """Applies the decisions of a person of ours about parts of a change; what is decided together is one part.

    Raises `InvalidInput` if there is no such part that waits, or if an accepted value cannot be put into the plan.
    """
    kept = _kept(step, step.needed("about"))
    share = step.case.share(kept.change.share) if kept is not None else None
    if kept is None or share is None:
        raise InvalidInput.at("about", "there is no such change", "not-found")
    said = _said(step, kept)
    if step.is_unsettled:
        look_at_shares(step)
        share = step.case.share(share.id) or share
    accepted = [place for place, one in said.items() if one.outcome is Outcome.ACCEPTED]
    plan = step.plan
    if accepted:
        edits = [(name, ident, value_at(kept.change.wanted, name, ident)) for name, ident in accepted]
        back = put_back(applied(see(plan, share, step.on).plan, edits), share, plan, step.on, whole=True)
        plan, share = back.plan, back.share
    now = tuple(
        one.evolve(outcome=said[one.field, one.id].outcome, reason=said[one.field, one.id].reason)
        if (one.field, one.id) in said
        else one
        for one in kept.decisions
    )
    kept = kept.evolve(decisions=now, status=status_of(now), by=step.event.by)
    kept = kept if waits(kept) else kept.evolve(decided=step.event.at)
    put(step, kept)
    _put_plan(step, plan, share)
    _answer(step, kept)
    if waits(kept):
        return Finding.WAITS
    step.stop(PlanTimerKind.CHANGE, kept.change.id)
    return Finding.DECIDED


def _said(step: Step, kept: KeptChange) -> dict[tuple[str, str | None], PartDecision]:
    """Returns what was decided, for each difference that it is about."""
    waiting = {(one.field, one.id): one for one in kept.decisions if one.outcome in _WAITING}
    found: dict[tuple[str, str | None], PartDecision] = {}
    if not step.event.decisions:
        raise InvalidInput.at("decisions", "nothing is decided", "required")
    for number, one in enumerate(step.event.decisions):
        if one.outcome not in (Outcome.ACCEPTED, Outcome.DECLINED):
            raise InvalidInput.at(f"decisions.{number}.outcome", "a part is accepted or declined", "value")
        if (one.field, one.id) not in waiting:
            raise InvalidInput.at(f"decisions.{number}", "no such part waits for a decision", "not-found")
        together = {(name, one.id) for name in decided_with(one.field)} & waiting.keys()
        if any(found.get(place, one).outcome is not one.outcome for place in together):
            raise InvalidInput.at(f"decisions.{number}", "is bound to a part that is decided otherwise", "invariant")
        found |= dict.fromkeys(together, one)
    return found


def close_ended(step: Step) -> None:
    """Ends the changes of shares that have ended: what waited is not in any view now, and is kept for our people."""
    for share in step.case.shares:
        waiting = undecided(step.case.changes, share.id) if not share.goes_on else ()
        for kept in waiting:
            decisions = tuple(
                one.evolve(outcome=Outcome.NOT_FOUND) if one.outcome in _WAITING else one for one in kept.decisions
            )
            closed = kept.evolve(decisions=decisions, status=status_of(decisions), decided=step.event.at)
            put(step, closed)
            _answer(step, closed)
            step.stop(PlanTimerKind.CHANGE, kept.change.id)
        if waiting:
            step.tell(Reason.CHANGE_NOT_FOUND, share.id)


def _kept(step: Step, change_id: str) -> KeptChange | None:
    return next((kept for kept in step.case.changes if kept.change.id == change_id), None)


def put(step: Step, kept: KeptChange) -> None:
    """Puts a change in the place of the one with its id."""
    step.evolve(changes=tuple(kept if one.change.id == kept.change.id else one for one in step.case.changes))
