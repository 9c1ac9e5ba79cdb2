"""The remarks on a plan, notice or green form: things that no rule forbids, and that a person should look at.

Each is a warning with its place. None repeats a person's data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from ip_fhir.domain.consent.consent import ConsentKind, ConsentStatus
from ip_fhir.domain.green_form import GreenForm, is_far_ahead
from ip_fhir.domain.notice import Notice
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.errors import InvalidInput, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.domain.people import ContactPoint, PlanOwner
    from ip_fhir.domain.values.ids import PersonId
    from ip_fhir.errors import IssueCode

Whole: TypeAlias = "IndividualPlan | Notice | GreenForm"
"""A document with the people that it names."""

_WITH_CONTACTS = ("related_persons", "organizations", "professionals")


def remarks(whole: Whole) -> tuple[Problem, ...]:
    """Returns the warnings about a document, in the order of its fields.

    They are about a number and a birth date that disagree, contacts by which nobody is reached, a death that is told, a
    coordinator who begins long after the form, and an active plan that the person is refusing.
    Raises `InvalidInput` if `whole` is none of the three.
    """
    if not isinstance(whole, IndividualPlan | Notice | GreenForm):
        raise InvalidInput.at("", "no plan, notice or green form", "structure")
    return tuple(_remarks(whole))


def _remarks(whole: Whole) -> Iterator[Problem]:
    if not isinstance(whole, GreenForm):
        yield from _about_owner(whole.owner)
        for number, person in enumerate(whole.related_persons):
            yield from _about_number(f"related_persons.{number}.identifier", person.identifier)
    for name in _WITH_CONTACTS:
        for number, actor in enumerate(getattr(whole, name, ())):
            yield from _about_contacts(f"{name}.{number}", actor.contacts)
    if isinstance(whole, GreenForm):
        for number, coordinator in enumerate(whole.coordinators):
            if is_far_ahead(coordinator, whole):
                yield _warning(f"coordinators.{number}.period", "begins more than half a year after the form")
    if isinstance(whole, Notice):
        yield from _about_consents(whole)


def _about_owner(owner: PlanOwner) -> Iterator[Problem]:
    in_number = owner.identifier.birth_date if owner.identifier is not None else None
    if owner.birth_date is not None and in_number is not None and owner.birth_date != in_number:
        yield _warning("owner.birth_date", "is another day than the one in the number", "invariant")
    if owner.deceased is not None and owner.birth_date is not None and owner.deceased < owner.birth_date:
        yield _warning("owner.deceased", "lies before the birth date", "invariant")
    if owner.has_died:
        yield _warning("owner", "the person is dead: no notice is sent, and nobody is reminded", "business-rule")
    yield from _about_number("owner.identifier", owner.identifier)
    yield from _about_contacts("owner", owner.contacts)


def _about_number(path: str, identifier: PersonId | None) -> Iterator[Problem]:
    yield from (_warning(path, words) for words in (identifier.warnings if identifier is not None else ()))


def _about_contacts(path: str, contacts: tuple[ContactPoint, ...]) -> Iterator[Problem]:
    for number, contact in enumerate(contacts):
        if contact.doubt is not None:
            yield _warning(f"{path}.contacts.{number}.value", contact.doubt)


def _about_consents(notice: Notice) -> Iterator[Problem]:
    """Yields a remark for each refusal of a plan in a notice that asks for one: it is not sent."""
    for number, consent in enumerate(notice.consents):
        refused = consent.kind is ConsentKind.PLAN and consent.status is ConsentStatus.REFUSED
        if refused and notice.kind.asks_for_plan:
            yield _warning(f"consents.{number}", "refuses the plan that the notice asks for", "business-rule")


def _warning(path: str, reason: str, code: IssueCode = "value") -> Problem:
    return Problem(path, reason, code, "warning")
