"""A plan in its bundle, read once and written as often as it changes."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ip_fhir.domain.consent.protection import withheld
from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.bundle import content_of
from ip_fhir.mapping.bundle.assembly import Located
from ip_fhir.mapping.bundle.putting import KnownBundle, WholeFields

if TYPE_CHECKING:
    from collections.abc import Collection

    from ip_fhir.domain.consent.protection import LocatingPart
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.values.value import Value
    from ip_fhir.fhir.bundle import BundleContent
    from ip_fhir.mapping.bundle.assembly import Assembly


class OpenPlan:
    """A plan in its bundle: `plan` is the plan in it, `put` returns a bundle with a changed plan.

    `bundle` itself is never changed.
    """

    def __init__(
        self,
        assembly: Assembly,
        content: BundleContent,
        plan: IndividualPlan,
        released: Collection[LocatingPart] = (),
    ) -> None:
        self.plan, self.bundle = plan, content.bundle
        self._content, self._assembly, self._released = content, assembly, released

    def put(self, plan: IndividualPlan) -> dict[str, Any]:
        """Return the bundle, changed so that it says what `plan` says, and nowhere else. Only changed fields cost time.

        What leads to a person with a protected address stays as it is in the bundle, unless it was released. Raises
        `InvalidInput` with the FHIRPath if the bundle has no place for a part of it, or is about another person.
        """
        return self._known_bundle.put(withheld(plan, self._released, self.plan))

    @cached_property
    def _known_bundle(self) -> KnownBundle:
        entries = self._content.entries
        return KnownBundle(self._assembly, self.bundle, entries, self._assembly.locate(entries), WholeFields(self.plan))


def put_onto(assembly: Assembly, whole: Value, bundle: dict[str, Any] | BundleContent) -> dict[str, Any]:
    """Return the bundle, changed so that it says what `whole` says, even if it holds no valid whole before.

    `bundle` is a Bundle or its content. Raises `InvalidInput` if the bundle cannot be read, or is about another person.
    """
    content = content_of(bundle)
    entries = content.entries
    found = assembly.find(entries)
    with suppress(InvalidInput):  # what is there may be no valid whole; what is in doubt is read as it was read before
        assembly.checked(type(whole), found)
    return KnownBundle(
        assembly, content.bundle, entries, Located(found.root, found.slots, found.links), WholeFields(found.data)
    ).put(whole)
