"""The code systems of MedCom messaging, and the codes by which an acknowledgement says what is wrong."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ip_fhir.errors import IssueCode, Problem
    from ip_fhir.ports import JsonObject

_TERMINOLOGY: Final = "http://medcomfhir.dk/ig/terminology/CodeSystem"

EVENTS: Final = f"{_TERMINOLOGY}/medcom-messaging-eventCodes"
"""The system of the kinds of message."""

ACTIVITIES: Final = f"{_TERMINOLOGY}/medcom-messaging-activityCodes"
"""The system of what was done with a message."""

ACKNOWLEDGEMENT: Final = "acknowledgement"
"""The activity of an acknowledgement."""

RETRACTION: Final = "retract-message"
"""The activity of a message that takes back the one before it."""

COPY: Final = "carboncopy-message"
"""The activity of a message that goes to somebody who only gets a copy."""

ACKNOWLEDGEMENT_EVENT: Final = "acknowledgement-message"
"""The event of an acknowledgement."""

_USES: Final = f"{_TERMINOLOGY}/medcom-messaging-destinationUse"
_USE: Final = "http://medcomfhir.dk/ig/messaging/StructureDefinition/medcom-messaging-destinationUseExtension"
_ERRORS: Final = f"{_TERMINOLOGY}/medcom-acknowledgement-error-codes"
_OUTCOMES: Final = "http://terminology.hl7.org/CodeSystem/operation-outcome"

_CODES: Final[Mapping[IssueCode, tuple[str, str]]] = MappingProxyType(
    {
        "structure": (_OUTCOMES, "MSG_BAD_SYNTAX"),
        "required": (_OUTCOMES, "MSG_BAD_FORMAT"),
        "value": (_ERRORS, "MSG_Datatype_Wrong"),
        "code-invalid": (_ERRORS, "MSG_CodeSystem_VALUE_UNKNOWN"),
        "not-found": (_OUTCOMES, "MSG_NO_EXIST"),
        "not-supported": (_ERRORS, "MSG_RECEIVER_UNABLE_TO_RECEIVE_MSG_TYPE"),
        "duplicate": (_OUTCOMES, "MSG_DUPLICATE_ID"),
        "too-long": (_ERRORS, "MSG_Element_To_Long"),
    }
)
_WRONG_RECEIVER: Final = (_ERRORS, "MSG_Receiver_Identifier_UNKNOWN")

SAFE_CODES: Final = frozenset({code for _, code in _CODES.values()}) | {
    "MSG_Receiver_Identifier_UNKNOWN",
    "MSG_Receiver_Identifier_MISSING",
    "MSG_VALUESET_VALUE_UNKNOWN",
    "MSG_Mailbox_Out_Of_Operation",
    "MSG_Damaged_durin_transport",
    "MSG_ID_INVALID",
    "MSG_ID_TOO_LONG",
    "MSG_DATE_FORMAT",
    "MSG_INVALID_ID",
    "MSG_JSON_OBJECT",
    "MSG_LOCAL_FAIL",
    "MSG_NO_MATCH",
    "MSG_NO_SUMMARY",
    "MSG_PARAM_INVALID",
    "MSG_PARAM_NO_REPEAT",
    "MSG_PARAM_UNKNOWN",
    "MSG_RESOURCE_ID_MISMATCH",
    "MSG_RESOURCE_ID_FAIL",
    "MSG_RESOURCE_ID_MISSING",
    "MSG_RESOURCE_NOT_ALLOWED",
    "MSG_RESOURCE_REQUIRED",
    "MSG_RESOURCE_TYPE_MISMATCH",
    "MSG_TRANSACTION_DUPLICATE_ID",
    "MSG_TRANSACTION_MISSING_ID",
    "MSG_UNKNOWN_TYPE",
    "MSG_VERSION_AWARE",
    "MSG_VERSION_AWARE_CONFLICT",
    "MSG_VERSION_AWARE_URL",
    "MSG_WRONG_NS",
}
"""The codes of the value set medcom-acknowledgement-issue-details: a code of it holds nobody's data."""


def detail_of(problem: Problem) -> JsonObject | None:
    """Returns the coding by which MedCom names a problem; None where the value set has none for it."""
    found = _CODES.get(problem.code)
    if problem.path.startswith("MessageHeader.destination") and problem.code == "business-rule":
        found = _WRONG_RECEIVER
    return None if found is None else {"system": found[0], "code": found[1]}


def primary_use() -> JsonObject:
    """Returns the extension of a destination that is the receiver itself."""
    return {"url": _USE, "valueCoding": {"system": _USES, "code": "primary"}}


def is_copy(destination: JsonObject) -> bool:
    """True if a destination only gets a carbon copy of the message."""
    extensions = destination.get("extension")
    found = [one for one in (extensions if isinstance(extensions, list) else ()) if isinstance(one, dict)]
    uses = [one.get("valueCoding") for one in found if one.get("url") == _USE]
    return any(isinstance(use, dict) and use.get("code") == "cc" for use in uses)
