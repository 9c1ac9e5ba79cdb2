"""Input files: read within bounds, recognized by their content, and named in every error."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from ip_fhir.cli.exits import in_file
from ip_fhir.errors import InvalidInput, IpFhirError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.domain.values.value import Value
    from ip_fhir.fhir.reading import Limits
    from ip_fhir.ports import JsonObject

    V = TypeVar("V", bound=Value)

FileKind: TypeAlias = Literal["plan", "view", "notice", "green-form", "bundle"]

_NO_KIND = "is no plan (owner), view (share), notice (correlation_id), green form (answers) or FHIR Bundle"
_MEGABYTE = 1_000_000
_MOST_BYTES = 100 * _MEGABYTE  # a plan with attachments of 18 MB each is large, and a person's own file


@dataclass(frozen=True, slots=True)
class Content:
    """A file's bytes, with the name it goes by in errors."""

    name: str
    data: bytes


def read_file(file: str) -> Content:
    """Reads a file, or stdin for `-`. Raises `InvalidInput` if it cannot be read, is empty or larger than 100 MB."""
    name = "stdin" if file == "-" else file
    try:
        if file == "-":
            data = sys.stdin.buffer.read(_MOST_BYTES + 1)
        else:
            with Path(file).open("rb") as opened:
                data = opened.read(_MOST_BYTES + 1)
    except OSError as error:
        raise InvalidInput.at(name, f"cannot be read: {error.strerror or type(error).__name__}", "not-found") from None
    if len(data) > _MOST_BYTES:
        raise InvalidInput.at(name, f"is larger than {_MOST_BYTES // _MEGABYTE} MB", "too-long")
    if not data.strip():
        raise InvalidInput.at(name, "is empty", "structure")
    return Content(name, data)


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Puts a file's name, or a loop's id, before the path of each problem that is raised inside."""
    try:
        yield
    except InvalidInput as error:
        raise in_file(error, name) from None
    except IpFhirError as error:
        error.add_note(name)
        raise


def kind_of(content: Content) -> FileKind:
    """Returns the kind of value in a file, by its fields. Raises `InvalidInput` if it is none of these."""
    data = _parsed(content)
    with naming(content.name):
        if not isinstance(data, dict):
            raise InvalidInput.at("", "is not a JSON object", "structure")
        return _kind_of(data)


def _parsed(content: Content) -> Any:
    import orjson

    try:
        return orjson.loads(content.data.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        read_bundle(content)  # says where it is not JSON, and in which way
        raise


def _kind_of(data: dict[str, Any]) -> FileKind:
    if "resourceType" in data:
        if data["resourceType"] != "Bundle":
            raise InvalidInput.at("resourceType", "is not Bundle; of FHIR, whole Bundles are read", "not-supported")
        return "bundle"
    if "answers" in data:
        return "green-form"
    if "correlation_id" in data or "recipient" in data:
        return "notice"
    if {"share", "level", "plan"} <= data.keys():
        return "view"
    if "owner" in data:
        return "plan"
    raise InvalidInput.at("", _NO_KIND)


def read_value(model: type[V], content: Content) -> V:
    """Reads a plan, notice or green form. Raises `InvalidInput` with every problem and its path.

    Of a draft that is not filled in yet the problems are the places to fill in: none is ever sent as it stands.
    """
    from ip_fhir.domain.values.value import read
    from ip_fhir.settings.unfilled import FILL_IN, check_filled

    with naming(content.name):
        if FILL_IN.encode() in content.data:
            check_filled(_parsed(content))
        return read(model, content.data.removeprefix(b"\xef\xbb\xbf"))


def read_bundle(content: Content) -> JsonObject:
    """Reads a FHIR resource. Raises `InvalidInput` if it is not UTF-8, not JSON or nested too deep."""
    from ip_fhir.fhir.reading import read_json

    with naming(content.name):
        return read_json(content.data, limits())


def expect(content: Content, *wanted: FileKind) -> FileKind:
    """Returns the file's kind if it is one of `wanted`. Raises `InvalidInput` with the kind it is instead."""
    kind = kind_of(content)
    if kind not in wanted:
        raise InvalidInput.at(content.name, f"is a {kind}, and a {' or a '.join(wanted)} is needed", "structure")
    return kind


def limits() -> Limits:
    """Returns the bounds of a person's own file."""
    from ip_fhir.fhir.reading import Limits

    return Limits(max_bytes=_MOST_BYTES)
