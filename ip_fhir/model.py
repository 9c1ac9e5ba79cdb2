"""Every value and enumeration of the domain in one module, for building plans and running the loop.

    from ip_fhir.model import Goal, IndividualPlan, PersonName, PlanOwner, new_id

The functions on them - reading, mapping, merging, sending - are in `ip_fhir` itself.
"""

from uuid import uuid4

from ip_fhir.domain.agreement import Agreement, Contact, ContentLevel, Party, Side
from ip_fhir.domain.authorship import Authorship
from ip_fhir.domain.completeness import ItemStatus
from ip_fhir.domain.consent.ages import ConsentAges
from ip_fhir.domain.consent.consent import Access, Consent, ConsentForm, ConsentKind, ConsentStatus, Provision
from ip_fhir.domain.consent.matrix import Cell, ConsentMatrix, Group, Seer
from ip_fhir.domain.consent.permission import AccessRequest, Allowed, Refused, Rule
from ip_fhir.domain.consent.protection import LocatingPart
from ip_fhir.domain.document import PlanDocument, Section
from ip_fhir.domain.effects import Effect, EffectKind, Reason, Timer, TimerKind
from ip_fhir.domain.green_form import (
    Declined,
    FormDecision,
    GreenForm,
    Missing,
    PlanState,
    Rejection,
    RejectionReason,
)
from ip_fhir.domain.loop.worklist import WorklistItem
from ip_fhir.domain.merge import Change, ChangeKind, MergeConflict, MergeConflictKind, Merged, Place
from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.domain.notice import Notice, NoticeKind, Urgency
from ip_fhir.domain.people import (
    Address,
    AddressProtection,
    Attachment,
    ContactPoint,
    ContactSystem,
    Gender,
    Mandate,
    MandateKind,
    Organization,
    OrganizationKind,
    PersonName,
    PlanOwner,
    Profession,
    Professional,
    RelatedPerson,
    Relationship,
)
from ip_fhir.domain.plan import (
    Achievement,
    Arrangement,
    Contribution,
    Contributor,
    Cooperation,
    Goal,
    GoalStatus,
    IndividualPlan,
    Measure,
    MeasureStatus,
    Need,
    PlanStatus,
    Resource,
    Review,
    ReviewKind,
    ReviewStatus,
)
from ip_fhir.domain.referral import (
    Author,
    Event,
    EventKind,
    FormStatus,
    KeptForm,
    KnownParty,
    Record,
    Referral,
    Release,
    Role,
    State,
    Told,
)
from ip_fhir.domain.sharing.case import (
    Copy,
    HandedOver,
    Handover,
    HandoverStatus,
    Invitation,
    InvitationStatus,
    PartyShare,
    PlanRequest,
    PlanSide,
    PlanTimer,
    PlanTimerKind,
    SharedPlan,
)
from ip_fhir.domain.sharing.change import (
    ChangeAnswer,
    ChangeStatus,
    KeptChange,
    Outcome,
    PartDecision,
)
from ip_fhir.domain.sharing.events import (
    PlanEvent,
    PlanEventKind,
    PlanRecord,
    PlanSource,
)
from ip_fhir.domain.sharing.kinds import (
    PlanMessageKind,
)
from ip_fhir.domain.sharing.messages import (
    Gone,
    HandoverContent,
    HeldView,
    InvitationContent,
    PlanMessage,
    PlanQuestion,
    Reply,
    Withdrawal,
)
from ip_fhir.domain.sharing.rights import Right, Rights
from ip_fhir.domain.sharing.share import (
    EndReason,
    IdPair,
    ItemNumber,
    Kept,
    ServerReader,
    Share,
)
from ip_fhir.domain.sharing.terms import RequestRule, ShareStart, SharingTerms
from ip_fhir.domain.sharing.view import (
    LeftItem,
    Opening,
    PlanView,
)
from ip_fhir.domain.team import (
    CareTeam,
    Coordinator,
    CoordinatorKind,
    Membership,
    MembershipStatus,
    TeamRole,
    TeamStatus,
)
from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.domain.values.ids import (
    HerId,
    HprNumber,
    MunicipalityNumber,
    OrganizationNumber,
    PersonId,
    PersonIdKind,
    ReshId,
    Synthetic,
)
from ip_fhir.domain.values.terms import LegalBasis, LifeArea
from ip_fhir.domain.values.value import Period

