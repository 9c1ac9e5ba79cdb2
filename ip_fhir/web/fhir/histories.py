"""The history of a resource: its parameters, and the Bundle of its versions (http://hl7.org/fhir/R4/http.html#history)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from ip_fhir.errors import InvalidInput
from ip_fhir.web.fhir.dates import span_of
from ip_fhir.web.requests import BadRequest
from ip_fhir.web.searching import COUNT, CURSOR, SAYS_NOTHING, count_of, unsupported

if TYPE_CHECKING:
    from datetime import datetime

    from ip_fhir.exchange.interactions.versions import Versions
    from ip_fhir.ports import JsonObject, ResourceVersion
    from ip_fhir.web.fhir.asked import Asked

_SINCE = "_since"
_DIGITS = 9


def version_number(type_: str, text: str) -> int:
    """Returns the number of a version in an address. Raises `InvalidInput` (not-found) for what is none."""
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS):
        raise InvalidInput.at(type_, "no version with this number", "not-found")
    return int(text)


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """A history as it was asked for: versions of a page at most, the number they are lower than, and since when."""

    count: int
    before: int | None
    since: datetime | None
    said: tuple[tuple[str, str], ...]

    def url(self, base: str, before: int | None) -> str:
        """The address of a page of this history, the first one for None."""
        cursor = [] if before is None else [(CURSOR, str(before))]
        return f"{base}?{urlencode([*self.said, (COUNT, str(self.count)), *cursor])}"


def history_query(type_: str, asked: Asked, kept: tuple[str, ...] = ()) -> HistoryQuery:
    """Returns the history that is asked for; `kept` are further parameters that stay in links. Raises `BadRequest`."""
    given: dict[str, str] = {}
    for name, value in asked.in_url:
        if name in SAYS_NOTHING:
            continue
        if name not in (COUNT, CURSOR, _SINCE, *kept):
            if not asked.is_lenient:
                raise unsupported(type_, (COUNT, _SINCE, *kept))
        elif name in given:
            raise BadRequest(400, "is given twice", "value", f"{type_}.{name}")
        else:
            given[name] = value
    before, since = given.get(CURSOR), given.get(_SINCE)
    if before is not None and not (before.isascii() and before.isdecimal() and len(before) <= _DIGITS):
        raise BadRequest(400, "follow the link as it was given", "structure", f"{type_}.{CURSOR}")
    if since is not None and not since[:1].isdigit():
        raise BadRequest(400, "is an instant", "value", f"{type_}.{_SINCE}")
    begin = span_of(since, f"{type_}.{_SINCE}").begin if since is not None else None
    said = tuple((name, given[name]) for name in (_SINCE, *kept) if name in given)
    count = count_of(type_, given.get(COUNT))
    return HistoryQuery(count, None if before is None else int(before), begin, said)


def history_bundle(url: str, path: str, query: HistoryQuery, versions: Versions) -> JsonObject:
    """Returns the history Bundle of a page, latest version first; with a `next` link if there are earlier ones."""
    base = f"{url}/{path}"
    links = [{"relation": "self", "url": query.url(f"{base}/_history", query.before)}]
    if versions.before is not None:
        links.append({"relation": "next", "url": query.url(f"{base}/_history", versions.before)})
    bundle: JsonObject = {"resourceType": "Bundle", "type": "history"}
    bundle |= {} if versions.total is None else {"total": versions.total}
    entries = [_entry(base, path, one) for one in versions.found]
    return bundle | {"link": links} | ({"entry": entries} if entries else {})


def _entry(base: str, path: str, one: ResourceVersion) -> JsonObject:
    first = one.version == 1
    return {
        "fullUrl": base,
        "resource": one.body,
        "request": {"method": "PUT", "url": path},
        "response": {
            "status": "201 Created" if first else "200 OK",
            "etag": f'W/"{one.version}"',
            "lastModified": one.updated.isoformat(timespec="milliseconds"),
        },
    }
