"""The file of a SQLite store, known by device and inode: a commit into one that was taken away is not acknowledged.

An open file lives on when its name is removed, or given to another file: SQLite then commits without an error into
what nobody will ever open again. So the names are looked up before and after each commit: three `stat` calls.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import quote

from ip_fhir.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Identity: TypeAlias = tuple[int, int]
"""Device and inode."""

_SIDES: Final = ("-wal", "-shm")  # the write-ahead log, in which the last commits are, and its index
_HEADER: Final = 100  # bytes; https://www.sqlite.org/fileformat.html#the_database_header
_GONE: Final = "the store's file is not the one of that name any more: stop, and see what was done to it"
_CUT_SHORT: Final = "the store's file was cut short: stop, and see what was done to it"


@dataclass(frozen=True, slots=True)
class Opened:
    """The side files (log, index) that one connection has open; empty if it does not write ahead."""

    sides: tuple[Identity, ...] = ()


class StoreFile:
    """The file at a path, as this process opened it first. Every later connection must have opened the same one.

    A symbolic link is followed. A relative path is looked up once, so that a change of directory moves nothing.
    """

    def __init__(self, path: Path) -> None:
        self.path = os.path.abspath(path)  # noqa: PTH100 - `resolve` would follow a link once and for all
        self._known: Identity | None = None
        self._size = 0
        self._turn = threading.Lock()

    @property
    def uri(self) -> str:
        """The address by which SQLite opens the file, and never makes it."""
        return f"file:{quote(self.path)}?mode=rw"

    def connect(self, open_it: Callable[[], Any]) -> Any:
        """Returns the connection that `open_it` makes. Raises `StoreError` if it may be to another file."""
        self._check_main()  # before and after: what was opened in between is that file
        connection = open_it()
        try:
            self._check_main()
        except BaseException:
            connection.close()
            raise
        return connection

    def sides(self) -> Opened:
        """Returns the side files as they are now, for a connection that has just opened them."""
        found = [_identity(f"{self.path}{side}") for side in _SIDES]
        return Opened(tuple(one for one in found if one is not None) if None not in found else ())

    def check(self, opened: Opened) -> None:
        """Raises `StoreError` unless the connection's files are those of their names and none was cut short."""
        self._check_main()
        for side, identity in zip(_SIDES, opened.sides, strict=False):
            if _identity(f"{self.path}{side}") != identity:
                raise StoreError(_GONE)

    def _check_main(self) -> None:
        try:
            found = os.stat(self.path)  # noqa: PTH116 - quicker than a `Path`, and done on every commit
        except OSError as error:
            raise StoreError(f"{_GONE} ({error.strerror})") from None
        identity = (found.st_dev, found.st_ino)
        if identity != self._known:
            with self._turn:
                self._known = self._known or identity
            if identity != self._known:
                raise StoreError(_GONE)
        if found.st_size < self._size and not self._holds_its_pages(found.st_size):
            raise StoreError(_CUT_SHORT)
        self._size = found.st_size

    def _holds_its_pages(self, size: int) -> bool:
        """True if a file that has become smaller is as long as its header says: somebody has run VACUUM."""
        try:
            with open(self.path, "rb") as file:  # noqa: PTH123 - the path is text
                header = file.read(_HEADER)
        except OSError:
            return False
        if len(header) < _HEADER:
            return False
        page = int.from_bytes(header[16:18], "big")
        pages = int.from_bytes(header[28:32], "big")
        return 0 < pages * (65_536 if page == 1 else page) <= size


def _identity(path: str) -> Identity | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - as above
    except OSError:
        return None
    return found.st_dev, found.st_ino
