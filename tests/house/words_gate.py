"""The gate of plain words: no docstring begins with a relative clause or a question.

"Whether the row holds" and "What a plan lacks" are riddles at first reading; "True if the row holds" and "Returns the
missing items" are not. Looked at are modules, classes, functions and documented constants in ip_fhir/ and adapters/,
private ones too.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOMS = ("ip_fhir", "adapters")
_RIDDLE = re.compile(r"\s*(?:What|Whatever|Whether|Where|Wherever|How|When|Which|Who|Whoever|Whom|Whose|Why)\b")


def problems(checkout: Path) -> list[str]:
    """One line for each riddle: file, line, first words."""
    found = [(file.relative_to(checkout).as_posix(), *one) for file in _files(checkout) for one in riddles(file)]
    return [f"{path}:{line}: {words!r}" for path, line, words in found]


def riddles(file: Path) -> Iterator[tuple[int, str]]:
    """Each docstring that begins so: its line, and its first words."""
    for text, line in _docstrings(ast.parse(file.read_text(encoding="utf-8"))):
        if _RIDDLE.match(text):
            yield line, " ".join(text.split()[:6])


def _docstrings(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Strings that stand alone: docstrings, and those beneath a constant or a field."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value, node.lineno


def _files(checkout: Path) -> list[Path]:
    return [file for room in ROOMS for file in sorted((checkout / room).rglob("*.py"))]
