"""The table of a shared plan, written down a second time from what sharing must do: who may raise what, at which side.

Nothing here reads the library's own table but to compare. At the holder, `h`; at a participant, `p`.
"""

from __future__ import annotations

import pytest

from ip_fhir.domain.sharing.case import PlanSide
from ip_fhir.domain.sharing.events import PlanEvent, PlanEventKind, PlanSource
from ip_fhir.domain.sharing.life.decision import decide_plan
from ip_fhir.domain.sharing.life.table import ROWS, SHARE_WAYS, Finding, ShareState, may_raise
from ip_fhir.domain.sharing.share import EndReason
from ip_fhir.errors import InvalidInput, IpFhirError, LoopError, NotTaken
from tests.support.plan_life import BY_NAME, NOW, PLAN, Side, event_of, holder, participant, saved, share_of

RULES = """
    save              holder       h  first changed unchanged over
    share             holder       h  first again out-of-step repeated
    end-share         holder       h  done
    release           holder       h  changed message
    view              holder       p  newer repeated late conflict
    withdraw          holder       p  newer repeated late conflict
    change            participant  p  first elsewhere
    change            participant  h  done waits repeated conflict outdated too-many late
    decide            holder       h  decided waits
    change-answered   holder       p  decided waits late
    invite            holder       h  first
    invite            holder       p  first repeated
    answer-invitation participant  p  accepted declined elsewhere
    answer-invitation participant  h  accepted declined repeated late
    answer-invitation holder       h  taken-back
    answer-invitation holder       p  taken-back late
    request           participant  p  first elsewhere
    request           participant  h  done waits repeated
    answer-request    holder       h  accepted declined
    answer-request    holder       p  done
    hand-over         holder       h  first repeated
    hand-over         holder       p  first repeated takes-over
    answer-handover   participant  p  accepted declined repeated late
    answer-handover   participant  h  accepted declined repeated late
    answer-handover   holder       h  taken-back
    answer-handover   holder       p  taken-back late
    gone              holder       p  newer late
    gone              holder       h  late
    gone              participant  p  newer
    receipt-ok        transport    h  of-a-view conflict of-another-message
    receipt-ok        transport    p  of-another-message
    receipt-error     transport    h  of-a-view of-another-message
    receipt-error     transport    p  of-another-message
    state-asked       holder       p  always
    restored          holder       h  always
    restored          participant  h  same behind ahead
    restored          participant  p  always elsewhere
    time              clock        h  always
    time              clock        p  always
"""

EXPECTED = {
    (kind, by, {"h": PlanSide.HOLDER, "p": PlanSide.PARTICIPANT}[side]): set(findings)
    for kind, by, side, *findings in (line.split() for line in RULES.strip().splitlines())
}


def test_the_table_is_the_one_that_was_meant() -> None:
    """Each event, its source, side and finding is in both tables, and in each once."""
    found: dict[tuple[str, str, PlanSide], set[str]] = {}
    for row in ROWS:
        found.setdefault((row.event, row.raised_by, row.side), set()).add(row.finding)
    assert found == EXPECTED
    assert len(ROWS) == sum(map(len, EXPECTED.values()))


@pytest.fixture(scope="module")
def sides() -> dict[PlanSide, Side]:
    """A holder, and a participant that has a view."""
    unit, hospital = holder(), participant("hospital")
    saved(unit)
    row = next(row for row in unit.waiting if row.party == "hospital")
    hospital.apply(event_of(unit.message(row, NOW), "unit", NOW))
    return {PlanSide.HOLDER: unit, PlanSide.PARTICIPANT: hospital}


@pytest.mark.parametrize("kind", PlanEventKind)
def test_every_event_can_happen(kind: PlanEventKind) -> None:
    """Each kind of event is raised by somebody."""
    assert any(may_raise(kind, by, side) for by in PlanSource for side in PlanSide)


@pytest.mark.parametrize("kind", PlanEventKind)
@pytest.mark.parametrize("by", PlanSource)
@pytest.mark.parametrize("side", PlanSide)
@pytest.mark.parametrize("party", [None, "hospital", "unit"])
def test_whoever_may_not_raise_it_changes_nothing(
    kind: PlanEventKind, by: PlanSource, side: PlanSide, party: str | None, sides: dict[PlanSide, Side]
) -> None:
    """An event that the table does not allow is refused: our own people are told why, others get the one answer."""
    here = sides[side]
    event = PlanEvent(id="e", kind=kind, at=NOW, raised_by=by, party=party, about="x", share="s", message_id="m")
    if (str(kind), str(by), side) in EXPECTED:
        return
    expected = (LoopError,) if party is None else (NotTaken,)
    with pytest.raises(expected):
        decide_plan(here.case, event, here.around(event))


@pytest.mark.parametrize("kind", PlanEventKind)
@pytest.mark.parametrize("by", PlanSource)
@pytest.mark.parametrize("party", [None, "hospital"])
def test_without_a_case(kind: PlanEventKind, by: PlanSource, party: str | None) -> None:
    """Where nothing is known of a plan, an event opens a case or is refused; by message there is one answer."""
    unit = holder()
    event = PlanEvent(id="e", kind=kind, at=NOW, raised_by=by, party=party, plan=PLAN, to_party="gp", about="x")
    opens = (kind, by, party) in (
        (PlanEventKind.SAVE, PlanSource.HOLDER, None),
        (PlanEventKind.REQUEST, PlanSource.PARTICIPANT, None),
    )
    if opens:
        assert decide_plan(None, event, unit.around(event)).records
        return
    with pytest.raises(InvalidInput if party is not None else IpFhirError) as raised:
        decide_plan(None, event, unit.around(event))
    if party is not None and isinstance(raised.value, NotTaken):
        assert str(raised.value) in ("plan: unknown here", "kind: unknown here")


def test_the_ways_of_a_share() -> None:
    """The picture has the states that a share can be in; a share that ended can begin again, and never unbegin."""
    assert {to for _, _, to in SHARE_WAYS} == set(ShareState)
    assert [start for start, _, _ in SHARE_WAYS].count(None) == 1
    unit = holder(school=BY_NAME)
    saved(unit)
    assert unit.case is not None
    assert [share.party for share in unit.case.shares if share.goes_on] == ["hospital", "gp"]
    unit.do("share", to_party="school")
    assert share_of(unit, "school").number == 1
    unit.do("end-share", share=share_of(unit, "school").id)
    assert share_of(unit, "school").end_reason is EndReason.BY_HAND


@pytest.mark.parametrize("finding", Finding)
def test_every_finding_is_in_the_table(finding: Finding) -> None:
    """No finding stands there for nothing."""
    assert any(row.finding is finding for row in ROWS)
