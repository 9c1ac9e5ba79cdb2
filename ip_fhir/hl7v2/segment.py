"""A segment: its name, its text, and its fields, parted when they are first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.hl7v2.bounds import LARGE
from ip_fhir.hl7v2.text.contents import HEADERS, Contents, contents_of
from ip_fhir.hl7v2.text.large import large_contents

if TYPE_CHECKING:
    from ip_fhir.hl7v2.text.delimiters import Delimiters


class Segment:
    """A segment of a message, from byte `start` to byte `end` of its content, without its end mark.

    `name` is its three characters. A large segment is never copied as a whole: its parts are cut out of the content.
    """

    __slots__ = ("_codec", "_content", "_contents", "_delimiters", "_text", "end", "name", "start")

    def __init__(self, name: str, content: bytes, start: int, end: int, delimiters: Delimiters, codec: str) -> None:
        self._content = content
        self._delimiters = delimiters
        self._codec = codec
        self._text: str | None = None
        self._contents: Contents | None = None
        self.start = start
        self.end = end
        self.name = name

    def __repr__(self) -> str:
        return f"<Segment {self.name}, {self.end - self.start} bytes>"

    @property
    def _is_large(self) -> bool:
        return self.end - self.start > LARGE

    @property
    def text(self) -> str:
        """The raw text: delimiters and escapes as they stand."""
        if self._text is None:
            content = memoryview(self._content) if self._is_large else self._content
            self._text = str(content[self.start : self.end], self._codec)
        return self._text

    @property
    def raw_fields(self) -> list[str]:
        """The raw text of each field, by its number; at 0 the segment's name. MSH-1 counts as field 1."""
        parts = self.text.split(self._delimiters.field)
        return [parts[0], self._delimiters.field, *parts[1:]] if self.name in HEADERS else parts

    def count(self, text: str) -> int:
        """Returns how often the segment has `text`, which is ASCII."""
        return self._content.count(text.encode("ascii"), self.start, self.end)

    def field_at(self, byte: int) -> int:
        """Returns the number of the field that holds a byte of the message."""
        before = self._content.count(self._delimiters.field.encode("ascii"), self.start, byte)
        return before + (self.name in HEADERS)

    @property
    def contents(self) -> Contents:
        """The fields as a JSON object (see `text.contents`), the same one each time: not to be changed."""
        found = self._contents
        if found is None:
            if self.end - self.start > LARGE:
                span = (self.start, self.end)
                found = large_contents(self._content, span, self._delimiters, self._codec)
            else:  # the text itself is rarely asked for again: it is not kept
                text = str(self._content[self.start : self.end], self._codec)
                found = contents_of(text, self._delimiters, self._codec)
            self._contents = found
        return found
