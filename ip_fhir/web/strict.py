"""HTTP/1.1 as strictly as RFC 9112 allows a server to be, so that no proxy in front reads a request otherwise.

h11 accepts a bare LF at the end of a line, a header folded over two lines, and `Content-Length` beside
`Transfer-Encoding`. Where a proxy reads those otherwise, one request can hide another (request smuggling).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import h11
from h11._receivebuffer import ReceiveBuffer

if TYPE_CHECKING:
    from h11._events import Event

HEAD_BYTES = 16_384
"""The most bytes of a request's line and headers, and of its trailers."""

_LOOSE = re.compile(rb"(?<!\r)\n|\n[ \t]")  # a bare LF; a line that begins with a blank (obs-fold)
_END = b"\r\n\r\n"
_FREE_CHUNKS = 1_000
_LEAST_CHUNK = 64


class StrictConnection(h11.Connection):
    """The server's side of a connection, which raises `h11.RemoteProtocolError` for what RFC 9112 lets it refuse.

    Refused are: a bare LF, a folded header, `Content-Length` beside `Transfer-Encoding`, chunks in HTTP/1.0 (both:
    section 6.1), and a body of very many chunks of a few bytes, each of which costs as much as a large one.
    """

    def __init__(self) -> None:
        super().__init__(h11.SERVER, HEAD_BYTES)
        self._receive_buffer = _StrictBuffer()
        self._chunks = 0
        self._chunked_bytes = 0

    def next_event(self) -> type[h11.NEED_DATA | h11.PAUSED] | Event:
        """The next event. Raises `h11.RemoteProtocolError`."""
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._chunks = self._chunked_bytes = 0
            _check_framing(event)
        elif isinstance(event, h11.Data):
            self._count(event)
        return event

    def _count(self, data: h11.Data) -> None:
        self._chunks += data.chunk_start
        self._chunked_bytes += len(data.data)
        if self._chunks > _FREE_CHUNKS and self._chunked_bytes < _LEAST_CHUNK * (self._chunks - 1):
            raise h11.RemoteProtocolError("chunks of a few bytes")


class _StrictBuffer(ReceiveBuffer):
    """The bytes received and not yet read; refuses lines that do not end as they should, as soon as they are seen."""

    def __init__(self) -> None:
        super().__init__()
        self._checked = 0

    def maybe_extract_lines(self) -> list[bytearray] | None:
        """The lines up to the first blank one; None if it is not there yet."""
        if not self._data.startswith(b"\r\n"):
            self._check()
        lines = super().maybe_extract_lines()
        if lines is not None:
            self._checked = 0
        return lines

    def _check(self) -> None:
        """Look at what came since the last time, no further than the blank line: after it stands the body."""
        start = max(0, self._checked - len(_END) + 1)
        end = self._data.find(_END, start)
        stop = len(self._data) if end < 0 else end + len(_END)
        if _LOOSE.search(self._data, start, stop):
            raise h11.LocalProtocolError("a line ends in a bare LF, or begins with a blank")
        self._checked = stop


def _check_framing(request: h11.Request) -> None:
    """Raise `h11.RemoteProtocolError` if the request says in two ways how long its body is."""
    names = {name for name, _ in request.headers}
    if b"transfer-encoding" in names and (b"content-length" in names or request.http_version < b"1.1"):
        raise h11.RemoteProtocolError("the length of the body is said in two ways")
