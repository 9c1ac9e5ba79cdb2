"""Bytes to a resource: whatever comes, a resource or an InvalidInput that says where it went wrong."""

import tracemalloc
from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.reading import Limits, has_too_many_parts, read_json, write_json


@pytest.mark.parametrize(
    ("content", "code", "status", "words"),
    [
        (b"", "structure", 400, "not JSON"),
        (b"MSH|^~\\&|", "structure", 400, "not JSON: line 1, column 1"),
        (b'{"resourceType": "Task",\n "id" 1}', "structure", 400, "line 2"),
        (b"[]", "structure", 400, "JSON object"),
        (b'"Task"', "structure", 400, "JSON object"),
        (b'{"id": "1"}', "structure", 400, "no FHIR resource"),
        (b'{"resourceType": 7}', "structure", 400, "no FHIR resource"),
        ('{"resourceType": "Åse"}'.encode("latin-1"), "structure", 400, "not UTF-8 at byte 18"),
        ('{"resourceType": "Task"}'.encode("utf-16"), "structure", 400, "UTF-16"),
        (b'{"resourceType": "Task", "n": NaN}', "structure", 400, "not JSON"),
        (b'{"resourceType": "Task", "n": 1e401}', "too-costly", 413, "too large or too small"),
        (b'{"resourceType": "Task", "n": 1e-500}', "too-costly", 413, "too large or too small"),
        (b'{"resourceType": "Task", "s": "\\ud800"}', "structure", 400, "not JSON"),
        (b'{"resourceType": "Task", "d": ' + b"[" * 64 + b"]" * 64 + b"}", "too-costly", 413, "deeper than 64"),
        (b'{"resourceType": "Task", "d": ' + b"[" * 5000 + b"]" * 5000 + b"}", "too-costly", 413, "deep"),
        (b'{"resourceType": "Task", "d": [' + b"[]," * 600_000 + b"[]]}", "too-costly", 413, "more than 200000 parts"),
        (b" " * 30_200_001, "too-long", 413, "larger than 30200000 bytes"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_bad_input_is_named(content: bytes, code: str, status: int, words: str) -> None:
    """Each kind of bad body has its own issue code, HTTP status and words."""
    with pytest.raises(InvalidInput) as caught:
        read_json(content)
    assert caught.value.problems[0].code == code
    assert caught.value.status == status
    assert words in str(caught.value)


def test_the_text_that_stood_there_is_not_repeated() -> None:
    """An error never quotes the input: it may be a person's."""
    with pytest.raises(InvalidInput) as caught:
        read_json(b'{"resourceType": "Task", "note": Kari Nordmann}')
    assert "Kari" not in str(caught.value)


def test_what_is_let_through() -> None:
    """A byte order mark is ignored, depth up to the limit is read."""
    assert read_json(b'\xef\xbb\xbf{"resourceType": "Task"}') == {"resourceType": "Task"}
    assert read_json(b'{"resourceType": "Task", "d": ' + b"[" * 63 + b"]" * 63 + b"}")["d"]


@pytest.mark.parametrize(
    ("content", "at"),
    [
        (b'{"resourceType": "Task", "id": "1", "id": "2"}', "Task.id"),
        (b'{"resourceType":"Consent","provision":{"type":"deny"},"provision":{"type":"permit"}}', "Consent.provision"),
        (
            b'{"resourceType":"Bundle","entry":[{},{"resource":{"a":"\\":","id":1,"i\\u0064":1}}]}',
            "Bundle.entry[1].resource.id",
        ),
        (b'\xef\xbb\xbf{"resourceType" :"Task","_id" :1,"_id" :1}', "Task._id"),
        (b'{"resourceType": "Task", "Kari Nordmann": 1, "Kari Nordmann": 2}', "Task.(key 3)"),
        (b'{"resourceType": "17851950222", "id": "1", "id": "2"}', "id"),
    ],
)
def test_a_key_that_stands_twice_is_refused_at_its_place(content: bytes, at: str) -> None:
    """Which value counts is not known (field/06; LinuxForHealth 1155, hapi 848). Names that are not FHIR's stay out."""
    with pytest.raises(InvalidInput, match="stands twice") as caught:
        read_json(content)
    assert [problem.path for problem in caught.value.problems] == [at]
    assert caught.value.status == 400


@given(st.binary(max_size=200))
def test_random_bytes_give_a_resource_or_invalid_input(content: bytes) -> None:
    """Nothing but InvalidInput comes out of reading."""
    with suppress(InvalidInput):
        assert isinstance(read_json(content)["resourceType"], str)


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=5), _json))
def test_written_is_read_back(data: dict[str, object]) -> None:
    """What was written is read back; the same resource gives the same bytes."""
    resource = data | {"resourceType": "Basic"}
    assert read_json(write_json(resource)) == resource
    assert write_json(resource) == write_json(orjson.loads(write_json(resource)))


def test_limits_are_settings() -> None:
    """A site may set its own limits."""
    with pytest.raises(InvalidInput, match="larger than 30 bytes"):
        read_json(b'{"resourceType": "Task", "id": "1"}', Limits(max_bytes=30))


def peak_of(content: bytes, code: str) -> int:
    """The most memory, in bytes, that refusing the content took beside it."""
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInput) as caught:
            read_json(content)
        assert caught.value.problems[0].code == code
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("part", [b"[]", b"{}", b'"[",[]', b'"\\"",[]'], ids=repr)
def test_parts_are_counted_before_anything_is_made_of_them(part: bytes) -> None:
    """A body of nothing but brackets is refused without being parsed: parsed, it takes a hundred times its size."""
    number = 4_900_000 // (len(part) + 1)
    content = b'{"resourceType":"Bundle","a":[' + b",".join([part] * number) + b"]}"
    assert peak_of(content, "too-costly") < 4 * len(content)


@pytest.mark.parametrize("text", ["[{" * 200_000, '\\[{"' * 100_000, "æ\\\\[" * 200_000], ids=lambda text: text[:6])
def test_brackets_in_texts_are_no_parts(text: str) -> None:
    """Words may have any number of brackets, quotation marks and backslashes."""
    assert read_json(write_json({"resourceType": "Basic", "a": text, "b": [text]}))["b"] == [text]


_awkward = st.text(alphabet='[]{}"\\,: aæ', max_size=12)
_awkward_json = st.recursive(
    _awkward | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_awkward, inner, max_size=4),
    max_leaves=30,
)


def parts_in(node: Any) -> int:
    """Objects and lists in a node, and itself."""
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return sum(map(parts_in, children)) + isinstance(node, dict | list)


@given(_awkward_json, st.booleans())
def test_the_count_is_exact(data: Any, spaced: bool) -> None:
    """As many parts as the limit are let through, one more is not, whatever stands in the texts."""
    content = orjson.dumps(data, option=orjson.OPT_INDENT_2 if spaced else None)
    number = parts_in(data)
    assert not has_too_many_parts(content, Limits(max_parts=number))
    assert number == 0 or has_too_many_parts(content, Limits(max_parts=number - 1))
