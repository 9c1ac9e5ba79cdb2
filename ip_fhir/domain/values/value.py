"""The base class of all domain values: frozen, without unknown fields, and without a person's data in `repr`."""

from __future__ import annotations

import difflib
import re
from dataclasses import replace
from datetime import date
from functools import partial
from inspect import cleandoc
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Self, TypeVar, get_args

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError, core_schema, from_json

from ip_fhir.domain.values.ids import PARTS_OF_11_DIGITS, find_person_number
from ip_fhir.domain.values.json_keys import first_repeated_key, may_repeat_key
from ip_fhir.errors import InvalidInput, IssueCode, Problem, few_problems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema, ErrorDetails

# Control characters but tab and line breaks, and the two that XML cannot carry at all.
_CONTROL = r"\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff"

# Each pattern is used twice: in its type, and to find the words of the error (`_SHAPES`).
_ID = r"^[A-Za-z0-9\-.]{1,64}$"
_TEXT = rf"^[^{_CONTROL}]*[^\s{_CONTROL}][^{_CONTROL}]*$"
_URL = r"^[^\s\x00-\x1f]+$"
_BASE64 = r"^[A-Za-z0-9+/]+={0,2}$"


def _no_person_number(found: re.Match[str]) -> str:
    """Refuses an id with a person's number in it: ids stand in URLs, logs and lists."""
    if find_person_number(found.group()):
        raise PydanticCustomError("person_number", "has a person's number in it: ids stand in logs and addresses")
    return found.group()


# `sub` calls the function above only where there are 11 digits: all other ids are checked without a line of Python.
Id = Annotated[str, StringConstraints(pattern=_ID), AfterValidator(partial(PARTS_OF_11_DIGITS.sub, _no_person_number))]
"""An id inside a plan or of a resource: the FHIR `id` type (letters, digits, `-`, `.`; at most 64).

An id that is a person's number, or has one between its hyphens and full stops, is refused.
"""

Text = Annotated[str, StringConstraints(max_length=50_000, pattern=_TEXT)]
"""Words for people: not blank, no control characters except tab and line breaks; at most 50,000 characters."""

MadeText = Annotated[str, StringConstraints(pattern=_TEXT)]
"""Words put together from the words of others: as `Text`, but of any length, since those have their bounds already."""

Url = Annotated[str, StringConstraints(max_length=2_000, pattern=_URL)]
"""A URL: no blanks, at most 2,000 characters."""

MOST_BASE64: Final = 25_200_000
"""The most characters of base64 in one document, and in all documents of one notice: 18 MB before encoding.

It is the limit of the Norwegian health network. What a message may have in all follows from it (`fhir.reading.Limits`).
"""

Base64 = Annotated[str, StringConstraints(max_length=MOST_BASE64, pattern=_BASE64)]
"""Bytes in base64: at most 18 MB before encoding, the limit of the Norwegian health network."""


def _no_number(value: object) -> object:
    """Refuses numbers, also in quotes: pydantic would read them as seconds since 1970."""
    digits = value if isinstance(value, str) else ""
    if isinstance(value, int | float) or digits.lstrip("+-").replace(".", "", 1).isdigit():
        raise PydanticCustomError("number_for_date", "a number is no date")
    return value


Day = Annotated[date, BeforeValidator(_no_number)]
"""A calendar day, `2026-01-12`; never a number."""

Moment = Annotated[AwareDatetime, BeforeValidator(_no_number)]
"""A moment with its UTC offset, `2026-01-12T08:40:00+01:00`; never a number."""

Flag = Annotated[bool, Strict()]
"""True or False; "yes" and 1 are refused."""

Count = Annotated[int, Strict()]
"""A whole number; "3" and 3.0 are refused."""

Days = Annotated[int, Field(strict=True, ge=1, le=365)]
"""The length of a deadline in days, 1 to 365."""

_FIELDS = "\nFields:"

# Fields that hold no person's data: `repr` shows those of them that a value has.
_SHOWN = ("id", "correlation_id", "kind", "status", "state")


