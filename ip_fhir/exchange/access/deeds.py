"""Deeds of our own people that another program asks for: each once, and on the version that somebody has looked at.

    with doing(Deed(key="rehab/7f3c", digest=sha256_of_the_request)):
        exchange.act(correlation_id, EventKind.ACCEPT, by=nina)

Inside the block the verbs of `Exchange` that move a loop or a plan keep the deed's key in the commit of what they do:
whoever asks again, because no answer came, changes nothing (`Repeated`), also after a restart. The key stands among
those of messages, and is kept as long.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar
from uuid import NAMESPACE_URL, uuid4, uuid5

from ip_fhir.errors import InvalidInput
from ip_fhir.ports import Seen, Transaction

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime

Tx_co = TypeVar("Tx_co", bound=Transaction, covariant=True)

_PREFIX = "deed:"  # no message has such a key: a party's name has no colon


class Repeated(Exception):
    """The deed with this key was done before; `same` is False if that was another request."""

    def __init__(self, *, same: bool) -> None:
        self.same = same
        super().__init__("done before" if same else "the key was used for another request")


@dataclass(frozen=True, slots=True)
class Deed:
    """One request to change something.

    `key` names it, at most 200 characters without a person's data; None: asked again, it is done again. `digest` tells
    requests apart that have the same key. `revision` is that of the referral, or the content version of the plan, that
    somebody has looked at; None: whatever it is now.
    """

    key: str | None = None
    digest: str = ""
    revision: int | None = None

    def new_id(self, purpose: str) -> str:
        """Returns the id of what the deed makes: the same for the same key and purpose, else a new one."""
        return str(uuid4() if self.key is None else uuid5(NAMESPACE_URL, f"{_PREFIX}{self.key}#{purpose}"))


class _Store(Protocol[Tx_co]):
    """A store, by its transactions."""

    def begin(self) -> AbstractContextManager[Tx_co]:
        """See `ip_fhir.ports.Store.begin`."""
        ...


_ANY = Deed()
_DONE: ContextVar[Deed] = ContextVar("deed", default=_ANY)


@contextmanager
def doing(deed: Deed) -> Iterator[None]:
    """Does all that is done in the block, by this thread, as this deed. It may hold one verb that changes something."""
    before = _DONE.set(deed)
    try:
        yield
    finally:
        _DONE.reset(before)


@contextmanager
def begin(store: _Store[Tx_co], now: datetime) -> Iterator[Tx_co]:
    """A write transaction that keeps the key of the deed that is being done. `now` is a time in UTC.

    Raises `Repeated` if it was done before, `StoreError`.
    """
    deed = _DONE.get()
    with store.begin() as tx:
        if deed.key is None:
            yield tx
            return
        key = f"{_PREFIX}{deed.key}"
        if (seen := tx.seen(key)) is not None:
            raise Repeated(same=seen.digest == deed.digest)
        yield tx
        tx.remember(Seen(key, deed.digest, b""), now)


def require_revision(revision: int | None) -> None:
    """Raises `InvalidInput` (conflict) unless the deed was decided on this revision of what it changes.

    None is the revision of what is not there yet.
    """
    wanted = _DONE.get().revision
    if wanted is not None and wanted != revision:
        raise InvalidInput.at("revision", "somebody has changed it since: read it again and decide", "conflict")


def new_id(purpose: str) -> str:
    """Returns an id for what is made now: see `Deed.new_id`."""
    return _DONE.get().new_id(purpose)
