"""The authorship of a plan, a notice or a green form: author and time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from ip_fhir.domain.notice import Notice
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.values.value import Id, Moment, Value

if TYPE_CHECKING:
    from ip_fhir.domain.green_form import GreenForm


class Authorship(Value):
    """The author of one plan, notice or green form (`target`), and the time of writing. `id` equals `target`."""

    id: Id = Field(description="Id, the same as that of what was written.")
    target: Id = Field(description="Id of what was written.")
    who: Id = Field(description="Id of who wrote it.")
    on_behalf_of: Id | None = Field(default=None, description="Id of the organisation they wrote for.")
    recorded: Moment = Field(description="Time of the writing, with zone.")


def authorship(written: IndividualPlan | Notice | GreenForm) -> Authorship | None:
    """Returns the authorship; None for a plan without an author.

    The author of a notice or form that names no person is the sending organisation.
    """
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
