"""The plan as a document (code list 9602, A02-2), for archives, document sharing and paper."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from ip_fhir.domain.people import Attachment
from ip_fhir.domain.values.value import Id, MadeText, Moment, Text, Value

DocumentStatus: TypeAlias = Literal["preliminary", "final", "entered-in-error"]
"""The status of a document, in the codes of FHIR's composition-status."""


class Section(Value):
    """A section of the document for one of the regulation's items a) to i): letter, heading and content (XHTML)."""

    item: Id = Field(description="Letter of the item.")
    title: Text = Field(description="Heading.")
    narrative: MadeText = Field(description="Content in XHTML.")
    entries: tuple[Id, ...] = Field(
        default=(), max_length=20_000, description="Ids of the plan's items that it is about."
    )


class PlanDocument(Value):
    """One version of a plan as a document; `attachment` is the rendered file, if there is one."""

    id: Id = Field(description="Id of the document.")
    plan: Id = Field(description="Id of the plan.")
    status: DocumentStatus = Field(description="Status of the document.")
    title: Text = Field(description="Title.")
    written: Moment = Field(description="Time of the version, with zone.")
    author: Id = Field(description="Id of who wrote it.")
    custodian: Id | None = Field(default=None, description="Id of the organisation that keeps it.")
    sections: tuple[Section, ...] = Field(default=(), max_length=20, description="Sections.")
    attachment: Attachment | None = Field(default=None, description="The document as a file.")
