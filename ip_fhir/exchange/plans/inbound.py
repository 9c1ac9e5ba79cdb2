"""The way in of a message about a plan: message -> event -> decision -> one commit, as `exchange.inbound` does it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from uuid import NAMESPACE_URL, uuid5

from ip_fhir.domain.sharing.case import Invitation, PlanSide
from ip_fhir.domain.sharing.events import PlanEvent, PlanEventKind, PlanSource
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.messages import CONTENT
from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.errors import NotTaken, NotYet
from ip_fhir.exchange.commit import tell_our_people
from ip_fhir.exchange.plans.commit import announce, apply, plan_change
from ip_fhir.exchange.refusals import is_early, refuse_other_person
from ip_fhir.exchange.taking.intake import Taken
from ip_fhir.exchange.taking.retraction import REFUSED, telling
from ip_fhir.ports.plans import writes_plans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from ip_fhir.domain.people import PlanOwner
    from ip_fhir.domain.sharing.case import SharedPlan
    from ip_fhir.domain.sharing.messages import InvitationContent, PlanMessage
    from ip_fhir.domain.sharing.view import PlanView
    from ip_fhir.domain.values.ids import PersonId
    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.refusals import Arrival
    from ip_fhir.exchange.sending.run_counts import PlanChange
    from ip_fhir.ports import Transaction
    from ip_fhir.ports.plans import NameKind, PlanTransaction


_KINDS: Final = {
    PlanMessageKind.PLAN: PlanEventKind.VIEW,
    PlanMessageKind.PLAN_WITHDRAWN: PlanEventKind.WITHDRAW,
    PlanMessageKind.PLAN_CHANGE: PlanEventKind.CHANGE,
    PlanMessageKind.PLAN_CHANGE_ANSWER: PlanEventKind.CHANGE_ANSWERED,
    PlanMessageKind.INVITATION: PlanEventKind.INVITE,
    PlanMessageKind.INVITATION_ANSWER: PlanEventKind.ANSWER_INVITATION,
    PlanMessageKind.HANDOVER: PlanEventKind.HAND_OVER,
    PlanMessageKind.HANDOVER_ANSWER: PlanEventKind.ANSWER_HANDOVER,
    PlanMessageKind.PLAN_REQUEST: PlanEventKind.REQUEST,
    PlanMessageKind.PLAN_GONE: PlanEventKind.GONE,
    PlanMessageKind.PLAN_STATE_REQUEST: PlanEventKind.STATE_ASKED,
    PlanMessageKind.PLAN_STATE: PlanEventKind.RESTORED,
}

_BY_HOLDER: Final = frozenset(
    {
        PlanMessageKind.PLAN,
        PlanMessageKind.PLAN_WITHDRAWN,
        PlanMessageKind.PLAN_CHANGE_ANSWER,
        PlanMessageKind.INVITATION,
        PlanMessageKind.HANDOVER,
        PlanMessageKind.PLAN_GONE,
        PlanMessageKind.PLAN_STATE_REQUEST,
    }
)
_MOST: Final = 100  # plans about one person that are looked through

_OPENS: Final = (PlanMessageKind.PLAN, PlanMessageKind.INVITATION, PlanMessageKind.HANDOVER)
"""Kinds by which a side first hears of a plan."""

_FOLLOW: Final = (PlanMessageKind.PLAN_WITHDRAWN, PlanMessageKind.PLAN_CHANGE_ANSWER, PlanMessageKind.PLAN_GONE)
"""Kinds of which what they follow may come late: who misses them goes by a view, or a holder, that is past."""


@dataclass(frozen=True, slots=True)
class PlanIntake:
    """A message about a plan that came in the name of `party`, with the numbers of all persons in it.

    `arrival` learns which plan it is about; `taken_back` is the id of the message that this one takes back.
    """

    context: Context
    message: PlanMessage
    party: str
    persons: frozenset[PersonId]
    arrival: Arrival
    taken_back: str | None = None

    def take(self, tx: Transaction, now: datetime) -> Taken:
        """Decide and write: see `Intake.take`. All that is not known here, or is another's, gets one answer."""
        if not writes_plans(tx):
            raise NotTaken.at("kind", "this side keeps no plans", "not-supported")
        plan_id = self._plan_id(tx)
        before = tx.load_plan(plan_id) if plan_id is not None else None
        if plan_id is None or (before is None and self.message.kind not in _OPENS):
            raise self._unknown(now)
        if before is not None:
            self._check(before.plan, now)
            self.arrival.loop = plan_id
        if self.taken_back is not None:
            if before is None or not self._takes_part(before.plan):
                raise self._unknown(now)
            tell_our_people(tx, Aggregate.of_plan(plan_id), telling(self.message.id), now)
            return Taken(plan_id, (), (REFUSED,))
        event = self._event(now)
        try:
            decision = apply(self.context, tx, before, event, now)
        except NotTaken as error:  # where it was not found would tell that something else is there
            if not error.retry and all(problem.code == "not-found" for problem in error.problems):
                raise self._unknown(now) from None
            raise
        moved = [(event.kind, plan_change(before, decision))]
        if self.message.view is not None and not decision.problems:
            moved += [(PlanEventKind.ANSWER_REQUEST, one) for one in self._answered(tx, self.message.view, now)]
        return Taken(plan_id, (), decision.problems, partial(_announce_all, self.context, moved))

    def _answered(self, tx: PlanTransaction, view: PlanView, now: datetime) -> Iterator[PlanChange]:
        """Stop the clock of each question of ours to the party about the person in its view; yield what moved.

        A question was asked before we knew the plan: it is a case of its own, found by the person's number.
        """
        number = view.plan.owner.identifier
        for case_id in tx.plans_about(str(number), _MOST) if number is not None else ():
            while (before := tx.load_plan(case_id)) is not None:
                waiting = (one for one in before.plan.requests if one.party == self.party and one.answered is None)
                request = next(waiting, None)
                if request is None or before.plan.side is PlanSide.HOLDER:
                    break
                event = PlanEvent(
                    id=str(uuid5(NAMESPACE_URL, f"{self.message.id}#{request.id}")),
                    kind=PlanEventKind.ANSWER_REQUEST,
                    at=now,
                    raised_by=PlanSource.HOLDER,
                    party=self.party,
                    about=request.id,
                    message_id=self.message.id,
                )
                yield plan_change(before, apply(self.context, tx, before, event, now))

    def _plan_id(self, tx: PlanTransaction) -> str | None:
        """Return the id of the plan that the message is about; None if nothing here has what it names."""
        message = self.message
        for content, find in _NAMES:
            if (given := getattr(message, content)) is not None:
                return find(tx, given)
        return self._asked_for(tx, message.question.owner) if message.question is not None else None

    def _asked_for(self, tx: PlanTransaction, owner: PlanOwner) -> str | None:
        """Return the plan about a person that we hold and that the party may ask for."""
        if owner.identifier is None:
            return None
        for plan_id in tx.plans_about(str(owner.identifier), _MOST):
            stored = tx.load_plan(plan_id)
            if stored is not None and stored.plan.side is PlanSide.HOLDER and not stored.plan.over:
                return plan_id
        return None

    def _check(self, plan: SharedPlan, now: datetime) -> None:
        """Refuse a message of a party that has no part in the plan; of one that has, a message about another person.

        Whether a party is the holder is for the decision to say: the highest epoch counts.
        """
        if self.message.kind in _BY_HOLDER:
            concerned = self.party == plan.holder
        elif self.message.kind is PlanMessageKind.PLAN_REQUEST:
            concerned = True  # it was found by the person
        else:
            concerned = any(share.party == self.party for share in plan.shares) or self._has_asked(plan)
            if not concerned:
                raise self._unknown(now)
        if concerned and plan.owner is not None:
            refuse_other_person(plan.owner.identifier, self.persons, "plan")

    def _takes_part(self, plan: SharedPlan) -> bool:
        return self.party == plan.holder or any(share.party == self.party for share in plan.shares)

    def _has_asked(self, plan: SharedPlan) -> bool:
        """True if the message answers an invitation or handover to its party."""
        reply = self.message.reply
        if reply is None:
            return False
        asked = (*plan.invitations, *((plan.handover,) if plan.handover is not None else ()))
        return any(one.id == reply.about and one.party == self.party for one in asked)

    def _event(self, now: datetime) -> PlanEvent:
        message, content = self.message, CONTENT[self.message.kind]
        asked, gone = message.invitation, message.gone
        source = PlanSource.HOLDER if message.kind in _BY_HOLDER else PlanSource.PARTICIPANT
        return PlanEvent(
            id=message.id,
            kind=_KINDS[message.kind],
            at=now,
            raised_by=source,
            party=self.party,
            message_id=message.id,
            to_party=None if gone is None else self.context.parties.find(gone.holder),
            invitation=None if asked is None else invitation_of(asked, self.party, now),
            **{"epoch": message.epoch, "text": message.text, **_CONTENTS[content](getattr(message, content))},
        )

    def _unknown(self, now: datetime) -> NotTaken:
        """The one answer about whatever is not known here; `NotYet` while what it follows may still come."""
        early = is_early(self.context, self.message, now)
        return (NotYet if early and self.message.kind in _FOLLOW else NotTaken).at("plan", "unknown here", "not-found")


