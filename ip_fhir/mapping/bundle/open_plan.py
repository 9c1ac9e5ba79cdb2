"""A plan in its bundle, read once and written as often as it changes: only what changed is looked at and written.

What `put_onto` says is right, and it does all that changes which entries there are; what is done here is the common
case, one value changed for another, and gives the same bundle (a property test compares them).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from ip_fhir.fhir.bundle import entries_of
from ip_fhir.mapping.bundle.parts import reference_to
from ip_fhir.mapping.bundle.putting import put_onto
from ip_fhir.mapping.lenses.references import Links
from ip_fhir.mapping.lenses.table import data_of

if TYPE_CHECKING:
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.fhir.bundle import Entry
    from ip_fhir.mapping.bundle.assembly import Assembly, Located
    from ip_fhir.mapping.bundle.parts import Part, Slot


class OpenPlan:
    """`plan` is what the bundle says, `put` gives the bundle that says another; the bundle itself is never changed."""

    def __init__(self, assembly: Assembly, bundle: dict[str, Any], plan: IndividualPlan, base: str) -> None:
        self.plan, self.bundle = plan, bundle
        self._assembly, self._base = assembly, base
        self._parts = {part.field: part for part in assembly.parts}
        # What others refer to, what is two resources, and from what other resources are derived.
        self._elsewhere = {"id", *(part.field for part in assembly.parts if part.person is not None)}
        self._elsewhere.update(*(derived.fields for derived in assembly.derived))

    def put(self, plan: IndividualPlan) -> dict[str, Any]:
        """The bundle with what `plan` says, and nothing else in it changed.

        Raises `InvalidInput` with the FHIRPath where the bundle has no place for it, or is about another person.
        """
        before, after = vars(self.plan), vars(plan)
        changed = [name for name, value in after.items() if value is not before[name] and value != before[name]]
        if not all(self._is_content(name, before[name], after[name]) for name in changed):
            return put_onto(self._assembly, plan, self.bundle, self._base)
        entries = list(self.bundle["entry"])
        for name in changed:
            if part := self._parts.get(name):
                self._put_part(part, before[name], after[name], entries)
        own = {name for name in changed if name not in self._parts}
        if own:
            known, wanted = (p.model_dump(mode="json", exclude_none=True, include=own) for p in (self.plan, plan))
            lens, root = self._assembly.root, self._located.root
            _replace(entries, root, lens.put_changes(wanted, known, root.resource, self._links, root.at))
        return {**self.bundle, "entry": entries}

    def _is_content(self, name: str, before: Any, after: Any) -> bool:
        """Whether a changed field is something that stands in entries that are there, and nowhere else."""
        if name in self._elsewhere:
            return False
        part = self._parts.get(name)
        if part is None:
            in_place = self._located.root.resource.get("id") == self.plan.id
            return in_place and not self._assembly.root.inner.hang_together
        pairs = _pairs(part, before, after)
        return pairs is not None and all(new is old or self._has_id(part, old.id) for old, new in pairs)

    def _has_id(self, part: Part, ident: str) -> bool:
        """Whether the resource says the id itself: not its fullUrl alone, and no id that two types share."""
        slot = self._slots.get((part.field, ident))
        return slot is not None and slot.entry.resource.get("id") == ident

    def _put_part(self, part: Part, before: Any, after: Any, entries: list[Any]) -> None:
        for old, new in _pairs(part, before, after) or ():
            if new is not old and new != old:
                entry = self._slots[part.field, new.id].entry
                put = part.lens.put_changes(data_of(new), data_of(old), entry.resource, self._links, entry.at)
                _replace(entries, entry, put)

    @cached_property
    def _located(self) -> Located:
        return self._assembly.locate(entries_of(self.bundle))

    @cached_property
    def _slots(self) -> dict[tuple[str, str], Slot]:
        return {(slot.part.field, slot.ident): slot for slot in self._located.slots}

    @cached_property
    def _links(self) -> Links:
        """The bundle's own references: nothing comes and nothing goes."""
        found, whole = self._located, self.plan.id
        references = {**found.links.references, f"={whole}": reference_to(found.root)}
        ids = {**found.links.ids, **dict.fromkeys(found.root.references, whole)}
        return Links(references, ids, found.links.owner)


def _pairs(part: Part, before: Any, after: Any) -> list[tuple[Any, Any]] | None:
    """What was and what is to be, one by one; None where something comes, leaves or changes places."""
    old, new = ((before,), (after,)) if part.one else (before, after)
    if None in old or None in new or [item.id for item in old] != [item.id for item in new]:
        return None
    return list(zip(old, new, strict=True))


def _replace(entries: list[Any], entry: Entry, resource: dict[str, Any]) -> None:
    entries[entry.number] = {**entries[entry.number], "resource": resource}
