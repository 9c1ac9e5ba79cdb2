"""The recipients among our own people, as settings name them: who is told of which reasons, in which way, and when."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from ip_fhir.domain.values.hours import ALWAYS, Hours
from ip_fhir.errors import InvalidInput, IpFhirError, PeerError, StoreError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from ip_fhir.domain.effects import Reason
    from ip_fhir.exchange.telling.entry import Entry

TellingWay: TypeAlias = Literal["command", "e-mail", "webhook"]
"""The ways in which people are told."""


class Channel(Protocol):
    """A way to one recipient. Threads may share it."""

    def tell(self, entries: Sequence[Entry], at: datetime) -> None:
        """Tell of the entries together, at a time in UTC; returns when the recipient has them.

        Raises `Rejected` (no for good) or `Unavailable` (to be tried again), nothing else. The same entries may come
        again, after a crash: the recipient knows them by their ids.
        """
        ...


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient. `name` is that of the table in the settings, `key` is of this recipient alone.

    It is told of all `reasons`, if that is empty.
    """

    name: str
    key: str
    channel: Channel = field(repr=False)
    reasons: frozenset[Reason] = frozenset()
    hours: Hours = ALWAYS
    way: TellingWay = "command"

    def tell(self, entries: Sequence[Entry], at: datetime) -> None:
        """Tell of the entries together, at a time in UTC, whatever the hour is.

        Raises `Rejected` or `Unavailable`, as whatever else a channel raises becomes; and `StoreError`.
        """
        try:
            self.channel.tell(entries, at)
        except (PeerError, StoreError):
            raise
        except Exception as error:
            said = str(error) if isinstance(error, IpFhirError) else type(error).__name__
            raise Unavailable(f"could not be told: {said}") from error


class Recipients:
    """All recipients of one side."""

    def __init__(self, recipients: Iterable[Recipient] = ()) -> None:
        self._by_key = {one.key: one for one in recipients}

    def __iter__(self) -> Iterator[Recipient]:
        """In the order of the settings."""
        return iter(self._by_key.values())

    def with_key(self, key: str) -> Recipient | None:
        """The recipient with this key; None if settings have none (any longer)."""
        return self._by_key.get(key)

    def of(self, reason: Reason | None) -> list[Recipient]:
        """The recipients that are told of a reason."""
        return [one for one in self if not one.reasons or reason in one.reasons]

    def named(self, name: str) -> list[Recipient]:
        """The recipients of this name, several addresses of e-mail. Raises `InvalidInput` (not-found)."""
        found = [one for one in self if one.name == name]
        if not found:
            raise InvalidInput.at("told", f"no recipient in the settings has the name {name}", "not-found")
        return found

    def replayable(self, name: str) -> Recipient:
        """The webhook of this name. Raises `InvalidInput` (not-found; not-supported: it is no webhook)."""
        found = self.named(name)[0]
        if found.way != "webhook":
            raise InvalidInput.at("told", f"{name} is no webhook: `outbox retry` repeats a single row", "not-supported")
        return found