def _announce_all(context: Context, moved: list[tuple[PlanEventKind, PlanChange]]) -> None:
    for kind, change in moved:
        announce(context, kind, change)


def invitation_of(asked: InvitationContent, party: str, now: datetime) -> Invitation:
    """Return an invitation that came from `party` as this side keeps it. `now` is a time in UTC."""
    words = " - ".join(filter(None, (asked.member, asked.role_text or str(asked.role), asked.task)))
    return Invitation(
        id=asked.invitation,
        party=party,
        membership=asked.invitation,
        sent=now,
        owner=asked.owner.name.full,
        role=words,
    )


def _named(kind: NameKind, field: str) -> Callable[[PlanTransaction, Any], str | None]:
    return lambda tx, content: tx.plan_named(kind, getattr(content, field))


def _of_reply(tx: PlanTransaction, reply: Any) -> str | None:
    return tx.plan_named("invitation", reply.about) or tx.plan_named("handover", reply.about)


_NAMES: Final[tuple[tuple[str, Callable[[PlanTransaction, Any], str | None]], ...]] = (
    ("view", lambda _tx, view: view.plan.id),
    ("withdrawal", _named("share", "share")),
    ("change", _named("share", "share")),
    ("answer", _named("change", "change")),
    ("invitation", lambda _tx, invitation: invitation.plan),
    ("handover", lambda _tx, handover: handover.content.plan.id),
    ("reply", _of_reply),
    ("gone", lambda _tx, gone: gone.plan),
    ("held", _named("share", "share")),
)
"""By the content of a message: how the plan is found that it is about."""


def _of_view(view: PlanView) -> dict[str, Any]:
    return {"view": view, "share": view.share, "number": view.number, "digest": view.digest()}


_CONTENTS: Final[dict[str, Callable[[Any], dict[str, Any]]]] = {
    "view": _of_view,
    "withdrawal": lambda withdrawal: {"share": withdrawal.share, "number": withdrawal.number},
    "change": lambda change: {"change": change, "share": change.share, "about": change.id},
    "answer": lambda answer: {"answer": answer, "share": answer.share, "about": answer.change},
    "invitation": lambda invitation: {"about": invitation.invitation, "plan_id": invitation.plan},
    "reply": lambda reply: {"about": reply.about, "accepts": reply.accepts, "text": reply.reason},
    "handover": lambda handover: {"handed_over": handover.content, "about": handover.handover},
    "question": lambda question: {"about": question.request, "text": question.reason},
    "gone": lambda gone: {"epoch": gone.epoch, "holder": gone.holder},
    "held": lambda held: {"share": held.share, "number": held.number, "digest": held.digest},
}
"""By the content of a message: the fields of the event that it gives."""
