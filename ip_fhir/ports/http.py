"""Plain values of HTTP: a request and its answer, made and read without a connection."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request. `url` is absolute; `repr` shows neither it nor the body, since both may hold a person's data."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One answer. `headers` are by their names in small letters."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes = field(default=b"", repr=False)

    @property
    def retry_after(self) -> float | None:
        """Retry-After in seconds from now, or None if it is neither seconds nor a date (RFC 9110 section 10.2.3).

        A date is counted from the answer's own `Date`, so that neither machine's clock needs to be right.
        """
        wait = self.headers.get("retry-after", "").strip()
        if re.fullmatch(r"[0-9]{1,6}", wait):
            return float(wait)
        try:
            until, since = (parsedate_to_datetime(self.headers.get(key, "")) for key in ("retry-after", "date"))
            return max(0.0, (until - since).total_seconds())
        except (ValueError, TypeError):  # TypeError: one of the two has no time zone
            return None


class Credentials(Protocol):
    """Our word to a server about who we are, for all threads: made anew for each request."""

    def headers(self, request: HttpRequest, timeout: float) -> Mapping[str, str]:
        """The headers of a request that say who we are, within so many seconds. Raises `Unavailable` for none."""
        ...

    def refused(self, request: HttpRequest, headers: Mapping[str, str], answer: HttpAnswer) -> bool:
        """True if the request was refused for these headers alone, and may succeed with new ones."""
        ...
