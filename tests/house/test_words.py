"""The gate of plain words: docstrings begin with a verb or a noun, and the gate sees those that do not."""

from pathlib import Path

import pytest

from tests.house import words_gate


def test_no_docstring_begins_with_a_riddle(checkout: Path) -> None:
    """No docstring begins with What, Whether, Where and the like."""
    assert words_gate.problems(checkout) == []


@pytest.mark.parametrize(
    "text",
    [
        '"""What a module holds."""\n',
        'class Row:\n    """Which row it is."""\n',
        'def _held() -> bool:\n    """Whether it holds."""\n',
        'class Row:\n    async def held(self) -> bool:\n        """\n        When it holds.\n        """\n',
        'LIMIT = 3\n"""How many there may be."""\n',
        'class Row:\n    name: str\n    """Whose it is."""\n',
    ],
)
def test_gate_sees_a_riddle(tmp_path: Path, text: str) -> None:
    """A riddle is seen in a module, class, function, constant or field, with its place."""
    file = tmp_path / "ip_fhir" / "room" / "module.py"
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="utf-8")
    (problem,) = words_gate.problems(tmp_path)
    assert problem.startswith("ip_fhir/room/module.py:")


def test_gate_allows_plain_words(tmp_path: Path) -> None:
    """A verb or a noun may come first, and a word that only begins alike."""
    file = tmp_path / "adapters" / "module.py"
    file.parent.mkdir()
    file.write_text('"""Whole bundles."""\n\n\ndef held() -> bool:\n    """True when it holds."""\n', encoding="utf-8")
    assert words_gate.problems(tmp_path) == []
