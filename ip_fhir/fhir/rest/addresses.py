"""Addresses that a server names: of a resource, of a page, in a reference. Only its own host is ever asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ip_fhir.errors import Rejected

if TYPE_CHECKING:
    from collections.abc import Iterable
    from urllib.parse import SplitResult

_TAIL = re.compile(r"(?:.*/)?([A-Z][A-Za-z]{1,40})/([A-Za-z0-9.-]{1,64})(?:/_history/([^/?#\s]{1,64}))?")
_RELATIVE = re.compile(r"([A-Z][A-Za-z]{1,40})/([A-Za-z0-9.-]{1,64})(?:/_history/[^/?#\s]{1,64})?")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Location:
    """The type, id and version that an address names."""

    type: str
    id: str
    version: str | None = None


def location_of(address: object) -> Location | None:
    """Returns what a `Location` names, relative or absolute; None if it names no resource. Nothing is asked there.

    >>> location_of("http://host/fhir/Goal/7/_history/2")
    Location(type='Goal', id='7', version='2')
    """
    found = _TAIL.fullmatch(address) if isinstance(address, str) else None
    return Location(found[1], found[2], found[3]) if found is not None else None


def referred(reference: str, base: str) -> Location | None:
    """Returns the resource of the server at `base` that a reference means; None for any that is not its own.

    >>> referred("https://ehr.example/fhir/Goal/7", "https://ehr.example/fhir")
    Location(type='Goal', id='7', version=None)
    >>> referred("https://elsewhere.example/fhir/Goal/7", "https://ehr.example/fhir")
    """
    own = f"{base.rstrip('/')}/"
    found = _RELATIVE.fullmatch(reference.removeprefix(own))
    return Location(found[1], found[2]) if found is not None else None


def next_link(links: object) -> str | None:
    """Returns the address of the next page in the links of a bundle, None on the last."""
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("relation") == "next" and isinstance(link.get("url"), str):
            return str(link["url"])
    return None


def own_page(link: str, base: str, seen: Iterable[str] = ()) -> str:
    """Returns the absolute address of a next page of the server at `base`.

    Raises `Rejected` if it is on another host, which may be inside our own network, or if it is one of those `seen`.
    """
    host = urlsplit(base).netloc.rpartition("@")[2]
    address = link if "://" in link else f"{base.rstrip('/')}/{link.lstrip('/')}"
    if _origin(urlsplit(address)) != _origin(urlsplit(base)):
        raise Rejected(f"{host}: its next page is on another host, which is not asked")
    if address in seen:
        raise Rejected(f"{host}: its pages lead back to one that was read")
    return address


def _origin(parts: SplitResult) -> tuple[object, ...]:
    try:
        return parts.scheme, parts.username, (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme)
    except ValueError:  # a port that is no number
        return (None,)
