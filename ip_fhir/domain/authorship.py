"""Who wrote a plan, a notice or a green form, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from ip_fhir.domain.notice import Notice
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.values.value import Id, Moment, Value

if TYPE_CHECKING:
    from ip_fhir.domain.green_form import GreenForm


class Authorship(Value):
    """One writing: of what (`target`), by whom, for which organisation, when. Its id is that of what was written."""

    id: Id = Field(description="Id of what was written.")
    target: Id = Field(description="Id of what was written.")
    who: Id = Field(description="Id of who wrote it.")
    on_behalf_of: Id | None = Field(default=None, description="Id of the organisation they wrote for.")
    recorded: Moment = Field(description="Time of the writing, with zone.")


def authorship(written: IndividualPlan | Notice | GreenForm) -> Authorship | None:
    """Who wrote it; None for a plan that names no author. Where no person is named, the organisation wrote."""
    if isinstance(written, IndividualPlan):
        if written.author is None:
            return None
        recorded = written.updated or written.created
        return Authorship(id=written.id, target=written.id, who=written.author, recorded=recorded)
    person = written.author if isinstance(written, Notice) else written.signed_by
    return Authorship(
        id=written.id,
        target=written.id,
        who=person or written.sender,
        on_behalf_of=written.sender if person else None,
        recorded=written.authored,
    )
