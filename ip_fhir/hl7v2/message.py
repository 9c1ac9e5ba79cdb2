"""One message, read from bytes: its segments, its value as a JSON object, and the same message with another value."""

from __future__ import annotations

import sys
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.hl7v2.bounds import MOST_REPETITIONS, MOST_SEGMENTS, check_bytes, check_parts
from ip_fhir.hl7v2.deviations import deviations_of_fields, deviations_of_header
from ip_fhir.hl7v2.header import Header, charset_of, ends_of_msh
from ip_fhir.hl7v2.places import place_in, place_of
from ip_fhir.hl7v2.segment import Segment
from ip_fhir.hl7v2.structure.events import KINDS, VERSIONS
from ip_fhir.hl7v2.structure.grammar import grammar_of
from ip_fhir.hl7v2.structure.matching import Matched, SegmentNames, match
from ip_fhir.hl7v2.structure.placing import NOTHING, Read, difference, fields_said, said, slots_of
from ip_fhir.hl7v2.text.charsets import UTF_8, charset_named, first_wrong_byte
from ip_fhir.hl7v2.text.contents import NULL
from ip_fhir.hl7v2.text.delimiters import OURS
from ip_fhir.hl7v2.text.lines import first_control, spans_of
from ip_fhir.hl7v2.writing import Style, new_segment, rewritten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ip_fhir.hl7v2.bounds import Bounds
    from ip_fhir.hl7v2.structure.grammar import Node
    from ip_fhir.hl7v2.text.charsets import Charset
    from ip_fhir.hl7v2.text.delimiters import Delimiters

_OF_BATCHES: Final = frozenset({"MSH", "FHS", "BHS", "BTS", "FTS"})

_USUAL: Final = ("MSH", "RF1", "PRD", "PID", "NK1", "OBR", "OBX", "NTE", "GOL", "PRB")
"""The names of the segments that most messages consist of."""

MessageValue: TypeAlias = dict[str, Any]
"""A message as a JSON object: groups and segments as members, lists where they repeat; `contents` has the segments."""


class Er7:
    """A message as it was read. It does not change: `put` returns another one."""

    def __init__(self, content: bytes, header: Header, segments: tuple[Segment, ...]) -> None:
        self._content = content
        self.header = header
        self.segments = segments
        self.names = SegmentNames([segment.name for segment in segments])

    def __repr__(self) -> str:
        return f"<Er7 {'^'.join(self.event[:2])}, {len(self.segments)} segments>"

    @property
    def delimiters(self) -> Delimiters:
        """The delimiters that MSH-1 and MSH-2 name."""
        return self.header.delimiters

    @property
    def charset(self) -> str:
        """The character set by its name in HL7 table 0211, such as `UNICODE UTF-8`."""
        return self.header.charset.name

    @property
    def event(self) -> tuple[str, str, str]:
        """The message's type, its event, and the structure that they use, which is empty for one not read here."""
        return self.header.event

    @property
    def version(self) -> str:
        """The version of HL7 v2, from MSH-12, such as `2.5.1`."""
        return self.header.text(12)

    def to_bytes(self) -> bytes:
        """Returns the bytes that were read."""
        return self._content

    def field(self, at: str) -> str:
        """Returns the text at a place such as `MSH-10` or `PRD[2]-7.1`, empty if nothing is there.

        Raises `ValueError` for what names no place.
        """
        where = place_of(at)
        if where is None or not where.field:
            message = "not a place in a message, such as PRD[2]-7.1"
            raise ValueError(message)
        named = [segment for segment in self.segments if segment.name == where.segment]
        if where.number > len(named):
            return ""
        repetitions = named[where.number - 1].contents.get(f"f{where.field}", [])
        if where.repetition > len(repetitions):
            return ""
        within = f"s{where.subcomponent}" if where.subcomponent > 1 else ""
        return repetitions[where.repetition - 1].get(f"c{where.component}{within}", "")

    @property
    def grammar(self) -> Node:
        """The grammar of the structure. Raises `InvalidInput` (`not-supported`) for a structure not read here."""
        kind, _, structure = self.event
        if not structure:
            raise InvalidInput.at(f"MSH-9.{1 + (kind in KINDS)}", "is not read here", "not-supported")
        return grammar_of(structure)

    @cached_property
    def matched(self) -> Matched:
        """The segments at their places in the structure. Raises `InvalidInput` for a structure not read here."""
        return match(self.names, self.grammar)

    @cached_property
    def value(self) -> MessageValue:
        """The message as a JSON object (see `MessageValue`), the same one each time: not to be changed.

        Raises `InvalidInput` (`not-supported`) for a structure that is not read here.
        """
        filled: MessageValue = _filled(self.matched.tree, self.segments)
        return filled

    def put(self, value: MessageValue) -> Er7:
        """Returns the same message with `value`: fields that differ are written anew, all else is kept to the byte.

        Segments that are new in `value` are put at their place, those that are gone are taken out; segments that the
        structure does not know stay where they stand. New text is in the character set that MSH-18 names in `value`; a
        message that names none, of which nobody knows it, is in ASCII. Raises `InvalidInput` for a value that cannot be
        written so that it is read back as it is.
        """
        grammar = self.grammar
        wanted = said(value, grammar)
        if wanted == self.value:
            return self
        style = Style(self.delimiters, self._charset_in(wanted), self.version)
        slots = slots_of(wanted, grammar, Read(self.matched.tree, self.value))
        content = rewritten(self._content, self.segments, slots, self.matched.unknown, style)
        return _read_back(content, wanted, self.charset)

    def _charset_in(self, value: MessageValue) -> Charset:
        """Returns the character set of new text: the one that MSH-18 names, if `value` has another MSH-18."""
        named = value.get("MSH", {}).get("f18", [])
        if not named or named == self.value["MSH"].get("f18"):
            return self.header.charset
        return charset_named(named[0].get("c1", ""))

    @cached_property
    def warnings(self) -> tuple[Problem, ...]:
        """All that was read though it is not as the standard has it; each names its place."""
        found = [*deviations_of_header(self.header), *deviations_of_fields(self.segments, self.names, self.header)]
        if self.event[2]:
            found += [problem for problem in self.matched.problems if problem.severity == "warning"]
        return tuple(found)

    def place(self, path: Sequence[str | int]) -> str:
        """Returns the place in the message of a path in `value`.

        `("PROVIDER_CONTACT", 1, "PRD", "f7", 0, "c1")` is `PRD[2]-7.1`. Of a group it is its first segment; where
        nothing was read, the segment's name alone counts.
        """
        return place_in(path, self.matched.tree, self.names)


