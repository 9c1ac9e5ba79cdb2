"""The plan as a document (9602 A02-2): what archives, document shares and people who read on paper get."""

from __future__ import annotations

from typing import Literal, TypeAlias

from ip_fhir.domain.people import Attachment
from ip_fhir.domain.values.value import Id, Moment, Text, Value

DocumentStatus: TypeAlias = Literal["preliminary", "final", "entered-in-error"]
"""Where the document stands, in the words of FHIR's composition-status."""


class Section(Value):
    """One of the law's items a) to i): its letter, heading and words (XHTML), and what in the plan it is about."""

    item: Id
    title: Text
    narrative: Text
    entries: tuple[Id, ...] = ()


class PlanDocument(Value):
    """One version of a plan as a document; `attachment` is what it was rendered to, where something points to that."""

    id: Id
    plan: Id
    status: DocumentStatus
    title: Text
    written: Moment
    author: Id
    custodian: Id | None = None
    sections: tuple[Section, ...] = ()
    attachment: Attachment | None = None
