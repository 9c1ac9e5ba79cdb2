"""A message is read and mapped before the transaction that takes it in: while one is open, every other writer waits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ip_fhir.domain.referral import EventKind
from ip_fhir.exchange.formats import Formats, Incoming
from ip_fhir.exchange.formats.fhir_bundles import FhirMessage
from ip_fhir.fhir.reading import Limits
from tests.support.two_sides import Breakable, Loop, make_loop, notice


class Watched(FhirMessage):
    """FHIR messages, with a note of what is asked of each while a transaction is open."""

    def __init__(self) -> None:
        self.open_transactions = 0
        self.asked: list[tuple[str, bool]] = []

    def open(self, content: bytes, limits: Limits) -> Any:
        """The message, watched."""
        return _Watching(super().open(content, limits), self)


class _Watching:
    def __init__(self, incoming: Incoming, by: Watched) -> None:
        self._incoming, self._by = incoming, by

    def __getattr__(self, name: str) -> Any:
        self._by.asked.append((name, self._by.open_transactions > 0))
        return getattr(self._incoming, name)


class Counting(Breakable):
    """A store that tells the format when a transaction is open."""

    def __init__(self, store: Any, watched: Watched) -> None:
        super().__init__(store)
        self._watched = watched

    @contextmanager
    def begin(self) -> Iterator[Any]:
        """A transaction."""
        with super().begin() as transaction:
            self._watched.open_transactions += 1
            try:
                yield transaction
            finally:
                self._watched.open_transactions -= 1


@pytest.fixture
def watched() -> Watched:
    """The format of both sides."""
    return Watched()


@pytest.fixture
def loop(tmp_path: Path, watched: Watched) -> Loop:
    """Two sides whose format and stores are watched."""
    return make_loop(tmp_path, formats=Formats([watched]), wrap=lambda store: Counting(store, watched))


def test_only_the_reply_is_made_inside(loop: Loop, watched: Watched) -> None:
    """Bytes are parsed, mapped and looked through before; inside, only what depends on what was stored is made."""
    loop.hospital.exchange.send_notice(notice("03"))
    loop.settle()
    loop.municipality.exchange.act(notice("03").correlation_id, EventKind.ACCEPT)
    loop.settle()
    assert {name for name, inside in watched.asked if not inside} >= {"message", "persons", "resources", "digest"}
    assert {name for name, inside in watched.asked if inside} == {"reply"}
