"""The transition table, written down a second time from what the loop must do: every state, event and role, both sides.

Nothing here reads the library's own table. `-` is not allowed, `=` is kept as evidence and changes nothing.
"""

from datetime import date
from typing import Any

import pytest

from ip_fhir.domain.effects import Timer, TimerKind
from ip_fhir.domain.loop import decide
from ip_fhir.domain.referral import Event, EventKind, Referral, Role, State
from ip_fhir.errors import LoopError
from tests.support.loop import AGREEMENT, NOW, declined, event, form, forwarded, incomplete, rejected, standing

ABBREVIATED = {
    "dr": State.DRAFT,
    "se": State.SENT,
    "un": State.UNDELIVERED,
    "de": State.DELIVERED,
    "aw": State.AWAITING_INFORMATION,
    "ac": State.ACCEPTED,
    "as": State.ASSESSING,
    "in": State.INCOMPLETE,
    "co": State.CONFIRMED,
    "va": State.VACANT,
    "re": State.REJECTED,
    "fo": State.FORWARDED,
    "cg": State.CANCELLING,
    "ca": State.CANCELLED,
    "wi": State.WITHDRAWN,
    "cl": State.CLOSED,
}

# Where a hold was begun, and whether consent is gone, decides what may happen next: states of their own here.
SPECIAL: dict[str, tuple[State, dict[str, Any]]] = {
    "aw<de": (State.AWAITING_INFORMATION, {"resumes": State.DELIVERED}),
    "aw<ac": (State.AWAITING_INFORMATION, {"resumes": State.ACCEPTED}),
    "aw<as": (State.AWAITING_INFORMATION, {"resumes": State.ASSESSING}),
    "aw<in": (State.AWAITING_INFORMATION, {"resumes": State.INCOMPLETE}),
    "aw<va": (State.AWAITING_INFORMATION, {"resumes": State.VACANT}),
    "aw<fo": (State.AWAITING_INFORMATION, {"resumes": State.FORWARDED}),
    "cg<de": (State.CANCELLING, {"resumes": State.DELIVERED}),
    "cg<ac": (State.CANCELLING, {"resumes": State.ACCEPTED}),
    "cg<as": (State.CANCELLING, {"resumes": State.ASSESSING}),
    "cg<in": (State.CANCELLING, {"resumes": State.INCOMPLETE}),
    "cg<va": (State.CANCELLING, {"resumes": State.VACANT}),
    "cg<fo": (State.CANCELLING, {"resumes": State.FORWARDED}),
    "cg-gone": (State.CANCELLING, {"resumes": State.ACCEPTED, "consent_gone": NOW}),
}

E = EventKind
COLUMNS: dict[str, tuple[EventKind, dict[str, Any]]] = {
    "send": (E.SEND, {}),
    "give": (E.GIVE_INFORMATION, {}),
    "cancel": (E.CANCEL, {}),
    "abort": (E.ASK_ABORT, {}),
    "withdraw": (E.WITHDRAW_CONSENT, {}),
    "close": (E.CLOSE, {"text": "moved"}),
    "remind": (E.REMIND, {}),
    "escalate": (E.ESCALATE, {}),
    "lacks": (E.REPORT_INCOMPLETE, {}),
    "receive": (E.RECEIVE, {}),
    "accept": (E.ACCEPT, {}),
    "assess": (E.ASSESS, {}),
    "forward": (E.FORWARD, {"text": "Dal"}),
    "ask": (E.ASK_INFORMATION, {"text": "which school?"}),
    "left": (E.COORDINATOR_LEFT, {}),
    "agree": (E.AGREE_ABORT, {}),
    "refuse": (E.REFUSE_ABORT, {}),
    "named": (E.ANSWER, {"form": form("form-2", "bo", date(2026, 4, 1))}),
    "declined": (E.ANSWER, {"form": declined("form-2")}),
    "rejected": (E.ANSWER, {"form": rejected("form-2")}),
    "passed": (E.ANSWER, {"form": forwarded("form-2")}),
    "half": (E.ANSWER, {"form": incomplete("form-2")}),
}

