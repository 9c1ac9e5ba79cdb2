"""Write the generated parts of the documents: what stands between `<!-- generated: name -->` and `<!-- end -->`.

`python docs/build.py` writes, `--check` says which documents are stale and exits with 1.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
_PART = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def _loop() -> str:
    from ip_fhir.domain.loop.diagram import diagram

    return f"```mermaid\n{diagram()}```\n"


def _loop_short() -> str:
    """The loop with what the municipality works on as one box, and without what only crossing messages do."""
    from ip_fhir.domain.loop.table import IN_WORK, TRANSITIONS, UNDER_WAY, Outcome
    from ip_fhir.domain.referral import Role, State

    box = {State.DELIVERED, *IN_WORK} - {State.VACANT}
    arrows: dict[tuple[str, str], dict[str, None]] = {}
    for row in TRANSITIONS:
        states = [s for s in row.states if not (s in UNDER_WAY and row.role is Role.MUNICIPALITY)]
        if row.to is None or row.outcome in (Outcome.CROSSED, Outcome.LATE, Outcome.PASSED_ON, Outcome.RETURNED):
            continue
        for state in states:
            a, b = ("in_work" if s in box else s.replace("-", "_") for s in (state, row.to))
            if a != b:
                arrows.setdefault((a, b), {})[row.event] = None
    lines = ["stateDiagram-v2", "    [*] --> draft", f"    in_work: {', '.join(s for s in State if s in box)}"]
    lines += ["    awaiting_information: awaiting-information"]
    lines += [f"    {a} --> {b}: {', '.join(events)}" for (a, b), events in arrows.items()]
    return "```mermaid\n" + "\n".join(lines) + "\n```\n"


def _transitions() -> str:
    from ip_fhir.domain.loop.table import TRANSITIONS

    lines = ["| from | event | raised by | when | to | why |", "|---|---|---|---|---|---|"]
    for row in TRANSITIONS:
        states = ", ".join(row.states)
        lines.append(f"| {states} | {row.event} | {row.role} | {row.outcome} | {row.to or '(stays)'} | {row.why} |")
    return "\n".join(lines) + "\n"


def _task_status() -> str:
    from ip_fhir.domain.loop.table import TASK_STATUS

    lines = ["| state | Task.status | businessStatus | the ball is with |", "|---|---|---|---|"]
    for state, shown in TASK_STATUS.items():
        lines.append(f"| {state} | {shown.status} | {shown.business_status or '-'} | {shown.ball or '-'} |")
    return "\n".join(lines) + "\n"


def _cli() -> str:
    """Every command with its usage and its options."""
    from typer.main import get_command

    from ip_fhir.cli.app import app

    lines: list[str] = []

    def add(name: str, command: Any) -> None:
        children: dict[str, Any] = getattr(command, "commands", {})
        for child in sorted(children):
            add(f"{name} {child}", children[child])
        if children:
            return
        shown = " ".join((p.name or "").upper() if p.param_type_name == "argument" else "" for p in command.params)
        lines.append(f"### `{' '.join([name, *shown.split()])}`\n\n{(command.help or '').strip()}\n")
        options = [p for p in command.params if p.param_type_name == "option" and p.name != "help"]
        lines.extend(f"- `{', '.join(option.opts)}`: {option.help}" for option in options)
        lines.append("")

    add("ip-fhir", get_command(app))
    return "\n".join(lines)


def _exit_codes() -> str:
    from ip_fhir.cli.exits import EXIT_CODES

    lines = ["| code | meaning |", "|---|---|", *(f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items())]
    return "\n".join(lines) + "\n"


def held(tests: Path) -> dict[int, list[tuple[Path, str]]]:
    """Each promise's number, and the tests marked `@pytest.mark.promise(number)`: file and name, in order.

    Raises `ValueError` for a mark on anything but a test, or without plain numbers.
    """
    found: dict[int, list[tuple[Path, str]]] = {}
    for path in sorted(tests.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        on_tests = [(node.name, mark) for node in tree.body if _is_test(path, node) for mark in _promise_marks(node)]
        if len(on_tests) != sum(isinstance(node, ast.Attribute) and node.attr == "promise" for node in ast.walk(tree)):
            message = f"{path}: a promise is marked on something else than a test of the module"
            raise ValueError(message)
        for name, mark in on_tests:
            for number in mark.args:
                found.setdefault(ast.literal_eval(number), []).append((path, name))
    return found


def _is_test(path: Path, node: ast.stmt) -> TypeGuard[ast.FunctionDef | ast.ClassDef]:
    """Whether pytest runs it."""
    named = isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name.lower().startswith("test")
    return named and path.name.startswith("test_")


def _promise_marks(node: ast.FunctionDef | ast.ClassDef) -> list[ast.Call]:
    calls = [decorator for decorator in node.decorator_list if isinstance(decorator, ast.Call)]
    return [call for call in calls if ast.unparse(call.func) == "pytest.mark.promise"]


def promises_table(directory: Path) -> str:
    """Each promise with the tests below `directory` that hold it. Raises `ValueError` for a number that is none."""
    from ip_fhir.domain.loop.promises import PROMISES

    tests = held(directory)
    if unknown := sorted(set(tests) - {promise.number for promise in PROMISES}):
        message = f"tests are marked with promises that there are not: {unknown}"
        raise ValueError(message)
    lines = ["| | what must hold | tests that hold it |", "|---|---|---|"]
    for promise in PROMISES:
        files: dict[str, list[str]] = {}
        for path, name in tests.get(promise.number, ()):
            files.setdefault(path.relative_to(directory).as_posix(), []).append(f"`{name}`")
        shown = "<br>".join(f"[{file}](../tests/{file}): {', '.join(names)}" for file, names in files.items())
        lines.append(f"| {promise.number} | {promise.text} | {shown} |")
    return "\n".join(lines) + "\n"


def _row_keys() -> str:
    from ip_fhir.mapping.tables.row_keys import ROW_KEYS

    lines = ["| key | meaning | default | example |", "|---|---|---|---|"]
    lines += [f"| `{key.name}` | {key.meaning} | {key.default} | `{key.example}` |" for key in ROW_KEYS]
    return "\n".join(lines) + "\n"


def _leaf_kinds() -> str:
    from ip_fhir.mapping.dialects.fhir.dialect import KINDS
    from ip_fhir.mapping.tables.loading import load_tables

    tables = load_tables()
    lines = ["| kind | reads and writes | element | stands for |", "|---|---|---|---|"]
    for name, kind in KINDS.items():
        lens = kind.lens(next(iter(tables.codes.values())) if kind.coded else tables.systems)
        about = (type(lens).__doc__ or "").strip().splitlines()[0]
        lines.append(f"| `{name}` | {about} | {kind.element or name} | {_IN_WORDS[kind.holds.__name__]} |")
    return "\n".join(lines) + "\n"


_IN_WORDS = {
    "str": "text, or an id",
    "bool": "yes or no",
    "int": "a number",
    "date": "a day",
    "datetime": "a moment",
    "StrEnum": "a word of an enumeration",
    "PersonId": "a person's number",
}


def _paths() -> str:
    from ip_fhir.mapping.tables import paths

    return "\n".join(["```text", *_indented(paths.__doc__), "```"]) + "\n"


def _indented(text: str | None) -> list[str]:
    """The indented lines of a docstring."""
    return [line[4:] for line in (text or "").splitlines() if line.startswith("    ")]


def _converters() -> str:
    from ip_fhir.mapping.lenses import converters
    from ip_fhir.mapping.lenses.converters import ROW_LENSES

    lines = ["```toml", *_indented(converters.__doc__), "```", "", "| converter | meaning |", "|---|---|"]
    for name, lens in ROW_LENSES.items():
        if name:
            lines.append(f"| `{name}` | {' '.join((lens.__doc__ or '').split())} |")
    return "\n".join(lines) + "\n"


def _old_keys() -> str:
    from ip_fhir.mapping.tables.old_keys import CONVERTED, RENAMED

    lines = ["| earlier | now |", "|---|---|", *(f"| `{old}` | `{new}` |" for old, new in RENAMED.items())]
    lines += [f'| `{old} = {{ … }}` | `converter = {{ name = "{new}", … }}` |' for old, new in CONVERTED.items()]
    return "\n".join(lines) + "\n"


PARTS: dict[str, Callable[[], str]] = {
    "row-keys": _row_keys,
    "leaf-kinds": _leaf_kinds,
    "paths": _paths,
    "converters": _converters,
    "old-keys": _old_keys,
    "loop": _loop,
    "loop-short": _loop_short,
    "transitions": _transitions,
    "task-status": _task_status,
    "promises": lambda: promises_table(ROOT / "tests"),
    "cli": _cli,
    "exit-codes": _exit_codes,
}


def documents() -> list[Path]:
    """Every document that may hold a generated part."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def fresh(text: str) -> str:
    """The text with every generated part made anew. An unknown name raises `KeyError`."""
    return _PART.sub(lambda match: f"{match[1]}{PARTS[match[2]]()}{match[3]}", text)


def main() -> int:
    """Write, or with `--check` only compare."""
    stale = [path for path in documents() if fresh(text := path.read_text(encoding="utf-8")) != text]
    for path in stale:
        if "--check" in sys.argv:
            print(f"{path.relative_to(ROOT)} is stale: make docs")
        else:
            path.write_text(fresh(path.read_text(encoding="utf-8")), encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