class Value(BaseModel):
    """A frozen domain value. Unknown fields are refused; `repr` shows the type and the id, never the content.

    Making a value, reading one and `evolve` raise `InvalidInput` with every problem and its dotted path; the refused
    content is not in it. (pydantic's `TypeAdapter`, and setting or deleting a field, raise pydantic's own error.)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, ser_json_temporal="iso8601")

    LISTS_FIELDS: ClassVar[bool] = False
    """True for what an operator writes, such as settings: the error at an unknown field lists those that are known."""

    def __init__(self, /, **fields: Any) -> None:
        try:
            self.__pydantic_validator__.validate_python(fields, self_instance=self)
        except ValidationError as error:
            raise InvalidInput(problems_of(error, type(self))) from None

    # With this mark pydantic does not call `__init__` for values inside values: making them stays fast, and all their
    # problems come in one error.
    __init__.__dict__["__pydantic_base_init__"] = True

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Reads a value as pydantic does, but raises `InvalidInput`. Prefer `from_data`."""
        try:
            return super().model_validate(obj, **options)
        except ValidationError as error:
            raise InvalidInput(problems_of(error, cls)) from None

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        """Reads JSON text as pydantic does, but raises `InvalidInput`. Prefer `from_json`."""
        try:
            return super().model_validate_json(json_data, **options)
        except ValidationError as error:
            raise InvalidInput(problems_of(error, cls)) from None

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Reads a value from JSON text (`str`, or bytes in UTF-8), as `to_json` writes it. Raises `InvalidInput`.

        A key that stands twice in one object is refused. (`model_validate_json` takes the last one.)

        >>> Period.from_json('{"start": "2026-01-12"}').start
        datetime.date(2026, 1, 12)
        """
        if not isinstance(text, str | bytes | bytearray):
            raise InvalidInput.at("", f"JSON text is str or bytes, not {type(text).__name__}", "structure")
        value = cls.model_validate_json(text)
        _refuse_repeated_key(text.encode() if isinstance(text, str) else bytes(text))
        return value

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Reads a value from a dict of JSON data, as `to_data` and `json.loads` give it. Raises `InvalidInput`.

        >>> Period.from_data({"end": "2026-01-12"}).covers(date(2026, 1, 13))
        False
        """
        if not hasattr(data, "keys"):
            raise InvalidInput.at("", f"{cls.__name__} is read from an object, not from {_kind_of(data)}", "structure")
        return cls.model_validate(dict(data))

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        """Adds the descriptions of the fields to the docstring, so that `help` shows them."""
        super().__pydantic_init_subclass__(**options)
        fields = [f"    {name}: {info.description}" for name, info in cls.model_fields.items()]
        cls.__doc__ = "\n".join([cleandoc(cls.__doc__ or ""), *([_FIELDS, *fields] if fields else [])])

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler, /) -> JsonSchemaValue:
        """Removes the fields from the description in a JSON Schema, where each field has a description of its own."""
        made = handler(core_schema)
        whole = handler.resolve_ref_schema(made)
        whole["description"] = whole.get("description", "").partition(_FIELDS)[0].rstrip()
        return made

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Yields the fields that hold no person's data: ids, kind and state."""
        for name in _SHOWN:
            if name in type(self).model_fields:
                yield name, str(getattr(self, name))

    def __str__(self) -> str:
        return repr(self)

    def evolve(self, **changes: Any) -> Self:
        """Returns a copy with `changes`, checked like a new value (pydantic's `model_copy` does not check).

        Raises `InvalidInput`. It names unknown fields: their names come from the caller's code, not from data.
        """
        if unknown := [name for name in changes if name not in type(self).model_fields]:
            raise InvalidInput(Problem(name, self._is_unknown(name), "structure") for name in unknown)
        return type(self)(**{**self.__dict__, **changes})

    @classmethod
    def _is_unknown(cls, name: str) -> str:
        meant = difflib.get_close_matches(name, cls.model_fields, n=1)
        return "is not known here" + (f"; perhaps {meant[0]} is meant" if meant else "")

    def to_data(self) -> dict[str, Any]:
        """Returns the value as a dict of JSON data without defaults; `from_data` reads it."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def to_json(self, indent: int | None = None) -> str:
        """Returns the value as JSON text without defaults; `from_json` reads it."""
        return self.model_dump_json(exclude_defaults=True, indent=indent)


class AsMade:
    """Marks a field whose value, if it is one already, is taken as it is: `Annotated[Notice, AsMade()]`.

    A value is frozen, and was checked when it was made; pydantic would ask its validators again for each value that
    holds it. Data are read and checked as ever.
    """

    def __get_pydantic_core_schema__(self, source: type[Value], handler: GetCoreSchemaHandler) -> CoreSchema:
        """The schema of the value; of Python objects, one that is made passes."""
        checked = handler(source)

        def taken(given: Any, check: Callable[[Any], Any]) -> Any:
            return given if type(given) is source else check(given)

        made = core_schema.no_info_wrap_validator_function(taken, checked)
        return core_schema.json_or_python_schema(checked, made)


class Period(Value):
    """A range of days, the first and the last included; without `end` it lasts until further notice."""

    start: Day | None = Field(default=None, description="First day; none: from the beginning.")
    end: Day | None = Field(default=None, description="Last day, included; none: until further notice.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.start and self.end and self.end < self.start:
            message = "the period ends before it starts"
            raise ValueError(message)
        return self

    def covers(self, day: date) -> bool:
        """True if `day` lies within the period."""
        return (self.start is None or self.start <= day) and (self.end is None or day <= self.end)

    def overlaps(self, other: Period) -> bool:
        """True if at least one day lies in both periods."""
        ours_first = self.end is None or other.start is None or other.start <= self.end
        theirs_first = other.end is None or self.start is None or self.start <= other.end
        return ours_first and theirs_first


V = TypeVar("V", bound=Value)


def read(model: type[V], data: str | bytes | Mapping[str, Any]) -> V:
    """Reads a value of type `model` from JSON text (`str`, or bytes in UTF-8) or from a dict of JSON data.

    Raises `InvalidInput` with every problem and its dotted path; the refused content is not in it.
    """
    if not _is_type_of_value(model):
        raise InvalidInput.at("model", f"is no type of domain value, but {_kind_of(model)}")
    return model.from_json(data) if isinstance(data, str | bytes | bytearray) else model.from_data(data)


def _refuse_repeated_key(text: bytes) -> None:
    """Raises `InvalidInput` at the first key that stands twice in one object of valid JSON text."""
    if may_repeat_key(text, _keys_in(from_json(text))) and (steps := first_repeated_key(text)) is not None:
        path = ".".join(str(step.number) if step.key is None else step.key for step in steps)
        raise InvalidInput.at(path, "stands twice in one object, so it is not known which counts", "structure")


def _keys_in(data: Any) -> int:
    """Returns the number of keys in all objects of JSON data."""
    if type(data) is dict:
        return len(data) + sum(map(_keys_in, data.values()))
    return sum(map(_keys_in, data)) if type(data) is list else 0


def _is_type_of_value(model: object) -> bool:
    return isinstance(model, type) and issubclass(model, Value)


def require(argument: object, kind: type[object], name: str) -> None:
    """Raises `InvalidInput` at `name` if `argument` is not of type `kind`. The error does not show the argument.

    >>> require("x", Period, "period")
    Traceback (most recent call last):
    ip_fhir.errors.InvalidInput: period: is no Period, but str
    """
    if not isinstance(argument, kind):
        raise InvalidInput.at(name, f"is no {kind.__name__}, but {_kind_of(argument)}")


def _kind_of(argument: object) -> str:
    return f"the type {argument.__name__}" if isinstance(argument, type) else type(argument).__name__


_CODES: dict[str, IssueCode] = {
    "missing": "required",
    "enum": "code-invalid",
    "literal_error": "code-invalid",
    "json_invalid": "structure",
    "extra_forbidden": "structure",
    "model_type": "structure",
    "value_error": "invariant",
    "string_too_long": "too-long",
    "too_long": "too-long",
}


# Words without Python's names of types, the same for JSON text and for data.
_REASONS = {"tuple_type": "input should be an array", "model_type": "input should be an object"}

# The words of the error for each pattern.
_SHAPES = {
    _ID: "must be 1 to 64 letters, digits, hyphens and full stops",
    _TEXT: "is blank, or has a control character",
    _URL: "is no address, or has blanks in it",
    _BASE64: "is not base64",
}


def problems_of(error: ValidationError, model: type[BaseModel] | None = None) -> tuple[Problem, ...]:
    """Returns pydantic's errors as problems, the first ones of many: path, reason, issue type, without the input.

    With `model` an unknown field is not named, since the name itself may tell of a person. It is told how many there
    are at a place, and which known fields have a similar name; if none has, and with `model.LISTS_FIELDS`, all of them.
    """
    found: list[Problem] = []
    unknown: dict[tuple[int | str, ...], list[str]] = {}
    for item in error.errors(include_url=False, include_input=False):
        if model is not None and item["type"] in ("extra_forbidden", "invalid_key"):
            *above, name = item["loc"]
            unknown.setdefault(tuple(above), []).append(str(name))
            continue
        path = ".".join(map(str, item["loc"]))
        inner = item.get("ctx", {}).get("error")
        if isinstance(inner, InvalidInput):
            found += [replace(p, path=".".join(filter(None, (path, p.path)))) for p in inner.problems]
            continue
        found.append(Problem(path, _reason_of(item), _CODES.get(item["type"], "value")))
    if model is not None:
        lists = getattr(model, "LISTS_FIELDS", False)
        found += [_unknown(above, names, model, lists=lists) for above, names in unknown.items()]
    return few_problems(dict.fromkeys(found))


def _reason_of(item: ErrorDetails) -> str:
    """Returns the words of one of pydantic's errors."""
    context = item.get("ctx", {})
    if item["type"] == "too_long":
        return f"has more than {context['max_length']} items"
    shape = _SHAPES.get(str(context.get("pattern")))
    reason = _REASONS.get(item["type"]) or shape or item["msg"].removeprefix("Value error, ")
    return reason[:1].lower() + reason[1:]


