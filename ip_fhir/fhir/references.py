"""References between the resources of a bundle, by FHIR's rules. No meaning.

A relative reference belongs to the base of the fullUrl of the entry that holds it: `Patient/p` of one server is not
`Patient/p` of another. `urn:uuid:` and `urn:oid:` mean a fullUrl, `#id` a contained resource of the same entry, and
`/_history/n` a version of the resource. http://hl7.org/fhir/R4/bundle.html#references

FHIR leaves open where an entry without a RESTful fullUrl belongs. Here it has the base that all other entries share;
if there is none, or more than one, such entries have no base: relative references between them match by type and id.
An entry with a urn that is to be created (POST) is meant by its urn alone: the server gives it another id.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.fhir.bundle import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ip_fhir.fhir.bundle import Place

_RESTFUL = re.compile(r"(https?://[^?#\s]+/)([A-Z][A-Za-z]{1,63})/([^/?#\s]+)(?:/_history/[^/?#\s]+)?")
_HISTORY: Final = "/_history/"
_CONTAINED: Final = "contained"


class References:
    """The resources of a bundle, also contained ones that their container refers to, by the references to them."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = list(entries)
        found = {entry.number: base_of(entry) for entry in self.entries}
        bases = {base for base in found.values() if base is not None}
        self._shared = bases.pop() if len(bases) == 1 else ""
        self._bases = {number: self._shared if base is None else base for number, base in found.items()}
        self.contained = {entry.number: inside for entry in self.entries if (inside := contained_in(entry))}
        self._names: dict[Place, list[str]] = {}
        self._named: dict[str, list[Entry]] = {}
        for entry in self.all():
            self._names[entry.place] = self._names_of(entry)
            for name in self._names[entry.place]:
                self._named.setdefault(name, []).append(entry)

    def all(self) -> Iterator[Entry]:
        """Yields every entry, then every contained resource that its container refers to."""
        yield from self.entries
        for inside in self.contained.values():
            yield from inside

    def base(self, entry: Entry) -> str:
        """Returns the base of an entry's relative references, which ends in a slash; empty if it has none."""
        found = self._bases.get(entry.number)
        return (base_of(entry) or self._shared) if found is None else found

    def names(self, entry: Entry) -> list[str]:
        """Returns every absolute name of a resource, first the one by which references are written."""
        return self._names.get(entry.place) or self._names_of(entry)

    def _names_of(self, entry: Entry) -> list[str]:
        if entry.container is not None:
            return [f"{self.names(entry.container)[0]}#{entry.id}"]
        own = f"{self.base(entry)}{entry.type}/{entry.id}"
        url = entry.full_url
        if url is None or url == own:
            return [own]
        if url.startswith("urn:"):
            by_urn_alone = entry.method == "POST" or "id" not in entry.resource
            return [url] if by_urn_alone else [url, own]
        plain = unversioned(url)
        if base_of(entry) is None:  # an address by which no server knows this resource
            return [own] if plain == own or _RESTFUL.fullmatch(url) else [own, plain]
        return [plain, own] if plain != own else [plain]

    def meant_by(self, reference: str, holder: Entry) -> list[Entry]:
        """Returns the resources that a reference in `holder` means; several if the bundle does not say which."""
        found = self._named.get(f"{self.base(holder)}{reference}")  # relative, as nearly all are
        if found is not None and len(found) == 1 and not reference.startswith("#"):
            return found
        found = self._named.get(self.absolute(reference, holder), [])
        version = reference.partition(_HISTORY)[2]
        same = [entry for entry in found if _version(entry) == version] if version and len(found) > 1 else []
        return same or found

    def one(self, reference: str, holder: Entry) -> Entry | None:
        """Returns the resource that a reference in `holder` means; None if none, or one of several, is meant."""
        found = self.meant_by(reference, holder)
        return found[0] if len(found) == 1 else None

    def absolute(self, reference: str, holder: Entry) -> str:
        """Returns the absolute name of what a reference in `holder` means, without the version."""
        if reference.startswith("#"):
            around = self.names(holder.container or holder)[0]
            inside = around if reference == "#" else f"{around}{reference}"
            return inside if inside in self._named else reference
        plain = unversioned(reference)
        return plain if ":" in plain.partition("/")[0] else f"{self.base(holder)}{plain}"

    def between(self, holder: Entry, target: Entry) -> str | None:
        """Returns the reference by which `holder` refers to `target`; None if FHIR has none."""
        if target.container is not None:
            inside = target.container.number == holder.number
            return f"#{target.id}" if inside else None
        name, base = self.names(target)[0], self.base(holder)
        if base and name == f"{base}{'/'.join(name.rsplit('/', 2)[-2:])}":
            return name.removeprefix(base)
        return name if not base or ":" in name.partition("/")[0] else None

    def by_identifier(self, identifier: Any, kind: Any, same: Iterable[Iterable[str]] = ()) -> Entry | None:
        """Returns the one resource with an identifier, and of the type `kind` if that is given; else None.

        `same` are sets of systems that mean one: a system and its aliases.
        """
        if type(identifier) is not dict:
            return None
        system, value = identifier.get("system"), identifier.get("value")
        if type(system) is not str or type(value) is not str:
            return None
        systems = next((set(several) for several in same if system in several), {system})
        found = {
            entry.place: entry
            for one in systems
            for entry in self._identified.get((one, value), ())
            if kind is None or entry.type == kind
        }
        return next(iter(found.values())) if len(found) == 1 else None

    @cached_property
    def _identified(self) -> dict[tuple[str, str], list[Entry]]:
        """The resources by system and value of their identifiers."""
        found: dict[tuple[str, str], list[Entry]] = {}
        for entry in self.all():
            identifiers = entry.resource.get("identifier")
            for one in identifiers if type(identifiers) is list else [identifiers]:
                if type(one) is dict and type(one.get("system")) is str and type(one.get("value")) is str:
                    found.setdefault((one["system"], one["value"]), []).append(entry)
        return found


