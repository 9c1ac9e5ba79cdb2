"""The step that is being decided: the case as it becomes, and the effects that are asked for on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ip_fhir.domain.effects import Effect, EffectKind, Reason
from ip_fhir.domain.loop.effects import effect_id
from ip_fhir.domain.sharing.case import PlanSide, PlanTimer, PlanTimerKind, SharedPlan
from ip_fhir.domain.sharing.events import PlanEvent, PlanRecord
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.values.calendar import local_day
from ip_fhir.errors import InvalidInput

if TYPE_CHECKING:
    from datetime import date, datetime

    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.life.surroundings import Surroundings
    from ip_fhir.domain.sharing.life.table import Finding
    from ip_fhir.domain.sharing.share import Share
    from ip_fhir.errors import Problem


_OFFERS: Final = (PlanMessageKind.INVITATION, PlanMessageKind.HANDOVER)
"""Messages that tell a party whose plan it is before it has a share: the evidence names the offer."""


class MadeView(NamedTuple):
    """A view that was made: share, number, version of the plan and Norwegian day it was made from, and digest."""

    share: str
    number: int
    version: int
    day: date
    digest: str


@dataclass(frozen=True, slots=True)
class PlanDecision:
    """The result of an event: the case after it, the evidence, and the effects to carry out.

    `superseded` are ids of shares and changes: earlier rows, not sent yet, give way to a view, withdrawal or change in
    `effects`.
    `drops` is the reason for closing every other row of the plan that waits (None: they stay). With `problems` the
    message is kept as evidence and not acted on, and its sender gets a fatal-error receipt with them.
    """

    plan: SharedPlan
    records: tuple[PlanRecord, ...] = ()
    effects: tuple[Effect, ...] = ()
    superseded: tuple[str, ...] = ()
    views: tuple[MadeView, ...] = ()
    drops: str | None = None
    problems: tuple[Problem, ...] = ()


class Step:
    """One step: `before` is the case as it was (None: there was none), `case` as it becomes.

    `settled` are the plan and the Norwegian day for which the shares were last looked at; `anew` is True if that was by
    other settings.
    """

    def __init__(self, before: SharedPlan | None, event: PlanEvent, around: Surroundings, case: SharedPlan) -> None:
        self.before, self.event, self.around, self.case = before, event, around, case
        self.effects: list[Effect] = []
        self.records: list[PlanRecord] = []
        self.superseded: list[str] = []
        self.views: list[MadeView] = []
        self.problems: tuple[Problem, ...] = ()
        self.drops: str | None = None
        self.on = local_day(event.at)
        self.settled: tuple[IndividualPlan, date] | None = None
        if before is not None and before.plan is not None and before.settled_on is not None:
            self.settled = before.plan, before.settled_on
        basis = around.basis.digest if around.basis is not None else None
        self.anew = before is not None and before.settled_by != basis

    @property
    def plan(self) -> IndividualPlan:
        """The newest version. Raises `InvalidInput` at a participant, which has none."""
        if self.case.plan is None:
            raise InvalidInput.at("plan", "another side holds the plan", "not-found")
        return self.case.plan

    @property
    def is_unsettled(self) -> bool:
        """True if the shares have not been looked at for this day, or were looked at by settings that are replaced."""
        case, basis = self.case, self.around.basis
        replaced = basis is not None and basis.replaces(case.settled_by, case.settled_since)
        return case.settled_on != self.on or replaced

    @property
    def ours(self) -> bool:
        """True if our own side raised the event."""
        return self.event.party is None

    def needed(self, name: str) -> Any:
        """Returns a field of the event. Raises `InvalidInput` if it is not given."""
        found = getattr(self.event, name)
        if found is None:
            raise InvalidInput.at(f"event.{name}", f"missing, and {self.event.kind} needs it", "required")
        return found

    def evolve(self, **changes: Any) -> None:
        """Changes fields of the case. They are checked when the step is decided: once for all of a plan's shares."""
        self.case = self.case.model_copy(update=changes)

    def put_share(self, share: Share) -> None:
        """Puts a share in the place of the one with its id, or adds it."""
        known = any(one.id == share.id for one in self.case.shares)
        shares = tuple(share if one.id == share.id else one for one in self.case.shares)
        self.evolve(shares=shares if known else (*shares, share))

    def send(self, message: PlanMessageKind, about: str, party: str | None, **details: Any) -> Effect:
        """Adds a message about a share, change, invitation, request or handover to a party; returns the effect."""
        purpose = f"{message}|{party}|{about}"
        return self._add(EffectKind.SEND, purpose, plan_message=message, about=about, party=party, **details)

    def tell(self, reason: Reason, about: str | None = None, **details: Any) -> Effect:
        """Adds an item on the worklist of our own people; returns the effect."""
        return self._add(EffectKind.TELL, f"tell|{reason}|{about}", reason=reason, about=about, **details)

    def _add(self, kind: EffectKind, purpose: str, **details: Any) -> Effect:
        ident = effect_id(self.case.id, self.event.id, purpose)
        effect = Effect(id=ident, kind=kind, **{name: given for name, given in details.items() if given is not None})
        self.effects = [*(one for one in self.effects if one.id != ident), effect]
        return effect

    def derived_id(self, *purpose: str) -> str:
        """Returns an id that follows from the event and a purpose, or from a secret and a purpose."""
        return effect_id(self.case.id, "|".join(purpose), self.event.id)

    def start(self, kind: PlanTimerKind, about: str | None, due: datetime, step: int = 1) -> None:
        """Starts a clock, in the place of the one of the same kind about the same."""
        self.stop(kind, about)
        self.evolve(timers=(*self.case.timers, PlanTimer(kind=kind, about=about, due=due, step=step)))

    def stop(self, kind: PlanTimerKind, about: str | None = None) -> None:
        """Stops the clock of this kind that is about this."""
        left = tuple(timer for timer in self.case.timers if (timer.kind, timer.about) != (kind, about))
        if len(left) < len(self.case.timers):
            self.evolve(timers=left)

    def runs(self, kind: PlanTimerKind, about: str | None = None) -> bool:
        """True if a clock of this kind about this runs."""
        return any((timer.kind, timer.about) == (kind, about) for timer in self.case.timers)

    def record(self, **details: Any) -> None:
        """Adds evidence of this step: by default of the event as a whole."""
        event = self.event
        side = self.before.side if self.before is not None else self.case.side
        said = {"about": event.about, "share": event.share, "number": event.number, "digest": event.digest} | details
        self.records.append(
            PlanRecord(
                event=event.id,
                kind=event.kind,
                at=event.at,
                raised_by=event.raised_by,
                side=side,
                by=event.by,
                party=event.party,
                message_id=event.message_id,
                **said,
            )
        )

    def decision(self, finding: Finding, note: str) -> PlanDecision:
        """Returns the decision; the record of the event itself comes first."""
        of_shares, self.records = self.records, []
        holder = self.case.side is PlanSide.HOLDER and self.case.plan is not None
        offered = (effect.about for effect in self.effects if effect.plan_message in _OFFERS)
        self.record(
            about=self.event.about or next(offered, None),
            version=self.plan.version if holder else None,
            note=f"{finding}: {note}",
            effects=tuple(effect.id for effect in self.effects),
        )
        return PlanDecision(
            plan=self.case.evolve(changed=self.event.at),
            records=(*self.records, *of_shares),
            effects=tuple(self.effects),
            superseded=tuple(dict.fromkeys(self.superseded)),
            views=tuple(self.views),
            drops=self.drops,
            problems=self.problems,
        )
