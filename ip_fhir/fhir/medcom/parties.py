"""The two parties of a message: as entries of the Bundle, which Provenances refer to, or contained in its header.

MedCom wants them as entries; the mapping reads and writes them contained. `bundled` and `contained` go from one to the
other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from uuid import NAMESPACE_URL, uuid5

from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.bundle import refuse_aside
from ip_fhir.fhir.medcom.chain import is_link
from ip_fhir.fhir.medcom.codes import is_copy, primary_use
from ip_fhir.fhir.receipt import message_header
from ip_fhir.fhir.references import References, references_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ip_fhir.errors import Problem
    from ip_fhir.fhir.bundle import BundleContent, Entry
    from ip_fhir.ports import JsonObject

_ORGANIZATION: Final = "Organization"
_PLACE: Final = re.compile(r"Bundle\.entry\[\d+\]\.resource(?:\.contained\[\d+\])?")


def bundled(bundle: JsonObject) -> JsonObject:
    """Returns a message of the mapping with both parties as entries, and its destination as the primary one.

    Their ids derive from their addresses, so that all messages between two parties name them alike.
    """
    first, *others = bundle["entry"]
    header = dict(first["resource"])
    base = first["fullUrl"].removesuffix(f"{header['resourceType']}/{header['id']}")
    destination = header["destination"][0]
    ends = {header["sender"]["reference"]: header["source"], destination["receiver"]["reference"]: destination}
    made = {}
    for resource in header.pop("contained"):
        ident = str(uuid5(NAMESPACE_URL, ends[f"#{resource['id']}"]["endpoint"]))
        made[f"#{resource['id']}"] = {**resource, "id": ident}
    receiver = _to(made[destination["receiver"]["reference"]])
    header["sender"] = _to(made[header["sender"]["reference"]])
    header["destination"] = [{**destination, "extension": [primary_use()], "receiver": receiver}]
    parties = [{"fullUrl": f"{base}{_to(one)['reference']}", "resource": one} for one in made.values()]
    return {**bundle, "entry": [{**first, "resource": header}, *others, *_once(parties)]}


@dataclass(frozen=True, slots=True)
class Contained:
    """A message as the mapping reads it. `places` has, by a place in it, the place in the Bundle that came in."""

    bundle: JsonObject
    places: Mapping[str, str]

    def told(self, error: InvalidInput) -> InvalidInput:
        """Returns the error, of the same type, with places in the Bundle that came in."""
        return type(error)(self._placed(problem) for problem in error.problems)

    def _placed(self, problem: Problem) -> Problem:
        found = _PLACE.match(problem.path)
        if found is None or found[0] not in self.places:
            return problem
        return replace(problem, path=f"{self.places[found[0]]}{problem.path[found.end() :]}")


def contained(content: BundleContent) -> Contained:
    """Returns a message with both parties in its header, without its Provenances and without carbon copies.

    Whoever is named by those alone goes with them; what the content refers to stays an entry. Raises `InvalidInput` for
    a Bundle that is no message, and for a sender or receiver that is no Organization of it.
    """
    message_header(content.bundle)
    refuse_aside(content)
    first, *others = content.entries
    links = References(content.entries)
    holder = _Holder(first, links)
    header = holder.taken()
    moved = {entry.number for entry in holder.inside if entry is not None} | holder.copied
    moved |= _agents([entry for entry in others if is_link(entry)], links)
    said = [entry for entry in others if not is_link(entry)]
    used = _used(said, links)
    kept = [entry for entry in said if entry.number not in moved or entry.number in used]
    written = content.bundle["entry"]
    entries = [{**written[0], "resource": header}, *(written[entry.number] for entry in kept)]
    places = {f"Bundle.entry[{n}].resource": entry.at for n, entry in enumerate(kept, 1)}
    places |= {f"{first.at}.contained[{n}]": one.at for n, one in enumerate(holder.inside) if one is not None}
    return Contained({**content.bundle, "entry": entries}, places)


class _Holder:
    """A header that gets the organisations which it refers to. `inside` has the entry of each contained resource.

    `copied` are the numbers of the entries to which it refers as receivers of a copy.
    """

    def __init__(self, entry: Entry, links: References) -> None:
        self._entry, self._links = entry, links
        self._header = dict(entry.resource)
        self.inside: list[Entry | None] = [None for _ in _list(self._header.get("contained"))]
        self.copied: set[int] = set()

    def taken(self) -> JsonObject:
        """Return the header. Raises `InvalidInput`."""
        header, at = self._header, self._entry.at
        self._take(header, "sender", f"{at}.sender")
        if isinstance(header.get("destination"), list):
            numbered = [(n, one) for n, one in enumerate(header["destination"]) if isinstance(one, dict)]
            copies = [reference for _, one in numbered if is_copy(one) for reference in references_in(one)]
            self.copied = {meant.number for one in copies for meant in self._links.meant_by(one, self._entry)}
            kept = {n: dict(one) for n, one in numbered if not is_copy(one)}
            for number, one in kept.items():
                self._take(one, "receiver", f"{at}.destination[{number}].receiver")
            header["destination"] = [*kept.values()]
        return header

    def _take(self, node: JsonObject, name: str, at: str) -> None:
        """Replace the reference in `node[name]` by one to a contained copy. Raises `InvalidInput` at `at`."""
        said = node.get(name)
        reference = said.get("reference") if isinstance(said, dict) else None
        if not isinstance(said, dict) or (isinstance(reference, str) and reference.startswith("#")):
            return  # contained already, or missing: the mapping says so
        found = self._links.one(reference, self._entry) if isinstance(reference, str) else None
        if found is None or found.type != _ORGANIZATION:
            raise InvalidInput.at(f"{at}.reference", "names no Organization of this message", "required")
        if all(one is None or one.number != found.number for one in self.inside):
            self.inside.append(found)
            self._header["contained"] = [*_list(self._header.get("contained")), {**found.resource, "id": found.id}]
        node[name] = {**said, "reference": f"#{found.id}"}


def _used(content: Sequence[Entry], links: References) -> set[int]:
    """The numbers of the entries that the content refers to."""
    return {
        meant.number
        for entry in content
        for reference in references_in(entry.resource)
        for meant in links.meant_by(reference, entry)
        if meant.number != entry.number
    }


def _agents(chain: Sequence[Entry], links: References) -> set[int]:
    """The numbers of the entries that a chain names as those who sent its messages."""
    return {
        meant.number
        for link in chain
        for reference in references_in(link.resource.get("agent"))
        for meant in links.meant_by(reference, link)
    }


def _once(entries: list[JsonObject]) -> list[JsonObject]:
    return list({entry["fullUrl"]: entry for entry in entries}.values())


def _to(resource: JsonObject) -> JsonObject:
    return {"reference": f"{_ORGANIZATION}/{resource['id']}"}


def _list(node: Any) -> list[Any]:
    return node if isinstance(node, list) else []
