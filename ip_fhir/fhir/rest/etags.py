"""Versions of resources in ETags, which servers write with and without the mark of a weak one.

http://hl7.org/fhir/R4/http.html#versioning has `W/"2"`; some servers answer `"2"`, or in a bundle a bare `2`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ip_fhir.ports import JsonObject

_ETAG = re.compile(r'(?:W/)?"([^"]+)"|([^"\s]+)')


def version_of(etag: object) -> str | None:
    """Returns the version that an ETag names, None if it names none.

    >>> version_of('W/"2"'), version_of('"2"'), version_of("2"), version_of('W/"'), version_of(None)
    ('2', '2', '2', None, None)
    """
    found = _ETAG.fullmatch(etag.strip()) if isinstance(etag, str) else None
    return (found[1] or found[2]) if found is not None else None


def etag_of(version: str) -> str:
    """Returns the ETag of a version, for If-Match.

    >>> etag_of("2")
    'W/"2"'
    """
    return f'W/"{version}"'


def version_in(resource: JsonObject) -> str | None:
    """Returns `meta.versionId` of a resource, None if it has none."""
    meta = resource.get("meta")
    found = meta.get("versionId") if isinstance(meta, dict) else None
    return found if isinstance(found, str) and found else None
