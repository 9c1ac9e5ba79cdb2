"""The entries of a bundle after a put: what each of them holds now, and new ones as the bundle writes its own.

A new entry has the base of the root's fullUrl, or a urn where the root has one, and a request where others have one.
A contained resource that its container does not refer to any more becomes an entry of its own: FHIR keeps nothing
contained that nobody refers to (dom-3).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.bundle import Entry
from ip_fhir.fhir.references import base_of, references_in, unversioned

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ip_fhir.fhir.bundle import Place
    from ip_fhir.fhir.references import References

_NEW = -1  # the number of an entry that the bundle does not hold yet


class NewEntries:
    """Makes new entries of a bundle."""

    def __init__(self, bundle: dict[str, Any], references: References, root: Entry) -> None:
        self.references, self._root = references, root
        found = base_of(root)
        self._base = references.base(root) if found is None else found
        by_urn = (root.full_url or "").startswith("urn:") or (found is None and root.method == "POST")
        self._urns = f"{root.full_url or root.id}/" if by_urn else None
        entries = bundle["entry"]
        self._requests = bundle.get("type") in ("transaction", "batch") or any("request" in entry for entry in entries)

    @property
    def holder(self) -> Entry:
        """The place from which a new resource refers to others."""
        return self.target({"resourceType": self._root.type, "id": self._root.id})

    def target(self, resource: dict[str, Any]) -> Entry:
        """The entry that a new resource gets, as the references to it see it."""
        return Entry(_NEW, self._url(resource), resource, self._root.method)

    def entry(self, resource: dict[str, Any]) -> dict[str, Any]:
        """The new entry with a resource."""
        url = self._url(resource)
        made: dict[str, Any] = {} if url is None else {"fullUrl": url}
        return {**made, "resource": resource, **self._request(resource)}

    def _url(self, resource: dict[str, Any]) -> str | None:
        name = f"{resource['resourceType']}/{resource['id']}"
        if self._urns is not None:
            return uuid5(NAMESPACE_URL, self._urns + name).urn
        return f"{self._base}{name}" if self._base else None

    def _request(self, resource: dict[str, Any]) -> dict[str, Any]:
        if not self._requests:
            return {}
        type_ = resource["resourceType"]
        if self._root.method == "POST":
            return {"request": {"method": "POST", "url": type_}}
        return {"request": {"method": "PUT", "url": f"{type_}/{resource['id']}"}}


@dataclass
class Written:
    """The entries of a bundle under way: `places` has the new resource by place (None: it is removed).

    `contained` are the contained resources that are parts of the whole, by their domain id.
    """

    bundle: dict[str, Any]
    places: Mapping[Place, dict[str, Any] | None]
    contained: Mapping[str, Entry]
    new: NewEntries
    moved: list[dict[str, Any]] = field(default_factory=list)

    def entries(self) -> list[dict[str, Any]]:
        """The bundle's entries, then those of resources that were contained before."""
        entries: list[dict[str, Any] | None] = [*self.bundle["entry"]]
        numbers = {number for number, _ in self.places} | {entry.number for entry in self.contained.values()}
        for number in sorted(numbers):
            old = self.bundle["entry"][number]
            resource = self._resource(number, old["resource"])
            if resource is None:
                entries[number] = None
            elif resource is not old["resource"] and resource != old["resource"]:
                entries[number] = {**old, "resource": resource}
        return [*(entry for entry in entries if entry is not None), *self.moved]

    def _resource(self, number: int, old: dict[str, Any]) -> dict[str, Any] | None:
        """The new resource of an entry, with what it contains."""
        resource = self.places.get((number, None), old)
        inside = {ident: entry for ident, entry in self.contained.items() if entry.number == number}
        if not inside:
            return resource
        said = {entry.index: self.places.get(entry.place, entry.resource) for entry in inside.values()}
        named = set() if resource is None else set(references_in(_with_contained(resource, said)))
        for ident, entry in inside.items():
            if f"#{entry.id}" in named:
                if said[entry.index] is None:
                    reason = "cannot be taken out: the resource that contains it still refers to it"
                    raise InvalidInput.at(entry.at, reason, "business-rule")
            elif (content := said[entry.index]) is not None:
                self.moved.append(self._moved(ident, entry, content))
                said[entry.index] = None
        return None if resource is None else _with_contained(resource, said)

    def _moved(self, ident: str, entry: Entry, resource: Any) -> dict[str, Any]:
        """The entry of a resource that was contained before; its references mean the same as they did."""
        return self.new.entry({**self._pointing(resource, entry), "id": ident})

    def _pointing(self, node: Any, entry: Entry) -> Any:
        if type(node) is list:
            return [self._pointing(item, entry) for item in node]
        if type(node) is not dict:
            return node
        copy = {name: self._pointing(value, entry) for name, value in node.items()}
        if type(reference := copy.get("reference")) is str:
            copy["reference"] = self._from_outside(reference, entry)
        return copy

    def _from_outside(self, reference: str, entry: Entry) -> str:
        links = self.new.references
        target = links.one(reference, entry)
        found = links.absolute(reference, entry) if target is None else links.between(self.new.holder, target)
        if found is None or found.startswith("#"):
            reason = "cannot leave the resource that contains it: it refers to another one there"
            raise InvalidInput.at(entry.at, reason, "business-rule")
        version = "" if target is None else reference.removeprefix(unversioned(reference))
        return f"{found}{version}"


def _with_contained(resource: dict[str, Any], said: Mapping[int | None, dict[str, Any] | None]) -> dict[str, Any]:
    """The resource with these contained resources by their index; None: it leaves."""
    there = [said.get(index, inner) for index, inner in enumerate(resource["contained"])]
    kept = [inner for inner in there if inner is not None]
    return {k: kept if k == "contained" else v for k, v in resource.items() if k != "contained" or kept}
