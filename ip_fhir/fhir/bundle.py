"""A FHIR R4 Bundle as read: its resources and the references that mean them. No meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ip_fhir.errors import MOST_PROBLEMS, InvalidInput, Problem, more_problems

if TYPE_CHECKING:
    from collections.abc import Iterator


UNKNOWN_RULES = "names rules that are unknown here, and without which nothing in it may be read"
"""The reason for refusing a resource with `implicitRules` (http://hl7.org/fhir/R4/resource.html#implicitRules)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a bundle: its number, its fullUrl and its resource."""

    number: int
    full_url: str | None
    resource: dict[str, Any]

    @property
    def at(self) -> str:
        """The FHIRPath of the resource."""
        return f"Bundle.entry[{self.number}].resource"

    @property
    def type(self) -> str:
        """The resource type."""
        return str(self.resource["resourceType"])

    @property
    def id(self) -> str:
        """The resource's id; without one, the last part of the fullUrl."""
        found = self.resource.get("id")
        return found if isinstance(found, str) else str(self.full_url).rpartition("/")[2].rpartition(":")[2]

    @property
    def references(self) -> Iterator[str]:
        """Yields every reference by which other resources may mean this one."""
        if self.full_url is not None:
            yield self.full_url
        yield f"{self.type}/{self.id}"


def entries_of(bundle: Any) -> list[Entry]:
    """Returns the entries of a bundle. Raises `InvalidInput` with the FHIRPath of each that holds no resource."""
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise InvalidInput.at("Bundle", "is not a FHIR Bundle", "structure")
    if "implicitRules" in bundle:
        raise InvalidInput.at("Bundle.implicitRules", UNKNOWN_RULES, "not-supported")
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise InvalidInput.at("Bundle.entry", "is not a list", "structure")
    reasons = map(_why_not, entries)
    wrong = [(number, reason) for number, reason in enumerate(reasons) if reason is not None]
    if wrong:
        told = [Problem(f"Bundle.entry[{number}]", reason, "structure") for number, reason in wrong[:MOST_PROBLEMS]]
        more = len(wrong) - len(told)
        raise InvalidInput([*told, *([more_problems(more, "structure")] if more else [])])
    return [Entry(number, entry.get("fullUrl"), entry["resource"]) for number, entry in enumerate(entries)]


def _why_not(entry: Any) -> str | None:
    if not isinstance(entry, dict):
        return "is not an object"
    resource, full_url = entry.get("resource"), entry.get("fullUrl")
    if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
        return "has no resource with a resourceType"
    if not isinstance(full_url, str | None):
        return "has a fullUrl that is not text"
    ident = resource.get("id")
    if not isinstance(ident, str | None):
        return "has a resource whose id is not text"
    return "has neither a fullUrl nor a resource id" if not ident and not full_url else None
