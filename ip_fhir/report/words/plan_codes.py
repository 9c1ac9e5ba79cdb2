"""Words for the codes of a plan, in Norwegian (bokmål) and English: statuses, roles, relationships, consents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ip_fhir.domain.consent.consent import Access, ConsentForm, ConsentKind, ConsentStatus
from ip_fhir.domain.consent.protection import LocatingPart
from ip_fhir.domain.people import AddressProtection, MandateKind, Relationship
from ip_fhir.domain.plan import (
    Achievement,
    Contributor,
    GoalStatus,
    MeasureStatus,
    PlanStatus,
    ReviewKind,
    ReviewStatus,
)
from ip_fhir.domain.team import MembershipStatus, TeamRole

if TYPE_CHECKING:
    from enum import StrEnum

PLAN_WORDS: Final[dict[type[StrEnum], dict[StrEnum, tuple[str, str]]]] = {
    PlanStatus: {
        PlanStatus.DRAFT: ("kladd", "draft"),
        PlanStatus.ACTIVE: ("i bruk", "in use"),
        PlanStatus.ON_HOLD: ("satt på vent", "on hold"),
        PlanStatus.ENDED: ("avsluttet", "ended"),
        PlanStatus.REVOKED: ("personen ønsker den ikke lenger", "the person no longer wants it"),
        PlanStatus.ENTERED_IN_ERROR: ("lagret ved en feil", "entered in error"),
    },
    GoalStatus: {
        GoalStatus.PROPOSED: ("foreslått", "proposed"),
        GoalStatus.PLANNED: ("planlagt", "planned"),
        GoalStatus.ACCEPTED: ("avtalt", "agreed"),
        GoalStatus.ACTIVE: ("i gang", "in progress"),
        GoalStatus.ON_HOLD: ("satt på vent", "on hold"),
        GoalStatus.COMPLETED: ("avsluttet", "finished"),
        GoalStatus.CANCELLED: ("avlyst", "cancelled"),
        GoalStatus.REJECTED: ("valgt bort", "decided against"),
    },
    Achievement: {
        Achievement.IN_PROGRESS: ("på vei", "on the way"),
        Achievement.IMPROVING: ("går framover", "getting better"),
        Achievement.WORSENING: ("går tilbake", "getting worse"),
        Achievement.NO_CHANGE: ("som før", "no change"),
        Achievement.ACHIEVED: ("nådd", "reached"),
        Achievement.SUSTAINING: ("nådd, og holdes ved like", "reached, and kept up"),
        Achievement.NOT_ACHIEVED: ("ikke nådd", "not reached"),
        Achievement.NOT_ATTAINABLE: ("kan ikke nås", "cannot be reached"),
    },
    MeasureStatus: {
        MeasureStatus.NOT_STARTED: ("ikke begynt", "not started"),
        MeasureStatus.SCHEDULED: ("avtalt tid", "scheduled"),
        MeasureStatus.IN_PROGRESS: ("i gang", "in progress"),
        MeasureStatus.ON_HOLD: ("satt på vent", "on hold"),
        MeasureStatus.COMPLETED: ("gjennomført", "carried out"),
        MeasureStatus.STOPPED: ("stanset", "stopped"),
        MeasureStatus.CANCELLED: ("avlyst", "cancelled"),
    },
    Contributor: {
        Contributor.OWNER: ("personen", "the person"),
        Contributor.SERVICES: ("tjenestene", "the services"),
        Contributor.RELATIVES: ("de pårørende", "the relatives"),
    },
    ReviewKind: {
        ReviewKind.FOLLOW_UP: ("oppfølging", "follow-up"),
        ReviewKind.EVALUATION: ("evaluering", "evaluation"),
    },
    ReviewStatus: {
        ReviewStatus.PLANNED: ("planlagt", "planned"),
        ReviewStatus.HELD: ("holdt", "held"),
        ReviewStatus.CANCELLED: ("avlyst", "cancelled"),
    },
    TeamRole: {
        TeamRole.OWNER: ("personen selv", "the person"),
        TeamRole.REPRESENTATIVE: ("representant", "representative"),
        TeamRole.RELATIVE: ("pårørende", "relative"),
        TeamRole.GENERAL_PRACTITIONER: ("fastlege", "general practitioner"),
        TeamRole.PRIMARY_CONTACT: ("primærkontakt", "primary contact"),
        TeamRole.CONTACT_PHYSICIAN: ("kontaktlege", "contact physician"),
        TeamRole.CONTACT_PSYCHOLOGIST: ("kontaktpsykolog", "contact psychologist"),
        TeamRole.SERVICE_PROVIDER: ("tjenesteyter", "service provider"),
        TeamRole.VOLUNTEER: ("frivillig", "volunteer"),
        TeamRole.OTHER: ("annen rolle", "another role"),
    },
    MembershipStatus: {
        MembershipStatus.PROPOSED: ("foreslått, ikke svart", "proposed, not answered"),
        MembershipStatus.ACCEPTED: ("deltar", "takes part"),
        MembershipStatus.DECLINED: ("har takket nei", "has declined"),
        MembershipStatus.ENDED: ("har sluttet", "has left"),
        MembershipStatus.RETURNED: ("deltar igjen", "takes part again"),
    },
    Relationship: {
        Relationship.MOTHER: ("mor", "mother"),
        Relationship.FATHER: ("far", "father"),
        Relationship.SPOUSE: ("ektefelle eller samboer", "spouse or partner"),
        Relationship.CHILD: ("barn", "child"),
        Relationship.SIBLING: ("søsken", "sibling"),
        Relationship.GRANDPARENT: ("besteforelder", "grandparent"),
        Relationship.FOSTER_PARENT: ("fosterforelder", "foster parent"),
        Relationship.FRIEND: ("venn", "friend"),
        Relationship.GUARDIAN: ("verge", "guardian"),
        Relationship.OTHER: ("nærstående", "somebody close"),
    },
    MandateKind: {
        MandateKind.PARENT: ("foreldreansvar", "parental responsibility"),
        MandateKind.GUARDIAN: ("verge", "guardian"),
        MandateKind.WRITTEN: ("skriftlig fullmakt", "written mandate"),
    },
    AddressProtection: {
        AddressProtection.CONFIDENTIAL: ("fortrolig adresse", "confidential address"),
        AddressProtection.STRICTLY_CONFIDENTIAL: ("strengt fortrolig adresse", "strictly confidential address"),
    },
    LocatingPart: {
        LocatingPart.ADDRESS: ("adresse", "address"),
        LocatingPart.MUNICIPALITY: ("bostedskommune", "municipality of residence"),
        LocatingPart.CONTACTS: ("telefon og e-post", "phone and e-mail"),
        LocatingPart.PLACES: ("steder for tiltak", "places of measures"),
    },
    ConsentKind: {
        ConsentKind.PLAN: ("samtykke til planen", "consent to the plan"),
        ConsentKind.SHARING: ("samtykke til deling", "consent to sharing"),
        ConsentKind.NOTICE: ("samtykke til melding", "consent to the notice"),
    },
    ConsentStatus: {
        ConsentStatus.DRAFT: ("utkast", "draft"),
        ConsentStatus.ACTIVE: ("gitt", "given"),
        ConsentStatus.REFUSED: ("sagt nei", "refused"),
        ConsentStatus.WITHDRAWN: ("trukket", "withdrawn"),
    },
    ConsentForm: {
        ConsentForm.WRITTEN: ("skriftlig", "in writing"),
        ConsentForm.ORAL: ("muntlig", "by word of mouth"),
        ConsentForm.ELECTRONIC: ("elektronisk", "electronically"),
    },
    Access: {
        Access.PERMIT: ("ja", "yes"),
        Access.DENY: ("nei", "no"),
    },
}
"""By enumeration and member: Norwegian, English."""