__all__ = [
    "Access",
    "AccessRequest",
    "Achievement",
    "Address",
    "AddressProtection",
    "Aggregate",
    "Agreement",
    "Allowed",
    "Arrangement",
    "Attachment",
    "Author",
    "Authorship",
    "CareTeam",
    "Cell",
    "Change",
    "ChangeAnswer",
    "ChangeKind",
    "ChangeStatus",
    "Consent",
    "ConsentAges",
    "ConsentForm",
    "ConsentKind",
    "ConsentMatrix",
    "ConsentStatus",
    "Contact",
    "ContactPoint",
    "ContactSystem",
    "ContentLevel",
    "Contribution",
    "Contributor",
    "Cooperation",
    "Coordinator",
    "CoordinatorKind",
    "Copy",
    "Declined",
    "Effect",
    "EffectKind",
    "EndReason",
    "Event",
    "EventKind",
    "FormDecision",
    "FormStatus",
    "Gender",
    "Goal",
    "GoalStatus",
    "Gone",
    "GreenForm",
    "Group",
    "HandedOver",
    "Handover",
    "HandoverContent",
    "HandoverStatus",
    "HeldView",
    "HerId",
    "HprNumber",
    "IdPair",
    "IndividualPlan",
    "Invitation",
    "InvitationContent",
    "InvitationStatus",
    "ItemNumber",
    "ItemStatus",
    "Kept",
    "KeptChange",
    "KeptForm",
    "KnownParty",
    "LeftItem",
    "LegalBasis",
    "LifeArea",
    "LocatingPart",
    "Mandate",
    "MandateKind",
    "Measure",
    "MeasureStatus",
    "Membership",
    "MembershipStatus",
    "MergeConflict",
    "MergeConflictKind",
    "Merged",
    "Message",
    "MessageKind",
    "Missing",
    "MunicipalityNumber",
    "Need",
    "Notice",
    "NoticeKind",
    "Opening",
    "Organization",
    "OrganizationKind",
    "OrganizationNumber",
    "Outcome",
    "PartDecision",
    "Party",
    "PartyShare",
    "Period",
    "PersonId",
    "PersonIdKind",
    "PersonName",
    "Place",
    "PlanDocument",
    "PlanEvent",
    "PlanEventKind",
    "PlanMessage",
    "PlanMessageKind",
    "PlanOwner",
    "PlanQuestion",
    "PlanRecord",
    "PlanRequest",
    "PlanSide",
    "PlanSource",
    "PlanState",
    "PlanStatus",
    "PlanTimer",
    "PlanTimerKind",
    "PlanView",
    "Profession",
    "Professional",
    "Provision",
    "Reason",
    "Record",
    "Referral",
    "Refused",
    "Rejection",
    "RejectionReason",
    "RelatedPerson",
    "Relationship",
    "Release",
    "Reply",
    "RequestRule",
    "ReshId",
    "Resource",
    "Review",
    "ReviewKind",
    "ReviewStatus",
    "Right",
    "Rights",
    "Role",
    "Rule",
    "Section",
    "Seer",
    "ServerReader",
    "Share",
    "ShareStart",
    "SharedPlan",
    "SharingTerms",
    "Side",
    "State",
    "Synthetic",
    "TeamRole",
    "TeamStatus",
    "Timer",
    "TimerKind",
    "Told",
    "Urgency",
    "Withdrawal",
    "WorklistItem",
    "new_id",
]


def new_id() -> str:
    """A new random id (UUID) for a plan or a part of it; it is unique and reveals nothing.

    >>> Need(id=new_id(), text="Avlastning") == Need(id=new_id(), text="Avlastning")
    False
    """
    return str(uuid4())
