"""The forecast of a save or of shares: what is decided about them, without writing any of it, and what each would see.

A coordinator is shown this before a share begins, and before a save that opens something to a participant.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from ip_fhir.domain.sharing.events import PlanEvent, PlanEventKind, PlanSource
from ip_fhir.domain.sharing.lens.representatives import representative_view
from ip_fhir.domain.sharing.life.decision import decide_plan
from ip_fhir.domain.sharing.participants import participants
from ip_fhir.domain.sharing.see import see
from ip_fhir.domain.values.calendar import local_day
from ip_fhir.errors import ConsentRefused, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from datetime import date, datetime

    from ip_fhir.domain.consent.ages import ConsentAges
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.case import SharedPlan
    from ip_fhir.domain.sharing.life.surroundings import Surroundings
    from ip_fhir.domain.sharing.participants import Participant
    from ip_fhir.domain.sharing.share import Share
    from ip_fhir.domain.sharing.view import PlanView

Around: TypeAlias = "Callable[[SharedPlan | None, PlanEvent], Surroundings]"
"""The function that gives the surroundings of an event."""


@dataclass(frozen=True, slots=True)
class ShareForecast:
    """A participant's share as it would be: its view on the day, and the one it has now (None: it has none).

    `is_shared` is False where the share does not begin by itself, and `view` is what it would show if it were begun by
    name. Without a view nothing can be shared: `refusal` is what was raised. Without `readers_known` nothing of a share
    that goes on is sent until settings say who reads the server on its way.
    """

    party: str
    share: Share | None
    view: PlanView | None
    before: PlanView | None
    is_shared: bool
    refusal: ConsentRefused | InvalidInput | None = None
    readers_known: bool = True


@dataclass(frozen=True, slots=True)
class PlanForecast:
    """A plan as it would be on a Norwegian day, with the share of each participant, and who is "on paper"."""

    case: SharedPlan
    plan: IndividualPlan
    on: date
    shares: tuple[ShareForecast, ...]
    parts: tuple[Participant, ...]
    on_paper: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """A plan as one party or person sees it: the plan, or what a mandate opens of it; else views, each by its share.

    Without `is_shared` nothing is shared with the party, and the views are those that it would have.
    """

    plan: IndividualPlan | None = None
    views: tuple[PlanView, ...] = ()
    is_shared: bool = True


def seen_by_person(plan: IndividualPlan, who: str, on: date, ages: ConsentAges) -> Seen | None:
    """Returns what the person of the plan sees, or a relative, by their id in it; None if it is the id of neither.

    Raises `InvalidInput` for a relative who has no mandate.
    """
    if who == plan.owner.id:
        return Seen(plan)
    if any(person.id == who for person in plan.related_persons):
        return Seen(representative_view(plan, who, on, ages))
    return None


def seen_by_party(case: SharedPlan, plan: IndividualPlan, party: str, on: date) -> Seen | None:
    """Returns what a party sees by the shares that go on; None if there is none."""
    shares = [share for share in case.shares if share.party == party and share.goes_on]
    return Seen(views=tuple(see(plan, share, on) for share in shares)) if shares else None


def would_see(found: PlanForecast, party: str) -> Seen:
    """Returns what a party would see if its shares were begun.

    Raises `InvalidInput` (business-rule) if nobody of it takes part, and what the forecast says if it may see nothing.
    """
    of = [one for one in found.shares if one.party == party]
    if refused := next((one.refusal for one in of if one.refusal is not None), None):
        raise refused
    if not of:
        raise InvalidInput.at("as", "nobody of it takes part in the plan today", "business-rule")
    return Seen(views=tuple(one.view for one in of if one.view is not None), is_shared=False)


def forecast(
    case: SharedPlan | None,
    plan: IndividualPlan | None,
    around: Around,
    now: datetime,
    begin: Collection[str] | None = None,
) -> PlanForecast:
    """Returns what would be if `plan` were saved (None: if nothing were), at the time `now` (UTC).

    `begin` are the parties whose shares are forecast as if they were begun by name; None: those of all participants.
    Raises what saving would (`InvalidInput`, `Conflict`), and `InvalidInput` if this side does not hold the plan.
    """
    after = case if plan is None else _save(case, plan, around, now)
    if after is None or after.plan is None:
        raise InvalidInput.at("plan", "another side holds it: it is not shared from here", "business-rule")
    on = local_day(now)
    looked = PlanEvent(id="forecast-look", kind=PlanEventKind.TIME, at=now, raised_by=PlanSource.CLOCK)
    surroundings = around(after, looked)
    taking = participants(after.plan, surroundings.party_of, on)
    found = [replace(one, readers_known=surroundings.of(one.party).readers_known) for one in _going_on(case, after, on)]
    shared = {one.party for one in found if one.is_shared}
    for part in taking.parts:
        if part.party not in shared and (begin is None or part.party in begin):
            found += _begun(after, part.party, around, now)
    return PlanForecast(after, after.plan, on, tuple(found), taking.parts, taking.on_paper)


def _save(case: SharedPlan | None, plan: IndividualPlan, around: Around, now: datetime) -> SharedPlan:
    event = PlanEvent(
        id="forecast-save",
        kind=PlanEventKind.SAVE,
        at=now if case is None else max(now, case.changed),
        raised_by=PlanSource.HOLDER,
        plan=plan,
        based_on=plan.version,
    )
    return decide_plan(case, event, around(case, event)).plan


def _going_on(case: SharedPlan | None, after: SharedPlan, on: date) -> Iterator[ShareForecast]:
    """Yields the shares that go on now or would go on then."""
    before = {share.id: share for share in case.shares if share.goes_on} if case is not None else {}
    for share in after.shares:
        was = before.get(share.id)
        if not share.goes_on and was is None:
            continue
        known = see(case.plan, was, on) if was is not None and case is not None and case.plan is not None else None
        view = see(after.plan, share, on) if share.goes_on and after.plan is not None else None
        yield ShareForecast(share.party, share, view, known, is_shared=True)


def _begun(after: SharedPlan, party: str, around: Around, now: datetime) -> Iterator[ShareForecast]:
    """Yields the shares that a party would have if they were begun by name; one without a view if nothing may be."""
    event = PlanEvent(
        id="forecast-share",
        kind=PlanEventKind.SHARE,
        at=max(now, after.changed),
        raised_by=PlanSource.HOLDER,
        to_party=party,
    )
    try:
        begun = decide_plan(after, event, around(after, event)).plan
    except (ConsentRefused, InvalidInput) as error:
        yield ShareForecast(party, None, None, None, is_shared=False, refusal=error)
        return
    on = local_day(now)
    for share in begun.shares:
        if share.party == party and share.goes_on and begun.plan is not None:
            yield ShareForecast(party, share, see(begun.plan, share, on), None, is_shared=False)
