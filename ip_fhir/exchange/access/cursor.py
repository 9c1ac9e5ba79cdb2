"""The cursor of a search: the place after which the next page begins, as text that others need not understand.

It names a place only; what is found is asked anew each time, by who asks. Its digest keeps it from being used, by
mistake, for another search or by another party.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, Final

import orjson

from ip_fhir.errors import InvalidInput
from ip_fhir.ports import SearchPlace
from ip_fhir.ports.resources import TimePlace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ip_fhir.ports.resources import SearchOrder

_DIGEST: Final = 12
_LONGEST: Final = 2_048


def write_cursor(
    place: SearchPlace | TimePlace, party: str, type_: str, criteria: Mapping[str, str], loop: str | None = None
) -> str:
    """The cursor of the page after `place`, for this party and this search. `loop` is the key of a loop found by it.

    >>> place = SearchPlace("referral", "r-1", "r-1-1")
    >>> read_cursor(write_cursor(place, "hospital", "Task", {}), "hospital", "Task", {}) == (place, None)
    True
    """
    return seal([list(place), loop], party, type_, criteria)


def read_cursor(
    text: str, party: str, type_: str, criteria: Mapping[str, str], order: SearchOrder = "place"
) -> tuple[SearchPlace | TimePlace, str | None]:
    """The place and the loop that a cursor names. Raises `InvalidInput` if it is not one of this party and search."""
    try:
        place, loop = unseal(text, party, type_, criteria)
        if order == "place":
            return SearchPlace(*place), loop
        updated, ident = place
        return TimePlace(datetime.fromisoformat(updated), ident), loop
    except (TypeError, ValueError):
        raise _foreign() from None


def seal(said: list[Any], party: str, type_: str, criteria: Mapping[str, str]) -> str:
    """JSON data as a cursor of this party and this search."""
    content = orjson.dumps(said)
    return urlsafe_b64encode(_digest(content, party, type_, criteria) + content).decode().rstrip("=")


def unseal(text: str, party: str, type_: str, criteria: Mapping[str, str]) -> list[Any]:
    """The data that `seal` made a cursor of. Raises `InvalidInput` if it is not one of this party and search."""
    try:
        content = urlsafe_b64decode(text[:_LONGEST].encode("ascii") + b"=" * (-len(text) % 4))
        digest, said = content[:_DIGEST], content[_DIGEST:]
        if len(text) <= _LONGEST and compare_digest(digest, _digest(said, party, type_, criteria)):
            found: list[Any] = orjson.loads(said)
            return found
    except ValueError:
        pass
    raise _foreign()


def _foreign() -> InvalidInput:
    reason = "is not the next page of this search: follow the link as it was given"
    return InvalidInput.at("_cursor", reason, "structure")


def _digest(said: bytes, party: str, type_: str, criteria: Mapping[str, str]) -> bytes:
    about = orjson.dumps([party, type_, sorted(criteria.items())])
    return sha256(about + b"\n" + said).digest()[:_DIGEST]
