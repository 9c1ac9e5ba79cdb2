"""Modules import one another only where pyproject.toml says why; the gate that holds this can fail."""

from pathlib import Path

import pytest

from tests.house import circle_gate


def test_every_circle_has_a_reason(checkout: Path) -> None:
    """The circles between modules are those that are listed with a reason, no more and no fewer."""
    assert circle_gate.problems(checkout) == []


def test_gate_sees_a_circle_of_types(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules that import one another through a third, one of them for types only, are a circle; others are not."""
    package = tmp_path / "circular"
    package.mkdir()
    types = "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from circular import first\n"
    for name, text in {
        "__init__": "",
        "first": "from circular import second\n",
        "second": "import circular.third\n",
        "third": types,
        "outside": "from circular import first\n",
    }.items():
        (package / f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = circle_gate.circles(circle_gate.imports(["circular"]))
    assert found == [frozenset({"circular.first", "circular.second", "circular.third"})]


def test_gate_compares_with_the_list() -> None:
    """A circle that is not listed, one that is listed and gone or changed, and one without words are each a problem."""
    circle, grown = frozenset({"a", "b"}), frozenset({"a", "b", "c"})
    listed = {"modules": ["b", "a"], "reason": "types only"}
    assert circle_gate.compared([circle], [listed]) == []
    assert circle_gate.compared([circle], []) == ["a circle without a reason: a, b"]
    assert circle_gate.compared([], [listed]) == ["listed, and no circle: a, b"]
    assert len(circle_gate.compared([grown], [listed])) == 2
    assert circle_gate.compared([circle], [listed | {"reason": " "}]) == ["the reason is empty: a, b"]
