"""A plan in its bundle, read once and written as often as it changes."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from ip_fhir.fhir.bundle import entries_of
from ip_fhir.mapping.bundle.assembly import Located
from ip_fhir.mapping.bundle.putting import Said, Standing

if TYPE_CHECKING:
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.values.value import Value
    from ip_fhir.mapping.bundle.assembly import Assembly


class OpenPlan:
    """`plan` is what the bundle says, `put` gives the bundle that says another; the bundle itself is never changed."""

    def __init__(self, assembly: Assembly, bundle: dict[str, Any], plan: IndividualPlan, base: str) -> None:
        self.plan, self.bundle = plan, bundle
        self._assembly, self._base = assembly, base

    def put(self, plan: IndividualPlan) -> dict[str, Any]:
        """The bundle with what `plan` says, and nothing else in it changed. A put costs what has changed.

        Raises `InvalidInput` with the FHIRPath where the bundle has no place for it, or is about another person.
        """
        return self._standing.put(plan, self._base)

    @cached_property
    def _standing(self) -> Standing:
        entries = entries_of(self.bundle)
        return Standing(self._assembly, self.bundle, entries, self._assembly.locate(entries), Said(self.plan))


def put_onto(assembly: Assembly, whole: Value, bundle: dict[str, Any], base: str) -> dict[str, Any]:
    """The bundle with what `whole` says, whatever the lenses find in it, also where that is no sound whole.

    Raises `InvalidInput` where the bundle cannot be read, or is about another person.
    """
    entries = entries_of(bundle)
    found = assembly.find(entries)
    return Standing(assembly, bundle, entries, Located(found.root, found.slots, found.links), Said(found.data)).put(
        whole, base
    )
