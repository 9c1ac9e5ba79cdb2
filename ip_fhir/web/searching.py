"""Search parameters, and the searchset. An unknown parameter is refused: ignored, it would find too much.

A caller who says `Prefer: handling=lenient` has it left out, and is told. A person's number must not be in a URL, where
logs and proxies keep it: a person is searched for by POST to `_search`, and stands in no link of the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import parse_qsl, urlencode
from uuid import NAMESPACE_URL, uuid5

from ip_fhir.domain.values.ids import find_person_number
from ip_fhir.errors import Problem
from ip_fhir.exchange.interactions.criteria import PARTIES, PERSONS
from ip_fhir.exchange.interactions.search import INCLUDES, MOST, WIDE, Narrowed
from ip_fhir.exchange.rest import SEARCH_PARAMETERS
from ip_fhir.fhir.outcome import outcome
from ip_fhir.ports.resources import alternatives, exactly
from ip_fhir.web.fhir.dates import LAST_UPDATED, Span, span_of
from ip_fhir.web.fhir.subsets import COUNT_ONLY, ELEMENTS, SUMMARY, WHOLE, Shape, shape_of
from ip_fhir.web.requests import BadRequest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ip_fhir.exchange.interactions.search import Page
    from ip_fhir.ports import JsonObject
    from ip_fhir.ports.resources import SearchOrder
    from ip_fhir.web.fhir.asked import Asked

COUNT: Final = "_count"
"""The parameter for the most resources of a page (http://hl7.org/fhir/R4/search.html#count)."""

CURSOR: Final = "_cursor"
"""The parameter of a `next` link that says where the page begins."""

SORT: Final = "_sort"

SAYS_NOTHING: Final = frozenset({"_format", "_pretty", "_total", "_totalMethod"})
"""Parameters that change nothing here: `_format` is checked with `Accept`; a total is given where it can be."""

NO_PERSON: Final = "a person is not searched for in a URL"

_MOST_ALTERNATIVES = 20
_SHORT = 60
_ORDERS: Final[dict[str, SearchOrder]] = {"_lastUpdated": "oldest", "-_lastUpdated": "newest"}
_STATUS_SYSTEMS = {
    "ServiceRequest": "http://hl7.org/fhir/request-status",
    "Task": "http://hl7.org/fhir/task-status",
}


@dataclass(frozen=True, slots=True)
class Query:
    """A search as it was asked for: criteria by parameter, resources of a page at most, the cursor of the page.

    `said` are the other parameters as they stand in links; `ignored` are those that were left out.
    """

    criteria: dict[str, str]
    count: int = 100
    cursor: str | None = None
    narrowed: Narrowed = WIDE
    shape: Shape = WHOLE
    said: tuple[tuple[str, str], ...] = ()
    ignored: tuple[str, ...] = ()

    def url(self, base: str, cursor: str | None) -> str:
        """The address of a page of this search, the first one for None; of one by person where it is sent to."""
        if self.narrowed.person is not None and cursor is None:
            return f"{base}/_search"
        parties = {name for names in PARTIES.values() for name in names}
        pairs = [(f"{name}:{IDENTIFIER}" if name in parties else name, one) for name, one in self.criteria.items()]
        pairs += self.said
        if not self.narrowed.count_only or SUMMARY not in dict(self.said):
            pairs.append((COUNT, "0" if self.narrowed.count_only else str(self.count)))
        return f"{base}?{urlencode([*pairs, *([] if cursor is None else [(CURSOR, cursor)])])}"


def query_of(type_: str, asked: Asked, url: str) -> Query:
    """Returns the search that a GET, or a POST to _search, asks for.

    Raises `BadRequest` 400 for a parameter that is not supported (unless the caller is lenient), and for a person's
    number or a search by person in a URL: also where it would stand in the links of the answer. `url` is our own base:
    a reference with it means the same as one without.
    """
    read = _Reading(type_, url, lenient=asked.is_lenient)
    for name, value in asked.in_url:
        if find_person_number(value) or _is_about_person(name):
            raise BadRequest(400, NO_PERSON, "not-supported", type_)
        read.one(name, value)
    for name, value in asked.in_form:
        if name not in persons_of(type_) and find_person_number(value):
            raise BadRequest(400, NO_PERSON, "not-supported", type_)
        read.one(name, value)
    return read.query()


def _is_about_person(name: str) -> bool:
    return name.partition(".")[0].partition(":")[0] in PERSONS


IDENTIFIER: Final = "identifier"


def persons_of(type_: str) -> frozenset[str]:
    """Returns the parameters by which the person is searched for, as they stand in a form."""
    return frozenset(
        one for name in PERSONS if name in SEARCH_PARAMETERS[type_] for one in _by_identifier(name, "Patient")
    )


def _by_identifier(name: str, type_: str) -> tuple[str, ...]:
    """The parameters that search for the identifier of what a reference leads to."""
    return f"{name}:{IDENTIFIER}", f"{name}.{IDENTIFIER}", f"{name}:{type_}.{IDENTIFIER}"


class _Reading:
    """The parameters of one search, read one after the other."""

    def __init__(self, type_: str, url: str, *, lenient: bool) -> None:
        self._type, self._url, self._lenient = type_, url, lenient
        parties = PARTIES[type_]
        self._parties = {one: name for name in parties for one in _by_identifier(name, "Organization")}
        self._plain = [name for name in SEARCH_PARAMETERS[type_] if name not in {*parties, *PERSONS, LAST_UPDATED}]
        self._criteria: dict[str, str] = {}
        self._given: dict[str, str] = {}
        self._said: list[tuple[str, str]] = []
        self._ignored: list[str] = []
        self._span = Span()
        self._include: list[str] = []

    @property
    def _names(self) -> list[str]:
        """The parameters that are supported, of forms too."""
        by_identifier = [f"{name}:{IDENTIFIER}" for name in (*PARTIES[self._type], *PERSONS)]
        return [*self._plain, *by_identifier, LAST_UPDATED, SORT, *INCLUDES[self._type], SUMMARY, ELEMENTS, COUNT]

    def one(self, name: str, value: str) -> None:
        """Read a parameter. Raises `BadRequest` 400."""
        at = f"{self._type}.{name}"
        if name in SAYS_NOTHING:
            return
        if name == LAST_UPDATED:
            self._span = self._span.also(span_of(value, at))
            self._said.append((name, value))
        elif name in INCLUDES[self._type]:
            self._go_along(name, value)
        elif name in self._plain or name in self._parties:
            self._once(self._criteria, self._parties.get(name, name), at)
            self._criteria[self._parties.get(name, name)] = _criterion(self._type, name, value, self._url)
        elif name in persons_of(self._type):
            self._once(self._given, PERSONS[0], at)
            self._given[PERSONS[0]] = one_of(value, at)
        elif name in (SORT, SUMMARY, ELEMENTS, COUNT, CURSOR):
            self._once(self._given, name, at)
            self._given[name] = value
        else:
            self._unsupported(name)

    def _once(self, known: dict[str, str], name: str, at: str) -> None:
        if name in known:
            raise BadRequest(400, "is given twice; AND is not supported", "not-supported", at)

    def _go_along(self, name: str, value: str) -> None:
        """Resources that go along: `Task:focus`, or with the type that it leads to, `Task:focus:ServiceRequest`."""
        wanted = value.removesuffix(":ServiceRequest")
        if wanted not in INCLUDES[self._type][name]:
            self._unsupported(f"{name}={value}" if len(value) < _SHORT else name)
        elif wanted not in self._include:
            self._include.append(wanted)
            self._said.append((name, wanted))

    def _unsupported(self, name: str) -> None:
        if not self._lenient:
            raise unsupported(self._type, self._names)
        self._ignored.append(name if name.isascii() and len(name) < _SHORT else "?")

    def query(self) -> Query:
        """The search. Raises `BadRequest` 400."""
        given, type_ = self._given, self._type
        order = given.get(SORT)
        if order is not None and order not in _ORDERS:
            self._unsupported(SORT)
            order = None
        person = given.get(PERSONS[0])
        if person is not None and CURSOR in given:
            raise BadRequest(400, "a page that follows is named by its cursor only", "not-supported", type_)
        none = given.get(COUNT) == "0"
        narrowed = Narrowed(
            person=person,
            begin=self._span.begin,
            end=self._span.end,
            order=_ORDERS[order] if order is not None else "place",
            include=tuple(self._include),
            count_only=none or given.get(SUMMARY) == COUNT_ONLY,
        )
        self._said += [(name, given[name]) for name in (SUMMARY, ELEMENTS) if name in given]
        self._said += [(SORT, order)] if order is not None else []
        count = count_of(type_, None if none else given.get(COUNT))
        said, ignored = tuple(self._said), tuple(self._ignored)
        return Query(self._criteria, count, given.get(CURSOR), narrowed, shape_of(type_, given), said, ignored)


def condition_of(asked: Asked, type_: str, url: str) -> tuple[tuple[str, str], ...] | None:
    """Returns the criteria of a conditional create: of `If-None-Exist`, or of the address, where some clients put them.

    None without a condition. The header has the query alone, `Type?query`, or the same after our own address `url`.
    Raises `BadRequest` 400.
    """
    condition = asked.headers.get("if-none-exist")
    if condition is None:
        return tuple((name, value) for name, value in asked.in_url if name not in SAYS_NOTHING) or None
    query = condition.removeprefix(f"{url}/").removeprefix(type_).removeprefix("?")
    try:
        return tuple(parse_qsl(query, keep_blank_values=True, strict_parsing=True, max_num_fields=20))
    except ValueError:
        raise BadRequest(400, "is no query", "value", "If-None-Exist") from None


def unsupported(type_: str, names: Iterable[str]) -> BadRequest:
    """The refusal of a parameter that is not supported; `names` are those that are."""
    reason = f"a search parameter that is not supported; these are: {', '.join(names)}"
    return BadRequest(400, reason, "not-supported", type_)


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


def one_of(value: str, at: str) -> str:
    """Returns the only value of a criterion. Raises `BadRequest` 400 for several."""
    values = values_of(value, at)
    if len(values) > 1:
        raise BadRequest(400, "has several values, and is asked for one at a time", "not-supported", at)
    return values[0]


def _criterion(type_: str, name: str, value: str, url: str) -> str:
    """The value as the store knows it. Raises `BadRequest` 400 for one that could find nothing, whatever is there."""
    at, kind = f"{type_}.{name}", SEARCH_PARAMETERS[type_].get(name, "token")
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
    """A search as its answer shows it: the addresses of its pages, the shape of its resources, what was left out.

    `cursor` is that of the page that was asked for, None for the first.
    """

    @property
    def cursor(self) -> str | None:
        """The cursor of this page."""
        ...

    @property
    def shape(self) -> Shape:
        """The part of each resource that is shown."""
        ...

    @property
    def ignored(self) -> tuple[str, ...]:
        """The parameters that were left out, since the caller is lenient."""
        ...

    def url(self, base: str, cursor: str | None) -> str:
        """The address of a page, the first one for None."""
        ...


def searchset(url: str, type_: str, query: Links, page: Page) -> JsonObject:
    """Returns a searchset Bundle with a `next` link if there is more (http://hl7.org/fhir/R4/bundle.html#searchset)."""
    base = f"{url}/{type_}"
    modes = [*((one, "match") for one in page.found), *((one, "include") for one in page.included)]
    entries: list[JsonObject] = [
        {"fullUrl": f"{url}/{one.type}/{one.id}", "resource": query.shape.of(one.body), "search": {"mode": mode}}
        for one, mode in modes
    ]
    if query.ignored:
        told = [Problem(name, "not supported, and left out", "not-supported", "warning") for name in query.ignored]
        entries.append(outcome_entry(url, type_, outcome(told)))
    links = [{"relation": "self", "url": query.url(base, query.cursor)}]
    if page.after is not None:
        links.append({"relation": "next", "url": query.url(base, page.after)})
    bundle: JsonObject = {"resourceType": "Bundle", "type": "searchset"}
    bundle |= {} if page.total is None else {"total": page.total}
    return bundle | {"link": links} | ({"entry": entries} if entries else {})  # an empty list is no FHIR


def outcome_entry(url: str, type_: str, told: JsonObject) -> JsonObject:
    """Returns an entry of a searchset that tells something. Its address is the same each time, and says no more."""
    address = f"urn:uuid:{uuid5(NAMESPACE_URL, f'{url}/{type_}')}"
    return {"fullUrl": address, "resource": told, "search": {"mode": "outcome"}}
