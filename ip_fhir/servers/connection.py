"""Interactions performed with one server: again after a while where that helps, and page by page to the last."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urlsplit

from ip_fhir.errors import InvalidInput, PeerError, Rejected, Unavailable
from ip_fhir.fhir.rest.repeats import NextStep, next_step
from ip_fhir.fhir.rest.searches import next_page
from ip_fhir.ports.hosts import is_loopback
from ip_fhir.wire.backoff import seconds_until_next
from ip_fhir.wire.http import Http
from ip_fhir.wire.http.performer import host_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.fhir.rest.interaction import Interaction
    from ip_fhir.fhir.rest.searches import Page
    from ip_fhir.ports import JsonObject
    from ip_fhir.ports.http import Credentials
    from ip_fhir.wire.tls import TlsFiles

T = TypeVar("T")

MOST_PAGES: Final = 50


@dataclass(frozen=True, slots=True)
class Patience:
    """The attempts for one interaction, and the seconds between them: doubled from `first`, at most `cap`.

    A server that asks for a longer wait than `longest` is not waited for: the error says how long it asked for.
    """

    attempts: int = 4
    first: float = 0.5
    cap: float = 10.0
    longest: float = 30.0


@dataclass(frozen=True)
class Connection:
    """One server: its base address, our bearer token or credentials, and the seconds within which an exchange must end.

    `requests` counts those that were sent. Raises `InvalidInput` for an address that is not https, but for this machine
    or with `plain_http`.
    """

    base: str
    token: str | None = field(default=None, repr=False)
    timeout: float = 30.0
    plain_http: bool = False
    patience: Patience = field(default_factory=Patience)
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    jitter: Callable[[], float] = field(default=random.SystemRandom().random, repr=False)
    http: Http = field(default_factory=Http, repr=False)
    count: list[int] = field(default_factory=lambda: [0], repr=False)
    credentials: Credentials | None = field(default=None, repr=False)
    tls: TlsFiles | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        address = urlsplit(self.base)
        if address.scheme not in {"http", "https"} or not address.hostname or address.query or address.fragment:
            raise InvalidInput.at("base", "is no address of a FHIR server: https://host/path")
        if address.scheme == "http" and not self.plain_http and not is_loopback(address.hostname):
            reason = "http carries a person's affairs in the clear: use https, or plain_http where a tunnel encrypts"
            raise InvalidInput.at("base", reason)

    @property
    def host(self) -> str:
        """The host and port, for texts of errors."""
        return host_of(self.base)

    @property
    def shows_a_token(self) -> bool:
        """True if we say who we are: by a token of our own, or one of an authorisation server."""
        return bool(self.token) or self.credentials is not None

    @property
    def requests(self) -> int:
        """The number of requests that were sent."""
        return self.count[0]

    def perform(self, interaction: Interaction[T]) -> T:
        """Performs an interaction and returns its result; again after a while, where nothing can have happened twice.

        Raises `Rejected`, `Conflict`, or `Unavailable`: attempts are used up, or (`in_doubt`) it must be looked up.
        """
        for attempt in range(1, self.patience.attempts + 1):
            try:
                return self.once(interaction)
            except PeerError as error:
                if next_step(interaction, error) is not NextStep.AGAIN or attempt == self.patience.attempts:
                    raise
                self.wait(error, attempt)
        raise AssertionError  # the last attempt returns or raises

    def once(self, interaction: Interaction[T]) -> T:
        """Performs an interaction once. Raises `Rejected`, `Unavailable` or `Conflict`."""
        self.count[0] += 1
        answer = self.http.perform(
            interaction.request(self.base),
            token=self.token,
            credentials=self.credentials,
            tls=self.tls,
            timeout=self.timeout,
            max_bytes=interaction.limits.max_bytes,
        )
        return interaction.result(answer, self.host)

    def wait(self, error: PeerError, attempt: int) -> None:
        """Waits before the next attempt. Raises the error if the server asks for a longer wait than we have."""
        asked = error.retry_after if isinstance(error, Unavailable) else None
        if asked is not None and asked > self.patience.longest:
            raise error
        first, cap = self.patience.first, self.patience.cap
        self.sleep(seconds_until_next(error, attempt, first=first, cap=cap, jitter=self.jitter))

    def all_pages(self, first: Page) -> list[JsonObject]:
        """Returns the resources of a page and of all that follow. Raises `Rejected` for pages without end."""
        found, page, seen = list(first.resources), first, set[str]()
        for _ in range(MOST_PAGES):
            following = next_page(page, self.base, seen)
            if following is None:
                return found
            seen.add(following.path)
            page = self.perform(following)
            found += page.resources
        raise Rejected(f"{self.host}: a search has more than {MOST_PAGES} pages")

    def close(self) -> None:
        """Closes this thread's connections."""
        self.http.close()
