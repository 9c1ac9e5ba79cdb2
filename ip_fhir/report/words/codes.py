"""Words for codes, in Norwegian (bokmål) and English: states, kinds of notice, missing items and others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from ip_fhir.domain.consent.permission import Rule
from ip_fhir.domain.effects import Reason
from ip_fhir.domain.green_form import Declined, FormDecision, Missing, PlanState, RejectionReason
from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.notice import NoticeKind
from ip_fhir.domain.people import ContactSystem
from ip_fhir.domain.referral import EventKind, FormStatus, Role, State
from ip_fhir.domain.team import CoordinatorKind
from ip_fhir.domain.values.terms import LegalBasis, LifeArea
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
    return english if language == "en" else _LAW_NB.get(english, english)


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
    **PLAN_WORDS,
    **SHARING_WORDS,
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
        Reason.UNREADABLE: ("noe lagret kan ikke leses", "something stored cannot be read"),
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
    Rule: {
        Rule.DECEASED: ("nei: personen er død", "no: the person is dead"),
        Rule.NO_CONSENT: ("nei: det er ikke gitt samtykke til å dele", "no: there is no consent to sharing"),
        Rule.NOT_GIVEN: (
            "nei: samtykket er et utkast eller ikke gitt ennå",
            "no: the consent is a draft or not yet given",
        ),
        Rule.REFUSED: ("nei: personen har sagt nei", "no: the person said no"),
        Rule.WITHDRAWN: ("nei: samtykket er trukket", "no: the consent is withdrawn"),
        Rule.PERIOD: ("nei: samtykket gjelder ikke den dagen", "no: the consent does not hold on that day"),
        Rule.REPRESENTATIVE: (
            "nei: den som samtykket, hadde ikke fullmakt den dagen",
            "no: the one who consented had no mandate that day",
        ),
        Rule.OF_AGE: (
            "nei: en forelder samtykket for en som er gammel nok til å samtykke selv",
            "no: a parent consented for somebody who is old enough to consent alone",
        ),
        Rule.AGE_NOT_KNOWN: (
            "nei: en forelder samtykket, og fødselsdatoen er ikke sikkert kjent",
            "no: a parent consented, and the birth date is not known for certain",
        ),
        Rule.UNDER_AGE: (
            "nei: personen var for ung til å samtykke alene",
            "no: the person was too young to consent alone",
        ),
        Rule.RECIPIENT: (
            "nei: samtykket omfatter ikke denne mottakeren eller dette livsområdet",
            "no: the consent does not cover this recipient or life area",
        ),
        Rule.DISAGREE: ("nei: to samtykker er uenige", "no: two consents disagree"),
    },
    LegalBasis: {
        LegalBasis.PBRL_2_5: ("pasient- og brukerrettighetsloven § 2-5", "Patients' and Users' Rights Act § 2-5"),
        LegalBasis.PBRL_2_5B: ("pasient- og brukerrettighetsloven § 2-5 b", "Patients' and Users' Rights Act § 2-5b"),
        LegalBasis.PBRL_2_5C: ("pasient- og brukerrettighetsloven § 2-5 c", "Patients' and Users' Rights Act § 2-5c"),
        LegalBasis.HOL_7_1: ("helse- og omsorgstjenesteloven § 7-1", "Health and Care Services Act § 7-1"),
        LegalBasis.HOL_7_2: ("helse- og omsorgstjenesteloven § 7-2", "Health and Care Services Act § 7-2"),
        LegalBasis.HOL_7_2A: ("helse- og omsorgstjenesteloven § 7-2 a", "Health and Care Services Act § 7-2a"),
        LegalBasis.HOL_7_3: ("helse- og omsorgstjenesteloven § 7-3", "Health and Care Services Act § 7-3"),
        LegalBasis.SPHLSL_2_5: ("spesialisthelsetjenesteloven § 2-5", "Specialist Health Services Act § 2-5"),
        LegalBasis.SPHLSL_2_5A: ("spesialisthelsetjenesteloven § 2-5 a", "Specialist Health Services Act § 2-5a"),
        LegalBasis.SPHLSL_2_5B: ("spesialisthelsetjenesteloven § 2-5 b", "Specialist Health Services Act § 2-5b"),
        LegalBasis.PHVL_4_1: ("psykisk helsevernloven § 4-1", "Mental Health Care Act § 4-1"),
        LegalBasis.NAVL_15: ("NAV-loven § 15", "Labour and Welfare Administration Act § 15"),
        LegalBasis.SOTJL_28: ("sosialtjenesteloven § 28", "Social Services Act § 28"),
        LegalBasis.SOTJL_33: ("sosialtjenesteloven § 33", "Social Services Act § 33"),
        LegalBasis.BVL_15_9: ("barnevernsloven § 15-9", "Child Welfare Act § 15-9"),
        LegalBasis.HPL_38A: ("helsepersonelloven § 38 a", "Health Personnel Act § 38a"),
        LegalBasis.OPPLL_15_8: ("opplæringslova (1998) § 15-8", "Education Act (1998) § 15-8"),
        LegalBasis.BHGL_2B: ("barnehageloven § 2 b", "Kindergarten Act § 2b"),
    },
}

_LAW_NB = {
    "goals, resources and need for services": "mål, ressurser og behov for tjenester",
    "who takes part in the work on the plan": "hvem som deltar i arbeidet med planen",
    "who is responsible for coordination and progress": "hvem som har ansvar for samordning og framdrift",
    "what the person, the services and the relatives contribute": "hva personen, tjenestene og de pårørende bidrar med",
    "measures, their extent and who is responsible": "tiltak, omfang og hvem som har ansvar",
    "how the measures are carried out": "hvordan tiltakene gjennomføres",
    "the plan period and times for adjustment and revision": "planperiode og tidspunkt for justering og revisjon",
    "consent to the plan and, where it applies, to sharing": "samtykke til planen og eventuelt til deling",
    "cooperation with other services that is needed or wished for": "samarbeid med andre som trengs eller ønskes",
    "goals": "mål",
    "the person's resources": "personens ressurser",
    "need for services": "behov for tjenester",
    "the person among those who take part": "personen selv blant dem som deltar",
    "what the person contributes": "hva personen bidrar med",
    "what the services contribute": "hva tjenestene bidrar med",
    "what the relatives contribute": "hva de pårørende bidrar med",
    "measures": "tiltak",
    "the extent of every measure": "omfanget av hvert tiltak",
    "who is responsible for every measure": "hvem som har ansvar for hvert tiltak",
    "how every measure is carried out": "hvordan hvert tiltak gjennomføres",
    "the plan period": "planperiode",
    "when and how the plan is followed up": "når og hvordan planen følges opp",
    "when and how the plan is evaluated": "når og hvordan planen evalueres",
    "consent to the plan": "samtykke til planen",
    "consent to sharing confidential information, where it applies": "samtykke til å dele taushetsbelagte opplysninger",
    "cooperation with others that is needed or wished for": "samarbeid med andre som trengs eller ønskes",
}
