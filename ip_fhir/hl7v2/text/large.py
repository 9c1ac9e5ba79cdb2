"""A large segment, such as an OBX with a document: each part is cut out of the message's bytes, and decoded once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.hl7v2.text.contents import unescaped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.hl7v2.text.contents import Contents, Repetition
    from ip_fhir.hl7v2.text.delimiters import Delimiters

    Span = tuple[int, int]


def large_contents(content: bytes, span: Span, delimiters: Delimiters, codec: str) -> Contents:
    """Returns the fields of the segment at `span` of `content`, as `contents_of` does. It is no MSH."""
    found: Contents = {}
    fields = enumerate(_parted(content, span, delimiters.field))
    next(fields)
    for number, field in fields:
        repetitions = [
            _repetition(content, one, delimiters, codec) for one in _parted(content, field, delimiters.repetition)
        ]
        while repetitions and not repetitions[-1]:
            repetitions.pop()
        if repetitions:
            found[f"f{number}"] = repetitions
    return found


def _repetition(content: bytes, span: Span, delimiters: Delimiters, codec: str) -> Repetition:
    found: Repetition = {}
    view = memoryview(content)
    for number, component in enumerate(_parted(content, span, delimiters.component), 1):
        for at, (start, end) in enumerate(_parted(content, component, delimiters.subcomponent), 1):
            if start < end:
                name = f"c{number}s{at}" if at > 1 else f"c{number}"
                found[name] = str(view[start:end], codec)
    return unescaped(found, delimiters, codec)


def _parted(content: bytes, span: Span, delimiter: str) -> Iterator[Span]:
    """Yields the start and end of each part of a span between delimiters; all of it where there is no delimiter."""
    start, end = span
    mark = delimiter.encode("ascii")
    while mark and (at := content.find(mark, start, end)) >= 0:
        yield start, at
        start = at + 1
    yield start, end
