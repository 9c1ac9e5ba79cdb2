"""The plan as a document (9602 A02-2): what archives, document shares and people who read on paper get."""

from __future__ import annotations

from enum import StrEnum

from ip_fhir.domain.people import Attachment
from ip_fhir.domain.value import Id, Moment, Text, Value


class DocumentStatus(StrEnum):
    """Where the document stands (FHIR composition-status)."""

    PRELIMINARY = "preliminary"
    FINAL = "final"
    ENTERED_IN_ERROR = "entered-in-error"


class Section(Value):
    """One of the law's items a) to i): its heading, its words as XHTML, and what in the plan it is about."""

    item: Text
    title: Text
    narrative: Text
    entries: tuple[Id, ...] = ()


class PlanDocument(Value):
    """One version of a plan as a document. `attachment` is the rendered document, where something points to it."""

    id: Id
    plan: Id
    version: Text
    status: DocumentStatus
    title: Text
    written: Moment
    author: Id
    custodian: Id | None = None
    narrative: Text | None = None
    sections: tuple[Section, ...] = ()
    attachment: Attachment | None = None
