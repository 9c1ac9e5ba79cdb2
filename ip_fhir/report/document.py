"""The plan as a FHIR document Bundle, with the law's items a) to i) as sections, and its DocumentReference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from ip_fhir.domain.completeness import completeness
from ip_fhir.domain.consent.protection import withheld
from ip_fhir.domain.document import PlanDocument, Section
from ip_fhir.domain.plan import PlanStatus
from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.narrative import checked, div, items, paragraphs
from ip_fhir.mapping import default
from ip_fhir.mapping.lenses.references import Links
from ip_fhir.mapping.lenses.table import data_of
from ip_fhir.report.words.codes import law_item
from ip_fhir.report.words.plan import SECTIONS, lacking, named_title, title_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.domain.completeness import ItemStatus
    from ip_fhir.domain.document import DocumentStatus
    from ip_fhir.domain.people import Attachment
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.mapping import Mapper
    from ip_fhir.report.words.codes import Language

_STATUS: dict[PlanStatus, DocumentStatus] = {
    PlanStatus.DRAFT: "preliminary",
    PlanStatus.ENTERED_IN_ERROR: "entered-in-error",
}


def plan_document(
    plan: IndividualPlan, narrative: str | None = None, language: Language = "nb", mapper: Mapper | None = None
) -> dict[str, Any]:
    """Returns the plan as a FHIR R4 document Bundle: a Composition of type 9602 A02-2, then the plan's resources.

    `narrative` is the whole document in words, as text or as an XHTML `<div>`; without it, the sections are its words.
    `from_fhir` reads the plan back, but for what leads to a person with a protected address: only what the mapper
    releases is in it (`Mapper.releasing`); what `narrative` says is the caller's. The same plan gives the same
    document. Raises `InvalidInput` for a narrative that FHIR does not allow, and where the plan has the id of one of
    its parts.
    """
    mapper = mapper or default()
    plan = withheld(plan, mapper.released)
    document = _document(plan, language)
    composition = mapper.lens("Composition").new(document, _links(plan, mapper)) | _composition_text(narrative)
    # What is in a document is reached from its Composition (R4 3.3.1); a Provenance may point the other way.
    kept = (
        e["resource"] for e in mapper.to_fhir(plan)["entry"] if e["resource"]["resourceType"] != "HealthcareService"
    )
    resources = [composition, *kept]
    base = mapper.compiled.systems.base
    ident = uuid5(NAMESPACE_URL, f"{base}/{plan.id}/{plan.version}/{document.written.isoformat()}")
    return {
        "resourceType": "Bundle",
        "id": str(ident),
        "type": "document",
        "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{ident}"},
        "timestamp": data_of(document)["written"],
        "entry": [{"fullUrl": f"{base}/{r['resourceType']}/{r['id']}", "resource": r} for r in resources],
    }


def plan_document_reference(
    plan: IndividualPlan, attachment: Attachment, language: Language = "nb", mapper: Mapper | None = None
) -> dict[str, Any]:
    """Returns the DocumentReference by which an index of documents finds the rendered plan, `attachment`."""
    mapper = mapper or default()
    plan = withheld(plan, mapper.released)
    document = _document(plan, language).evolve(attachment=attachment)
    made: dict[str, Any] = mapper.lens("DocumentReference").new(document, _links(plan, mapper))
    return made


def _document(plan: IndividualPlan, language: Language) -> PlanDocument:
    """Returns the document's content. Its author is the plan's; else the coordinating unit; else the person."""
    return PlanDocument(
        id=plan.id,
        plan=plan.id,
        status=_STATUS.get(plan.status, "final"),
        title=plan.title or title_of(language),
        written=plan.updated or plan.created,
        author=plan.author or plan.coordinating_unit or plan.owner.id,
        custodian=plan.coordinating_unit,
        sections=(*(_section(plan, item, language) for item in completeness(plan)), *_names_section(plan, language)),
    )


def _section(plan: IndividualPlan, item: ItemStatus, language: Language) -> Section:
    about, lines = SECTIONS[item.item]
    title = law_item(item.asks_for, language)
    missing = lacking((law_item(words, language) for words in item.missing), language)
    said = items(lines(plan, language)) + items(missing)
    return Section(
        item=item.item,
        title=f"{item.item}) {title[:1].upper()}{title[1:]}",
        narrative=div(said or "<p>-</p>"),
        entries=tuple(dict.fromkeys(_entry_ids(plan, about))),
    )


def _names_section(plan: IndividualPlan, language: Language) -> Iterator[Section]:
    """Yields a section that names everybody in the plan, if it names anybody."""
    names = {person.id: person.name.full for person in plan.related_persons}
    names |= {person.id: person.name.full for person in plan.professionals}
    names |= {organization.id: organization.name for organization in plan.organizations}
    if names:
        words = div(items(names.values()))
        yield Section(item="named", title=named_title(language), narrative=words, entries=tuple(names))


def _entry_ids(plan: IndividualPlan, about: tuple[str, ...]) -> Iterator[str]:
    """Yields the ids of a section's resources; for a field that the CarePlan itself holds, the plan's id."""
    for field in about:
        found = getattr(plan, field)
        if field in ("goals", "needs", "consents", "reviews"):
            yield from (item.id for item in found)
        elif field == "team":
            yield from (found.id,) if found is not None else ()
        elif found:
            yield plan.id


def _composition_text(narrative: str | None) -> dict[str, Any]:
    """Returns Composition.text for a narrative from outside; additional, as it may say more than the sections."""
    if narrative is None:
        return {}
    made = checked(narrative) if narrative.lstrip().startswith("<") else paragraphs(narrative)
    return {"text": {"status": "additional", "div": made}}


def _links(plan: IndividualPlan, mapper: Mapper) -> Links:
    """Returns the references inside the plan and to the plan. Raises `InvalidInput` for an id used twice."""
    assembly = mapper.compiled.assembly("plan")
    own = assembly.own_links(assembly.idents(data_of(plan)), plan.id)
    if plan.id in own.references:
        raise InvalidInput.at(
            "id", "the plan has the id of one of its parts: a document cannot tell them apart", "invariant"
        )
    return Links({**own.references, plan.id: own.references[f"={plan.id}"]}, owner=own.owner)
