"""Keys that stand twice: judged anew here by Python's own parser, which shows every pair of an object."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.values.json_keys import first_repeated_key, may_repeat_key
from ip_fhir.domain.values.value import Period, read
from ip_fhir.errors import InvalidInput
from tests.support.data import EXAMPLES

_KEYS = ("a", "b", "reference", 'c"', "d:", "å", "\\", "", ' ":')
_TEXTS = ("http://x:1", '":', '" :', "10:30", "å: b", '\\":', "{", "[,]", "urn:oid:2")


class _Pairs(list[tuple[str, Any]]):
    """An object as its pairs, in their order; a key may stand twice."""


_nodes = st.recursive(
    st.none() | st.integers() | st.sampled_from(_TEXTS),
    lambda inner: (
        st.lists(inner, max_size=4) | st.lists(st.tuples(st.sampled_from(_KEYS), inner), max_size=4).map(_Pairs)
    ),
    max_leaves=20,
)


def _text(node: Any, draw: Any) -> str:
    """The node as JSON text, with blanks at random, and with letters as escapes at random."""
    blanks = st.sampled_from(("", " ", "\n\t"))
    if isinstance(node, _Pairs):
        pairs = (f"{_text(k, draw)}{draw(blanks)}:{draw(blanks)}{_text(v, draw)}" for k, v in node)
        return f"{{{draw(blanks)}{','.join(pairs)}{draw(blanks)}}}"
    if isinstance(node, list):
        return f"[{(draw(blanks) + ',').join(_text(item, draw) for item in node)}{draw(blanks)}]"
    if isinstance(node, str) and draw(st.booleans()):
        return '"' + "".join(f"\\u{ord(letter):04x}" for letter in node) + '"'
    return json.dumps(node, ensure_ascii=draw(st.booleans()))


def _first(node: Any, above: tuple[int | str, ...] = ()) -> tuple[int | str, ...] | None:
    """The path of the first key, in the order of the text, that its object has had before."""
    seen: set[str] = set()
    items = node if isinstance(node, _Pairs) else enumerate(node) if isinstance(node, list) else ()
    for key, child in items:
        if isinstance(node, _Pairs) and key in seen:
            return (*above, key)
        seen.add(str(key))
        if (found := _first(child, (*above, key))) is not None:
            return found
    return None


def _number_of_keys(node: Any) -> int:
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return (len(node) if isinstance(node, dict) else 0) + sum(map(_number_of_keys, children))


@given(_nodes, st.data())
def test_the_first_repeated_key_is_found_and_no_other(node: Any, data: st.DataObject) -> None:
    """For any JSON, written in any way: the place of the first, or None; and the count never misses one."""
    content = _text(node, data.draw).encode()
    steps = first_repeated_key(content)
    found = None if steps is None else tuple(step.number if step.key is None else step.key for step in steps)
    assert found == _first(node)
    if not may_repeat_key(content, _number_of_keys(json.loads(content))):
        assert found is None


def test_the_count_is_certain_of_ordinary_text() -> None:
    """Addresses, URNs, phone numbers and times of a day do not look like keys: their text is not gone through."""
    data = {"url": "https://a.example:80/b", "at": "2026-01-12T08:00:00Z", "s": "urn:oid:2.16", "t": "tel:+47"}
    for content in (json.dumps(data), json.dumps(data, indent=2), json.dumps(data, separators=(",", ":"))):
        assert not may_repeat_key(content.encode(), 4)


def test_a_value_is_not_read_from_text_with_a_key_twice() -> None:
    """A plan in which a field stands twice is refused with the field's path, as text and as bytes."""
    with pytest.raises(InvalidInput, match=r"^end: stands twice") as caught:
        Period.from_json('{"start": "2026-01-01", "end": "2026-02-01", "end": "2036-02-01"}')
    assert caught.value.problems[0].code == "structure"
    text = min((EXAMPLES / "plans").glob("01-*.json")).read_text(encoding="utf-8")
    twice = text.replace('"text":', '"text": "Noe annet", "text":', 1)
    assert twice != text
    assert read(IndividualPlan, text.encode()) == read(IndividualPlan, text)
    with pytest.raises(InvalidInput, match=r"\.0\.text: stands twice"):
        read(IndividualPlan, twice.encode())
