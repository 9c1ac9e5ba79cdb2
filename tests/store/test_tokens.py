"""What a resource is found by."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip_fhir.errors import InvalidInput
from ip_fhir.store.tokens import NAMES, tokens

CASES: list[tuple[str, dict[str, Any], set[tuple[str, str]]]] = [
    ("nothing", {}, set()),
    ("status", {"status": "requested"}, {("status", "requested")}),
    ("no system", {"identifier": [{"value": "1"}]}, {("identifier", "1"), ("identifier", "|1")}),
    ("one identifier", {"identifier": {"system": "a", "value": "1"}}, {("identifier", "1"), ("identifier", "a|1")}),
    ("a system only", {"identifier": [{"system": "a"}]}, set()),
    ("relative", {"focus": {"reference": "Task/1"}}, {("focus", "Task/1"), ("focus", "1")}),
    (
        "absolute",
        {"basedOn": [{"reference": "https://x/fhir/Task/1"}]},
        {("based-on", "https://x/fhir/Task/1"), ("based-on", "Task/1"), ("based-on", "1")},
    ),
    (
        "of a version",
        {"focus": {"reference": "Task/1/_history/2"}},
        {("focus", "Task/1/_history/2"), ("focus", "Task/1"), ("focus", "1")},
    ),
    ("urn", {"focus": {"reference": "urn:uuid:1/2"}}, {("focus", "urn:uuid:1/2")}),
    ("by identifier only", {"focus": {"identifier": {"value": "1"}}}, set()),
    ("contained", {"focus": {"reference": "#1"}}, {("focus", "#1")}),
]


@pytest.mark.parametrize(("resource", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_forms(resource: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    """Each form in which FHIR lets a search name it, and no other."""
    assert tokens(resource) == expected


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["system", "value", "reference", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["identifier", "status", "basedOn", "focus"]), anything))
def test_whatever_stands_there(resource: dict[str, Any]) -> None:
    """A resource of the wrong form is found by less; it stops nothing."""
    assert all(name in NAMES and value for name, value in tokens(resource))


def test_too_long() -> None:
    """A value that would not fit the index is refused by the name of its parameter."""
    with pytest.raises(InvalidInput) as caught:
        tokens({"status": "x" * 513})
    assert [(problem.path, problem.code) for problem in caught.value.problems] == [("status", "too-long")]
