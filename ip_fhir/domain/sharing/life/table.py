"""The life of a shared plan as a table: event, who raises it, at which side, what was found there, and what follows.

Both sides use the same table. `decide_plan` looks up the row of what it found, and nothing without a row is done.
Source: the sharing of plans. A refusal that is raised as an error has no row: nothing is changed by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ip_fhir.domain.sharing.case import PlanSide
from ip_fhir.domain.sharing.events import PlanEventKind, PlanSource


class Finding(StrEnum):
    """The finding of `decide_plan` about an event: what it met."""

    ALWAYS = "always"
    FIRST = "first"  # nothing was there
    NEWER = "newer"  # a higher number than the one held
    REPEATED = "repeated"  # the same again
    LATE = "late"  # a lower number, or after the end
    CONFLICT = "conflict"  # the same number or id with other content, or a number that was never given
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    OVER = "over"  # the plan has ended, or the person is dead
    AGAIN = "again"  # a share that had ended
    OUT_OF_STEP = "out-of-step"
    MESSAGE = "message"  # about one message
    DONE = "done"
    WAITS = "waits"  # for a person
    OUTDATED = "outdated"  # made on a view that cannot be made again, or that was another one
    TOO_MANY = "too-many"
    DECIDED = "decided"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    TAKEN_BACK = "taken-back"
    ELSEWHERE = "elsewhere"  # another side holds the plan
    TAKES_OVER = "takes-over"  # this side is the new holder
    OF_VIEW = "of-a-view"
    OF_ANOTHER = "of-another-message"
    SAME = "same"
    BEHIND = "behind"
    AHEAD = "ahead"


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A row: an event by this source, at this side, with this finding; `follows` says what follows in words."""

    event: PlanEventKind
    raised_by: PlanSource
    side: PlanSide
    finding: Finding
    follows: str


_E, _F = PlanEventKind, Finding
_BY_HOLDER, _BY_PARTICIPANT = PlanSource.HOLDER, PlanSource.PARTICIPANT
_TRANSPORT, _CLOCK = PlanSource.TRANSPORT, PlanSource.CLOCK
_AT_HOLDER, _AT_PARTICIPANT = PlanSide.HOLDER, PlanSide.PARTICIPANT


def _rows(event: PlanEventKind, by: PlanSource, at: PlanSide, follows: dict[Finding, str]) -> tuple[PlanRow, ...]:
    return tuple(PlanRow(event, by, at, finding, words) for finding, words in follows.items())


_HOLDING: Final = (
    *_rows(_E.SAVE, _BY_HOLDER, _AT_HOLDER, {
        _F.FIRST: "the case begins; shares begin by rule",
        _F.CHANGED: "a new version; each share whose view changed gets the next number and one message",
        _F.UNCHANGED: "no new version; the shares are looked at all the same",
        _F.OVER: "a new version; shares end, reviews stop, what was asked is taken back",
    }),
    *_rows(_E.SHARE, _BY_HOLDER, _AT_HOLDER, {
        _F.FIRST: "the share begins: view number 1",
        _F.AGAIN: "the share begins again: same key and id book, the numbers go on",
        _F.OUT_OF_STEP: "a person has looked: a view with a number above the highest goes out",
        _F.REPEATED: "it goes on already: the newest view is sent again, unchanged",
    }),
    *_rows(_E.END_SHARE, _BY_HOLDER, _AT_HOLDER, {_F.DONE: "the share ends: a withdrawal, numbered as a view"}),
    *_rows(_E.RELEASE, _BY_HOLDER, _AT_HOLDER, {
        _F.CHANGED: "these parts of protected persons may go to this participant, and no others",
        _F.MESSAGE: "this message may leave",
    }),
    *_rows(_E.TIME, _CLOCK, _AT_HOLDER, {
        _F.ALWAYS: "day or settings are others: each share is looked at; each clock that is due is told or asked",
    }),
    *_rows(_E.TIME, _CLOCK, _AT_PARTICIPANT, {
        _F.ALWAYS: "each clock that is due is told; what the holder has not decided is sent again",
    }),
)  # fmt: skip

