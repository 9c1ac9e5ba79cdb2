"""A FHIR R4 Bundle as read: its entries, and the resources in them. No meaning."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias
from uuid import NAMESPACE_URL, uuid5

from orjson import JSONEncodeError

from ip_fhir.errors import MOST_PROBLEMS, InvalidInput, Problem, more_problems
from ip_fhir.fhir.contents import aside
from ip_fhir.fhir.reading import write_json
from ip_fhir.fhir.summaries import refuse_summaries

UNKNOWN_RULES = "names rules that are unknown here, and without which nothing in it may be read"
"""The reason for refusing a resource with `implicitRules` (http://hl7.org/fhir/R4/resource.html#implicitRules)."""


Place: TypeAlias = "tuple[int, int | None]"
"""The place of a resource in a bundle: the number of the entry, and of the contained resource in it if it is one."""


@dataclass(slots=True)  # not frozen: each resource makes one, and a frozen one takes four times as long
class Entry:
    """One resource of a bundle: the number and fullUrl of its entry, and the resource.

    `method` is the entry's HTTP method, if it has one. A contained resource has the entry that contains it and its
    `index` there.
    """

    number: int
    full_url: str | None
    resource: dict[str, Any]
    method: str | None = None
    container: Entry | None = None
    index: int | None = None

    @property
    def place(self) -> Place:
        """The place of the resource in the bundle."""
        return self.number, self.index

    @property
    def at(self) -> str:
        """The FHIRPath of the resource."""
        if self.container is not None:
            return f"{self.container.at}.contained[{self.index}]"
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


class BundleContent:
    """The content of a Bundle: each part is worked out when it is first asked for, and once.

    Handed to everything that reads the same Bundle, it saves going through the entries again. `bundle` must not change
    meanwhile.
    """

    def __init__(self, bundle: Any) -> None:
        self.bundle = bundle

    @cached_property
    def entries(self) -> list[Entry]:
        """The entries that hold content. Raises `InvalidInput` as `entries_of`."""
        others = self.aside
        held = ((number, entry) for number, entry in enumerate(self._all) if number not in others)
        return [Entry(number, entry.get("fullUrl"), entry["resource"], _method(entry)) for number, entry in held]

    @cached_property
    def aside(self) -> dict[int, Problem]:
        """A warning for each entry that holds no content, by its number. Raises `InvalidInput` as `entries_of`."""
        entries = self._all
        return aside(self.bundle.get("type"), entries)

    @cached_property
    def _all(self) -> list[dict[str, Any]]:
        return _entries(self.bundle)


def content_of(bundle: Any) -> BundleContent:
    """Returns the content of a Bundle; where `bundle` is its content already, that itself."""
    return bundle if type(bundle) is BundleContent else BundleContent(bundle)


def content_of_transaction(bundle: Any) -> BundleContent:
    """Returns the content of a transaction, in which what is posted without a fullUrl has one all the same.

    A client may leave it out where no entry refers to the resource (http://hl7.org/fhir/R4/bundle.html#bdl-7). It is
    the URN that `posted_url` gives, and with another end for the same content a second time. `bundle` stays as it is.
    """
    if type(bundle) is BundleContent:
        return bundle
    entries = bundle.get("entry") if isinstance(bundle, dict) else None
    if not isinstance(entries, list) or not any(map(_is_posted_unnamed, entries)):
        return BundleContent(bundle)
    named = list(entries)
    urls = set()
    for number, entry in enumerate(entries):
        if _is_posted_unnamed(entry):
            with suppress(JSONEncodeError):  # what no JSON can hold keeps no name, and is told by its reader
                url = posted_url(entry["resource"])
                named[number] = {"fullUrl": url if url not in urls else f"{url}-{number}", **entry}
                urls.add(url)
    return BundleContent({**bundle, "entry": named})


def posted_url(resource: dict[str, Any]) -> str:
    """Returns the URN by which a posted resource goes that has no name: the same for the same content.

    Raises `orjson.JSONEncodeError` for what JSON cannot hold.

    >>> posted_url({"resourceType": "Patient"})
    'urn:uuid:5edaa21f-b91b-5cc7-8870-e9f13a82b210'
    """
    return f"urn:uuid:{uuid5(NAMESPACE_URL, write_json(resource).decode())}"


def _is_posted_unnamed(entry: Any) -> bool:
    """True for a resource that is posted with neither a fullUrl nor an id."""
    if not isinstance(entry, dict) or "fullUrl" in entry or not isinstance(entry.get("request"), dict):
        return False
    resource = entry.get("resource")
    if not isinstance(resource, dict) or "id" in resource or not isinstance(resource.get("resourceType"), str):
        return False
    return bool(entry["request"].get("method") == "POST")


def entries_of(bundle: Any) -> list[Entry]:
    """Returns the entries of a bundle that hold its content; `aside_of` gives the others.

    `bundle` is a Bundle or its `BundleContent`, here as in the functions below. Raises `InvalidInput` with the FHIRPath
    of each entry that is wrong in itself, and of each tag of a summary.
    """
    return content_of(bundle).entries


def aside_of(bundle: Any) -> dict[int, Problem]:
    """Returns a warning for each entry that holds no content, by its number. Raises `InvalidInput` as `entries_of`."""
    return content_of(bundle).aside


def refuse_aside(bundle: Any) -> None:
    """Raises `InvalidInput` if an entry holds no content, or is to be written only onto a certain version.

    For bundles that ask us to do something: a request that is left out would be answered as if it were done.
    """
    content = content_of(bundle)
    problems = [Problem(told.path, told.reason.removesuffix(": not read")) for told in content.aside.values()]
    for number, entry in enumerate(content.bundle.get("entry", ())):
        if "ifMatch" in entry.get("request", ()):
            reason = "asks for a certain version of the resource, and versions are not compared here"
            problems.append(Problem(f"Bundle.entry[{number}].request.ifMatch", reason))
    if problems:
        raise InvalidInput(replace(problem, code="not-supported") for problem in problems)


def _entries(bundle: Any) -> list[dict[str, Any]]:
    """The entries of a bundle as they stand. Raises `InvalidInput` for each that is wrong in itself."""
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise InvalidInput.at("Bundle", "is not a FHIR Bundle", "structure")
    if "implicitRules" in bundle:
        raise InvalidInput.at("Bundle.implicitRules", UNKNOWN_RULES, "not-supported")
    refuse_summaries(bundle)
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise InvalidInput.at("Bundle.entry", "is not a list", "structure")
    reasons = map(_why_not, entries)
    wrong = [(number, reason) for number, reason in enumerate(reasons) if reason is not None]
    if wrong:
        told = [Problem(f"Bundle.entry[{number}]", reason, "structure") for number, reason in wrong[:MOST_PROBLEMS]]
        more = len(wrong) - len(told)
        raise InvalidInput([*told, *([more_problems(more, "structure")] if more else [])])
    return entries


def _method(entry: dict[str, Any]) -> str | None:
    found = entry.get("request", {}).get("method")
    return found if isinstance(found, str) else None


def _why_not(entry: Any) -> str | None:
    if not isinstance(entry, dict):
        return "is not an object"
    resource, full_url = entry.get("resource"), entry.get("fullUrl")
    if not isinstance(entry.get("request", {}), dict):
        return "has a request that is not an object"
    if not isinstance(full_url, str | None):
        return "has a fullUrl that is not text"
    if "resource" not in entry and (entry.get("request") or entry.get("response")):
        return None
    if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
        return "has no resource with a resourceType"
    return "has a resource whose id is not text" if not isinstance(resource.get("id"), str | None) else None
