"""Numbers in JSON: what a peer wrote is what is written again."""

import json
import pickle
from copy import deepcopy
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip_fhir.fhir.json_text import Number, dumps, loads

_digits = st.text("0123456789", min_size=1, max_size=40)
_whole = _digits.map(lambda text: text.lstrip("0") or "0")
_numbers = st.builds(
    lambda sign, whole, fraction, exponent: f"{sign}{whole}{fraction}{exponent}",
    st.sampled_from(("", "-")),
    _whole,
    st.just("") | _digits.map(lambda text: f".{text}"),
    st.sampled_from(("", "e3", "E-2", "e+10")),
).filter(lambda text: text != "-0")  # the whole number 0, in every parser


@given(st.lists(_numbers, max_size=5))
def test_a_number_keeps_its_text(numbers: list[str]) -> None:
    """Digits, zeros at the end, exponents and letters stay, whatever the length; also through a copy."""
    content = f'{{"a":[{",".join(numbers)}]}}'.encode()
    data = loads(content)
    assert dumps(data) == content
    assert dumps(deepcopy(data)) == dumps(pickle.loads(pickle.dumps(data))) == content  # noqa: S301 - our own
    assert all(Decimal(text) == found for text, found in zip(numbers, data["a"], strict=True))


def test_it_is_a_decimal_to_calculate_with() -> None:
    """`0.700` is 0.7 to who calculates, and a whole number is an int."""
    data: dict[str, Any] = loads(b'{"a": 0.700, "b": 7}')
    assert data == {"a": Decimal("0.7"), "b": 7}
    assert str(data["a"]) == "0.700"


def test_a_callers_own_numbers_are_written() -> None:
    """Also where a caller has parsed the text with a Decimal or float for each number."""
    text = b'{"a":0.700,"b":0.5}'
    assert dumps(json.loads(text, parse_float=Decimal)) == text
    assert dumps({"a": 0.5}) == b'{"a":0.5}'


@pytest.mark.parametrize("text", ["1e401", "1E-9000", "1e99999999999999999999999"])
def test_a_number_without_bounds_is_refused(text: str) -> None:
    """An exponent that no measurement has is refused: counting with such a number may never end."""
    with pytest.raises(ValueError, match="number"):
        loads(text.encode())
    with pytest.raises(ValueError, match="number"):
        Number(text)


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), object(), {"a": object()}])
def test_what_json_cannot_hold_is_not_written(value: object) -> None:
    """No text is made up for it."""
    with pytest.raises(orjson.JSONEncodeError):
        dumps(value)
