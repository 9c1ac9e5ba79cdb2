"""What every domain value shares: frozen, closed, silent about its content, and one way in from JSON."""

from __future__ import annotations

from datetime import date  # noqa: TC003 - pydantic reads annotations at run time
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator

from ip_fhir.errors import InvalidInput, IssueCode, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CONTROL = r"\x00-\x08\x0b\x0c\x0e-\x1f"

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9\-.]{1,64}$")]
"""An id inside a plan or of a resource: the FHIR `id` type (letters, digits, `-`, `.`; at most 64)."""

Text = Annotated[
    str, StringConstraints(max_length=50_000, pattern=rf"^[^{_CONTROL}]*[^\s{_CONTROL}][^{_CONTROL}]*$")
]
"""Words for people: not blank, no control characters but tab and line breaks."""


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

    start: date | None = None
    end: date | None = None

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
        raise InvalidInput(problems_of(error)) from None


def build(model: type[V], fields: Mapping[str, Any]) -> V:
    """Make a value from field values; like `model(**fields)`, but raises `InvalidInput`."""
    try:
        return model(**fields)
    except ValidationError as error:
        raise InvalidInput(problems_of(error)) from None


_CODES: dict[str, IssueCode] = {
    "missing": "required",
    "enum": "code-invalid",
    "literal_error": "code-invalid",
    "json_invalid": "structure",
    "extra_forbidden": "structure",
    "model_type": "structure",
    "value_error": "invariant",
    "string_too_long": "too-long",
    "recursion_loop": "structure",
}


def problems_of(error: ValidationError) -> tuple[Problem, ...]:
    """Pydantic's errors as problems: path, reason and FHIR issue type, without the input."""
    found: list[Problem] = []
    for item in error.errors(include_url=False, include_input=False):
        path = ".".join(_step(step) for step in item["loc"])
        inner = item.get("ctx", {}).get("error")
        if isinstance(inner, InvalidInput):
            found += [Problem(".".join(filter(None, (path, p.path))), p.reason, p.code) for p in inner.problems]
            continue
        reason = item["msg"].removeprefix("Value error, ")
        found.append(Problem(path, _lower_first(reason), _CODES.get(item["type"], "value")))
    return tuple(found)


def _step(step: int | str) -> str:
    """One step of a path; a key that does not look like a field name may be a person's data and is not shown."""
    text = str(step)
    return text if text.replace("_", "").replace("-", "").isalnum() and not text[6:].isdigit() else "(unnamed)"


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
