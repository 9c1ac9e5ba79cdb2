"""The acts of our own people on a loop in words, Norwegian and English."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ip_fhir.domain.referral import EventKind

if TYPE_CHECKING:
    from ip_fhir.report.words.codes import Language

_ACTS: Final[dict[EventKind, tuple[str, str]]] = {
    EventKind.WITHDRAW_CONSENT: (
        "personen har trukket samtykket: ingenting mer sendes, og den andre siden får vite det",
        "the person has withdrawn consent: nothing more is sent, and the other side is told",
    ),
    EventKind.SEND: ("send meldingen på nytt", "send the notice again"),
    EventKind.ACCEPT: (
        "ta saken; koordinator er ikke oppnevnt ennå",
        "take the case; no coordinator is appointed yet",
    ),
    EventKind.ASSESS: ("si at kartlegging er satt i gang", "say that an assessment has begun"),
    EventKind.ASK_INFORMATION: (
        "be sykehuset om flere opplysninger; svarfristen stanser",
        "ask the hospital for more; the answer clock stops",
    ),
    EventKind.GIVE_INFORMATION: (
        "gi kommunen opplysninger; svarfristen løper videre",
        "give the municipality information; the answer clock goes on",
    ),
    EventKind.ANSWER: (
        "send grønt skjema: koordinator, avslag, eller hvem saken er sendt videre til",
        "send the green form: the coordinator, a no, or to whom the case was passed on",
    ),
    EventKind.COORDINATOR_LEFT: (
        "koordinatoren har sluttet, og ingen har overtatt",
        "the coordinator has left, and nobody has taken over",
    ),
    EventKind.CANCEL: (
        "trekk meldingen tilbake, før kommunen har tatt saken",
        "take the notice back, before the municipality has taken the case",
    ),
    EventKind.ASK_ABORT: ("be kommunen om å avbryte", "ask the municipality to stop"),
    EventKind.AGREE_ABORT: ("avbryt, slik sykehuset ber om", "stop, as the hospital asks"),
    EventKind.REFUSE_ABORT: ("avbryt ikke, og fortsett", "do not stop, and go on"),
    EventKind.CLOSE: (
        "avslutt saken uten skjema: død, flyttet, eller ferdig",
        "close the loop without a form: died, moved, or all is done",
    ),
    EventKind.REMIND: ("purr kommunen nå", "remind the municipality now"),
    EventKind.FORWARD: ("si hvem saken er sendt videre til", "say to whom the case was passed on"),
    EventKind.ESCALATE: ("varsle den neste på varslingslisten nå", "tell the next contact of the ladder now"),
    EventKind.REPORT_INCOMPLETE: (
        "si hva som mangler i det grønne skjemaet",
        "say what the green form lacks",
    ),
}
"""The acts of both sides, each as it stands after its word on a list of what is possible."""


def act_words(kind: EventKind, language: Language) -> str:
    """Returns what an act does, in words. Raises `KeyError` for an event that no person raises."""
    norwegian, english = _ACTS[kind]
    return norwegian if language == "nb" else english
