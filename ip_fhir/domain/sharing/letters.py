"""The message about a plan that an effect asks for, made of the plan as it is when the message is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ip_fhir.domain.sharing.change import ChangeAnswer
from ip_fhir.domain.sharing.case import HandedOver, PartyShare
from ip_fhir.domain.sharing.change import ChangeStatus
from ip_fhir.domain.sharing.kinds import PlanMessageKind
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
from ip_fhir.domain.sharing.see import see
from ip_fhir.domain.values.calendar import local_day
from ip_fhir.errors import InvalidInput
