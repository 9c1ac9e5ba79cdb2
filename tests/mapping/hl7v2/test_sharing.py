"""Messages about a shared plan as PPG: what is taken away is said, refused or read, and never taken for unchanged."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from ip_fhir.domain.consent.protection import EVERY_PART
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.messages import PlanMessage
from ip_fhir.domain.sharing.see import see
from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.hl7v2.message import new, read
from ip_fhir.mapping import default, plan_message_from_hl7v2, plan_message_to_hl7v2
from ip_fhir.testing.message_samples import NUMBER, plan_message
from tests.domain.sharing.alike import Case, cases, only_seen, with_more
from tests.support.canaries import CANARY

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


def written(case: Case, plan: IndividualPlan) -> bytes | str:
    """The bytes of the view that a participant gets of a plan; where HL7 v2 cannot say it, the words of that."""
    view = see(plan, case.share, case.on)
    message = plan_message(K.PLAN).evolve(view=view, kept=(), numbers=())
    try:
        return new(plan_message_to_hl7v2(message, default().releasing(EVERY_PART))).to_bytes()
    except InvalidInput as error:
        return str(error)


@pytest.mark.sharing_promise(2)
@settings(max_examples=40)
@given(cases())
def test_alike_plans_give_the_same_bytes(case: Case) -> None:
    """Without all that a participant does not see, and with more and other of it, its PPG is the same to the byte."""
    found = written(case, case.plan)
    assert written(case, only_seen(case)) == found
    assert written(case, with_more(case)) == found
    assert CANARY not in (found if isinstance(found, str) else found.decode())
