"""The promises of the loop and of sharing, each with the tests that hold it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ip_fhir.domain.loop.promises import PROMISES, Promise
from ip_fhir.domain.sharing.life.promises import PROMISES as PROMISES_OF_SHARING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def held(tests: Path, mark: str = "promise") -> dict[int, list[tuple[Path, str]]]:
    """Returns each promise's number with the tests marked `@pytest.mark.promise(number)`: file and name, in order.

    `mark` is the name of the marker.

    Raises `ValueError` for a mark on anything but a test, or without plain numbers.
    """
    found: dict[int, list[tuple[Path, str]]] = {}
    for path in sorted(tests.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        on_tests = [(node.name, call) for node in _tests(path, tree) for call in _promise_marks(node, mark)]
        if len(on_tests) != sum(isinstance(node, ast.Attribute) and node.attr == mark for node in ast.walk(tree)):
            message = f"{path}: a promise is marked on something else than a test of the module"
            raise ValueError(message)
        for name, call in on_tests:
            for number in call.args:
                found.setdefault(ast.literal_eval(number), []).append((path, name))
    return found


def _tests(path: Path, tree: ast.Module) -> list[ast.FunctionDef | ast.ClassDef]:
    """Returns the functions and classes of a module that pytest runs."""
    if not path.name.startswith("test_"):
        return []
    named = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return [node for node in named if node.name.lower().startswith("test")]


def _promise_marks(node: ast.FunctionDef | ast.ClassDef, mark: str) -> list[ast.Call]:
    calls = [decorator for decorator in node.decorator_list if isinstance(decorator, ast.Call)]
    return [call for call in calls if ast.unparse(call.func) == f"pytest.mark.{mark}"]


def promises_table(directory: Path, promises: Sequence[Promise] = PROMISES, mark: str = "promise") -> str:
    """Returns each promise with the tests below `directory` that hold it. Raises `ValueError` for an unknown number."""
    tests = held(directory, mark)
    if unknown := sorted(set(tests) - {promise.number for promise in promises}):
        message = f"tests are marked with promises that there are not: {unknown}"
        raise ValueError(message)
    lines = ["| | what must hold | tests that hold it |", "|---|---|---|"]
    for promise in promises:
        files: dict[str, list[str]] = {}
        for path, name in tests.get(promise.number, ()):
            files.setdefault(path.relative_to(directory).as_posix(), []).append(f"`{name}`")
        shown = "<br>".join(f"[{file}](../tests/{file}): {', '.join(names)}" for file, names in files.items())
        lines.append(f"| {promise.number} | {promise.text} | {shown} |")
    return "\n".join(lines) + "\n"


def of_sharing(directory: Path) -> str:
    """Returns each promise of sharing with the tests below `directory` that hold it."""
    return promises_table(directory, PROMISES_OF_SHARING, "sharing_promise")
