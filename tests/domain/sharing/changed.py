"""Views as a participant wants them: some edits that may be taken, and some that may not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from hypothesis import strategies as st

from ip_fhir.domain.consent.consent import Consent, ConsentKind
from ip_fhir.domain.people import ContactPoint, ContactSystem, PersonName, Professional
from ip_fhir.domain.plan import (
    Goal,
    IndividualPlan,
    Measure,
    MeasureStatus,
    Need,
    PlanStatus,
    Resource,
    Review,
    ReviewKind,
    ReviewStatus,
)
from ip_fhir.domain.sharing.lens.refusals import HiddenClash, ViewRefused
from ip_fhir.domain.sharing.put_back import PutBack, put_back
from ip_fhir.domain.sharing.see import see
from ip_fhir.domain.team import CareTeam, Membership, MembershipStatus, TeamRole
from ip_fhir.errors import InvalidInput
from tests.domain.sharing.alike import AREAS, DAYS, Case

Edit = Callable[[st.DrawFn, IndividualPlan], IndividualPlan]
_WORDS: Final = st.sampled_from(("Svømming", "Fottur", "Skyss hver tirsdag"))
_SOME_AREAS: Final = st.lists(st.sampled_from(AREAS), unique=True, max_size=2).map(tuple)


def _one_of(draw: st.DrawFn, view: IndividualPlan, name: str, change: dict[str, Any]) -> IndividualPlan:
    """The view with one item of a list changed; as it was, if there is none."""
    items = getattr(view, name)
    if not items:
        return view
    place = draw(st.integers(0, len(items) - 1))
    made = items[place].evolve(**change)
    return view.evolve(**{name: (*items[:place], made, *items[place + 1 :])})


def _text(draw: st.DrawFn, view: IndividualPlan) -> IndividualPlan:
    name, field = draw(
        st.sampled_from(
            (
                *(("needs", "text"), ("goals", "text"), ("measures", "what"), ("measures", "how")),
                *(("reviews", "outcome"), ("resources", "text"), ("contributions", "text"), ("measures", "where")),
            )
        )
    )
    return _one_of(draw, view, name, {field: draw(_WORDS)})


def _areas(draw: st.DrawFn, view: IndividualPlan) -> IndividualPlan:
    return _one_of(draw, view, draw(st.sampled_from(("goals", "measures"))), {"areas": draw(_SOME_AREAS)})


def _area(draw: st.DrawFn, view: IndividualPlan) -> IndividualPlan:
    area = draw(st.sampled_from((None, *AREAS)))
    return _one_of(draw, view, draw(st.sampled_from(("needs", "resources"))), {"area": area})


def _goals(draw: st.DrawFn, view: IndividualPlan) -> IndividualPlan:
    goals = [goal.id for goal in view.goals]
    some = st.lists(st.sampled_from(goals), unique=True).map(tuple) if goals else st.just(())
    return _one_of(draw, view, "measures", {"goals": draw(some)})


def _status(draw: st.DrawFn, view: IndividualPlan) -> IndividualPlan:
    status, reason = draw(st.sampled_from(MeasureStatus)), draw(st.sampled_from((None, "Sykdom")))
    return _one_of(draw, view, "measures", {"status": status, "status_reason": reason})


def _held(draw: st.DrawFn, view: IndividualPlan) -> IndividualPlan:
    held = {"status": ReviewStatus.HELD, "held": draw(st.sampled_from(DAYS)), "outcome": draw(_WORDS)}
    return _one_of(draw, view, "reviews", held)


def _responsible(draw: st.DrawFn, view: IndividualPlan) -> IndividualPlan:
    people = (None, view.owner.id, *(person.id for person in view.professionals))
    return _one_of(draw, view, "measures", {"responsible": draw(st.sampled_from(people))})


def _contacts(draw: st.DrawFn, view: IndividualPlan) -> IndividualPlan:
    phone = ContactPoint(system=ContactSystem.PHONE, value=draw(st.sampled_from(("55 55 55 55", "44 44 44 44"))))
    name = draw(st.sampled_from(("professionals", "organizations", "related_persons")))
    return _one_of(draw, view, name, {"contacts": (phone,)})


def _whole(draw: st.DrawFn, view: IndividualPlan) -> IndividualPlan:
    field = draw(st.sampled_from(("title", "note")))
    return view.evolve(**{field: draw(st.sampled_from((None, "Ny tekst")))})


def _task(draw: st.DrawFn, view: IndividualPlan) -> IndividualPlan:
    if view.team is None or not view.team.memberships:
        return view
    first, *others = view.team.memberships
    return view.evolve(team=view.team.evolve(memberships=(first.evolve(task=draw(_WORDS)), *others)))


def _unnamed(draw: st.DrawFn, view: IndividualPlan) -> IndividualPlan:
    """Without something that names people, who stay in the list."""
    return _one_of(draw, view, "measures", {"responsible": None, "takes_part": ()})


CHANGES: Final[tuple[Edit, ...]] = (
    *(_text, _text, _areas, _area, _goals, _status, _held, _responsible, _contacts, _whole, _task, _unnamed),
)


def _added(draw: st.DrawFn, view: IndividualPlan) -> IndividualPlan:
    ident = draw(st.sampled_from(("ny-1", "ny-2", "their-0")))
    main = [goal.id for goal in view.goals if goal.part_of is None]
    areas = draw(_SOME_AREAS)
    area = areas[0] if areas else None
    part_of = draw(st.sampled_from((None, *main)))
    goals = tuple(draw(st.lists(st.sampled_from([goal.id for goal in view.goals]), unique=True))) if view.goals else ()
    person = Professional(id=f"{ident}-person", name=PersonName(family="Nyansatt"))
    measure = Measure(id=ident, what="Ny", areas=areas, goals=goals)
    added = {
        "needs": Need(id=ident, text="Ny", area=area),
        "resources": Resource(id=ident, text="Ny", area=area),
        "goals": Goal(id=ident, text="Ny", areas=areas, part_of=part_of),
        "measures": measure,
        "reviews": Review(id=ident, kind=ReviewKind.FOLLOW_UP, planned=DAYS[-1]),
    }
    name = draw(st.sampled_from((*added, "professionals")))
    if name == "professionals":
        named = measure.evolve(responsible=person.id)
        return view.evolve(professionals=(*view.professionals, person), measures=(*view.measures, named))
    return view.evolve(**{name: (*getattr(view, name), added[name])})


def _taken_out(draw: st.DrawFn, view: IndividualPlan) -> IndividualPlan:
    name = draw(st.sampled_from(("needs", "measures", "reviews", "resources", "contributions", "professionals")))
    return view.evolve(**{name: getattr(view, name)[1:]})


def _left(draw: st.DrawFn, view: IndividualPlan) -> IndividualPlan:
    """The first membership ended, or for another organisation, or of somebody else."""
    if view.team is None or not view.team.memberships:
        return view
    first, *others = view.team.memberships
    units = [unit.id for unit in view.organizations]
    changes: tuple[dict[str, Any], ...] = (
        {"period": first.period.evolve(start=None, end=draw(st.sampled_from(DAYS)))},
        {"on_behalf_of": draw(st.sampled_from((None, *units)))},
        {"member": draw(st.sampled_from((view.owner.id, *units)))},
        {"status": draw(st.sampled_from((MembershipStatus.DECLINED, MembershipStatus.RETURNED)))},
    )
    change = draw(st.sampled_from(changes))
    return view.evolve(team=view.team.evolve(memberships=(first.evolve(**change), *others)))


def _joined(draw: st.DrawFn, view: IndividualPlan) -> IndividualPlan:
    """With a colleague in the team, who may be one of whom consent says something else."""
    if view.team is None:
        return view
    units = [unit.id for unit in view.organizations] or [view.owner.id]
    place = Membership(id="ny-plass", member=draw(st.sampled_from(units)), role=TeamRole.SERVICE_PROVIDER)
    return view.evolve(team=view.team.evolve(memberships=(*view.team.memberships, place)))


def _moved(draw: st.DrawFn, view: IndividualPlan) -> IndividualPlan:
    """With a professional who works elsewhere."""
    units = (None, *(unit.id for unit in view.organizations))
    return _one_of(draw, view, "professionals", {"organization": draw(st.sampled_from(units))})


def _fixed(draw: st.DrawFn, view: IndividualPlan) -> IndividualPlan:
    """With something that nobody may change by a view."""
    consent = Consent(id="ny", kind=ConsentKind.SHARING, given_on=DAYS[0])
    changes: tuple[dict[str, Any], ...] = (
        {"status": PlanStatus.ON_HOLD},
        {"owner": view.owner.evolve(name=PersonName(family="Annen"))},
        {"author": view.owner.id},
        {"consents": (consent,)},
        {"team": None},
        {"team": CareTeam(id="ny-gruppe")},
        {"version": view.version + 7},
        {"goals": tuple(goal.evolve(part_of=None) for goal in view.goals)},
    )
    return view.evolve(**draw(st.sampled_from(changes)))


WILD: Final[tuple[Edit, ...]] = (_taken_out, _left, _joined, _moved, _fixed)


@st.composite
def changed(draw: st.DrawFn, view: IndividualPlan, *, add: bool = True, more: tuple[Edit, ...] = ()) -> IndividualPlan:
    """The view after up to three edits; one that would make it unsound is not made."""
    edits = (*CHANGES, *([_added] * 5 if add else ()), *more)
    for edit in draw(st.lists(st.sampled_from(edits), min_size=1, max_size=3)):
        try:
            view = edit(draw, view)
        except InvalidInput:
            continue
    return view


def anything(view: IndividualPlan) -> st.SearchStrategy[IndividualPlan]:
    """Whatever a participant may send: also items taken out, and fields that nobody may change."""
    return changed(view, more=WILD * 2)


@dataclass(frozen=True)
class Refusal:
    """The words of a refusal."""

    words: str


def tried(wanted: IndividualPlan, case: Case, *, whole: bool = True) -> PutBack | Refusal | None:
    """The result of putting back, or the words of the refusal; None if what is hidden stands against it."""
    try:
        return put_back(wanted, case.share, case.plan, case.on, whole=whole)
    except ViewRefused as refusal:
        return Refusal(f"{refusal} {refusal.parts}")
    except HiddenClash:
        return None
    except InvalidInput as error:  # what is missing does not fit what is given
        return Refusal(str(error))


def view_of(case: Case) -> IndividualPlan:
    """The participant's view."""
    return see(case.plan, case.share, case.on).plan
