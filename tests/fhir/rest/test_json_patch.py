"""JSON Patch: every operation as RFC 6902 has it, what it refuses, and its bounds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.json_text import dumps, loads
from ip_fhir.fhir.rest.json_patch import MOST_OPERATIONS, patched, read_patch

BEFORE = {"a": [1, 2], "b": {"c": "x", "d/e~": None}, "": 0}


def done(*operations: Any, of: Any = None) -> Any:
    """What a patch makes of a document."""
    return patched(BEFORE if of is None else of, read_patch(dumps(list(operations))))


@pytest.mark.parametrize(
    ("operation", "changed"),
    [
        ({"op": "add", "path": "/a/1", "value": 9}, {"a": [1, 9, 2]}),
        ({"op": "add", "path": "/a/-", "value": [9]}, {"a": [1, 2, [9]]}),
        ({"op": "add", "path": "/a/2", "value": 9}, {"a": [1, 2, 9]}),
        ({"op": "add", "path": "/b/c", "value": None}, {"b": {"c": None, "d/e~": None}}),
        ({"op": "add", "path": "/", "value": 9}, {"": 9}),
        ({"op": "remove", "path": "/a/0"}, {"a": [2]}),
        ({"op": "remove", "path": "/b/d~1e~0"}, {"b": {"c": "x"}}),
        ({"op": "replace", "path": "/a/1", "value": {"z": 1}}, {"a": [1, {"z": 1}]}),
        ({"op": "replace", "path": "/b", "value": True, "more": "is not looked at"}, {"b": True}),
        ({"op": "move", "from": "/a/0", "path": "/a/1"}, {"a": [2, 1]}),
        ({"op": "move", "from": "/b/c", "path": "/b/c"}, {}),
        ({"op": "copy", "from": "/a", "path": "/b/c"}, {"b": {"c": [1, 2], "d/e~": None}}),
        ({"op": "test", "path": "/b", "value": {"d/e~": None, "c": "x"}}, {}),
        ({"op": "test", "path": "/a", "value": [1.0, 2]}, {}),
        ({"op": "replace", "path": "", "value": {"n": 1}}, None),
    ],
)
def test_an_operation(operation: dict[str, Any], changed: dict[str, Any] | None) -> None:
    """Makes of the document what the standard says, and leaves the document that it was given as it is."""
    before = json.dumps(BEFORE)
    assert done(operation) == ({"n": 1} if changed is None else {**BEFORE, **changed})
    assert json.dumps(BEFORE) == before


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ({"op": "add", "path": "/a/3", "value": 9}, "invariant"),
        ({"op": "add", "path": "/a/01", "value": 9}, "invariant"),
        ({"op": "add", "path": "/a/x", "value": 9}, "invariant"),
        ({"op": "add", "path": "/none/x", "value": 9}, "invariant"),
        ({"op": "add", "path": "/b/c/x", "value": 9}, "invariant"),
        ({"op": "add", "path": "/b"}, "structure"),
        ({"op": "add", "path": "b", "value": 1}, "structure"),
        ({"op": "add", "path": "/b~2", "value": 1}, "structure"),
        ({"op": "add", "path": 1, "value": 1}, "structure"),
        ({"op": "remove", "path": "/a/-"}, "invariant"),
        ({"op": "remove", "path": "/a/-1"}, "invariant"),
        ({"op": "remove", "path": "/a/\u0660"}, "invariant"),
        ({"op": "remove", "path": ""}, "structure"),
        ({"op": "replace", "path": "", "value": []}, "structure"),
        ({"op": "replace", "path": "/none", "value": 1}, "invariant"),
        ({"op": "move", "from": "/b", "path": "/b/c"}, "invariant"),
        ({"op": "move", "path": "/b/c"}, "structure"),
        ({"op": "copy", "from": 1, "path": "/b/c"}, "structure"),
        ({"op": "copy", "from": "/none", "path": "/b/c"}, "invariant"),
        ({"op": "test", "path": "/a/0", "value": True}, "invariant"),
        ({"op": "test", "path": "/a/0", "value": "1"}, "invariant"),
        ({"op": "test", "path": "/a", "value": [1]}, "invariant"),
        ({"op": "test", "path": "/b", "value": {"c": "x"}}, "invariant"),
        ({"op": "test", "path": "/none", "value": None}, "invariant"),
        ({"op": "merge", "path": "/a"}, "structure"),
        ([], "structure"),
        ("remove", "structure"),
    ],
)
def test_an_operation_that_cannot_be(operation: Any, code: str) -> None:
    """Names the operation by its number and the reason, never a value."""
    with pytest.raises(InvalidInput) as raised:
        done({"op": "test", "path": "/a/0", "value": 1}, operation)
    (problem,) = raised.value.problems
    assert problem.code == code
    assert problem.path in ("[1]", "")


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"nonsense", b'[{"op":"remove","path":"/a","path":"/b"}]', b"\xff", b'"x"', b"[" * 100_000],
)
def test_what_is_no_patch(content: bytes) -> None:
    """Is refused as a whole, also where a key stands twice."""
    with pytest.raises(InvalidInput) as raised:
        read_patch(content)
    assert raised.value.status == 400


def test_bounds() -> None:
    """Too many operations, and a document copied into itself again and again, end early."""
    double = [{"op": "copy", "from": "/a", "path": "/a/-"}] * MOST_OPERATIONS
    for operations in (double, [*double, double[0]]):
        with pytest.raises(InvalidInput) as raised:
            done(*operations)
        assert raised.value.problems[0].code == "too-costly"


def test_numbers_keep_their_text() -> None:
    """A number is written as it came, and tested by what it means."""
    of = loads(b'{"v":0.700}')
    for value in (b"0.700", b"0.7", b"7E-1"):
        same = read_patch(b'[{"op":"test","path":"/v","value":' + value + b"}]")
        assert dumps(patched(of, same)) == b'{"v":0.700}'
    put = read_patch(b'[{"op":"replace","path":"/v","value":1.50}]')
    assert dumps(patched(of, put)) == b'{"v":1.50}'