def base_of(entry: Entry) -> str | None:
    """Returns the base of a RESTful fullUrl of the entry's type, which ends in a slash; None for any other.

    >>> base_of(Entry(0, "https://ehr.example/fhir/Goal/g", {"resourceType": "Goal"}))
    'https://ehr.example/fhir/'
    """
    found = _RESTFUL.fullmatch(entry.full_url) if entry.full_url is not None else None
    return found[1] if found is not None and found[2] == entry.type else None


def unversioned(reference: str) -> str:
    """Returns the reference without `/_history/<version>` (http://hl7.org/fhir/R4/references.html)."""
    return reference.partition(_HISTORY)[0]


def contained_in(entry: Entry) -> list[Entry]:
    """Returns the contained resources of an entry that anything in the entry refers to."""
    inside = entry.resource.get(_CONTAINED)
    if type(inside) is not list:
        return []
    named = {reference for reference in references_in(entry.resource) if reference.startswith("#")}
    return [
        Entry(entry.number, None, resource, container=entry, index=index)
        for index, resource in enumerate(inside)
        if type(resource) is dict
        and type(resource.get("resourceType")) is str
        and type(resource.get("id")) is str
        and f"#{resource['id']}" in named
    ]


def references_in(node: Any) -> list[str]:
    """Returns every `reference` text below a node, in its order (depth is bounded by the reader)."""
    found: list[str] = []
    _collect(node, found)
    return found


def _collect(node: Any, found: list[str]) -> None:
    if type(node) is dict:
        reference = node.get("reference")
        if type(reference) is str:
            found.append(reference)
        for child in node.values():
            if type(child) is dict or type(child) is list:
                _collect(child, found)
    elif type(node) is list:
        for child in node:
            if type(child) is dict or type(child) is list:
                _collect(child, found)


def _version(entry: Entry) -> Any:
    meta = entry.resource.get("meta")
    return meta.get("versionId") if type(meta) is dict else None
