"""Pages of long lists: each names where the next one begins, as text that nobody needs to understand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.access.cursor import seal, unseal
from ip_fhir.web.requests import BadRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ip_fhir.web.own.doors import Asked

T = TypeVar("T")


def place_of(asked: Asked) -> list[Any] | None:
    """Returns the place after which a page begins; None for the first one. Raises `BadRequest` 400."""
    if asked.query["cursor"] is None:
        return None
    try:
        return unseal(asked.query["cursor"], asked.program, asked.door, _criteria(asked))
    except InvalidInput:
        reason = "is not the next page of this list: ask with `next` as it was given, and the same parameters"
        raise BadRequest(400, reason, "structure", "cursor") from None


def next_page(asked: Asked, found: Sequence[T], place: Callable[[T], list[Any]]) -> tuple[Sequence[T], str | None]:
    """Returns the page of what was found, which is one more than fits on it if there is more, and its `next`."""
    most = asked.query["limit"]
    page = found[:most]
    if len(found) <= most:
        return page, None
    return page, seal(place(page[-1]), asked.program, asked.door, _criteria(asked))


def _criteria(asked: Asked) -> dict[str, str]:
    """Returns what the list was asked for: ids and parameters, but for place and size of the page."""
    told = {name: str(value) for name, value in asked.query.items() if name not in {"cursor", "limit"}}
    return told | {f"path:{name}": ident for name, ident in asked.path.items()}
