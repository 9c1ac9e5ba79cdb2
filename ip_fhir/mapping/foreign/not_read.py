"""Warnings for the places of a bundle, or of a stored notice, that no row of a table read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.fhir.bundle import Entry, entries_of
from ip_fhir.fhir.contents import is_outcome
from ip_fhir.mapping.dialects.fhir.unread import MARK, told, unread
from ip_fhir.mapping.foreign.adapted import Adapted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.fhir.bundle import Place
    from ip_fhir.mapping.bundle.assembly import Assembly, Found
    from ip_fhir.mapping.compiled import Compiled
    from ip_fhir.mapping.lenses.table import Lens


def notice_not_read(request: dict[str, Any], site: Compiled) -> tuple[Problem, ...]:
    """Return a warning for each place of a stored ServiceRequest, and of what it contains, that was not read.

    Of one that the tables cannot read as a notice, since they have changed meanwhile, the warnings say why.
    """
    outer = {name: value for name, value in request.items() if name != "contained"}
    inside = [{"fullUrl": f"#{one['id']}", "resource": one} for one in request.get("contained", ())]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": outer}, *inside]}
    entries, assembly = entries_of(bundle), site.assembly("notice")
    try:
        found = tuple(places_not_read(assembly.find(entries), assembly, Adapted(bundle), len(entries)))
    except InvalidInput as error:
        found = error.problems
    places = {
        entry.at: f"ServiceRequest.contained[{n - 1}]" if n else "ServiceRequest" for n, entry in enumerate(entries)
    }
    return tuple(_in_request(problem, places) for problem in found)


def _in_request(problem: Problem, places: dict[str, str]) -> Problem:
    """The problem as a warning, with its place in the stored resource instead of the bundle that was made of it."""
    place = next((place for place in places if problem.path.startswith(f"{place}.") or problem.path == place), None)
    path = problem.path if place is None else places[place] + problem.path.removeprefix(place)
    return replace(problem, path=path, severity="warning")


def places_not_read(found: Found, assembly: Assembly, adapted: Adapted, count: int) -> Iterator[Problem]:
    """Yield a warning for each place that was not read, or otherwise than it stands there, entry by entry.

    `found` is what the assembly found in the `count` entries of a bundle, as `adapted` has them.
    """
    people = {slot.person.place: slot for slot in found.slots if slot.person is not None}
    slots = {slot.entry.place: slot for slot in found.slots}
    entries = [entry for entry in found.entries if entry.number < count]  # the others were made by us
    for entry in _resources(entries, {found.root.place, *people, *slots}):
        place = entry.place
        if is_outcome(entry.resource):
            continue  # told by `notes`
        if any(made.lens.owns(entry.resource) for made in assembly.derived):
            continue  # derived from the plan: nothing is lost
        if place in found.told:
            yield from (replace(problem, path=problem.path.replace(MARK, "")) for problem in found.told[place])
            continue
        if place == found.root.place:
            lens: Lens | None = assembly.root
        elif place in people:
            lens = people[place].part.person
        else:
            lens = slots[place].part.lens if place in slots else None
        if lens is None:
            reason = adapted.hidden.get(place, f"is no part of the {assembly.name} as it is read here")
            yield _warning(entry.at, f"{reason}: not read")
            continue
        links = found.links.of(entry)
        places = {path: "is not read" for path in unread(entry.resource, [lens.inner], links) if path != "contained"}
        otherwise = told(entry.resource, lens.inner, links)
        reasons = {
            f"{entry.at}.{path}".replace(MARK, ""): reason for path, reason in (otherwise | places | otherwise).items()
        }
        reasons |= {path: reason for path, reason in adapted.told.items() if path.startswith(f"{entry.at}.")}
        yield from (_warning(path, reason) for path, reason in reasons.items())


def _resources(entries: list[Entry], read: set[Place]) -> Iterator[Entry]:
    """Every entry, and after one that is read each resource that it contains: what is contained is told one by one."""
    for entry in entries:
        yield entry
        inside = entry.resource.get("contained") if entry.place in read else None
        for index, inner in enumerate(inside if type(inside) is list else ()):
            yield Entry(entry.number, None, inner if type(inner) is dict else {}, container=entry, index=index)


def _warning(at: str, reason: str) -> Problem:
    return Problem(at, reason, "informational", "warning")