HOSPITAL_ACTS = """
         send give cancel abort withdraw close remind escalate lacks
    dr   se   -    ca     -     wi       cl    -      -        -
    se   -    -    ca     -     wi       cl    -      -        -
    un   se   -    ca     -     wi       cl    -      -        -
    de   -    =    ca     -     wi       cl    =      =        -
    aw<de -   de   ca     cg    wi       cl    -      -        -
    aw<ac -   ac   -      cg    cg       cl    -      -        -
    aw<as -   as   -      cg    cg       cl    -      -        -
    aw<in -   in   -      cg    cg       cl    -      -        -
    aw<va -   va   -      cg    cg       cl    -      -        -
    aw<fo -   fo   -      cg    cg       cl    -      -        -
    ac   -    =    -      cg    cg       cl    =      =        -
    as   -    =    -      cg    cg       cl    =      =        -
    in   -    =    -      cg    cg       cl    =      =        =
    va   -    =    -      cg    cg       cl    =      =        -
    fo   -    =    -      cg    cg       cl    =      =        -
    cg<ac -   -    -      -     =        cl    -      -        -
    cg-gone - -    -      -     =        cl    -      -        -
    co   -    -    -      -     cl       cl    -      -        -
    re   -    -    -      -     -        -     -      -        -
    ca   -    -    -      -     -        -     -      -        -
    wi   -    -    -      -     -        -     -      -        -
    cl   -    -    -      -     -        -     -      -        -
"""

MUNICIPALITY_IS_TOLD = """
         send give cancel abort withdraw close remind escalate lacks
    de   -    =    ca     cg    wi       cl    =      =        =
    aw<de -   de   ca     cg    wi       cl    =      =        =
    aw<ac -   ac   ca     cg    cg       cl    =      =        =
    aw<as -   as   ca     cg    cg       cl    =      =        =
    aw<in -   in   ca     cg    cg       cl    =      =        =
    aw<va -   va   ca     cg    cg       cl    =      =        =
    aw<fo -   fo   ca     cg    cg       cl    =      =        =
    ac   -    =    ca     cg    cg       cl    =      =        =
    as   -    =    ca     cg    cg       cl    =      =        =
    in   -    =    ca     cg    cg       cl    =      =        =
    va   -    =    ca     cg    cg       cl    =      =        =
    fo   -    =    ca     cg    cg       cl    =      =        =
    cg<ac -   =    ca     =     =        cl    =      =        =
    cg-gone - =    ca     =     =        cl    =      =        =
    co   -    =    cl     =     cl       cl    =      =        =
    re   -    =    =      =     =        =     =      =        =
    ca   -    =    =      =     =        =     =      =        =
    wi   -    =    =      =     =        =     =      =        =
    cl   -    =    =      =     =        =     =      =        =
"""

MUNICIPALITY_ACTS = """
          receive accept assess forward ask left agree refuse close named declined rejected passed half
    de    =       ac     as     fo      aw  -    -     -      cl    co    cl       re       fo     in
    aw<de =       -      -      -       =   -    -     -      cl    co    cl       re       fo     =
    aw<ac =       -      -      -       =   -    -     -      cl    co    cl       re       fo     =
    aw<as =       -      -      -       =   -    -     -      cl    co    cl       re       fo     =
    aw<in =       -      -      -       =   -    -     -      cl    co    cl       re       fo     =
    aw<va =       -      -      -       =   -    -     -      cl    co    cl       re       fo     =
    aw<fo =       -      -      -       =   -    -     -      cl    co    cl       re       fo     =
    ac    =       -      as     fo      aw  -    -     -      cl    co    cl       re       fo     in
    as    =       -      -      fo      aw  -    -     -      cl    co    cl       re       fo     in
    in    =       -      as     fo      aw  -    -     -      cl    co    cl       re       fo     in
    va    =       ac     as     fo      aw  -    -     -      cl    co    cl       re       fo     in
    fo    =       -      -      fo      aw  -    -     -      cl    co    cl       re       fo     in
    cg<de =       -      -      -       -   -    ca    de     cl    co    cl       re       =      =
    cg<ac =       -      -      -       -   -    ca    ac     cl    co    cl       re       =      =
    cg<as =       -      -      -       -   -    ca    as     cl    co    cl       re       =      =
    cg<in =       -      -      -       -   -    ca    in     cl    co    cl       re       =      =
    cg<va =       -      -      -       -   -    ca    va     cl    co    cl       re       =      =
    cg<fo =       -      -      -       -   -    ca    fo     cl    co    cl       re       =      =
    cg-gone =     -      -      -       -   -    wi    -      cl    -     -        -        -      -
    co    =       -      -      -       -   va   -     -      cl    =     cl       =        =      =
    re    =       -      -      -       -   -    -     -      -     co    -        -        -      -
    ca    =       -      -      -       -   -    -     -      -     -     -        -        -      -
    wi    =       -      -      -       -   -    -     -      -     -     -        -        -      -
    cl    =       -      -      -       -   -    -     -      -     -     -        -        -      -
"""