def _filled(tree: Any, segments: tuple[Segment, ...]) -> Any:
    """Returns a group, or a list of groups or segments, with the contents of each segment in place of its number."""
    if type(tree) is list:
        return [segments[item].contents if type(item) is int else _filled(item, segments) for item in tree]
    return {
        name: segments[item].contents if type(item) is int else _filled(item, segments) for name, item in tree.items()
    }


def read(content: bytes, limits: Bounds, charset: str | None = None) -> Er7:
    """Reads one message. `charset` is the peer's, for a message that names none in MSH-18.

    Raises `InvalidInput`, with the place: `structure` (no MSH, delimiters, a segment's name, bytes that are no text of
    the character set, an order that the structure does not have), `not-supported` (character set, version),
    `required` (MSH-9, MSH-10, MSH-12, a segment), `too-long` and `too-costly` (more than the limits).
    """
    check_bytes(content, limits)
    start, end, delimiters = ends_of_msh(content)
    check_parts(content, delimiters, limits)
    known = charset_of(content, start, end, delimiters, charset)
    segments = _segments(content, start, delimiters, known.codec)
    _check_text(segments, first_control(content), "has a control character")
    _check_text(segments, first_wrong_byte(content, known, start), f"is no text in {known.name}")
    message = Er7(content, Header(delimiters, known, segments[0].contents), segments)
    _check_header(message)
    _check_repetitions(message)
    if message.event[2]:
        _check_structure(message)
    return message


def _segments(content: bytes, start: int, delimiters: Delimiters, codec: str) -> tuple[Segment, ...]:
    spans = spans_of(content, start)
    if len(spans) > MOST_SEGMENTS:
        raise InvalidInput.at("", f"more than {MOST_SEGMENTS} segments", "too-costly")
    usual = _usual_names(delimiters.field)
    found = []
    for number, (first, last) in enumerate(spans, 1):
        name = usual.get(content[first : first + 4])
        if name is None:
            name = _name_of(content[first : min(first + 4, last)], delimiters, number)
        found.append(Segment(name, content, first, last, delimiters, codec))
    return tuple(found)


@lru_cache(maxsize=256)
def _usual_names(separator: str) -> dict[bytes, str]:
    """Returns the usual names by the bytes that such a segment begins with: its name and the separator."""
    return {f"{name}{separator}".encode("ascii"): name for name in _USUAL}


