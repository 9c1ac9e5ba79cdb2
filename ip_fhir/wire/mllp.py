"""MLLP frames, `0B content 1C 0D`: bytes in, frames out, without I/O.

HL7 Minimal Lower Layer Protocol, Release 1 (HL7 v2.5.1 Implementation Guide, appendix C). Other implementations differ
in what they let stand between and within frames; this one takes what cannot be mistaken:

| bytes | here |
|---|---|
| CR, LF, blank, TAB before `0B` | passed over |
| anything else before `0B` | `Fault`: nobody can tell where a message begins |
| `1C 0B` | ends a frame whose last byte is missing, and begins the next |
| `1C` before any other byte | part of the content: the frame goes on, and its time limit ends it |
| `0B` within a frame | part of the content, which its reader refuses |
| more content than the limit | `Fault` |
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from ip_fhir.errors import InvalidInput, Problem

_START, _END, _LAST = 0x0B, 0x1C, 0x0D
_BLANKS: Final = re.compile(rb"[ \t\r\n]*")

NOT_FRAMED: Final = Problem("", "bytes outside an MLLP frame", "structure")
"""The problem of bytes that belong to no frame."""


def framed(content: bytes) -> bytes:
    r"""Returns the content as one frame. Raises `InvalidInput` for content with a byte that begins or ends frames.

    >>> framed(b"MSH|")
    b'\x0bMSH|\x1c\r'
    """
    if _START in content or _END in content:
        raise InvalidInput.at("", "contains a byte (0B or 1C) that MLLP keeps for its frames", "structure")
    return b"".join((b"\x0b", content, b"\x1c\r"))


@dataclass(frozen=True, slots=True)
class Frame:
    """A whole frame: its content, without the bytes around it."""

    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Fault:
    """The end of all reading: `problem` says why, `content` are the bytes that were read and are in no frame.

    The code of the problem is `structure` for bytes outside a frame, `too-long` for a frame beyond the limit.
    """

    problem: Problem
    content: bytes = field(repr=False)


class Framer:
    r"""Finds the frames in the bytes of one connection, however they are split.

    >>> framer = Framer(max_bytes=100)
    >>> framer.feed(b"\x0bMSH|")
    >>> framer.next()
    >>> framer.feed(b"1\x1c\r")
    >>> framer.next().content
    b'MSH|1'
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._buffer = bytearray()
        self._looked = 0  # before this place no frame of the buffer ends
        self._inside = False
        self._fault: Fault | None = None

    @property
    def inside(self) -> bool:
        """True if a frame has begun whose end has not been found."""
        return self._inside

    @property
    def held(self) -> int:
        """The number of bytes that are kept because they belong to no frame that was returned."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Takes the next bytes of the connection; after a fault they are thrown away."""
        if self._fault is None:
            self._buffer += data

    def next(self) -> Frame | Fault | None:
        """Returns the next frame; None if more bytes are needed; the fault, now and ever after, if there is one."""
        if self._fault is None and not self._inside:
            self._begin()
        if self._fault is not None or not self._inside:
            return self._fault
        return self._whole()

    def _begin(self) -> None:
        """Pass over blanks and the byte that begins a frame."""
        blanks = _BLANKS.match(self._buffer)
        del self._buffer[: blanks.end() if blanks else 0]
        if not self._buffer:
            return
        if self._buffer[0] != _START:
            self._fail(NOT_FRAMED)
            return
        del self._buffer[:1]
        self._inside, self._looked = True, 0

    def _whole(self) -> Frame | Fault | None:
        at = self._end()
        length = len(self._buffer) - 1 if at is None else at  # the last byte may be the one that ends it
        if length > self._max_bytes:
            self._fail(Problem("", f"longer than {self._max_bytes} bytes", "too-long"))
            return self._fault
        if at is None:
            return None
        with memoryview(self._buffer) as view:
            content = bytes(view[:at])
        del self._buffer[: at + 1 if self._buffer[at + 1] == _START else at + 2]
        self._inside = False
        return Frame(content)

    def _end(self) -> int | None:
        """Return the place of the byte that ends the content, or None; no byte is looked at twice."""
        while (at := self._buffer.find(_END, self._looked)) >= 0:
            self._looked = at
            if at + 1 == len(self._buffer):
                return None
            if self._buffer[at + 1] in (_LAST, _START):
                return at
            self._looked = at + 1
        self._looked = len(self._buffer)
        return None

    def _fail(self, problem: Problem) -> None:
        self._fault = Fault(problem, bytes(self._buffer))
        self._buffer.clear()
