"""What every domain value shares: frozen, closed, silent about its content, and one way in from JSON."""

from __future__ import annotations

import difflib
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeVar, get_args

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Strict,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from ip_fhir.errors import InvalidInput, IssueCode, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Control characters but tab and line breaks, and the two that XML cannot carry at all.
_CONTROL = r"\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff"

# Each pattern, for its type and for the words that say what it asks for.
_ID = r"^[A-Za-z0-9\-.]{1,64}$"
_TEXT = rf"^[^{_CONTROL}]*[^\s{_CONTROL}][^{_CONTROL}]*$"
_URL = r"^[^\s\x00-\x1f]+$"
_BASE64 = r"^[A-Za-z0-9+/]+={0,2}$"

Id = Annotated[str, StringConstraints(pattern=_ID)]
"""An id inside a plan or of a resource: the FHIR `id` type (letters, digits, `-`, `.`; at most 64)."""

Text = Annotated[str, StringConstraints(max_length=50_000, pattern=_TEXT)]
"""Words for people: not blank, no control characters but tab and line breaks."""

Url = Annotated[str, StringConstraints(max_length=2_000, pattern=_URL)]
"""An address, without blanks."""

Base64 = Annotated[str, StringConstraints(max_length=25_200_000, pattern=_BASE64)]
"""Bytes in base64: 18 MB at most, which is what the health network carries."""


def _no_number(value: object) -> object:
    """Pydantic reads a number, even in quotes, as seconds since 1970; a day or a time is written as one."""
    digits = value if isinstance(value, str) else ""
    if isinstance(value, int | float) or digits.lstrip("+-").replace(".", "", 1).isdigit():
        raise PydanticCustomError("number_for_date", "a number is no date")
    return value


Day = Annotated[date, BeforeValidator(_no_number)]
"""A day: `2026-01-12`, never a number."""

Moment = Annotated[AwareDatetime, BeforeValidator(_no_number)]
"""A moment with its time zone: `2026-01-12T08:40:00+01:00`, never a number."""

Flag = Annotated[bool, Strict()]
"""True or false, never "yes" or 1."""

Count = Annotated[int, Strict()]
"""A whole number, never "3" or 3.0."""


class Value(BaseModel):
    """A frozen domain value. Unknown fields are refused; `repr` shows the type and the id, never the content."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, ser_json_temporal="iso8601")

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Only what is no person's data: the id and the kind."""
        for name in ("id", "kind", "status"):
            if name in type(self).model_fields:
                yield name, str(getattr(self, name))

    def __str__(self) -> str:
        return repr(self)

    def evolve(self, **changes: Any) -> Self:
        """A copy with `changes`, checked like any new value (pydantic's `model_copy` does not check)."""
        return build(type(self), {**dict(self), **changes})

    def to_data(self) -> dict[str, Any]:
        """The value as JSON-ready data, defaults left out; `read` gives it back."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def to_json(self, indent: int | None = None) -> str:
        """The value as JSON text, defaults left out; `read` gives it back."""
        return self.model_dump_json(exclude_defaults=True, indent=indent)


class Period(Value):
    """From a day to a day, both included; an open end means "until further notice"."""

    start: Day | None = None
    end: Day | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.start and self.end and self.end < self.start:
            message = "the period ends before it starts"
            raise ValueError(message)
        return self

    def covers(self, day: date) -> bool:
        """Whether `day` lies within the period."""
        return (self.start is None or self.start <= day) and (self.end is None or day <= self.end)

    def overlaps(self, other: Period) -> bool:
        """Whether the two periods share a day."""
        ours_first = self.end is None or other.start is None or other.start <= self.end
        theirs_first = other.end is None or self.start is None or self.start <= other.end
        return ours_first and theirs_first


V = TypeVar("V", bound=Value)


def read(model: type[V], data: str | bytes | Mapping[str, Any]) -> V:
    """Read a value from JSON text or from JSON-like data.

    Raises `InvalidInput` with every problem, each with its dotted path. No problem repeats what stood there.
    """
    try:
        if isinstance(data, str | bytes):
            return model.model_validate_json(data)
        return model.model_validate(data)
    except ValidationError as error:
        raise InvalidInput(problems_of(error, model)) from None


def build(model: type[V], fields: Mapping[str, Any]) -> V:
    """Make a value from field values; like `model(**fields)`, but raises `InvalidInput`."""
    try:
        return model(**fields)
    except ValidationError as error:
        raise InvalidInput(problems_of(error, model)) from None


_CODES: dict[str, IssueCode] = {
    "missing": "required",
    "enum": "code-invalid",
    "literal_error": "code-invalid",
    "json_invalid": "structure",
    "extra_forbidden": "structure",
    "model_type": "structure",
    "value_error": "invariant",
    "string_too_long": "too-long",
}


# The same words for JSON text and for data, without Python's names for things.
_REASONS = {"tuple_type": "input should be an array", "model_type": "input should be an object"}

# What a pattern asks for, in words.
_SHAPES = {
    _ID: "must be 1 to 64 letters, digits, hyphens and full stops",
    _TEXT: "is blank, or has a control character",
    _URL: "is no address, or has blanks in it",
    _BASE64: "is not base64",
}


def problems_of(
    error: ValidationError, model: type[BaseModel] | None = None, *, named: bool = False
) -> tuple[Problem, ...]:
    """Pydantic's errors as problems: path, reason and FHIR issue type, without the input.

    With the `model` that was to be made, an unknown field is not named - in a person's data its name may say anything -
    but what may be meant is. Without, as for settings, or when `named`, it is.
    """
    found: list[Problem] = []
    for item in error.errors(include_url=False, include_input=False):
        if model is not None and item["type"] in ("extra_forbidden", "invalid_key"):
            found.append(_unknown(item["loc"], model, named=named))
            continue
        path = ".".join(map(str, item["loc"]))
        inner = item.get("ctx", {}).get("error")
        if isinstance(inner, InvalidInput):
            found += [Problem(".".join(filter(None, (path, p.path))), p.reason, p.code) for p in inner.problems]
            continue
        pattern = str(item.get("ctx", {}).get("pattern"))
        reason = _REASONS.get(item["type"]) or _SHAPES.get(pattern) or item["msg"].removeprefix("Value error, ")
        found.append(Problem(path, reason[:1].lower() + reason[1:], _CODES.get(item["type"], "value")))
    return tuple(dict.fromkeys(found))


def _unknown(steps: tuple[int | str, ...], model: type[BaseModel], *, named: bool) -> Problem:
    *above, name = steps
    for step in above:
        if isinstance(step, str):
            model = _models_in(model.model_fields[step].annotation)[0]
    meant = difflib.get_close_matches(str(name), model.model_fields, n=1)
    hint = f"; perhaps {meant[0]} is meant" if meant else ""
    if named:
        return Problem(".".join(map(str, steps)), f"is not known here{hint}", "structure")
    return Problem(".".join(map(str, above)), f"has a field that is not known here{hint}", "structure")


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    itself = [annotation] if isinstance(annotation, type) and issubclass(annotation, BaseModel) else []
    return itself + [model for part in get_args(annotation) for model in _models_in(part)]
