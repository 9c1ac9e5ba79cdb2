"""Words for the codes of shared plans, in Norwegian (bokmål) and English: events, changes, messages, ends of shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.sharing.case import HandoverStatus, InvitationStatus, PlanSide, PlanTimerKind
from ip_fhir.domain.sharing.change import ChangeStatus, Outcome
from ip_fhir.domain.sharing.events import PlanEventKind, PlanSource
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.life.table import ShareState
from ip_fhir.domain.sharing.rights import Right
from ip_fhir.domain.sharing.share import EndReason
from ip_fhir.domain.sharing.terms import RequestRule, ShareStart

if TYPE_CHECKING:
    from enum import StrEnum

SHARING_WORDS: Final[dict[type[StrEnum], dict[StrEnum, tuple[str, str]]]] = {
    ContentLevel: {
        ContentLevel.HEADER: (
            "bare at planen finnes, hvem som koordinerer, og egne folk i teamet",
            "only that there is a plan, who coordinates, and own people in the team",
        ),
        ContentLevel.NEEDS: (
            "behov, mål og datoer for de neste gjennomgangene",
            "needs, goals and the days of the next reviews",
        ),
        ContentLevel.PLAN: ("hele planen", "the whole plan"),
    },
    PlanSide: {
        PlanSide.HOLDER: ("den som har planen", "holder of the plan"),
        PlanSide.PARTICIPANT: ("deltaker", "participant"),
    },
    PlanSource: {
        PlanSource.HOLDER: ("den som har planen", "holder of the plan"),
        PlanSource.PARTICIPANT: ("deltakeren", "participant"),
        PlanSource.TRANSPORT: ("overføringen", "transport"),
        PlanSource.CLOCK: ("klokken", "clock"),
    },
    PlanEventKind: {
        PlanEventKind.SAVE: ("planen lagres", "plan saved"),
        PlanEventKind.SHARE: ("delingen begynner", "share begun"),
        PlanEventKind.END_SHARE: ("delingen avsluttes", "share ended"),
        PlanEventKind.RELEASE: ("slipper fram", "let through"),
        PlanEventKind.VIEW: ("utsnitt av planen er kommet", "view of the plan received"),
        PlanEventKind.WITHDRAW: ("utsnittet er trukket tilbake", "view withdrawn"),
        PlanEventKind.CHANGE: ("endring ønskes", "change asked for"),
        PlanEventKind.DECIDE: ("endringen avgjøres", "change decided"),
        PlanEventKind.CHANGE_ANSWERED: ("svar på endringen er kommet", "answer to the change received"),
        PlanEventKind.INVITE: ("inviterer", "invited"),
        PlanEventKind.ANSWER_INVITATION: ("svar på invitasjonen", "invitation answered"),
        PlanEventKind.REQUEST: ("spør etter planen", "plan asked for"),
        PlanEventKind.ANSWER_REQUEST: ("svar på spørsmålet om planen", "request for the plan answered"),
        PlanEventKind.HAND_OVER: ("planen tilbys en annen", "plan offered to another holder"),
        PlanEventKind.ANSWER_HANDOVER: ("svar på overtakelsen", "handover answered"),
        PlanEventKind.GONE: ("en annen har planen nå", "another holds the plan now"),
        PlanEventKind.RECEIPT_OK: ("kvittering", "receipt"),
        PlanEventKind.RECEIPT_ERROR: ("ikke tatt imot", "not taken in"),
        PlanEventKind.STATE_ASKED: ("spørsmål om nyeste utsnitt", "asked which view is held"),
        PlanEventKind.RESTORED: ("sammenlignet etter gjenoppretting", "compared after a restored backup"),
        PlanEventKind.TIME: ("en ny dag, eller en frist er ute", "a new day, or a deadline has passed"),
    },
    EndReason: {
        EndReason.BY_HAND: ("avsluttet av den som har planen", "ended by the holder of the plan"),
        EndReason.CONSENT: ("det er ikke lenger samtykke til å dele noe", "there is no consent to sharing any more"),
        EndReason.MEMBERSHIP: ("ingen derfra deltar lenger", "nobody from there takes part any more"),
        EndReason.PLAN_OVER: ("planen er avsluttet", "the plan is over"),
        EndReason.DECEASED: ("personen er død", "the person is dead"),
        EndReason.NO_AGREEMENT: ("det er ingen avtale med dem lenger", "there is no agreement with them any more"),
        EndReason.HANDED_OVER: ("de har overtatt planen", "they have taken over the plan"),
        EndReason.READERS: (
            "ikke noe er åpent for alle som leser serveren på veien",
            "nothing is open to all who read the server on the way",
        ),
    },
    ShareState: {
        ShareState.SHARED: ("deles", "shared"),
        ShareState.OUT_OF_STEP: ("ute av takt: noen må se på det", "out of step: a person must look"),
        ShareState.ENDED: ("avsluttet", "ended"),
    },
    ShareStart: {
        ShareStart.BY_RULE: ("av seg selv, når noen deltar og det er samtykke", "by rule, with membership and consent"),
        ShareStart.BY_NAME: ("når koordinatoren sier det", "when the coordinator says so"),
    },
    RequestRule: {
        RequestRule.BY_RULE: ("etter avtalen", "by the agreement"),
        RequestRule.PERSON_DECIDES: ("noen avgjør det", "a person decides"),
    },
    Right: {
        Right.AT_ONCE: ("med en gang", "at once"),
        Right.PROPOSED: ("som forslag", "as a proposal"),
        Right.NEVER: ("aldri", "never"),
    },
    ChangeStatus: {
        ChangeStatus.SENT: ("sendt, ikke besvart", "sent, not answered"),
        ChangeStatus.PROPOSED: ("venter på avgjørelse", "waits for a decision"),
        ChangeStatus.ACCEPTED: ("godtatt", "accepted"),
        ChangeStatus.PARTLY: ("delvis godtatt", "partly accepted"),
        ChangeStatus.DECLINED: ("ikke godtatt", "declined"),
        ChangeStatus.CONFLICT: ("to ulike verdier: noen må velge", "two values: somebody has to choose"),
    },
    Outcome: {
        Outcome.DONE: ("gjort", "done"),
        Outcome.PROPOSED: ("foreslått, venter på avgjørelse", "proposed, waits for a decision"),
        Outcome.ACCEPTED: ("godtatt", "accepted"),
        Outcome.DECLINED: ("ikke godtatt", "declined"),
        Outcome.CONFLICT: ("endret av andre også: noen må velge", "changed by others too: somebody has to choose"),
        Outcome.NOT_FOUND: ("finnes ikke i utsnittet", "is not in the view"),
        Outcome.REFUSED: ("kan ikke endres slik", "cannot be changed so"),
    },
    InvitationStatus: {
        InvitationStatus.OPEN: ("ikke besvart", "not answered"),
        InvitationStatus.ACCEPTED: ("takket ja", "accepted"),
        InvitationStatus.DECLINED: ("takket nei", "declined"),
        InvitationStatus.TAKEN_BACK: ("trukket tilbake", "taken back"),
    },
    HandoverStatus: {
        HandoverStatus.OFFERED: ("tilbudt, ikke besvart", "offered, not answered"),
        HandoverStatus.ACCEPTED: ("overtatt", "taken over"),
        HandoverStatus.DECLINED: ("ikke overtatt", "declined"),
        HandoverStatus.TAKEN_BACK: ("trukket tilbake", "taken back"),
    },
    PlanMessageKind: {
        PlanMessageKind.PLAN: ("utsnitt av planen", "view of the plan"),
        PlanMessageKind.PLAN_WITHDRAWN: ("tilbaketrekking av planen", "withdrawal of the plan"),
        PlanMessageKind.PLAN_CHANGE: ("endring av planen", "change to the plan"),
        PlanMessageKind.PLAN_CHANGE_ANSWER: ("svar på en endring", "answer to a change"),
        PlanMessageKind.INVITATION: ("invitasjon til å delta", "invitation to take part"),
        PlanMessageKind.INVITATION_ANSWER: ("svar på en invitasjon", "answer to an invitation"),
        PlanMessageKind.HANDOVER: ("tilbud om å overta planen", "offer of the plan"),
        PlanMessageKind.HANDOVER_ANSWER: ("svar på tilbud om å overta", "answer to an offer of the plan"),
        PlanMessageKind.PLAN_REQUEST: ("spørsmål etter planen", "question for the plan"),
        PlanMessageKind.PLAN_GONE: ("beskjed om hvem som har planen", "word of who holds the plan"),
        PlanMessageKind.PLAN_STATE_REQUEST: ("spørsmål om nyeste utsnitt", "question for the newest view"),
        PlanMessageKind.PLAN_STATE: ("nyeste utsnitt hos deltakeren", "newest view at the participant"),
    },
    PlanTimerKind: {
        PlanTimerKind.DAY: ("noe åpnes eller lukkes", "something opens or closes"),
        PlanTimerKind.CHANGE: ("en endring skal avgjøres", "a change is to be decided"),
        PlanTimerKind.CHANGE_ANSWER: ("svar på en endring", "answer to a change"),
        PlanTimerKind.INVITATION: ("svar på en invitasjon", "answer to an invitation"),
        PlanTimerKind.HANDOVER: ("svar på en overtakelse", "answer to a handover"),
        PlanTimerKind.REQUEST: ("svar på et spørsmål om planen", "answer to a request for the plan"),
        PlanTimerKind.ACKNOWLEDGEMENT: ("kvittering for utsnittet", "receipt for the view"),
        PlanTimerKind.STATE: ("svar på spørsmål om nyeste utsnitt", "answer to the question for the newest view"),
        PlanTimerKind.REVIEW: ("en gjennomgang av planen", "a review of the plan"),
        PlanTimerKind.ARRANGEMENT: ("neste gjennomgang skal planlegges", "the next review is to be planned"),
    },
}
"""By enumeration and member: Norwegian, English."""
