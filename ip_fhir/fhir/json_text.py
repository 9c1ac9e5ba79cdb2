"""JSON text of FHIR resources as Python data and back, with every number as the peer wrote it.

FHIR R4 section 2.24.0.1: the precision of a decimal counts, so `0.700` is not `0.7`. A binary float keeps neither that
nor more than some 17 digits.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import msgspec
import orjson

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

_LARGEST_EXPONENT = 400  # beyond what any measurement needs; a number to calculate with must not be endless
_TOO_LARGE = "a number is too large or too small"


class Number(Decimal):
    """A JSON number with a fraction or an exponent, or one of more than 64 bits: a Decimal that keeps its text."""

    __slots__ = ("_text",)
    _text: str

    def __new__(cls, text: str) -> Self:
        """Make a number of JSON text. Raises `ValueError` for an exponent beyond 400."""
        try:
            number = super().__new__(cls, text)
        except InvalidOperation:  # an exponent beyond what a Decimal has
            raise ValueError(_TOO_LARGE) from None
        if abs(number.adjusted()) > _LARGEST_EXPONENT:
            raise ValueError(_TOO_LARGE)
        number._text = text
        return number

    def __str__(self) -> str:
        return self._text

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        return type(self), (self._text,)


def loads(content: bytes) -> Any:
    """Returns the data in UTF-8 JSON text: as `json.loads`, with `Number` for what is not whole.

    Raises `ValueError` or `RecursionError`, whose words may quote the text.
    """
    return _decode(content)


_decode = msgspec.json.Decoder(float_hook=Number).decode


def dumps(data: Any, option: int = 0, default: Callable[[Any], Any] | None = None) -> bytes:
    """Returns data as UTF-8 JSON text without blanks, numbers as they were written.

    `option` is one of orjson's; `default` makes something that JSON has of another type. Raises
    `orjson.JSONEncodeError` for what JSON cannot hold.
    """

    def made(value: Any) -> Any:
        if isinstance(value, Decimal) and value.is_finite():
            return orjson.Fragment(str(value))
        if default is None:
            raise TypeError
        return default(value)

    try:
        return orjson.dumps(data, made, option)
    except orjson.JSONEncodeError as error:
        if "64-bit" not in str(error):
            raise
        return orjson.dumps(_with_large_numbers(data), made, option)


def _with_large_numbers(node: Any) -> Any:
    """The data with whole numbers of more than 64 bits as `Number`: orjson does not write them."""
    if type(node) is dict:
        return {key: _with_large_numbers(value) for key, value in node.items()}
    if type(node) is list:
        return [_with_large_numbers(item) for item in node]
    return Number(str(node)) if type(node) is int and not -(1 << 63) <= node < 1 << 64 else node
