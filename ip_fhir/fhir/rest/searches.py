"""Searches, their pages, and the history of a resource.

A criterion that may identify a person travels in the body (`POST [type]/_search`): addresses are written into the logs
of every proxy on the way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from ip_fhir.errors import Rejected
from ip_fhir.fhir.outcome import problems_from
from ip_fhir.fhir.rest.addresses import next_link, own_page
from ip_fhir.fhir.rest.answers import OUTCOME
from ip_fhir.fhir.rest.interaction import FORM, Interaction, path_of
from ip_fhir.fhir.summaries import summary_tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ip_fhir.fhir.rest.answers import Answered
    from ip_fhir.ports import JsonObject

Criteria = tuple[tuple[str, str], ...]
"""Parameters of a search: name (with modifiers) and value. One that stands twice must hold twice."""

# Values of these name no person. Any other parameter may, also one that a site has made itself.
_IMPERSONAL: Final = frozenset(
    {
        *("_count", "_elements", "_format", "_include", "_lastUpdated", "_profile", "_revinclude", "_since", "_sort"),
        *("_security", "_summary", "_tag", "_total", "category", "code", "intent", "status", "type", "url", "version"),
    }
)


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its resources, the address of the next one (None on the last), and the server's count of all."""

    resources: tuple[JsonObject, ...] = field(repr=False)
    next: str | None = field(default=None, repr=False)
    total: int | None = None


def identifies(criteria: Iterable[tuple[str, str]]) -> bool:
    """True if a value of these parameters may identify a person.

    >>> identifies([("status", "active"), ("_count", "50")]), identifies([("patient.identifier", "x")])
    (False, True)
    """
    return any(name.partition(":")[0] not in _IMPERSONAL for name, _ in criteria)


def search(type_: str, criteria: Sequence[tuple[str, str]]) -> Interaction[Page]:
    """Returns a search of the resources of one type; its result is the first page."""
    if not identifies(criteria):
        return Interaction("search", "GET", path_of(type_), page, query=tuple(criteria))
    body = urlencode(criteria).encode()
    return Interaction("search", "POST", path_of(type_, "_search"), page, headers=(("Content-Type", FORM),), body=body)


def next_page(before: Page, base: str, seen: Iterable[str] = ()) -> Interaction[Page] | None:
    """Returns the reading of the page after `before`, None if it is the last.

    Raises `Rejected` for a page on another host than `base`, and for one that is among those `seen`.
    """
    if before.next is None:
        return None
    return Interaction("next page", "GET", own_page(before.next, base, seen), page)


def history(type_: str, id_: str, since: str | None = None) -> Interaction[Page]:
    """Returns the reading of a resource's versions, latest first; those that deleted it are left out.

    `since` is an instant of FHIR: only versions from then on.
    """
    query = (("_since", since),) if since is not None else ()
    return Interaction("history", "GET", path_of(type_, id_, "_history"), page, query=query)


def page(answered: Answered) -> Page:
    """Reads the page in an answer. Raises `Rejected`, `Unavailable` or `Conflict`."""
    return page_of(answered.resource("Bundle"), answered.host)


def page_of(bundle: JsonObject, host: str) -> Page:
    """Reads a page. Raises `Rejected` if it holds a summary, an error, or something else than resources."""
    entries = bundle.get("entry", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise Rejected(f"{host}: the entries of a page are no list of objects")
    found = [entry["resource"] for entry in entries if isinstance(entry.get("resource"), dict)]
    if any(not isinstance(resource.get("resourceType"), str) for resource in found):
        raise Rejected(f"{host}: a page holds something that is no resource")
    outcomes = [resource for resource in found if resource["resourceType"] == OUTCOME]
    wrong = [str(p) for outcome in outcomes for p in problems_from(outcome) if p.severity == "error"]
    if wrong:
        raise Rejected("; ".join([f"{host}: an error in a page", *wrong]))
    resources = tuple(resource for resource in found if resource["resourceType"] != OUTCOME)
    if any(tag for resource in resources for tag in summary_tags(resource)):
        raise Rejected(f"{host}: a page holds summaries, of which nothing can be written back")
    total = bundle.get("total")
    return Page(resources, next_link(bundle.get("link")), total if type(total) is int else None)
