"""A webhook: each event is posted as JSON, signed as Standard Webhooks has it (https://www.standardwebhooks.com).

The signature is HMAC-SHA256 over id, time and body: whoever has the key can tell that the event is ours, that nothing
in it was changed, and that nobody sends an old one again. The id is the same at each attempt.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from ip_fhir.errors import Rejected, Unavailable
from ip_fhir.exchange.telling.entry import JSON
from ip_fhir.ports.http import HttpRequest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ip_fhir.exchange.telling.entry import Entry
    from ip_fhir.wire.http import Http

_MOST_BYTES: Final = 10_000  # of an answer, which is not read
_REFUSED: Final = (400, 413, 415, 422)
"""Answers that refuse this event, and would refuse it again; after all others it is tried again."""


class Webhook:
    """One receiver: its address, and the keys with which events are signed; two while one is being replaced."""

    def __init__(self, url: str, keys: Sequence[bytes], timeout: float) -> None:
        self._url, self._keys, self._timeout = url, tuple(keys), timeout

    @cached_property
    def _http(self) -> Http:
        from ip_fhir.wire.http import Http  # a side without webhooks needs no HTTP client

        return Http()

    def tell(self, entries: Sequence[Entry], at: datetime) -> None:
        """Post each event. Raises `Rejected` or `Unavailable` unless the answer is 2xx; a redirect is not followed."""
        for entry in entries:
            headers = {"Content-Type": JSON, **signature(self._keys, entry.row.id, at, entry.event)}
            request = HttpRequest("POST", self._url, headers, entry.event)
            answer = self._http.perform(request, timeout=self._timeout, max_bytes=_MOST_BYTES)
            said = f"HTTP {answer.status}"
            if answer.status in _REFUSED:
                raise Rejected(said, status=answer.status)
            if not 200 <= answer.status < 300:
                said += ", which is not followed" if 300 <= answer.status < 400 else ""
                raise Unavailable(said, answer.retry_after)


def signature(keys: Sequence[bytes], ident: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers of an event with this id that is sent at a time: id, time, and a signature by each key."""
    seconds = str(int(at.timestamp()))
    signed = b".".join((ident.encode(), seconds.encode(), body))
    marks = (b64encode(hmac.digest(key, signed, sha256)).decode() for key in keys)
    return {
        "webhook-id": ident,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(f"v1,{mark}" for mark in marks),
    }
