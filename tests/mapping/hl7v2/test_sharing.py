"""Messages about a shared plan as PPG: what is taken away is said, refused or read, and never taken for unchanged."""

from __future__ import annotations

import pytest

from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.messages import PlanMessage
from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.hl7v2.message import new, read
from ip_fhir.mapping import plan_message_from_hl7v2, plan_message_to_hl7v2
from ip_fhir.testing.message_samples import NUMBER, plan_message

K = PlanMessageKind
GOAL = "|goal-1||||||||||||||active^Active^99IPGOAL"
NOT_WHOLE = ("|N|change-whole", "|Y|change-whole")


def with_text(kind: PlanMessageKind, *changes: tuple[str, str]) -> PlanMessage:
    """The sample message of a kind as it is read with each first text in place of the second, which must be there."""
    text = new(plan_message_to_hl7v2(plan_message(kind))).to_bytes().decode()
    for made, was in changes:
        assert was in text
        text = text.replace(was, made, 1)
    return plan_message_from_hl7v2(read(text.encode(), DEFAULT_LIMITS).value)


TAKEN_AWAY = [
    (('|goal-1|||""|""||||||||||active^Active^99IPGOAL', GOAL), ["GOL[1]-7.1", "GOL[1]-8.1"]),
    (('ST|goal^^99IP||""', "ST|goal^^99IP||goal-1"), ["OBX[1]-5.1"]),
    (('NTE|10||""|title^^99IP\rNTE|10||plan-change', "NTE|10||plan-change"), ["NTE[10]-3.1"]),
    (('|measure-1|""|^Skøyter', "|measure-1||^Skøyter"), ["OBR-3.1"]),
    (('^^L||||""', "^^L"), ["PID-9.1"]),
    (("GOL|DE|", "GOL|UP|"), ["GOL[1]-1"]),
    (("ORC|CA|", "ORC|SC|"), ["ORC[1]-1"]),
    (("PTH|DE|", "PTH|UP|"), ["PTH-1"]),
]
"""A change that takes something away, and the places of it."""


@pytest.mark.parametrize(("change", "places"), TAKEN_AWAY)
def test_a_change_that_takes_away_is_refused_by_its_place(change: tuple[str, str], places: list[str]) -> None:
    """HL7's null and the action codes that take away are never read as unchanged; the words name nobody."""
    with pytest.raises(InvalidInput) as caught:
        with_text(K.PLAN_CHANGE, NOT_WHOLE, change)
    assert [problem.path for problem in caught.value.problems] == places
    assert {problem.code for problem in caught.value.problems} == {"not-supported"}
    assert str(NUMBER) not in str(caught.value)


def test_a_whole_change_takes_away_what_it_nulls() -> None:
    """Of a change that says it is whole, null is absence, and an item with the action code of taking away is gone."""
    nulled = with_text(K.PLAN_CHANGE, TAKEN_AWAY[0][0]).change
    assert nulled is not None
    assert nulled.whole
    assert nulled.wanted == plan_message(K.PLAN_CHANGE).change.wanted  # type: ignore[union-attr]
    gone = with_text(K.PLAN_CHANGE, ("ORC|CA|", "ORC|SC|")).change
    assert gone is not None
    assert gone.wanted.measures == ()


def test_what_a_view_takes_away_is_not_in_it() -> None:
    """A goal that its action code takes away is none of the view's; it need not be known."""
    gone = "GOL|DE|20260302120000+0000|^Borte|goal-0\rGOL|UP|"
    view = with_text(K.PLAN, (gone, "GOL|UP|")).view
    assert view == plan_message(K.PLAN).view