HOSPITAL_IS_TOLD = """
          receive accept assess forward ask left agree refuse close named declined rejected passed half
    se    -       ac     as     fo      aw  va   -     -      cl    co    cl       re       fo     in
    un    -       ac     as     fo      aw  va   -     -      cl    co    cl       re       fo     in
    de    -       ac     as     fo      aw  va   ca    =      cl    co    cl       re       fo     in
    aw<de -       =      =      =       =   va   ca    =      cl    co    cl       re       fo     =
    aw<ac -       =      =      =       =   va   ca    =      cl    co    cl       re       fo     =
    aw<as -       =      =      =       =   va   ca    =      cl    co    cl       re       fo     =
    aw<in -       =      =      =       =   va   ca    =      cl    co    cl       re       fo     =
    aw<va -       =      =      =       =   va   ca    =      cl    co    cl       re       fo     =
    aw<fo -       =      =      =       =   va   ca    =      cl    co    cl       re       fo     =
    ac    -       =      as     fo      aw  va   ca    =      cl    co    cl       re       fo     in
    as    -       =      =      fo      aw  va   ca    =      cl    co    cl       re       fo     in
    in    -       =      as     fo      aw  va   ca    =      cl    co    cl       re       fo     in
    va    -       ac     as     fo      aw  =    ca    =      cl    co    cl       re       fo     in
    fo    -       =      =      fo      aw  va   ca    =      cl    co    cl       re       fo     in
    cg<de -       =      =      =       =   =    ca    de     cl    co    cl       re       =      =
    cg<ac -       =      =      =       =   =    ca    ac     cl    co    cl       re       =      =
    cg<as -       =      =      =       =   =    ca    as     cl    co    cl       re       =      =
    cg<in -       =      =      =       =   =    ca    in     cl    co    cl       re       =      =
    cg<va -       =      =      =       =   =    ca    va     cl    co    cl       re       =      =
    cg<fo -       =      =      =       =   =    ca    fo     cl    co    cl       re       =      =
    cg-gone -     =      =      =       =   =    wi    =      cl    wi    wi       wi       =      =
    co    -       =      =      =       =   va   =     =      cl    =     cl       =        =      =
    re    -       =      =      =       =   =    =     =      =     co    =        =        =      =
    ca    -       =      =      =       =   =    =     =      =     =     =        =        =      =
    wi    -       =      =      =       =   =    =     =      =     =     =        =        =      =
    cl    -       =      =      =       =   =    =     =      =     =     =        =        =      =
"""

TABLES = {
    (Role.HOSPITAL, Role.HOSPITAL): HOSPITAL_ACTS,
    (Role.MUNICIPALITY, Role.HOSPITAL): MUNICIPALITY_IS_TOLD,
    (Role.MUNICIPALITY, Role.MUNICIPALITY): MUNICIPALITY_ACTS,
    (Role.HOSPITAL, Role.MUNICIPALITY): HOSPITAL_IS_TOLD,
}


def _cells() -> list[tuple[Role, Role, str, str, str]]:
    """Side, who raises it, state, event, what is to come of it."""
    found = []
    for (side, by), table in TABLES.items():
        head, *rows = [line.split() for line in table.strip().splitlines()]
        for state, *row in rows:
            assert len(row) == len(head), (side, by, state)
            found += [(side, by, state, column, cell) for column, cell in zip(head, row, strict=True)]
    return found


CELLS = _cells()


def _standing(name: str, side: Role) -> Referral:
    state, fields = SPECIAL.get(name) or (ABBREVIATED[name], {})
    return standing(state, side, **fields)


def _event(column: str, by: Role, side: Role) -> Event:
    kind, fields = COLUMNS[column]
    by_message: dict[str, Any] = {} if by is side else {"message_id": "message-2", "sent": NOW}
    return event(kind, by, NOW, **{**fields, **by_message})


def test_the_tables_here_are_whole() -> None:
    """Every state a side can be in, and every event by which a party can move it, stands in the tables written here."""
    by_party = {kind for kind in EventKind if kind not in (E.RECEIPT_OK, E.RECEIPT_ERROR, E.TIME, E.RELEASE)}
    assert {COLUMNS[column][0] for _, _, _, column, _ in CELLS} == by_party
    for side in (Role.HOSPITAL, Role.MUNICIPALITY):
        states = {_standing(state, side).state for s, _, state, _, _ in CELLS if s is side}
        never = set() if side is Role.HOSPITAL else {State.DRAFT, State.SENT, State.UNDELIVERED}
        assert states == set(State) - never


