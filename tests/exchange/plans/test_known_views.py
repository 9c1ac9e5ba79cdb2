"""Views that are remembered: taken for the very plan, share and day they were made of, and for nothing else."""

from __future__ import annotations

from datetime import UTC, date, datetime

from ip_fhir.domain.sharing.share import Share
from ip_fhir.exchange.plans.known_views import KnownViews, Shown
from tests.support.ring import make_plan

DAY = date(2026, 6, 1)
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def share(number: int) -> Share:
    """A share with an id of its own."""
    return Share(id=f"s-{number}", plan="plan-of-the-ring", party="school", key=f"{number:02}" * 32, began=DAY)


def test_a_view_is_made_once_for_the_same() -> None:
    """A second read of the same plan, share and day gets the same; also that there is none is remembered."""
    views, plan, one, none = KnownViews(), make_plan(), share(1), share(2)
    shown = Shown("https://nordvik.example/fhir", plan.id, one, 1, NOON, ())
    assert views.get(plan, one, DAY, lambda: shown) is shown
    assert views.get(plan, one, DAY, lambda: None) is shown
    assert views.get(plan, none, DAY, lambda: None) is None
    assert views.get(plan, none, DAY, lambda: shown) is None


def test_of_anything_else_it_is_made_anew() -> None:
    """A plan or share that is only equal, or another day, has its view made anew."""
    plan, one = make_plan(), share(1)
    for other in ((make_plan(), one, DAY), (plan, share(1), DAY), (plan, one, date(2026, 6, 2))):
        views = KnownViews()
        views.get(plan, one, DAY, lambda: Shown("https://nordvik.example/fhir", plan.id, one, 1, NOON, ()))
        assert views.get(*other, lambda: None) is None


def test_the_oldest_are_forgotten() -> None:
    """No more are remembered than were said; those made last stay."""
    views, plan = KnownViews(2), make_plan()
    shares = [share(number) for number in range(3)]
    for one in shares:
        views.get(plan, one, DAY, lambda one=one: Shown("https://nordvik.example/fhir", plan.id, one, 1, NOON, ()))  # type: ignore[misc]
    kept = [views.get(plan, one, DAY, lambda: None) is not None for one in reversed(shares)]
    assert kept == [True, True, False]
