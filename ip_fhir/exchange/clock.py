"""The source of time: the system's clock, or a file that holds a simulated time."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ip_fhir.errors import StoreError


class SystemClock:
    """The machine's clock, in UTC."""

    def now(self) -> datetime:
        """The present moment in UTC."""
        return datetime.now(UTC)


class FileClock:
    """Simulated time: an ISO 8601 instant with offset in a file, read anew at each call.

    To move the time, replace the file whole (`os.replace`), so that nobody reads half an instant. Several processes,
    also one that was restarted, then see the same time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def now(self) -> datetime:
        """The instant in the file. Raises `StoreError` when it holds none: without time nothing may be decided."""
        try:
            now = datetime.fromisoformat(self._path.read_text(encoding="ascii").strip())
        except (OSError, ValueError) as error:
            raise StoreError(f"the clock file {self._path.name} gives no time: {type(error).__name__}") from None
        if now.tzinfo is None:
            raise StoreError(f"the clock file {self._path.name} gives a time without offset")
        return now
