"""The entries of a Bundle that hold its content, and the reason for each entry that does not.

A transaction may delete or ask (http://hl7.org/fhir/R4/http.html#transaction), a history has each resource several
times (http://hl7.org/fhir/R4/http.html#history), a response has answers, a searchset may have an OperationOutcome.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from ip_fhir.errors import InvalidInput, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

_WRITING = ("PUT", "POST")
_REQUESTS = {
    "DELETE": "is deleted by its request",
    "GET": "has a request that only asks",
    "HEAD": "has a request that only asks",
}
_OUTCOME = "OperationOutcome"
NO_NAME = "has neither a fullUrl nor a resource id"
"""The reason for leaving out a resource that no reference can mean."""


def aside(kind: Any, entries: list[Any]) -> dict[int, Problem]:
    """Returns a warning for each entry that holds no content, by its number. `kind` is the Bundle's type.

    Entries that are wrong in themselves are left to the caller. Raises `InvalidInput` where a resource is both written
    and deleted, and where the latest of several versions cannot be told.
    """
    found = {n: problem for n, entry in enumerate(entries) if (problem := _no_content(n, entry)) is not None}
    if kind == "history":
        return _superseded(entries, found) | found
    if found:
        _refuse_written_and_deleted(entries, found)
    return found


def notes(bundle: dict[str, Any]) -> Iterator[Problem]:
    """Yields a warning for each thing that a Bundle says about itself or its entries, and that is no part of a plan.

    That is: what a server says in an OperationOutcome (the place of its text only), a request for another version than
    the resource has, and a search that goes on with another page.
    """
    for number, link in _objects(bundle.get("link")):
        if link.get("relation") == "next":
            yield _warning(f"Bundle.link[{number}]", "says that the search goes on with another page: not read")
    for number, entry in _objects(bundle.get("entry")):
        at = f"Bundle.entry[{number}]"
        response = entry.get("response")
        yield from _said(f"{at}.resource", entry.get("resource"))
        yield from _said(f"{at}.response.outcome", response.get("outcome") if type(response) is dict else None)
        if _is_stale(entry):
            yield _warning(f"{at}.request.ifMatch", "asks for another version than the resource says it is")


def is_outcome(resource: Any) -> bool:
    """True if the resource is an OperationOutcome, which says something about an answer and is no part of it."""
    return type(resource) is dict and resource.get("resourceType") == _OUTCOME


def _no_content(number: int, entry: Any) -> Problem | None:
    if type(entry) is not dict:
        return None
    at = f"Bundle.entry[{number}]"
    request, resource = entry.get("request"), entry.get("resource")
    method = request.get("method") if type(request) is dict else None
    if method is not None and method not in _WRITING:
        reason = _REQUESTS.get(method) if type(method) is str else None
        return _warning(f"{at}.request", f"{reason or 'has a request that is neither PUT nor POST'}: not read")
    if "resource" not in entry and (type(request) is dict or type(entry.get("response")) is dict):
        return _warning(at, "has no resource: not read")
    if type(resource) is dict and not resource.get("id") and not entry.get("fullUrl"):
        return _warning(f"{at}.resource", f"{NO_NAME}: not read")
    return None


def _refuse_written_and_deleted(entries: list[Any], found: dict[int, Problem]) -> None:
    """Raise `InvalidInput` for each deletion of a resource that another entry holds: its place in time is not known."""
    held = {_named(entry) for n, entry in enumerate(entries) if n not in found and type(entry) is dict} - {None}
    problems = [
        Problem(f"Bundle.entry[{n}].request", "deletes a resource that another entry holds", "multiple-matches")
        for n in found
        if _deletes(entries[n]) and _named(entries[n]) in held
    ]
    if problems:
        raise InvalidInput(problems)


def _superseded(entries: list[Any], found: dict[int, Problem]) -> dict[int, Problem]:
    """Return a warning for each version of a resource in a history that is not its latest one."""
    versions: dict[str, list[int]] = {}
    for number, entry in enumerate(entries):
        name = _named(entry) if type(entry) is dict and (number not in found or _deletes(entry)) else None
        if name is not None:
            versions.setdefault(name, []).append(number)
    older: dict[int, Problem] = {}
    for numbers in versions.values():
        latest = _latest(numbers, entries)
        reason = "was deleted later" if _deletes(entries[latest]) else "is an older version"
        for number in numbers:
            if number != latest:
                older[number] = _warning(f"Bundle.entry[{number}]", f"{reason}, as entry {latest} says: not read")
    return older


def _latest(numbers: list[int], entries: list[Any]) -> int:
    """The entry with the latest version: by the times that are given, else by the order, which is latest first.

    Raises `InvalidInput` if the times contradict the order, and not every version has one.
    """
    times = [_changed(entries[number]) for number in numbers]
    known = [time for time in times if time is not None]
    if len(known) == len(times) and known.count(max(known)) == 1:
        return numbers[known.index(max(known))]
    if known != sorted(known, reverse=True):
        reason = "is a version of a resource of which the latest cannot be told: times and order contradict each other"
        raise InvalidInput([Problem(f"Bundle.entry[{number}]", reason, "multiple-matches") for number in numbers])
    return numbers[0]


def _changed(entry: dict[str, Any]) -> datetime | None:
    """The moment of a version: `meta.lastUpdated`, or `lastModified` of the response; None without a valid one."""
    resource, response = entry.get("resource"), entry.get("response")
    meta = resource.get("meta") if type(resource) is dict else None
    said = [meta.get("lastUpdated") if type(meta) is dict else None]
    said.append(response.get("lastModified") if type(response) is dict else None)
    for text in said:
        try:
            moment = datetime.fromisoformat(text) if type(text) is str else None
        except ValueError:
            continue
        if moment is not None and moment.tzinfo is not None:
            return moment
    return None


def _named(entry: dict[str, Any]) -> str | None:
    """`Type/id` of the resource that an entry holds or deletes, or its URN; None if it says neither."""
    resource, request, full_url = entry.get("resource"), entry.get("request"), entry.get("fullUrl")
    if type(resource) is dict and type(resource.get("id")) is str:
        return f"{resource.get('resourceType')}/{resource['id']}"
    url = request.get("url") if _deletes(entry) and type(request) is dict else None
    for text in (url, full_url):
        if type(text) is str and text.startswith("urn:"):
            return text
        steps = text.partition("/_history/")[0].split("/") if type(text) is str and "?" not in text else []
        if len(steps) > 1:
            return "/".join(steps[-2:])
    return None


def _deletes(entry: dict[str, Any]) -> bool:
    request = entry.get("request")
    return type(request) is dict and request.get("method") == "DELETE"


def _is_stale(entry: dict[str, Any]) -> bool:
    request, resource = entry.get("request"), entry.get("resource")
    asked = request.get("ifMatch") if type(request) is dict else None
    meta = resource.get("meta") if type(resource) is dict else None
    version = meta.get("versionId") if type(meta) is dict else None
    return type(asked) is str and type(version) is str and asked.removeprefix("W/").strip('"') != version


def _said(at: str, resource: Any) -> Iterator[Problem]:
    """Yield a warning for each issue of an OperationOutcome, at the place of its text."""
    if not is_outcome(resource):
        return
    issues = list(_objects(resource.get("issue")))
    for number, issue in issues:
        details = issue.get("details")
        if type(details) is dict and "text" in details:
            text = ".details.text"
        else:
            text = ".diagnostics" if "diagnostics" in issue else ""
        severity = issue.get("severity")
        grave = " that something is wrong" if severity in ("error", "fatal") else " something about the answer"
        yield _warning(f"{at}.issue[{number}]{text}", f"says{grave}: not read")
    if not issues:
        yield _warning(at, "says something about the answer: not read")


def _objects(node: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    return ((n, item) for n, item in enumerate(node if type(node) is list else ()) if type(item) is dict)


def _warning(at: str, reason: str) -> Problem:
    return Problem(at, reason, "informational", "warning")