def _name_of(beginning: bytes, delimiters: Delimiters, number: int) -> str:
    """Returns the name in the first four bytes of a segment, or in all three. Raises `InvalidInput` for no name."""
    name, rest = beginning[:3], beginning[3:]
    is_whole = len(name) == 3 and rest in (b"", delimiters.field.encode("ascii"))
    if not (is_whole and name.isalnum() and name.isupper() and name[:1].isalpha()):
        raise InvalidInput.at(f"segment {number}", "does not begin with a segment's name", "structure")
    return name.decode("ascii")


def _check_text(segments: tuple[Segment, ...], wrong: int | None, reason: str) -> None:
    """Raises `InvalidInput` (`structure`) for a wrong byte, at its field."""
    if wrong is not None:
        number = next(number for number, segment in enumerate(segments) if segment.start <= wrong < segment.end)
        at = SegmentNames(segment.name for segment in segments).places[number]
        raise InvalidInput.at(f"{at}-{segments[number].field_at(wrong)}", reason, "structure")


def _check_header(message: Er7) -> None:
    header = message.header
    wanted = (9,) if header.text(9) == "ACK" else (9, 10, 12)
    missing = [Problem(f"MSH-{number}", "is missing", "required") for number in wanted if not header.text(number)]
    if missing:
        raise InvalidInput(missing)
    if header.text(12) and header.text(12) not in VERSIONS:
        raise InvalidInput.at("MSH-12", "is a version that is not read here", "not-supported")
    if not _OF_BATCHES.isdisjoint(message.names[1:]):
        number = next(at for at, name in enumerate(message.names) if at and name in _OF_BATCHES)
        reason = "stands within a message: a batch, where one message is read"
        raise InvalidInput.at(message.names.places[number], reason, "structure")


def _check_structure(message: Er7) -> None:
    """Raises `InvalidInput` for what has no place, what is missing, and a PRD without a role."""
    errors = [problem for problem in message.matched.problems if problem.severity == "error"]
    for number, segment in enumerate(message.segments):
        if segment.name == "PRD" and segment.contents.get("f1", [{}])[0].get("c1", NULL) == NULL:
            errors.append(Problem(f"{message.names.places[number]}-1", "is missing: the role", "required"))
    if errors:
        raise InvalidInput(errors)


def _check_repetitions(message: Er7) -> None:
    mark = message.delimiters.repetition
    if message.to_bytes().count(mark.encode("ascii")) < MOST_REPETITIONS:
        return
    for number, segment in enumerate(message.segments):
        if segment.count(mark) >= MOST_REPETITIONS:
            for field, text in enumerate(segment.raw_fields):
                if text.count(mark) >= MOST_REPETITIONS:
                    at = f"{message.names.places[number]}-{field}"
                    raise InvalidInput.at(at, f"has more than {MOST_REPETITIONS} repetitions", "too-costly")


def new(value: MessageValue, *, version: str = "2.5.1", charset: str = UTF_8.name) -> Er7:
    """Returns a message made of `value`, with our delimiters; MSH-12 and MSH-18 are those of `value`, if it has them.

    Raises `InvalidInput` for a value that cannot be written so that it is read back as it is.
    """
    msh = fields_said(value.get("MSH", {}), "MSH")
    msh |= {"f1": [{"c1": OURS.field}], "f2": [{"c1": OURS.msh_2}]}
    msh.setdefault("f12", [{"c1": version}])
    msh.setdefault("f18", [{"c1": charset_named(charset, "charset").name}])
    header = Header(OURS, charset_named(msh["f18"][0].get("c1", "")), msh)
    structure = header.event[2]
    if not structure:
        raise InvalidInput.at("MSH-9", "is a message that is not written here", "not-supported")
    grammar = grammar_of(structure)
    wanted = said({**value, "MSH": msh}, grammar)
    style = Style(OURS, header.charset, header.text(12))
    slots = slots_of(wanted, grammar, NOTHING)
    content = b"".join(new_segment(slot.name, slot.contents, style, slot.place) + b"\r" for slot in slots)
    return _read_back(content, wanted, header.charset.name)


class _Unbounded:
    """Bounds of what is written here: none. Whoever reads it has bounds of their own."""

    max_bytes = sys.maxsize
    max_parts = sys.maxsize


def _read_back(content: bytes, wanted: MessageValue, charset: str) -> Er7:
    message = read(content, _Unbounded(), charset)
    if message.value != wanted:
        raise InvalidInput.at(difference(message.value, wanted), "cannot be written so that it is read back", "value")
    return message
