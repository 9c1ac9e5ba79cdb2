"""The size gate for ip_fhir/ and adapters/: 15 modules in a folder, 400 lines in a file, 50 in a function, or a reason.

Folders within a folder are rooms of their own and are not counted, nor is `__init__.py`. Reasons stand in
pyproject.toml, in `[tool.ip_fhir.size]`: `"folder/" = "reason"`, `"path" = "reason"` for a file,
`"path::Class.function" = "reason"` for a function. A reason that is empty, or that nothing needs any longer, fails too.
Run: `python tests/house/size_gate.py [CHECKOUT]`.
"""

import ast
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOMS = ("ip_fhir", "adapters")
FOLDER_MODULES = 15
FILE_LINES = 400
FUNCTION_LINES = 50


def main(arguments: list[str]) -> int:
    """Print what is too large; 0 where nothing is, else 1."""
    checkout = Path(arguments[0]) if arguments else Path(__file__).parents[2]
    found = problems(checkout)
    for problem in found:
        sys.stdout.write(f"{problem}\n")
    sys.stdout.write(f"Size gate: {len(found)} problem(s).\n" if found else "Size gate: kept.\n")
    return 1 if found else 0


def problems(checkout: Path) -> list[str]:
    """One line for each thing that is too large without a reason, and each reason that is not needed."""
    settings = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))
    reasons: dict[str, str] = settings.get("tool", {}).get("ip_fhir", {}).get("size", {})
    files = [file for room in ROOMS for file in sorted((checkout / room).rglob("*.py"))]
    large = dict(crowded(files, checkout))
    large |= {name: size for file in files for name, size in oversized(file, checkout)}
    return [
        *(f"{name}: {size}, and no reason given" for name, size in large.items() if name not in reasons),
        *(f"{name}: a reason is given, but it is not too large" for name in reasons if name not in large),
        *(f"{name}: the reason is empty" for name, reason in reasons.items() if not reason.strip()),
    ]


def crowded(files: list[Path], checkout: Path) -> Iterator[tuple[str, str]]:
    """The name and the size of each folder with too many modules."""
    folders = Counter(file.parent for file in files if file.name != "__init__.py")
    for folder, modules in folders.items():
        if modules > FOLDER_MODULES:
            yield f"{folder.relative_to(checkout).as_posix()}/", f"{modules} modules, more than {FOLDER_MODULES}"


def oversized(file: Path, checkout: Path) -> Iterator[tuple[str, str]]:
    """The name and the size of the file and of each function in it that is too large."""
    name = file.relative_to(checkout).as_posix()
    text = file.read_text(encoding="utf-8")
    lines = len(text.splitlines())
    if lines > FILE_LINES:
        yield name, f"{lines} lines, more than {FILE_LINES}"
    for function, length in functions(ast.parse(text, filename=name)):
        if length > FUNCTION_LINES:
            yield f"{name}::{function}", f"{length} lines, more than {FUNCTION_LINES}"


def functions(tree: ast.AST, inside: str = "") -> Iterator[tuple[str, int]]:
    """Each function's dotted name and its lines, from `def` to its last, those within others too."""
    for node in ast.iter_child_nodes(tree):
        path = inside
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            path = f"{inside}.{node.name}".lstrip(".")
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield path, (node.end_lineno or node.lineno) - node.lineno + 1
        yield from functions(node, path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