@pytest.mark.parametrize(("side", "by", "state", "column", "cell"), CELLS, ids=str)
def test_state_and_event_and_role(side: Role, by: Role, state: str, column: str, cell: str) -> None:
    """Each pair of state and event, by each party, on each side, leads where the loop says, or is refused."""
    before = _standing(state, side)
    happening = _event(column, by, side)
    if cell == "-":
        with pytest.raises(LoopError):
            decide(before, happening, AGREEMENT)
        return
    decision = decide(before, happening, AGREEMENT)
    assert decision.referral.state is (before.state if cell == "=" else ABBREVIATED[cell])
    assert [record.event for record in decision.records] == [happening]
    assert decision.records[0].after is decision.referral.state


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("kind", [k for k in EventKind if k is not EventKind.TIME])
@pytest.mark.parametrize("side", [Role.HOSPITAL, Role.MUNICIPALITY])
def test_who_may_not(state: State, kind: EventKind, side: Role) -> None:
    """An event raised by somebody whose it is not to raise is refused in every state, on both sides."""
    hospital = {"send", "give", "cancel", "abort", "withdraw", "remind", "escalate", "lacks"}
    theirs = {COLUMNS[name][0] for name in hospital}
    if kind in (E.RECEIPT_OK, E.RECEIPT_ERROR):
        may = {Role.TRANSPORT}
    elif kind is E.CLOSE:
        may = {Role.HOSPITAL, Role.MUNICIPALITY}
    else:
        may = {Role.HOSPITAL} if kind in theirs else {Role.MUNICIPALITY}
    for by in set(Role) - may:
        other = event(kind, by, message_id="message-2", sent=NOW, text="words", form=form("form-2"))
        with pytest.raises(LoopError):
            decide(standing(state, side), other, AGREEMENT)


RECEIPTS = """
        ok-notice no-notice ok-other no-other
    dr  -         -         -        -
    se  de        un        =        =
    un  de        =         =        =
    de  =         =         =        =
    aw  =         =         =        =
    ac  =         =         =        =
    as  =         =         =        =
    in  =         =         =        =
    co  =         =         =        =
    va  =         =         =        =
    re  =         =         =        =
    fo  =         =         =        =
    cg  =         =         =        =
    ca  =         =         =        =
    wi  =         =         =        =
    cl  =         =         =        =
"""


@pytest.mark.parametrize("line", RECEIPTS.strip().splitlines()[1:], ids=lambda line: line.split()[0])
def test_receipts(line: str) -> None:
    """A receipt moves a referral only while its notice is under way; it is never an answer."""
    state, *cells = line.split()
    for cell, (kind, ident) in zip(
        cells,
        [
            (E.RECEIPT_OK, "message-of-notice"),
            (E.RECEIPT_ERROR, "message-of-notice"),
            (E.RECEIPT_OK, "message-9"),
            (E.RECEIPT_ERROR, "message-9"),
        ],
        strict=True,
    ):
        before = standing(ABBREVIATED[state], Role.HOSPITAL)
        happening = event(kind, Role.TRANSPORT, message_id=ident)
        if cell == "-":
            with pytest.raises(LoopError):
                decide(before, happening, AGREEMENT)
        else:
            after = decide(before, happening, AGREEMENT).referral.state
            assert after is (before.state if cell == "=" else ABBREVIATED[cell])


@pytest.mark.parametrize("state", list(State))
def test_the_clock_moves_one_state_only(state: State) -> None:
    """Of all states, only `sent` is changed by time, and only when every resend has been tried."""
    kinds = [TimerKind.RECEIPT] if state is State.SENT else [TimerKind.ACCEPTANCE, TimerKind.ANSWER]
    waiting = {State.DELIVERED, State.ACCEPTED, State.ASSESSING, State.INCOMPLETE, State.VACANT, State.FORWARDED}
    holding = {State.AWAITING_INFORMATION, State.CANCELLING}
    for kind in kinds:
        before = standing(state, Role.HOSPITAL, timers=(Timer(kind=kind, due=NOW, step=1),))
        tick = event(E.TIME, Role.CLOCK)
        may = state is State.SENT or state in waiting or (state in holding and kind is TimerKind.ACCEPTANCE)
        if may:
            assert decide(before, tick, AGREEMENT).referral.state is state
        else:
            with pytest.raises(LoopError):
                decide(before, tick, AGREEMENT)
    last = (Timer(kind=TimerKind.RECEIPT, due=NOW, step=3),)
    if state is State.SENT:
        given_up = decide(standing(state, Role.HOSPITAL, timers=last), event(E.TIME, Role.CLOCK), AGREEMENT)
        assert given_up.referral.state is State.UNDELIVERED
