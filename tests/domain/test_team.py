"""The care team: memberships over time, coordinators, and when two at once are right."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip_fhir.domain.team import CareTeam, Coordinator, CoordinatorKind, Membership, MembershipStatus, two_at_once
from ip_fhir.domain.values.value import Period, read
from ip_fhir.errors import InvalidInput
from tests.support.strategies import coordinators

DAY = date(2026, 1, 1)
REASON = "two coordinators of the same kind at the same time, and no two_coordinators_reason"


def place(
    ident: str, holder: str | None, start: int | None = None, end: int | None = None, kind: str = "municipal"
) -> Any:
    """A coordinator's place in days counted from New Year 2026."""
    days = {
        name: (DAY + timedelta(days=n)).isoformat() for name, n in (("start", start), ("end", end)) if n is not None
    }
    return {"id": ident, "kind": kind, "holder": holder, "period": days}


@pytest.mark.parametrize(
    ("places", "at_once"),
    [
        ([place("a", "kari"), place("b", "ola")], True),
        ([place("a", "kari", 0, 10), place("b", "ola", 10)], True),
        ([place("a", "kari", 0, 10), place("b", "ola", 11)], False),
        ([place("a", "kari", 5), place("b", "ola", None, 4)], False),
        ([place("a", "kari"), place("b", "kari")], False),
        ([place("a", "kari"), place("b", None)], False),
        ([place("a", "kari"), place("b", "ola", kind="hospital")], False),
        ([place("a", "kari", kind="child"), place("b", "ola", kind="child")], True),
        ([place("a", "kari", 0, 5), place("b", "ola", 6, 9), place("c", "kari", 9)], True),
        ([], False),
    ],
)
def test_two_at_once_need_a_reason(places: list[Any], at_once: bool) -> None:
    """Two people in places of one kind on one day: only with the reason. Who follows, another kind, vacant: always."""
    team = {"id": "t", "coordinators": places}
    if at_once:
        with pytest.raises(InvalidInput, match=f"^{REASON}$"):
            read(CareTeam, team)
    else:
        assert len(read(CareTeam, team).coordinators) == len(places)
    with_reason = read(CareTeam, {**team, "two_coordinators_reason": "Overgang til voksenliv"})
    assert two_at_once(with_reason.coordinators) is at_once


@given(st.lists(coordinators(people=("kari", "ola"), units=()), max_size=3).map(tuple))
def test_two_at_once_is_some_day(places: tuple[Coordinator, ...]) -> None:
    """There is a day and a kind with two holders; the first such day is one where something starts."""
    first_day = date(1800, 1, 1)
    days = {first_day, *(c.period.start for c in places if c.period.start)}
    holders = [
        {c.holder for c in places if c.holder and c.kind is k and c.period.covers(d)}
        for d in days
        for k in CoordinatorKind
    ]
    assert two_at_once(places) is any(len(who) > 1 for who in holders)


def test_who_coordinates_on_a_day() -> None:
    """Held places that cover the day, of all kinds or of one; a vacant place is nobody."""
    team = read(
        CareTeam,
        {
            "id": "t",
            "coordinators": [
                place("a", "kari", 0, 10),
                place("b", None, 11, 20),
                place("c", "ola", 21),
                place("d", "aase", 0, None, "hospital"),
            ],
        },
    )

    def on(days: int, kind: CoordinatorKind | None = None) -> list[str]:
        return [c.id for c in team.coordinators_on(DAY + timedelta(days=days), kind)]

    assert (on(-1), on(0), on(10), on(15), on(21)) == ([], ["a", "d"], ["a", "d"], ["d"], ["c", "d"])
    assert on(15, CoordinatorKind.MUNICIPAL) == []
    assert on(21, CoordinatorKind.HOSPITAL) == ["d"]
    assert [c.vacant for c in team.coordinators] == [False, True, False, False]


@pytest.mark.parametrize(
    ("honoured", "reason", "right"),
    [(None, None, True), (True, None, True), (False, "Har ikke kapasitet", True), (False, None, False)],
)
def test_a_wish_is_refused_with_a_reason(honoured: bool | None, reason: str | None, right: bool) -> None:
    """A wish for a coordinator that is not honoured says why."""
    data = {"id": "c", "wish_honoured": honoured, "wish_reason": reason}
    if right:
        assert read(Coordinator, data).wish_honoured is honoured
        return
    with pytest.raises(InvalidInput, match="needs a reason"):
        read(Coordinator, data)


@pytest.mark.parametrize("status", list(MembershipStatus))
def test_who_left_has_an_end(status: MembershipStatus) -> None:
    """An ended membership has an end date; the others may have one."""
    data = {"id": "m", "member": "kari", "role": "relative", "status": status}
    assert read(Membership, {**data, "period": {"end": "2026-01-01"}}).status is status
    if status is MembershipStatus.ENDED:
        with pytest.raises(InvalidInput, match="an ended membership has an end date"):
            read(Membership, data)
    else:
        assert read(Membership, data).period == Period()


def test_who_comes_back_has_a_new_membership() -> None:
    """One member may have had a place before: nothing is deleted."""
    left = {"id": "m1", "member": "kari", "role": "relative", "status": "ended", "period": {"end": "2026-01-01"}}
    back = {"id": "m2", "member": "kari", "role": "relative", "status": "returned", "period": {"start": "2026-03-01"}}
    assert len(read(CareTeam, {"id": "t", "memberships": [left, back]}).memberships) == 2
