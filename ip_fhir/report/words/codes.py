"""Words for codes, in Norwegian (bokmål) and English: states, kinds of notice, missing items and others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from ip_fhir.domain.effects import Reason
from ip_fhir.domain.green_form import Declined, FormDecision, Missing, PlanState, RejectionReason
from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.notice import NoticeKind
from ip_fhir.domain.people import ContactSystem
from ip_fhir.domain.referral import EventKind, FormStatus, Role, State
from ip_fhir.domain.team import CoordinatorKind
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.report.words.law import LAW_ITEMS_NB, LEGAL_WORDS
from ip_fhir.report.words.plan_codes import PLAN_WORDS
from ip_fhir.report.words.sharing import SHARING_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime
    from enum import StrEnum

Language: TypeAlias = Literal["nb", "en"]

LANGUAGES: tuple[Language, ...] = ("nb", "en")


def word(code: StrEnum, language: Language) -> str:
    """Returns the name of an enumeration's member for people. Raises `KeyError` for an enumeration that is not here.

    >>> word(State.CONFIRMED, "nb"), word(Missing.COORDINATOR_CONTACT, "en")
    ('koordinator bekreftet', 'how to reach the coordinator')
    """
    return _WORDS[type(code)][code][LANGUAGES.index(language)]


def law_item(english: str, language: Language) -> str:
    """Returns an item of the law, or a missing part of one, from its English words in `ip_fhir.domain.completeness`."""
    return english if language == "en" else LAW_ITEMS_NB.get(english, english)


def listed(items: Iterable[str], language: Language) -> str:
    """Returns a list as part of a sentence.

    >>> listed(["a", "b", "c"], "nb"), listed(["a"], "en")
    ('a, b og c', 'a')
    """
    *first, last = list(items) or [""]
    both = {"nb": "og", "en": "and"}[language]
    return f"{', '.join(first)} {both} {last}" if first else last


def day_words(day: date | datetime, language: Language, *, weekday: bool = False, year: bool = False) -> str:
    """Returns a day as people write it.

    >>> from datetime import date
    >>> day_words(date(2026, 2, 9), "nb", weekday=True), day_words(date(2026, 2, 9), "en", year=True)
    ('ma. 9. feb.', '9 Feb 2026')
    """
    place = LANGUAGES.index(language)
    number = f"{day.day}." if language == "nb" else f"{day.day}"
    words = [_WEEKDAYS[place][day.weekday()]] if weekday else []
    words += [number, _MONTHS[place][day.month - 1]]
    return " ".join([*words, str(day.year)] if year else words)


_WEEKDAYS = (
    ("ma.", "ti.", "on.", "to.", "fr.", "lø.", "sø."),
    ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
)
_MONTHS = (
    ("jan.", "feb.", "mars", "april", "mai", "juni", "juli", "aug.", "sep.", "okt.", "nov.", "des."),
    ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)

_WORDS: dict[type[StrEnum], dict[StrEnum, tuple[str, str]]] = {
    Role: {
        Role.HOSPITAL: ("sykehuset", "hospital"),
        Role.MUNICIPALITY: ("kommunen", "municipality"),
        Role.TRANSPORT: ("overføringen", "transport"),
        Role.CLOCK: ("klokken", "clock"),
    },
    State: {
        State.DRAFT: ("kladd", "draft"),
        State.SENT: ("sendt", "sent"),
        State.UNDELIVERED: ("ikke levert", "undelivered"),
        State.DELIVERED: ("levert", "delivered"),
        State.AWAITING_INFORMATION: ("venter på opplysninger", "awaiting information"),
        State.ACCEPTED: ("mottatt, ingen koordinator ennå", "accepted, no coordinator yet"),
        State.ASSESSING: ("kartlegging pågår", "assessing"),
        State.INCOMPLETE: ("skjemaet er mangelfullt", "form incomplete"),
        State.CONFIRMED: ("koordinator bekreftet", "coordinator confirmed"),
        State.VACANT: ("uten koordinator", "coordinator vacant"),
        State.REJECTED: ("avslått", "rejected"),
        State.FORWARDED: ("sendt videre", "forwarded"),
        State.CANCELLING: ("bedt om å avbryte", "cancellation asked for"),
        State.CANCELLED: ("avbrutt", "cancelled"),
        State.WITHDRAWN: ("samtykket er trukket", "consent withdrawn"),
        State.CLOSED: ("avsluttet", "closed"),
    },
    EventKind: {
        EventKind.SEND: ("meldingen sendes", "notice sent"),
        EventKind.RECEIPT_OK: ("kvittering", "receipt"),
        EventKind.RECEIPT_ERROR: ("ikke tatt imot", "not taken in"),
        EventKind.RECEIVE: ("meldingen er kommet", "notice received"),
        EventKind.ACCEPT: ("tar imot saken", "accepted"),
        EventKind.ASSESS: ("kartlegger", "assessment begun"),
        EventKind.ASK_INFORMATION: ("spør om mer", "more information asked for"),
        EventKind.GIVE_INFORMATION: ("gir opplysninger", "information given"),
        EventKind.ANSWER: ("grønt skjema", "green form"),
        EventKind.COORDINATOR_LEFT: ("koordinatoren har sluttet", "coordinator left"),
        EventKind.CANCEL: ("avbryter", "cancelled"),
        EventKind.ASK_ABORT: ("ber om å avbryte", "asked to stop"),
        EventKind.AGREE_ABORT: ("avbryter etter ønske", "stopped as asked"),
        EventKind.REFUSE_ABORT: ("avbryter ikke", "does not stop"),
        EventKind.WITHDRAW_CONSENT: ("samtykket er trukket", "consent withdrawn"),
        EventKind.CLOSE: ("avslutter", "closed"),
        EventKind.REMIND: ("purrer", "reminder"),
        EventKind.FORWARD: ("sender videre", "passed on"),
        EventKind.ESCALATE: ("varsler ledelsen", "escalation"),
        EventKind.REPORT_INCOMPLETE: ("skjemaet i retur", "form sent back"),
        EventKind.TIME: ("en frist er ute", "a deadline has passed"),
        EventKind.RELEASE: ("slipper fram", "let through"),
    },
    MessageKind: {
        MessageKind.NOTICE: ("melding om behov", "notice"),
        MessageKind.GREEN_FORM: ("grønt skjema", "green form"),
        MessageKind.REMINDER: ("purring", "reminder"),
        MessageKind.FORM_INCOMPLETE: ("skjemaet i retur", "form sent back"),
        MessageKind.ACCEPTED: ("melding om mottak", "acceptance"),
        MessageKind.ASSESSING: ("melding om kartlegging", "assessment begun"),
        MessageKind.FORWARDED: ("melding om videresending", "passed on"),
        MessageKind.INFORMATION_REQUEST: ("spørsmål", "question"),
        MessageKind.INFORMATION: ("opplysninger", "information"),
        MessageKind.COORDINATOR_VACANT: ("koordinator har sluttet", "coordinator left"),
        MessageKind.CANCELLATION: ("avbrytelse", "cancellation"),
        MessageKind.ABORT_REQUEST: ("ønske om å avbryte", "request to stop"),
        MessageKind.ABORT_AGREED: ("avbrutt etter ønske", "stopped as asked"),
        MessageKind.ABORT_REFUSED: ("avbrytes ikke", "not stopped"),
        MessageKind.WITHDRAWAL: ("samtykket er trukket", "consent withdrawn"),
        MessageKind.CLOSURE: ("avslutning", "closure"),
        MessageKind.ESCALATION: ("varsel til ledelsen", "escalation"),
    },
    ContactSystem: {
        ContactSystem.PHONE: ("telefon", "phone"),
        ContactSystem.SMS: ("SMS", "text message"),
        ContactSystem.EMAIL: ("e-post", "e-mail"),
        ContactSystem.URL: ("nettside", "web page"),
    },
    NoticeKind: {
        NoticeKind.PLAN: ("individuell plan", "an individual plan"),
        NoticeKind.COORDINATOR: ("koordinator", "a coordinator"),
        NoticeKind.PLAN_AND_COORDINATOR: ("individuell plan og koordinator", "an individual plan and a coordinator"),
        NoticeKind.CHILD_COORDINATOR: ("barnekoordinator", "a child coordinator"),
    },
    FormDecision: {
        FormDecision.APPOINTED: ("koordinator oppnevnt", "coordinator appointed"),
        FormDecision.DECLINED: ("personen ønsker det ikke", "the person declines"),
        FormDecision.REJECTED: ("avslag", "rejected"),
        FormDecision.FORWARDED: ("sendt videre", "forwarded"),
    },
    FormStatus: {
        FormStatus.COMPLETE: ("fullstendig", "complete"),
        FormStatus.INCOMPLETE: ("mangelfullt", "incomplete"),
        FormStatus.REPEATED: ("gjentatt", "repeated"),
        FormStatus.REPLACES: ("erstatter et tidligere", "replaces an earlier one"),
        FormStatus.CONTRADICTORY: ("motsier et tidligere", "contradicts an earlier one"),
        FormStatus.LATE: ("for sent", "too late"),
    },
    PlanState: {
        PlanState.STARTED: ("planen er påbegynt", "the plan is started"),
        PlanState.STARTS_LATER: ("planen starter senere", "the plan starts later"),
        PlanState.DECLINED: ("personen ønsker ikke plan", "the person declines a plan"),
        PlanState.NOT_ASKED_FOR: ("det er ikke bedt om plan", "no plan was asked for"),
    },
    Declined: {
        Declined.PLAN: ("planen", "the plan"),
        Declined.COORDINATOR: ("koordinatoren", "the coordinator"),
        Declined.BOTH: ("både plan og koordinator", "both plan and coordinator"),
    },
    CoordinatorKind: {
        CoordinatorKind.MUNICIPAL: ("koordinator", "coordinator"),
        CoordinatorKind.HOSPITAL: ("koordinator i sykehuset", "hospital coordinator"),
        CoordinatorKind.CHILD: ("barnekoordinator", "child coordinator"),
    },
    RejectionReason: {
        RejectionReason.NOT_RESIDENT: ("bor ikke i kommunen", "does not live in the municipality"),
        RejectionReason.NO_LASTING_NEED: ("behovet er ikke langvarig", "the need is not a lasting one"),
        RejectionReason.NO_COORDINATED_NEED: (
            "tjenestene trenger ikke samordning",
            "the services need no coordination",
        ),
        RejectionReason.ALREADY_HAS: ("har allerede individuell plan", "already has an individual plan"),
        RejectionReason.OTHER: ("annen grunn", "another reason"),
    },
    Missing: {
        Missing.DECISION: ("hva som er bestemt", "what was decided"),
        Missing.COORDINATOR: ("hvem koordinatoren er", "who the coordinator is"),
        Missing.COORDINATOR_ROLE: ("koordinatorens stilling", "the coordinator's role"),
        Missing.COORDINATOR_ORGANIZATION: ("hvor koordinatoren arbeider", "where the coordinator works"),
        Missing.COORDINATOR_CONTACT: ("hvordan koordinatoren nås", "how to reach the coordinator"),
        Missing.COORDINATOR_FROM: ("fra hvilken dato", "from which day"),
        Missing.WISH: ("svar på ønsket om koordinator", "an answer to the wish for a coordinator"),
        Missing.PLAN_STATE: ("hva som skjer med planen", "what becomes of the plan"),
        Missing.PLAN_STARTS: ("når planen starter", "when the plan starts"),
        Missing.DECLINED_WHAT: ("hva personen takket nei til", "what the person declined"),
        Missing.DECLINED_WHEN: ("når personen takket nei", "when the person declined"),
        Missing.REJECTION_REASON: ("grunnen til avslaget", "the reason for the rejection"),
        Missing.REJECTION_LEGAL_BASIS: ("hjemmelen for avslaget", "the legal basis of the rejection"),
        Missing.COMPLAINT_TOLD: (
            "om personen er orientert om klageretten",
            "whether the person was told of the right to complain",
        ),
        Missing.COMPLAINT_TO: ("hvor det kan klages", "to whom to complain"),
        Missing.FORWARDED_TO: ("hvem den er sendt videre til", "to whom it was forwarded"),
    },
    Reason: {
        Reason.NEW_NOTICE: ("ny melding", "new notice"),
        Reason.UNDELIVERED: ("meldingen kom ikke fram", "the notice was not delivered"),
        Reason.NOT_TAKEN: ("den andre siden tok ikke imot", "the other side did not take a message"),
        Reason.NOT_ACCEPTED: ("ingen har bekreftet saken", "nobody has confirmed the case"),
        Reason.ANSWER_DUE: ("svarfristen er ute", "the green form is due"),
        Reason.PRELIMINARY_REPLY_DUE: ("foreløpig svar skal sendes", "a preliminary reply is due"),
        Reason.EVALUATION_DUE: ("planen skal evalueres", "the plan is to be evaluated"),
        Reason.MENTOR_TALK_DUE: ("samtale med fadderen", "a talk with the mentor is due"),
        Reason.ABORT_UNANSWERED: ("ønsket om å avbryte er ikke besvart", "the request to stop is unanswered"),
        Reason.REMINDED: ("purret", "reminded"),
        Reason.ESCALATED: ("ledelsen er varslet", "escalated"),
        Reason.ESCALATION_OVER: ("varselet er opphevet", "the escalation is over"),
        Reason.FORM_INCOMPLETE: ("skjemaet er mangelfullt", "the form is incomplete"),
        Reason.CONTRADICTORY: ("to skjemaer er uenige", "two forms disagree"),
        Reason.REJECTED: ("avslått", "rejected"),
        Reason.INFORMATION_ASKED: ("kommunen spør", "the municipality asks"),
        Reason.INFORMATION_GIVEN: ("sykehuset har svart", "the hospital has answered"),
        Reason.CANCELLED: ("avbrutt", "cancelled"),
        Reason.ABORT_ASKED: ("sykehuset ønsker å avbryte", "the hospital asks to stop"),
        Reason.ABORT_REFUSED: ("kommunen avbryter ikke", "the municipality does not stop"),
        Reason.CONSENT_WITHDRAWN: ("samtykket er trukket", "consent withdrawn"),
        Reason.NO_CONSENT: ("ikke sendt: mangler samtykke", "not sent: no consent"),
        Reason.CLOSED: ("avsluttet", "closed"),
        Reason.DECEASED: ("personen er død: saken er avsluttet", "the person is dead: the case is closed"),
        Reason.ACCEPTED: ("kommunen har tatt imot saken", "the municipality has accepted the case"),
        Reason.ASSESSING: ("kommunen kartlegger", "the municipality is assessing"),
        Reason.FORWARDED: ("meldingen er sendt videre", "the notice was passed on"),
        Reason.CONFIRMED: ("koordinator er bekreftet", "the coordinator is confirmed"),
        Reason.REPLACED: ("ny koordinator", "another coordinator"),
        Reason.PLAN_STATE: ("nytt om planen", "news of the plan"),
        Reason.DETAILS: ("nye opplysninger om koordinatoren", "new details of the coordinator"),
        Reason.VACANT: ("koordinatoren har sluttet", "the coordinator has left"),
        Reason.DECLINED: ("personen har takket nei", "the person has declined"),
        Reason.LATE_FORM: ("et skjema kom for sent", "a form came too late"),
        Reason.ABORT_AGREED: ("kommunen har avbrutt", "the municipality has stopped"),
        Reason.AWAITING_RELEASE: (
            "venter på ja: strengt fortrolig adresse",
            "waits for a yes: strictly protected address",
        ),
        Reason.SECOND_LOOP: ("en annen sak om samme person", "another case about the same person"),
        Reason.NOT_UNDONE: (
            "en melding er trukket tilbake, men virkningen står",
            "a message was taken back, and its effect stands",
        ),
        Reason.UNREADABLE: ("noe lagret kan ikke leses", "something stored cannot be read"),
        Reason.NOT_NOTIFIED: (
            "et system som abonnerer, tar ikke imot varsler",
            "a system that subscribes does not take notifications",
        ),
        Reason.NOT_TOLD: (
            "noen av våre egne kunne ikke varsles",
            "somebody of our own could not be told",
        ),
        Reason.MAKE_PLAN: ("lag den individuelle planen", "make the individual plan"),
        Reason.CHANGE_TO_DECIDE: ("et ønske om endring venter på svar", "a change waits for a decision"),
        Reason.CHANGE_OVERDUE: (
            "et ønske om endring har ventet for lenge: leder varsles",
            "a change has waited too long: the leader is told",
        ),
        Reason.CHANGE_CONFLICT: ("to har endret det samme: velg", "two have changed the same: choose"),
        Reason.CHANGE_NOT_FOUND: (
            "et ønske om endring gjelder noe deltakeren ikke lenger ser",
            "a change is about what the participant no longer sees",
        ),
        Reason.CHANGE_ANSWERED: ("endringen vår er besvart", "our change is answered"),
        Reason.CHANGE_UNANSWERED: ("endringen vår er ikke besvart", "our change is not answered"),
        Reason.NOT_ACKNOWLEDGED: (
            "deltakeren har ikke bekreftet at den har planen",
            "the participant has not acknowledged the plan",
        ),
        Reason.VIEW_TURNS: (
            "en deltaker vil snart se mer eller mindre av planen",
            "a participant will soon see more or less of the plan",
        ),
        Reason.ON_PAPER: (
            "et medlem i ansvarsgruppa får ikke planen elektronisk",
            "a member of the team does not get the plan electronically",
        ),
        Reason.RESPONSIBLE_UNSEEING: (
            "noen har ansvar for et tiltak som de ikke får se",
            "somebody is responsible for a measure that they may not see",
        ),
        Reason.VIEW_CHANGED: ("planen er endret", "the plan has changed"),
        Reason.VIEW_WITHDRAWN: ("planen deles ikke lenger med oss", "the plan is no longer shared with us"),
        Reason.OUT_OF_STEP: (
            "de to sidene har ulike utgaver av planen",
            "the two sides hold different versions of the plan",
        ),
        Reason.INVITATION_TO_ANSWER: ("en invitasjon venter på svar fra oss", "an invitation waits for our answer"),
        Reason.INVITATION_ANSWERED: ("invitasjonen er besvart", "the invitation is answered"),
        Reason.INVITATION_UNANSWERED: ("invitasjonen er ikke besvart", "the invitation is not answered"),
        Reason.INVITATION_TAKEN_BACK: ("invitasjonen er trukket tilbake", "the invitation is taken back"),
        Reason.HANDOVER_TO_ANSWER: ("vi er bedt om å overta en plan", "we are asked to take a plan over"),
        Reason.HANDOVER_ANSWERED: ("overføringen av planen er besvart", "the handover of the plan is answered"),
        Reason.HANDOVER_UNANSWERED: (
            "overføringen av planen er ikke besvart",
            "the handover of the plan is not answered",
        ),
        Reason.HANDOVER_TAKEN_BACK: (
            "overføringen av planen er trukket tilbake",
            "the handover of the plan is taken back",
        ),
        Reason.HOLDER_CHANGED: ("planen har fått en ny ansvarlig", "another side holds the plan"),
        Reason.REQUEST_TO_ANSWER: ("noen ber om å få se planen", "somebody asks for the plan"),
        Reason.REQUEST_UNANSWERED: ("planen vi ba om, er ikke kommet", "the plan that we asked for has not come"),
        Reason.REVIEW_DUE: ("tid for oppfølging eller evaluering", "a follow-up or evaluation is due"),
        Reason.REVIEW_NOT_PLANNED: (
            "neste oppfølging eller evaluering er ikke planlagt",
            "the next follow-up or evaluation is not planned",
        ),
    },
    LifeArea: {
        LifeArea.SOCIAL_NETWORK: ("sosialt nettverk", "social network"),
        LifeArea.TREATMENT: ("behandling, trening, medisiner", "treatment, training, medicines"),
        LifeArea.EDUCATION: ("utdanning, veiledning, hjelpemidler", "education, guidance, aids"),
        LifeArea.ECONOMY: ("økonomi og ytelser", "economy and benefits"),
        LifeArea.TRANSPORT: ("transport", "transport and mobility"),
        LifeArea.HOUSEHOLD: ("husarbeid, hygiene, påkledning", "housework, hygiene, dressing"),
        LifeArea.FOOD: ("mat og måltider", "food and meals"),
        LifeArea.WORK: ("arbeid og dagaktivitet", "work and day activity"),
        LifeArea.HOUSING: ("bolig", "housing"),
        LifeArea.LEISURE: ("fritid og ferie", "leisure and holidays"),
        LifeArea.FAMILY: ("behov hos foreldre, ektefelle, barn", "needs of parents, spouse, children"),
    },
    **LEGAL_WORDS,
    **PLAN_WORDS,
    **SHARING_WORDS,
}
