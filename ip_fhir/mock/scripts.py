"""The scripts: what the people of the mock do when they are told of something, as tables. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeAlias

from ip_fhir.domain.effects import Reason
from ip_fhir.mock.names import AnswerScript, NoticeScript, ShareScript

if TYPE_CHECKING:
    from collections.abc import Mapping


class Deed(StrEnum):
    """Something that the people of the mock do."""

    ACCEPT = "accept"
    COMPLETE_FORM = "complete-form"
    INCOMPLETE_FORM = "incomplete-form"
    REJECTION = "rejection"
    AGREE_ABORT = "agree-abort"
    CHANGE_PLAN = "change-plan"
    ACCEPT_INVITATION = "accept-invitation"
    DECLINE_INVITATION = "decline-invitation"
    ACCEPT_HANDOVER = "accept-handover"
    DECLINE_HANDOVER = "decline-handover"


_Table: TypeAlias = "dict[Reason, tuple[Deed, ...]]"

_AT_ONCE: Final[_Table] = {Reason.NEW_NOTICE: (Deed.ACCEPT, Deed.COMPLETE_FORM)}
_WHEN_ASKED: Final[_Table] = dict.fromkeys((Reason.REMINDED, Reason.ESCALATED), (Deed.COMPLETE_FORM,))
_STOPS: Final[_Table] = {Reason.ABORT_ASKED: (Deed.AGREE_ABORT,)}

_ON_NOTICES: Final[Mapping[NoticeScript, _Table]] = {
    NoticeScript.COMPLETE: _AT_ONCE | _STOPS,
    NoticeScript.INCOMPLETE: {
        Reason.NEW_NOTICE: (Deed.ACCEPT, Deed.INCOMPLETE_FORM),
        Reason.FORM_INCOMPLETE: (Deed.COMPLETE_FORM,),
        **_WHEN_ASKED,
        **_STOPS,
    },
    NoticeScript.REFUSED: {Reason.NEW_NOTICE: (Deed.REJECTION,)},
    NoticeScript.SILENT: {},
    NoticeScript.LATE: _WHEN_ASKED | _STOPS,
    NoticeScript.UNKNOWN_LOOP: _AT_ONCE | _STOPS,
    NoticeScript.DUPLICATE: _AT_ONCE | _STOPS,
    NoticeScript.DAMAGED: _AT_ONCE | _STOPS,
}
_ON_SHARES: Final[Mapping[ShareScript, tuple[Deed, ...]]] = {
    ShareScript.TAKE: (),
    ShareScript.CHANGE: (Deed.CHANGE_PLAN,),
}
_ON_INVITATIONS: Final[Mapping[AnswerScript, tuple[Deed, ...]]] = {
    AnswerScript.ACCEPT: (Deed.ACCEPT_INVITATION,),
    AnswerScript.DECLINE: (Deed.DECLINE_INVITATION,),
    AnswerScript.SILENT: (),
}
_ON_HANDOVERS: Final[Mapping[AnswerScript, tuple[Deed, ...]]] = {
    AnswerScript.ACCEPT: (Deed.ACCEPT_HANDOVER,),
    AnswerScript.DECLINE: (Deed.DECLINE_HANDOVER,),
    AnswerScript.SILENT: (),
}


@dataclass(frozen=True, slots=True)
class Policy:
    """The scripts that a mock plays by."""

    notices: NoticeScript = NoticeScript.COMPLETE
    shares: ShareScript = ShareScript.TAKE
    invitations: AnswerScript = AnswerScript.ACCEPT
    handovers: AnswerScript = AnswerScript.ACCEPT

    def deeds(self, reason: Reason | None) -> tuple[Deed, ...]:
        """Returns what is done, in this order, by people who are told of a reason.

        >>> Policy(NoticeScript.LATE).deeds(Reason.NEW_NOTICE)
        ()
        >>> Policy(NoticeScript.LATE).deeds(Reason.REMINDED)
        (<Deed.COMPLETE_FORM: 'complete-form'>,)
        """
        on_plans = {
            Reason.VIEW_CHANGED: _ON_SHARES[self.shares],
            Reason.INVITATION_TO_ANSWER: _ON_INVITATIONS[self.invitations],
            Reason.HANDOVER_TO_ANSWER: _ON_HANDOVERS[self.handovers],
        }
        return () if reason is None else {**_ON_NOTICES[self.notices], **on_plans}.get(reason, ())
