"""FHIR resources from and to UTF-8 JSON, within limits. Errors name the place.

RFC 8259 section 8.1: JSON between systems is UTF-8; a byte order mark must not be sent but may be ignored, and is
ignored here, since Windows systems send it. A key that stands twice in one object is refused: section 4 leaves open
which of the values counts. Numbers keep the text that they were written as.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import orjson

from ip_fhir.domain.values.json_keys import first_repeated_key, may_repeat_key
from ip_fhir.domain.values.value import MOST_BASE64
from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.data import is_element
from ip_fhir.fhir.json_text import dumps, loads

if TYPE_CHECKING:
    from ip_fhir.ports import JsonObject

FHIR_JSON = "application/fhir+json"
"""The media type of FHIR resources in JSON (http://hl7.org/fhir/R4/http.html#mime-type)."""

_BOM = b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")


_NO_BEGINNING = bytes(byte for byte in range(256) if byte not in b"{[")
_SMALLEST_PART = 2  # bytes: `{}`
_TYPE = re.compile("[A-Z][A-Za-z]{1,40}")
_CHUNK = 65_536  # bytes that are looked at together


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a body: its bytes, its levels of nesting, its parts (objects and lists).

    The bytes are those of the largest documents that a notice may have, in base64, and 5 MB for all else: what one side
    may send, the other takes. FHIR resources take about 40 bytes a part, so 5 MB of them have 120,000 parts.
    """

    max_bytes: int = MOST_BASE64 + 5_000_000
    max_depth: int = 64
    max_parts: int = 200_000


DEFAULT_LIMITS = Limits()


def read_json(content: bytes, limits: Limits = DEFAULT_LIMITS) -> JsonObject:
    """Reads one FHIR resource from UTF-8 JSON.

    Bytes and parts are counted before anything is made of them. Raises `InvalidInput`: `too-long` (bytes), `too-costly`
    (depth, parts), `structure` (charset, JSON, a key that stands twice in one object).

    >>> read_json(b'{"resourceType": "Task"}')
    {'resourceType': 'Task'}
    """
    if len(content) > limits.max_bytes:
        raise too_long(limits)
    if has_too_many_parts(content, limits):
        raise InvalidInput.at("", f"more than {limits.max_parts} parts", "too-costly")
    data = _parse(content)
    if not isinstance(data, dict):
        raise InvalidInput.at("", "a FHIR resource is a JSON object", "structure")
    if not isinstance(data.get("resourceType"), str):
        raise InvalidInput.at("resourceType", "missing, so this is no FHIR resource", "structure")
    if may_repeat_key(content, _count_keys(data, limits)):
        _refuse_repeated_key(content, data["resourceType"])
    return data


def is_certain(content: bytes) -> bool:
    """True if JSON text says the same to every parser: no object in it has a key twice.

    Most systems write JSON without blanks, as it is written here: if the same text is written again, no key was lost.
    """
    try:
        data = loads(content)
        return dumps(data) == content or not may_repeat_key(content, _count_keys(data, DEFAULT_LIMITS))
    except (ValueError, RecursionError, InvalidInput):
        return False


def _refuse_repeated_key(content: bytes, type_: str) -> None:
    """Raises `InvalidInput` with the place of the first key that stands twice, if one does.

    A key that is no element of FHIR may be anything, also a person's: only its position is told.
    """
    steps = first_repeated_key(content)
    if steps is None:
        return
    at = type_ if _TYPE.fullmatch(type_) else ""
    for step in steps:
        if step.key is None:
            at += f"[{step.number}]"
        else:
            at += f".{step.key}" if is_element(step.key) else f".(key {step.number + 1})"
    raise InvalidInput.at(
        at.removeprefix("."), "stands twice in one object, so it is not known which counts", "structure"
    )


def has_too_many_parts(content: bytes, limits: Limits = DEFAULT_LIMITS) -> bool:
    """True if JSON text has more objects and lists than the limit; nothing is parsed.

    Their number is bounded by the length of the text, then by the brackets in it. Only if these are too many, too, the
    brackets that stand in texts are left out of the count.
    """
    most = limits.max_parts
    return (
        len(content) > most * _SMALLEST_PART
        and _beginnings(content) > most
        and _beginnings_outside_texts(content) > most
    )


def _beginnings(content: bytes) -> int:
    return len(content.translate(None, _NO_BEGINNING))


def _beginnings_outside_texts(content: bytes) -> int:
    plain = content.replace(b"\\\\", b"").replace(b'\\"', b"")  # now every quotation mark begins or ends a text
    found, inside = 0, False
    for start in range(0, len(plain), _CHUNK):
        pieces = plain[start : start + _CHUNK].split(b'"')
        found += _beginnings(b"".join(pieces[inside::2]))
        inside ^= len(pieces) % 2 == 0
    return found


def too_long(limits: Limits) -> InvalidInput:
    """Returns the error for a body above the limit; also for a server that stops reading before the end."""
    return InvalidInput.at("", f"the body is larger than {limits.max_bytes} bytes", "too-long")


def write_json(resource: JsonObject) -> bytes:
    """Returns the resource as UTF-8 JSON without blanks. Keys keep their order: same resource, same bytes."""
    return dumps(resource)


def _parse(content: bytes) -> Any:
    if content.startswith(_UTF16_BOMS):
        raise InvalidInput.at("", "the text is UTF-16; FHIR JSON is UTF-8", "structure")
    try:
        return loads(content.removeprefix(_BOM))
    except (ValueError, RecursionError):
        raise _json_problem(content) from None


def _json_problem(content: bytes) -> InvalidInput:
    """Returns the error, with line and column, which another parser knows. Its text is left out: it may quote."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as wrong:
        return InvalidInput.at("", f"not UTF-8 at byte {wrong.start}; FHIR JSON is UTF-8", "structure")
    try:
        orjson.loads(content.removeprefix(_BOM))
    except orjson.JSONDecodeError as error:
        if "depth" in error.msg.lower():  # the parser's own bound, 1024
            return InvalidInput.at("", "nested too deep", "too-costly")
        if "infinity" not in error.msg.lower():
            return InvalidInput.at("", f"not JSON: line {error.lineno}, column {error.colno}", "structure")
    return InvalidInput.at("", "has a number that is too large or too small, or is nested too deep", "too-costly")


def _count_keys(data: Any, limits: Limits) -> int:
    """Returns the number of keys in all objects. Raises `InvalidInput` for too many levels.

    Goes level by level, so that it does not recurse itself.
    """
    level: list[Any] = [data]
    keys = 0
    for _ in range(limits.max_depth):
        objects = [node for node in level if type(node) is dict]
        keys += sum(map(len, objects))
        below = chain(*map(dict.values, objects), *[node for node in level if type(node) is list])
        level = [child for child in below if type(child) is dict or type(child) is list]
        if not level:
            return keys
    raise InvalidInput.at("", f"nested deeper than {limits.max_depth} levels", "too-costly")
