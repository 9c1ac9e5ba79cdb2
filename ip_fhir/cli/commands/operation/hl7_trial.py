"""A receiver that stands in for the exchange while a line is tried: it reads, keeps files, and stores nothing."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from ip_fhir.cli.output import say
from ip_fhir.errors import InvalidInput, StoreError
from ip_fhir.exchange.formats import Answer, Formats, Telling
from ip_fhir.exchange.formats.registry import NO_LINES
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.ports import Receipt

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ip_fhir.mapping import Mapper
    from ip_fhir.ports import WireFormat


class Trial:
    """Says what comes in, a line each, and answers it. Threads may share it; `answered` counts messages and receipts.

    Without a folder no message is acknowledged as stored. `lines` are the settings of peers and carriers, each by name.
    """

    def __init__(self, mapper: Mapper, folder: Path | None, lines: Mapping[str, Mapping[WireFormat, object]]) -> None:
        self._mapper = mapper
        self._folder = folder
        self._lines = lines
        self._formats = Formats()
        self._turn = threading.Lock()
        self.answered = 0

    def receive(self, content: bytes, peer: str, format_name: str) -> bytes:
        """Read a message, keep it, and acknowledge it. Raises `InvalidInput` or, if it cannot be kept, `StoreError`."""
        try:
            incoming = self._formats.spoken(format_name, self._lines.get(peer, NO_LINES)).open(content, DEFAULT_LIMITS)
            message = incoming.message(self._mapper)
        except InvalidInput as error:
            self._count(f"{peer}: refused, {len(content)} bytes: {error}")
            raise
        if self._folder is None:
            self._count(f"{peer}: {message.kind}, {len(content)} bytes: read, and not kept")
            raise InvalidInput.at("", "this is a trial: nothing is stored", "business-rule")
        kept = self._keep(self._folder, content)
        self._count(f"{peer}: {message.kind}, {len(content)} bytes: kept as {kept}")
        warnings = incoming.warnings(message, self._mapper) if isinstance(incoming, Telling) else ()
        answer = Answer(Receipt(message.id, "ok"), (), datetime.now(UTC), "", warnings)
        return incoming.reply(answer)

    def line_of(self, peer: str, format_name: str, number: str = "") -> object | None:  # noqa: ARG002 - one line each
        """Return the settings of a peer's line; None where nothing is set."""
        return self._lines.get(peer, NO_LINES).get(format_name)

    def receive_receipt(self, receipt: Receipt, peer: str) -> str:
        """Say that an acknowledgement came in."""
        said = "; ".join([receipt.code, *map(str, receipt.problems)])
        self._count(f"{peer}: acknowledgement of a message of ours: {said}")
        return "settled"

    def refuse(self, content: bytes, peer: str, error: InvalidInput) -> None:
        """Say that something came that is no message."""
        self._count(f"{peer}: refused, {len(content)} bytes: {error}")

    def say(self, line: str) -> None:
        """Write a line."""
        with self._turn:
            say(line)

    def _count(self, line: str) -> None:
        with self._turn:
            say(line)
            self.answered += 1

    def _keep(self, folder: Path, content: bytes) -> str:
        """Write a file that its owner alone may read, through to the disk. Returns its name: that of the content."""
        name = f"{sha256(content).hexdigest()[:16]}.hl7"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with open(folder / name, "wb", opener=_owners) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            message = f"{folder}: {error.strerror}"
            raise StoreError(message) from None
        return name


def _owners(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
