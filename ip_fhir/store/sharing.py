"""The one writer of a SQLite file: threads write in the order they came, and those that queue share a commit.

A commit waits for the disk, and meanwhile others queue. Each of them does its work in the same transaction, in a
savepoint of its own, and the last one commits for all: one wait for the disk, not one each. A member that fails undoes
its own work and nobody else's. None returns before the commit, also one that failed, since what it saw may have been
written by a member before it; if the commit fails, all of them fail.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

_MOST: Final = 64
"""The most members of one commit, so that the first of them does not wait for ever."""


class SharedWriter:
    """The turn to write, handed on in the order in which threads asked for it, with the transaction that is open."""

    def __init__(
        self,
        connect: Callable[[], Connection],
        patience: float,
        errors: Callable[[], AbstractContextManager[None]],
        check: Callable[[Connection], None],
    ) -> None:
        """`patience` is in seconds; `errors` turns a database's errors into ours.

        `check` raises `StoreError` if what is written does not go into the store's file. It is asked before anything is
        changed, and after the commit, before anybody is told of it.
        """
        self._connect = connect
        self._patience = patience
        self._errors = errors
        self._check = check
        self._mutex = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Lock] = deque()
        self._open: _Shared | None = None  # touched only by the thread whose turn it is

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yields the connection; at the end the block's work is committed, undone if it failed.

        Raises `StoreError` when the turn does not come in time, or the commit fails.
        """
        self._take_turn()
        try:
            shared = self._enter()
        except BaseException:
            self._pass_on()
            raise
        try:
            yield shared.connection
        except BaseException:
            shared.leave(keep=False)
            self._pass_on()
            shared.wait()
            raise
        shared.leave(keep=True)
        self._pass_on()
        shared.wait()

    def _take_turn(self) -> None:
        with self._mutex:
            if not self._taken:
                self._taken = True
                return
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        try:
            came = mine.acquire(timeout=self._patience)
        except BaseException:  # an interrupt
            if not self._withdraws(mine):
                self._pass_on()
            raise
        if not came and self._withdraws(mine):
            raise StoreError("the store is busy: another thread has been writing for too long")

    def _withdraws(self, mine: threading.Lock) -> bool:
        """Stops waiting. Returns False if the turn has been given to this thread meanwhile."""
        with self._mutex:
            if mine in self._waiting:
                self._waiting.remove(mine)
                return True
            return False

    def _enter(self) -> _Shared:
        if self._open is None:
            self._open = _Shared(self._connect(), self._errors, self._check)
        self._open.enter()
        return self._open

    def _pass_on(self) -> None:
        """Gives the turn to the next that waits: with the transaction, or after its end."""
        shared = self._open
        if shared is not None:
            with self._mutex:
                if self._waiting and shared.takes_more:
                    self._waiting.popleft().release()
                    return
            self._open = None
            shared.end()
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False


class _Shared:
    """A transaction with the members that it is committed for. Only the thread whose turn it is calls it, or waits."""

    def __init__(
        self,
        connection: Connection,
        errors: Callable[[], AbstractContextManager[None]],
        check: Callable[[Connection], None],
    ) -> None:
        self.connection = connection
        self._errors = errors
        self._check = check
        try:
            self._transaction = connection.begin()
            check(connection)
        except BaseException:
            connection.close()
            raise
        self._driver: Any = connection.connection.dbapi_connection
        self._members = 0
        self._undone = False  # by its only member
        self._error: StoreError | None = None
        self._ended = threading.Event()

    @property
    def takes_more(self) -> bool:
        """True while another member may write in it."""
        return self._members < _MOST and not self._undone and self._error is None

    def enter(self) -> None:
        """Begins a member's work. The first one's ends with the whole transaction: it needs no savepoint."""
        if self._members:
            self._run("SAVEPOINT member")
        self._members += 1

    def leave(self, *, keep: bool) -> None:
        """Ends a member's work. If the database has ended the transaction by itself, all members have failed."""
        if self._members == 1:
            self._undone = not keep
            return
        with suppress(StoreError):  # told by `wait`
            if not keep:
                self._run("ROLLBACK TO member")
            self._run("RELEASE member")

    def _run(self, statement: str) -> None:
        """Runs a statement about savepoints. If it fails, nothing may be committed."""
        try:
            self._driver.execute(statement)
        except Exception:  # noqa: BLE001 - whatever it is
            self._error = StoreError("the store failed: the database has undone what others wrote too")
            raise self._error from None

    def end(self) -> None:
        """Commits, or rolls back what has failed; tells all members."""
        try:
            with self._errors():
                self._commit_or_undo()
        except StoreError as error:
            self._error = error
        except BaseException as error:  # noqa: BLE001 - an interrupt; each member is told
            self._error = StoreError(f"the store failed: {type(error).__name__}")
        finally:
            with suppress(Exception):
                self.connection.close()  # rolls back what is not committed
            self._ended.set()

    def _commit_or_undo(self) -> None:
        if self._undone or self._error is not None:
            self._transaction.rollback()
        elif self._driver.in_transaction:
            self._transaction.commit()
            self._check(self.connection)
        else:
            raise StoreError("the store failed: the database has undone the transaction")

    def wait(self) -> None:
        """Waits for the end. Raises `StoreError` if nothing was committed, but for what its only member undid."""
        self._ended.wait()
        if self._error is not None:
            raise StoreError(str(self._error)) from None