def _unknown(above: tuple[int | str, ...], names: list[str], model: type[BaseModel], *, lists: bool) -> Problem:
    for step in above:
        if isinstance(step, str):
            model = models_in(model.model_fields[step].annotation)[0]
    path = ".".join(map(str, above))
    return Problem(path, unknown_keys(names, model.model_fields, lists=lists), "structure")


def unknown_keys(names: Sequence[str], known: Iterable[str], *, lists: bool = False) -> str:
    """The reason of a problem with unknown keys, without them: how many they are, and what may be meant.

    With `lists` the known ones are listed if none is similar.

    >>> unknown_keys(["titel"], ["title", "text"])
    'has a field that is not known here; perhaps title is meant'
    >>> unknown_keys(["x", "y"], ["title", "text"], lists=True)
    'has 2 fields that are not known here; known are text, title'
    """
    known = sorted(known)
    found = [difflib.get_close_matches(name, known, n=1) for name in names]
    meant = dict.fromkeys(one for close in found for one in close)
    said = "a field that is" if len(names) == 1 else f"{len(names)} fields that are"
    hint = f"; perhaps {' and '.join(meant)} {'is' if len(meant) == 1 else 'are'} meant" if meant else ""
    if not meant and lists:
        hint = f"; known are {', '.join(known)}"
    return f"has {said} not known here{hint}"


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """Returns the models that the type of a field names: `[Goal]` for `tuple[Goal, ...]`."""
    itself = [annotation] if isinstance(annotation, type) and issubclass(annotation, BaseModel) else []
    return itself + [model for part in get_args(annotation) for model in models_in(part)]