_NUMBERED: Final = (
    *_rows(_E.VIEW, _BY_HOLDER, _AT_PARTICIPANT, {
        _F.NEWER: "the view is the copy from now on; our people are told",
        _F.REPEATED: "nothing; receipt ok",
        _F.LATE: "not taken; receipt ok, and we say which number we hold",
        _F.CONFLICT: "not taken: the share is out of step, a person is told, receipt of a fatal error",
    }),
    *_rows(_E.WITHDRAW, _BY_HOLDER, _AT_PARTICIPANT, {
        _F.NEWER: "the copy is given up; our people are told to stop using it",
        _F.REPEATED: "nothing; receipt ok",
        _F.LATE: "not taken; receipt ok, and we say which number we hold",
        _F.CONFLICT: "not taken: the share is out of step, a person is told, receipt of a fatal error",
    }),
    *_rows(_E.RECEIPT_OK, _TRANSPORT, _AT_HOLDER, {
        _F.OF_VIEW: "the participant holds this number",
        _F.CONFLICT: "a number that was never given: the share is out of step, a person is told",
        _F.OF_ANOTHER: "evidence",
    }),
    *_rows(_E.RECEIPT_OK, _TRANSPORT, _AT_PARTICIPANT, {
        _F.OF_ANOTHER: "evidence; if the plan has come to its new holder, the others are told who that is",
    }),
    *_rows(_E.RECEIPT_ERROR, _TRANSPORT, _AT_HOLDER, {
        _F.OF_VIEW: "the share is out of step, a person is told",
        _F.OF_ANOTHER: "a person is told; who never had a view and knows nothing of the plan gets the newest",
    }),
    *_rows(_E.RECEIPT_ERROR, _TRANSPORT, _AT_PARTICIPANT, {
        _F.OF_ANOTHER: "it was not taken; a person is told, but of a party that never had a view of what is gone",
    }),
    *_rows(_E.RESTORED, _BY_HOLDER, _AT_HOLDER, {
        _F.ALWAYS: "a backup was restored: each participant is asked for its number, again by a clock; before it has "
        "said it, nothing but withdrawals goes to it",
    }),
    *_rows(_E.RESTORED, _BY_PARTICIPANT, _AT_HOLDER, {
        _F.SAME: "in step",
        _F.BEHIND: "the newest view, or the withdrawal, goes again, unchanged",
        _F.AHEAD: "the numbers go on above the highest; a person is told, and decides by sharing again",
    }),
    *_rows(_E.STATE_ASKED, _BY_HOLDER, _AT_PARTICIPANT, {
        _F.ALWAYS: "we say which number and digest we hold, and send what is undecided again",
    }),
    *_rows(_E.RESTORED, _BY_PARTICIPANT, _AT_PARTICIPANT, {
        _F.ALWAYS: "a backup was restored: we say what we hold, and send what is undecided again",
    }),
)  # fmt: skip

_CHANGING: Final = (
    *_rows(_E.CHANGE, _BY_PARTICIPANT, _AT_PARTICIPANT, {_F.FIRST: "it is sent to the holder; its clock runs"}),
    *_rows(_E.CHANGE, _BY_PARTICIPANT, _AT_HOLDER, {
        _F.DONE: "each part is decided: it took effect, or is refused, or is not found; answered with the new view",
        _F.WAITS: "as far as it may it took effect; the rest waits for a person, and its clock runs; answered",
        _F.REPEATED: "the same answer again",
        _F.CONFLICT: "another change has this id: refused",
        _F.OUTDATED: "refused: on your newest view, please; that is sent again",
        _F.TOO_MANY: "refused: too many of its changes wait",
        _F.LATE: "refused: the share has ended",
    }),
    *_rows(_E.DECIDE, _BY_HOLDER, _AT_HOLDER, {
        _F.DECIDED: "nothing of it waits any more: answered, with the new view",
        _F.WAITS: "these parts are decided: answered, with the new view; the others go on waiting",
    }),
    *_rows(_E.CHANGE_ANSWERED, _BY_HOLDER, _AT_PARTICIPANT, {
        _F.DECIDED: "kept with the change; our people are told",
        _F.WAITS: "kept with the change: some of it waits for a person of theirs",
        _F.LATE: "nothing: a later answer was here first",
    }),
)  # fmt: skip

