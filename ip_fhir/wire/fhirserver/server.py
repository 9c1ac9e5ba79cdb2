"""One FHIR server during one exchange: interactions performed in the time that is left, and searches page by page."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING, Final, TypeVar

from ip_fhir.errors import Rejected, Unavailable
from ip_fhir.fhir.rest.searches import next_page, search
from ip_fhir.wire.http.performer import host_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ip_fhir.fhir.rest.interaction import Interaction
    from ip_fhir.fhir.rest.searches import Page
    from ip_fhir.ports import JsonObject
    from ip_fhir.ports.http import Credentials
    from ip_fhir.wire.http import Http
    from ip_fhir.wire.tls import TlsFiles

T = TypeVar("T")

MOST_PAGES: Final = 200


@dataclass(frozen=True, slots=True)
class Server:
    """The server at `base`, until the moment `end` (monotonic seconds); each request may take `each` seconds."""

    http: Http
    base: str
    token: str | None = field(repr=False)
    end: float = inf
    each: float = inf
    credentials: Credentials | None = field(default=None, repr=False)
    tls: TlsFiles | None = None

    @property
    def host(self) -> str:
        """The host and port, for texts of errors."""
        return host_of(self.base)

    def perform(self, interaction: Interaction[T]) -> T:
        """Performs an interaction once. Raises `Rejected`, `Unavailable` or `Conflict`."""
        left = min(self.each, self.end - time.monotonic())
        if left <= 0:
            raise Unavailable(f"{self.host}: no answer in time")
        request = interaction.request(self.base)
        most = interaction.limits.max_bytes
        answer = self.http.perform(
            request, token=self.token, credentials=self.credentials, tls=self.tls, timeout=left, max_bytes=most
        )
        return interaction.result(answer, self.host)

    def pages(self, type_: str, criteria: Sequence[tuple[str, str]]) -> Iterator[list[JsonObject]]:
        """Yields the resources of a type that a search finds, page by page; `Rejected` for pages without end."""
        first = search(type_, criteria)
        # Some servers answer the same search from memory for a minute.
        page: Page = self.perform(replace(first, headers=(*first.headers, ("Cache-Control", "no-cache"))))
        seen: set[str] = set()
        for _ in range(MOST_PAGES):
            yield [found for found in page.resources if found["resourceType"] == type_]
            following = next_page(page, self.base, seen)
            if following is None:
                return
            seen.add(following.path)
            page = self.perform(following)
        raise Rejected(f"{self.host}: a search has more than {MOST_PAGES} pages")
