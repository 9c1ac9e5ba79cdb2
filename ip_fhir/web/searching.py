"""Search parameters, and the searchset. An unknown parameter is refused: ignored, it would find too much.

A person's number must not be in a URL, where logs and proxies keep it; a search by POST to `_search` is answered with
URLs too, and no parameter here takes a number anyway.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlencode

from ip_fhir.domain.values.ids import find_person_number
from ip_fhir.exchange.rest import MOST, SEARCH_PARAMETERS
from ip_fhir.ports.resources import alternatives, exactly
from ip_fhir.web.requests import BadRequest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from ip_fhir.exchange.rest import Page
    from ip_fhir.ports import JsonObject

COUNT: Final = "_count"
"""The parameter for the most resources of a page (http://hl7.org/fhir/R4/search.html#count)."""

CURSOR: Final = "_cursor"
"""The parameter of a `next` link that says where the page begins."""

NO_PERSON: Final = "a person is not searched for in a URL"

_MOST_ALTERNATIVES = 20
_STATUS_SYSTEMS = {
    "ServiceRequest": "http://hl7.org/fhir/request-status",
    "Task": "http://hl7.org/fhir/task-status",
}


@dataclass(frozen=True, slots=True)
class Query:
    """A search as it was asked for: criteria by parameter, resources of a page at most, the cursor of the page."""

    criteria: dict[str, str]
    count: int = 100
    cursor: str | None = None

    def url(self, base: str, cursor: str | None) -> str:
        """The address of a page of this search, the first one for None."""
        pairs = {**self.criteria, "_count": str(self.count)} | ({} if cursor is None else {CURSOR: cursor})
        return f"{base}?{urlencode(pairs)}"


def query_of(type_: str, pairs: Iterable[tuple[str, str]], url: str) -> Query:
    """Returns the search that a GET, or a POST to _search, asks for.

    Raises `BadRequest` 400 for a parameter that is not supported, and for a person's number or a search by person: the
    links of the answer are URLs too. `url` is our own base: a reference with it means the same as one without.
    """
    criteria: dict[str, str] = {}
    for name, value in pairs:
        if find_person_number(value) or name.partition(".")[0] in ("patient", "subject"):
            raise BadRequest(400, NO_PERSON, "not-supported", type_)
        if is_format(name, value):
            continue
        check_name(type_, name, SEARCH_PARAMETERS[type_], criteria)
        criteria[name] = value if name in (COUNT, CURSOR) else _criterion(type_, name, value, url)
    count, cursor = criteria.pop(COUNT, None), criteria.pop(CURSOR, None)
    return Query(criteria, count_of(type_, count), cursor)


def is_format(name: str, value: str) -> bool:
    """True for `_format` with a name of JSON, which says nothing new."""
    return name == "_format" and value in ("json", "application/json", "application/fhir+json")


def check_name(type_: str, name: str, parameters: Collection[str], known: Collection[str]) -> None:
    """Raises `BadRequest` 400 for a parameter that is not among those of a type, or is `known` from before."""
    if name not in {*parameters, COUNT, CURSOR}:
        reason = f"a search parameter that is not supported; these are: {', '.join([*parameters, COUNT])}"
        raise BadRequest(400, reason, "not-supported", type_)
    if name in known:
        raise BadRequest(400, "is given twice; AND is not supported", "not-supported", f"{type_}.{name}")


def count_of(type_: str, text: str | None) -> int:
    """Returns the number of resources of a page at most, 100 for None. Raises `BadRequest` 400."""
    if text is None:
        return 100
    if not (text.isascii() and text.isdecimal() and len(text) <= 4 and 1 <= int(text) <= MOST):
        raise BadRequest(400, f"is a number from 1 to {MOST}", "value", f"{type_}.{COUNT}")
    return int(text)


def values_of(value: str, at: str) -> tuple[str, ...]:
    """Returns the values of a criterion, of which one must match. Raises `BadRequest` 400 for none, or too many."""
    several = alternatives(value)
    if not all(several):
        raise BadRequest(400, "has no value", "value", at)
    if len(several) > _MOST_ALTERNATIVES:
        raise BadRequest(400, f"has more than {_MOST_ALTERNATIVES} values", "too-costly", at)
    return several


def _criterion(type_: str, name: str, value: str, url: str) -> str:
    """The value as the store knows it. Raises `BadRequest` 400 for one that could find nothing, whatever is there."""
    at, kind = f"{type_}.{name}", SEARCH_PARAMETERS[type_][name]
    several = values_of(value, at)
    if kind == "reference":
        several = tuple(one.removeprefix(f"{url}/") for one in several)
    if name == "status":
        several = tuple(_status(type_, one, at) for one in several)
    elif kind == "token" and any(one.endswith("|") for one in several):
        raise BadRequest(400, "has a system and no value, which is not supported", "not-supported", at)
    return ",".join(map(exactly, several))


def _status(type_: str, value: str, at: str) -> str:
    """The code of a status, which all come from one system: with another, or said to have none, nothing is found."""
    system, bar, code = value.rpartition("|")
    if bar and system != _STATUS_SYSTEMS[type_]:
        raise BadRequest(400, f"is a code of the system {_STATUS_SYSTEMS[type_]}", "value", at)
    return code


class Links(Protocol):
    """The addresses of the pages of a search; `cursor` is that of the page that was asked for, None for the first."""

    @property
    def cursor(self) -> str | None:
        """The cursor of this page."""
        ...

    def url(self, base: str, cursor: str | None) -> str:
        """The address of a page, the first one for None."""
        ...


def searchset(url: str, type_: str, query: Links, page: Page) -> JsonObject:
    """Returns a searchset Bundle with a `next` link if there is more (http://hl7.org/fhir/R4/bundle.html#searchset)."""
    base = f"{url}/{type_}"
    entries = [{"fullUrl": f"{base}/{r.id}", "resource": r.body, "search": {"mode": "match"}} for r in page.found]
    links = [{"relation": "self", "url": query.url(base, query.cursor)}]
    if page.after is not None:
        links.append({"relation": "next", "url": query.url(base, page.after)})
    bundle: JsonObject = {"resourceType": "Bundle", "type": "searchset"}
    bundle |= {} if page.total is None else {"total": page.total}
    return bundle | {"link": links} | ({"entry": entries} if entries else {})  # an empty list is no FHIR