_ASKING: Final = (
    *_rows(_E.INVITE, _BY_HOLDER, _AT_HOLDER, {_F.FIRST: "the invitation goes out; nobody is a member by it"}),
    *_rows(_E.INVITE, _BY_HOLDER, _AT_PARTICIPANT, {
        _F.FIRST: "our people are told that it waits for their answer",
        _F.REPEATED: "our people are told again, if it is not answered",
    }),
    *_rows(_E.ANSWER_INVITATION, _BY_PARTICIPANT, _AT_PARTICIPANT, {
        _F.ACCEPTED: "the yes goes to the holder", _F.DECLINED: "the no goes to the holder",
    }),
    *_rows(_E.ANSWER_INVITATION, _BY_PARTICIPANT, _AT_HOLDER, {
        _F.ACCEPTED: "the membership is accepted: a new version; shares begin by rule",
        _F.DECLINED: "the membership is declined: a new version",
        _F.REPEATED: "nothing",
        _F.LATE: "refused: it was taken back, or answered otherwise",
    }),
    *_rows(_E.ANSWER_INVITATION, _BY_HOLDER, _AT_HOLDER, {_F.TAKEN_BACK: "the party is told"}),
    *_rows(_E.ANSWER_INVITATION, _BY_HOLDER, _AT_PARTICIPANT, {
        _F.TAKEN_BACK: "our people are told", _F.LATE: "nothing: there is no such invitation that is open",
    }),
    *_rows(_E.REQUEST, _BY_PARTICIPANT, _AT_PARTICIPANT, {_F.FIRST: "the question goes out; its clock runs"}),
    *_rows(_E.REQUEST, _BY_PARTICIPANT, _AT_HOLDER, {
        _F.DONE: "the newest view goes to the party: it has a share, or gets one by the agreement's rule",
        _F.WAITS: "a person decides; the clock runs",
        _F.REPEATED: "nothing",
    }),
    *_rows(_E.ANSWER_REQUEST, _BY_HOLDER, _AT_HOLDER, {
        _F.ACCEPTED: "the share begins: the view is the answer",
        _F.DECLINED: "evidence; nothing tells the party, whose own clock runs out",
    }),
    *_rows(_E.ANSWER_REQUEST, _BY_HOLDER, _AT_PARTICIPANT, {_F.DONE: "a view came that answers it: the clock stops"}),
)  # fmt: skip

_ELSEWHERE: Final = tuple(
    PlanRow(event, _BY_PARTICIPANT, _AT_PARTICIPANT, _F.ELSEWHERE, "not for us: the party is told who holds the plan")
    for event in (_E.CHANGE, _E.ANSWER_INVITATION, _E.REQUEST, _E.RESTORED)
)

