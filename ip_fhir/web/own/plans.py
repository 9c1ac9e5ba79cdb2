"""The doors of plans: what there is of each, and the deeds of the holder's people and of the participants'."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.errors import InvalidInput
from ip_fhir.web.own.doors import ID, Door, Query, Shown, values
from ip_fhir.web.own.plan_reading import PLANS, PlanReading
from ip_fhir.web.own.plan_values import (
    Decisions,
    HandOver,
    Invite,
    MaybeBecause,
    NewShare,
    Parts,
    Question,
    SharingState,
    WantedView,
    YesOrNo,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ip_fhir.domain.sharing.case import SharedPlan
    from ip_fhir.domain.values.value import Value
    from ip_fhir.exchange import Exchange
    from ip_fhir.web.own.doors import Asked

_OF_ACTS: Final = (403, 404, 409, 412)
_FROM = Query("referral", ID, "Key here of the loop that a new plan comes of.")


@dataclass(frozen=True, slots=True)
class PlanDoors:
    """The doors of plans of one side."""

    exchange: Exchange

    def doors(self) -> Iterator[Door]:
        """Yields every door."""
        yield from PlanReading(self.exchange).doors()
        yield from self._saving()
        yield from self._holding()
        yield from self._asking()
        yield from self._taking_part()

    def _door(
        self,
        path: str,
        name: str,
        about: str,
        takes: type[Value],
        does: Callable[[Asked], object],
        *,
        shows: Callable[[Asked], Shown] | None = None,
        status: int = 200,
        query: tuple[Query, ...] = (),
    ) -> Door:
        """A door that changes a plan and shows it as it is then."""

        def did(asked: Asked) -> None:
            does(asked)

        return Door(
            "POST",
            f"/own/{path}",
            name,
            about,
            PLANS,
            values(SharingState),
            shows or (lambda asked: self._shown(asked.path["plan"])),
            did,
            values(takes),
            query,
            status,
            once=True,
            versioned=True,
            also=_OF_ACTS,
        )

    def _saving(self) -> Iterator[Door]:
        exchange = self.exchange
        yield self._door(
            "plans",
            "savePlan",
            "Save a plan: a new one, or the next version of one that is here. `version` is the one it was changed "
            "from: 412 if another was saved since. Every participant whose view changes gets its next one.",
            IndividualPlan,
            lambda asked: exchange.save_plan(asked.body, by=asked.who, referral=asked.query["referral"]),
            shows=lambda asked: self._shown(asked.body.id),
            status=201,
            query=(_FROM,),
        )
        update = self._door(
            "plans/{plan}",
            "updatePlan",
            "Save the next version of the plan with this id.",
            IndividualPlan,
            self._update,
        )
        yield replace(update, method="PUT")

    def _holding(self) -> Iterator[Door]:
        exchange = self.exchange
        yield self._door(
            "plans/{plan}/shares",
            "sharePlan",
            "Begin to share a plan with a party, or begin again: it gets its view.",
            NewShare,
            lambda asked: exchange.share(
                asked.path["plan"],
                asked.body.party,
                by=asked.who,
                person=asked.body.person,
                released=asked.body.released,
            ),
        )
        yield self._door(
            "plans/{plan}/shares/{share}/end",
            "endShare",
            "End a share: its participant is told to use the view no longer.",
            MaybeBecause,
            lambda asked: exchange.end_share(
                self._one(asked, "share", "shares"), by=asked.who, reason=asked.body.reason
            ),
        )
        yield self._door(
            "plans/{plan}/shares/{share}/release",
            "releaseToShare",
            "Let these parts of a protected address, and no others, go to a participant.",
            Parts,
            lambda asked: exchange.release(self._one(asked, "share", "shares"), asked.body.parts, by=asked.who),
        )
        yield self._door(
            "plans/{plan}/changes/{change}/decisions",
            "decideChange",
            "Accept or decline parts of a participant's change that wait for a person.",
            Decisions,
            lambda asked: exchange.answer_change(self._change(asked), asked.body.decisions, by=asked.who),
        )

    def _asking(self) -> Iterator[Door]:
        exchange = self.exchange
        yield self._door(
            "plans/{plan}/invitations",
            "invite",
            "Invite the party of a proposed membership, which may accept or decline it.",
            Invite,
            lambda asked: exchange.invite(asked.path["plan"], asked.body.membership, by=asked.who),
        )
        yield self._door(
            "plans/{plan}/handovers",
            "handOver",
            "Offer the plan to another holder. Ours it stays until they accept.",
            HandOver,
            lambda asked: exchange.hand_over(
                asked.path["plan"], asked.body.party, by=asked.who, reason=asked.body.reason
            ),
        )
        yield self._door(
            "plans/{plan}/requests/{request}/answer",
            "answerRequest",
            "Grant or refuse a party's question for a plan: granted, a share begins.",
            YesOrNo,
            lambda asked: exchange.answer_request(
                self._one(asked, "request", "requests"), asked.body.accepts, by=asked.who, reason=asked.body.reason
            ),
        )

    def _taking_part(self) -> Iterator[Door]:
        exchange = self.exchange
        yield self._door(
            "plans/{plan}/changes",
            "changePlan",
            "Ask the holder for a change: the view that we have, as we want it, with its number.",
            WantedView,
            self._want,
        )
        yield self._door(
            "plans/{plan}/invitations/{invitation}/answer",
            "answerInvitation",
            "Accept or decline an invitation to take part; at the holder, a no takes it back.",
            YesOrNo,
            lambda asked: exchange.answer_invitation(
                self._one(asked, "invitation", "invitations"),
                asked.body.accepts,
                by=asked.who,
                reason=asked.body.reason,
            ),
        )
        yield self._door(
            "plans/{plan}/handovers/{handover}/answer",
            "answerHandover",
            "Accept a plan that is handed over to us, or decline it; at the holder, a no takes the offer back.",
            YesOrNo,
            self._answer_handover,
        )
        yield self._door(
            "plan-requests",
            "askForPlan",
            "Ask a party for the plan about a person. A no is not sent: when our own clock runs out, we are told.",
            Question,
            lambda asked: exchange.ask_for_plan(
                asked.body.owner, asked.body.party, by=asked.who, reason=asked.body.reason
            ),
            shows=lambda asked: self._shown(asked.deed.new_id("request")),
            status=201,
        )

    # --- what changes something

    def _update(self, asked: Asked) -> None:
        if asked.body.id != asked.path["plan"]:
            raise InvalidInput.at("id", "is not that of the address", "invariant")
        self.exchange.plan(asked.body.id)
        self.exchange.save_plan(asked.body, by=asked.who)

    def _want(self, asked: Asked) -> None:
        said = asked.body
        if said.view.plan.id != asked.path["plan"]:
            raise InvalidInput.at("view.plan.id", "is not that of the address", "invariant")
        self.exchange.change_plan(said.view, by=asked.who, text=said.text, whole=said.whole)

    def _answer_handover(self, asked: Asked) -> None:
        handover = self._plan(asked).handover
        if handover is None or handover.id != asked.path["handover"]:
            raise _none("handover")
        said = asked.body
        self.exchange.answer_handover(handover.id, said.accepts, by=asked.who, reason=said.reason)

    # --- what there is

    def _one(self, asked: Asked, kind: str, name: str) -> str:
        """The id of a part of the plan in the path. Raises `InvalidInput` (not-found) if it is no part of it."""
        if asked.path[kind] not in {one.id for one in getattr(self._plan(asked), name)}:
            raise _none(kind)
        return asked.path[kind]

    def _change(self, asked: Asked) -> str:
        if asked.path["change"] not in {kept.change.id for kept in self._plan(asked).changes}:
            raise _none("change")
        return asked.path["change"]

    def _plan(self, asked: Asked) -> SharedPlan:
        return self.exchange.plan(asked.path["plan"])

    def _shown(self, plan_id: str) -> Shown:
        return PlanReading(self.exchange).shown(plan_id)


def _none(kind: str) -> InvalidInput:
    return InvalidInput.at(kind, "the plan has none of this id", "not-found")
