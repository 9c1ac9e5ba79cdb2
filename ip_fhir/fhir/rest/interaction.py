"""One interaction with a FHIR server: its request, what repeating it would do, and how its answer is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import quote, urlencode

from ip_fhir.fhir.reading import DEFAULT_LIMITS, FHIR_JSON, Limits, write_json
from ip_fhir.fhir.rest.answers import Answered
from ip_fhir.ports.http import HttpRequest

if TYPE_CHECKING:
    from ip_fhir.ports import JsonObject
    from ip_fhir.ports.http import HttpAnswer

T_co = TypeVar("T_co", covariant=True)

FORM = "application/x-www-form-urlencoded"


class Repeat(StrEnum):
    """The effect of performing an interaction again, after it is not known if it took effect."""

    SAFE = "safe"  # it only reads, or has the same effect as once
    LOOK_UP = "look-up"  # it may do twice what was asked for once: look first


@dataclass(frozen=True)
class Interaction(Generic[T_co]):
    """One interaction. `path` is below the server's base; absolute only for a page that the server itself named.

    `read` makes the result of an answer, or raises one of the three errors of a peer.
    """

    name: str
    method: str
    path: str = field(repr=False)
    read: Callable[[Answered], T_co] = field(repr=False)
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)
    repeat: Repeat = Repeat.SAFE
    writes: bool = False
    limits: Limits = field(default=DEFAULT_LIMITS, repr=False)

    def request(self, base: str) -> HttpRequest:
        """Returns the request to the server whose base is `base`, with or without a slash at its end.

        No kept answer is asked for: servers and proxies may hold one of a minute ago, without a consent given since.
        """
        address = self.path if "://" in self.path else f"{base.rstrip('/')}/{self.path}".rstrip("/")
        query = f"?{urlencode(self.query)}" if self.query else ""
        headers = {"Accept": FHIR_JSON, "Cache-Control": "no-cache", **dict(self.headers)}
        return HttpRequest(self.method, f"{address}{query}", headers, self.body)

    def result(self, answer: HttpAnswer, host: str) -> T_co:
        """Reads the answer of `host`. Raises `Rejected`, `Unavailable` or `Conflict`."""
        return self.read(Answered(host, answer, self.writes, self.limits))


def json_body(resource: JsonObject | list[Any], media_type: str = FHIR_JSON) -> dict[str, Any]:
    """Returns the body and its header, as keyword arguments of an `Interaction`."""
    return {"body": write_json(resource), "headers": (("Content-Type", media_type),)}  # type: ignore[arg-type]


def path_of(*steps: str) -> str:
    """Returns a path of steps, each written so that it is one step.

    >>> path_of("Goal", "a/b", "_history")
    'Goal/a%2Fb/_history'
    """
    return "/".join(quote(step, safe="$-._~") for step in steps)