_HANDING_OVER: Final = (
    *_rows(_E.HAND_OVER, _BY_HOLDER, _AT_HOLDER, {_F.FIRST: "the offer goes out; this side goes on holding the plan"}),
    *_rows(_E.HAND_OVER, _BY_HOLDER, _AT_PARTICIPANT, {
        _F.FIRST: "our people are told that it waits for their answer",
        _F.REPEATED: "our people are told again, if it is not answered",
        _F.TAKES_OVER: "the old holder has taken our yes, and sends all as it is now: this side holds the plan",
    }),
    *_rows(_E.HAND_OVER, _BY_HOLDER, _AT_HOLDER, {_F.REPEATED: "nothing: this side holds the plan already"}),
    *_rows(_E.ANSWER_HANDOVER, _BY_PARTICIPANT, _AT_PARTICIPANT, {
        _F.ACCEPTED: "the yes goes to the old holder; this side holds the plan when that one has taken it",
        _F.DECLINED: "the no goes to the holder",
    }),
    *_rows(_E.ANSWER_HANDOVER, _BY_PARTICIPANT, _AT_HOLDER, {
        _F.ACCEPTED: "this side is a participant, one epoch later: the plan goes to its new holder",
        _F.DECLINED: "a person is told; this side goes on holding the plan",
        _F.REPEATED: "nothing",
        _F.LATE: "refused: it was taken back, or another handover won",
    }),
    *_rows(_E.ANSWER_HANDOVER, _BY_PARTICIPANT, _AT_PARTICIPANT, {
        _F.REPEATED: "nothing: this side took that yes, and holds the plan no longer",
        _F.LATE: "refused: another handover won",
    }),
    *_rows(_E.ANSWER_HANDOVER, _BY_HOLDER, _AT_HOLDER, {_F.TAKEN_BACK: "the party is told"}),
    *_rows(_E.ANSWER_HANDOVER, _BY_HOLDER, _AT_PARTICIPANT, {
        _F.TAKEN_BACK: "our people are told", _F.LATE: "nothing: there is no such offer that is open",
    }),
    *_rows(_E.GONE, _BY_HOLDER, _AT_PARTICIPANT, {
        _F.NEWER: "from now on only the new holder is listened to; it is told what we hold, and what is undecided",
        _F.LATE: "nothing: an epoch that is not higher",
    }),
    *_rows(_E.GONE, _BY_HOLDER, _AT_HOLDER, {_F.LATE: "nothing: this side is the new holder already"}),
    *_rows(_E.GONE, _BY_PARTICIPANT, _AT_PARTICIPANT, {
        _F.NEWER: "a person of ours says who holds the plan now: it is told what we hold, and what is undecided",
    }),
)  # fmt: skip

ROWS: Final[tuple[PlanRow, ...]] = (
    *_HOLDING,
    *_NUMBERED,
    *_CHANGING,
    *_ASKING,
    *_ELSEWHERE,
    *_HANDING_OVER,
)
"""All rows."""

_INDEX: Final = {(row.event, row.raised_by, row.side, row.finding): row for row in ROWS}
_POSSIBLE: Final = {(row.event, row.raised_by, row.side) for row in ROWS}


def row_of(event: PlanEventKind, by: PlanSource, side: PlanSide, finding: Finding) -> PlanRow:
    """Returns the row for this case. A `KeyError` is a fault of this library: something was found that has no row."""
    return _INDEX[event, by, side, finding]


def may_raise(event: PlanEventKind, by: PlanSource, side: PlanSide) -> bool:
    """True if the table has a row for such an event at this side, whatever is found.

    >>> may_raise(PlanEventKind.SAVE, PlanSource.HOLDER, PlanSide.HOLDER)
    True
    >>> may_raise(PlanEventKind.SAVE, PlanSource.PARTICIPANT, PlanSide.PARTICIPANT)
    False
    """
    return (event, by, side) in _POSSIBLE


class ShareState(StrEnum):
    """The state of a share, as the holder has it."""

    SHARED = "shared"
    OUT_OF_STEP = "out-of-step"
    ENDED = "ended"


SHARE_WAYS: Final[tuple[tuple[ShareState | None, str, ShareState], ...]] = (
    (None, "share, or by rule: view 1", ShareState.SHARED),
    (ShareState.SHARED, "the view changed: the next number", ShareState.SHARED),
    (ShareState.SHARED, "ended, or nothing is open: withdrawal, numbered", ShareState.ENDED),
    (ShareState.ENDED, "share, or by rule: the next number", ShareState.SHARED),
    (ShareState.SHARED, "conflict of numbers, or a backup was restored", ShareState.OUT_OF_STEP),
    (ShareState.OUT_OF_STEP, "same or behind after a restore; a person shares again", ShareState.SHARED),
    (ShareState.OUT_OF_STEP, "ended, or nothing is open: withdrawal, numbered", ShareState.ENDED),
)
"""The ways of a share from state to state, for the picture (None: not begun)."""
