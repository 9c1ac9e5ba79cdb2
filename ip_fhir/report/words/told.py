"""The words of an e-mail to our own people: that something is to be looked at, and a reference.

Anybody may read an e-mail on its way. So it names nobody, and gives a reason in words only where these say nothing of a
person, a plan, or what was decided about them: that a deadline is over, that a message did not arrive.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from ip_fhir.domain.effects import Reason
from ip_fhir.report.words.codes import word

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ip_fhir.report.words.codes import Language

SAID: Final = frozenset(
    {
        Reason.NEW_NOTICE,
        Reason.UNDELIVERED,
        Reason.NOT_TAKEN,
        Reason.NOT_ACCEPTED,
        Reason.ANSWER_DUE,
        Reason.PRELIMINARY_REPLY_DUE,
        Reason.REMINDED,
        Reason.ESCALATED,
        Reason.ESCALATION_OVER,
        Reason.FORM_INCOMPLETE,
        Reason.CONTRADICTORY,
        Reason.INFORMATION_ASKED,
        Reason.INFORMATION_GIVEN,
        Reason.LATE_FORM,
        Reason.UNREADABLE,
        Reason.NOT_TOLD,
        Reason.CHANGE_TO_DECIDE,
        Reason.CHANGE_ANSWERED,
        Reason.CHANGE_UNANSWERED,
        Reason.INVITATION_TO_ANSWER,
        Reason.INVITATION_ANSWERED,
        Reason.INVITATION_UNANSWERED,
        Reason.INVITATION_TAKEN_BACK,
    }
)
"""The reasons that an e-mail says; all others are "something else"."""


class _Phrases(NamedTuple):
    one: str
    several: str
    other: str
    came: str
    since: str
    reference: str
    look: str
    end: str
    trial: str
    tried: str


_PHRASES: Final[dict[Language, _Phrases]] = {
    "nb": _Phrases(
        "Noe skal ses på",
        "{number} saker skal ses på",
        "noe annet",
        "Det er kommet noe på arbeidslisten",
        "Dette er kommet på arbeidslisten",
        "Referanse",
        "Se det med",
        "Et program har sendt denne e-posten. Den sier ikke hvem det gjelder, og svar blir ikke lest.",
        "Prøve: varsling med e-post",
        "Dette er en prøve. Det er ikke noe å se på.",
    ),
    "en": _Phrases(
        "Something is to be looked at",
        "{number} things are to be looked at",
        "something else",
        "Something has come onto the worklist",
        "This has come onto the worklist",
        "Reference",
        "Look at it with",
        "A program has sent this e-mail. It does not say whom it is about, and answers are not read.",
        "Trial: told by e-mail",
        "This is a trial. There is nothing to look at.",
    ),
}


class Told(NamedTuple):
    """The subject and the text of an e-mail, and the tag of its language."""

    subject: str
    text: str
    language: str


def told_letter(items: Sequence[tuple[Reason | None, str]], language: Language, *, digest: bool) -> Told:
    """Returns the e-mail about worklist items, each with its reason and its id; without items that of a trial.

    >>> told_letter([(Reason.DECEASED, "i-1")], "en", digest=False).subject
    'Something is to be looked at'
    """
    phrases = _PHRASES[language]
    if not items:
        lines, subject = [phrases.tried], phrases.trial
    elif digest:
        lines, subject = _digest(items, language), phrases.one
        if len(items) > 1:
            subject = phrases.several.format(number=len(items))
    else:
        (reason, item), *_ = items
        said = f": {word(reason, language)}" if reason in SAID and reason is not None else ""
        subject = f"{phrases.one}{said}"
        lines = [f"{phrases.came}{said}.", "", f"{phrases.reference}: {item}"]
        lines += [f"{phrases.look}: ip-fhir worklist show {item}"]
    return Told(subject, "\n".join([*lines, "", phrases.end, ""]), language)


def _digest(items: Sequence[tuple[Reason | None, str]], language: Language) -> list[str]:
    """Returns the lines of a digest: the number of items of each reason, with their references."""
    phrases = _PHRASES[language]
    by_reason = defaultdict[str, list[str]](list)
    for reason, item in items:
        by_reason[word(reason, language) if reason in SAID and reason is not None else phrases.other].append(item)

    def listed() -> Iterator[str]:
        for said in sorted(by_reason, key=lambda said: (said == phrases.other, said)):
            yield f"{said}: {len(by_reason[said])}"
            yield from (f"  {item}" for item in by_reason[said])
            yield ""

    return [f"{phrases.since}:", "", *listed(), f"{phrases.look}: ip-fhir worklist list"]
