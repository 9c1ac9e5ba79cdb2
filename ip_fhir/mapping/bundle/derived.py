"""Derived resources: they repeat a part of the whole where other systems look for it. Written, never read.

`put` keeps ours up to date: a derived resource is added, changed and removed together with its source. One that another
system wrote is left alone, and a bundle without any gets none for sources that it already has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ip_fhir.domain.authorship import authorship
from ip_fhir.domain.people import OrganizationKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from collections.abc import Mapping as Dict

    from ip_fhir.fhir.bundle import Entry
    from ip_fhir.mapping.lenses.table import Lens

_AUTHORS = ("author", "sender", "signed_by", "created", "updated", "authored")


@dataclass(frozen=True, slots=True)
class Derived:
    """One kind of derived resource.

    `make` makes the domain values from a whole, `lens` writes each as a resource. `source` gives the part of a whole's
    data from which the one with an id is made, None if there is none; `fields` are the whole's fields that hold it.
    """

    lens: Lens
    make: Callable[[Any], Iterable[Any]]
    source: Callable[[dict[str, Any], str], Any]
    fields: tuple[str, ...]

    def owns(self, entry: Entry, ids: set[str]) -> bool:
        """True if an entry is a derived resource of ours: of this type, with an id among `ids`."""
        return entry.type == self.lens.resource and entry.id in ids and self.lens.owns(entry.resource)


def _units(whole: Any) -> Iterable[Any]:
    return (o for o in whole.organizations if o.kind is OrganizationKind.COORDINATING_UNIT)


def _unit_data(data: dict[str, Any], ident: str) -> Any:
    units = (o for o in data.get("organizations", ()) if o["kind"] == OrganizationKind.COORDINATING_UNIT)
    return next((o for o in units if o["id"] == ident), None)


def _authorship(whole: Any) -> Iterable[Any]:
    found = authorship(whole)
    return () if found is None else (found,)


def _authorship_data(data: dict[str, Any], ident: str) -> Any:
    named = data["id"] == ident and any(name in data for name in ("author", "sender"))
    return {name: data.get(name) for name in _AUTHORS} if named else None


# The rules that bundles.toml may name; there are no others.
_RULES = {
    "coordinating-units": (_units, _unit_data, ("organizations",)),
    "authorship": (_authorship, _authorship_data, _AUTHORS),
}


def derived(rows: Iterable[Dict[str, str]], lenses: Dict[str, Lens]) -> tuple[Derived, ...]:
    """The kinds of derived resources that rows of bundles.toml declare."""
    return tuple(Derived(lenses[row["table"]], *_RULES[row["rule"]]) for row in rows)
