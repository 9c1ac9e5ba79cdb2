"""A plan in its bundle, read once and written as often as it changes."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from ip_fhir.fhir.bundle import entries_of
from ip_fhir.mapping.bundle.assembly import Located
from ip_fhir.mapping.bundle.putting import KnownBundle, WholeFields

if TYPE_CHECKING:
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.values.value import Value
    from ip_fhir.mapping.bundle.assembly import Assembly


class OpenPlan:
    """A plan in its bundle: `plan` is the plan in it, `put` returns a bundle with a changed plan.

    `bundle` itself is never changed.
    """

    def __init__(self, assembly: Assembly, bundle: dict[str, Any], plan: IndividualPlan) -> None:
        self.plan, self.bundle = plan, bundle
        self._assembly = assembly

    def put(self, plan: IndividualPlan) -> dict[str, Any]:
        """Return the bundle, changed so that it says what `plan` says, and nowhere else. Only changed fields cost time.

        Raises `InvalidInput` with the FHIRPath if the bundle has no place for a part of it, or is about another person.
        """
        return self._known_bundle.put(plan)

    @cached_property
    def _known_bundle(self) -> KnownBundle:
        entries = entries_of(self.bundle)
        return KnownBundle(self._assembly, self.bundle, entries, self._assembly.locate(entries), WholeFields(self.plan))


def put_onto(assembly: Assembly, whole: Value, bundle: dict[str, Any]) -> dict[str, Any]:
    """Return the bundle, changed so that it says what `whole` says, even if it holds no valid whole before.

    Raises `InvalidInput` if the bundle cannot be read, or is about another person.
    """
    entries = entries_of(bundle)
    found = assembly.find(entries)
    return KnownBundle(
        assembly, bundle, entries, Located(found.root, found.slots, found.links), WholeFields(found.data)
    ).put(whole)
