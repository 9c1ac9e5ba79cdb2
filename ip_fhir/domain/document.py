"""The plan as a document (9602 A02-2): what archives, document shares and people who read on paper get."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from ip_fhir.domain.people import Attachment
from ip_fhir.domain.values.value import Id, Moment, Text, Value

DocumentStatus: TypeAlias = Literal["preliminary", "final", "entered-in-error"]
"""Where the document stands, in the words of FHIR's composition-status."""


class Section(Value):
    """One of the law's items a) to i): its letter, heading and words (XHTML), and what in the plan it is about."""

    item: Id = Field(description="Letter of the item.")
    title: Text = Field(description="Heading.")
    narrative: Text = Field(description="Content in XHTML.")
    entries: tuple[Id, ...] = Field(default=(), description="Ids of what it is about in the plan.")


class PlanDocument(Value):
    """One version of a plan as a document; `attachment` is what it was rendered to, where something points to that."""

    id: Id = Field(description="Id of the document.")
    plan: Id = Field(description="Id of the plan.")
    status: DocumentStatus = Field(description="Status of the document.")
    title: Text = Field(description="Title.")
    written: Moment = Field(description="Time of the version, with zone.")
    author: Id = Field(description="Id of who wrote it.")
    custodian: Id | None = Field(default=None, description="Id of the organisation that keeps it.")
    sections: tuple[Section, ...] = Field(default=(), description="Sections.")
    attachment: Attachment | None = Field(default=None, description="The document as a file.")
