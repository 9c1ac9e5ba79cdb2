"""The names of the scripts: how a mock answers what it is asked."""

from __future__ import annotations

from enum import StrEnum


class NoticeScript(StrEnum):
    """The answer to a notice."""

    COMPLETE = "complete"  # accepted, then the green form
    INCOMPLETE = "incomplete"  # the form lacks something; asked again, it is complete
    REFUSED = "refused"  # a form that says no, with reason and right to complain
    SILENT = "silent"  # receipts, and no answer: reminders come
    LATE = "late"  # no answer until a reminder comes
    UNKNOWN_LOOP = "unknown-loop"  # before each message of a loop, the same about a loop that nobody knows
    DUPLICATE = "duplicate"  # each message of a loop twice, the same bytes
    DAMAGED = "damaged"  # before each message of a loop, one that is cut off


class ShareScript(StrEnum):
    """The answer to a plan that is shared."""

    TAKE = "take"  # it is kept
    CHANGE = "change"  # a change is proposed, once for each share


class AnswerScript(StrEnum):
    """The answer to an invitation or a handover."""

    ACCEPT = "accept"
    DECLINE = "decline"
    SILENT = "silent"
