"""The gate of names: whatever the documents name is there.

Looked up are paths of the checkout, dotted names of our modules, what is imported from them, commands of `ip-fhir` with
their options, and targets of make. CHANGELOG.md and DECISIONS.md tell what was, and are left alone.
"""

import re
import tomllib
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from typer.main import get_command

from ip_fhir.cli.app import app
from ip_fhir.exchange.formats.registry import FORMATS
from ip_fhir.plugins import ADAPTERS, LISTENERS

_TOP = "ip_fhir|mappings|adapters|tests|docs|examples|benchmarks|\\.ci"
_PATH = re.compile(rf"(?<![\w./-])((?:{_TOP})/[\w./-]*)(?![\w*<])")
_NAME = re.compile(r"(?<![\w./-])((?:ip_fhir(?:_\w+)?|tests)(?:\.\w+)+)(?![\w/])")
_IMPORT = re.compile(r"from ((?:ip_fhir|tests)[\w.]*) import ([\w, ]+)")
_CODE = re.compile(r"```.*?```|`[^`\n]+`|^    .+$", re.DOTALL | re.MULTILINE)
_COMMAND = re.compile(r"(?<![\w./-])ip-fhir((?: [^\s`#;(]+)+)")
_MAKE = re.compile(r"(?<![\w/-])make ([a-z]+)\b")


def documents(checkout: Path) -> list[Path]:
    """The documents that tell what is."""
    named = [checkout / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "examples/README.md")]
    return [*named, *sorted((checkout / "docs").glob("*.md"))]


def problems(text: str, checkout: Path) -> list[str]:
    """One line for each name in a document that is not there."""
    return sorted({*_paths(text, checkout), *_names(text, checkout), *_commands(text), *_targets(text, checkout)})


def _paths(text: str, checkout: Path) -> Iterator[str]:
    for path in _PATH.findall(text):
        here = path.rstrip(".").replace("ip_fhir/_mappings/", "mappings/")  # so it is called in the wheel
        if not (checkout / here).exists():
            yield f"no such path: {path}"


def _names(text: str, checkout: Path) -> Iterator[str]:
    settings = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))
    groups = {*settings["project"]["entry-points"], ADAPTERS.group, LISTENERS.group, FORMATS.group}
    for name in _NAME.findall(text):
        if name not in groups and not _is_there(name):
            yield f"no such name: {name}"
    for module, names in _IMPORT.findall(text):
        for name in names.replace(" ", "").split(","):
            if name and not _is_there(f"{module}.{name}"):
                yield f"no such name: {module}.{name}"


def _is_there(name: str) -> bool:
    """True if the dotted name is a module, or something that is found in one."""
    parts = name.split(".")
    count = next((n for n in range(len(parts), 0, -1) if _is_module(".".join(parts[:n]))), 0)
    if not count:
        return False
    found: Any = import_module(".".join(parts[:count]))
    for part in parts[count:]:
        if not hasattr(found, part):
            return False
        found = getattr(found, part)
    return True


def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # its parent is no package
        return False


def _commands(text: str) -> Iterator[str]:
    for code in _CODE.findall(text):
        for words in _COMMAND.findall(code):
            yield from _missing_in_command(words.split())


def _missing_in_command(words: list[str]) -> Iterator[str]:
    command: Any = get_command(app)
    given = ["ip-fhir"]
    for word in words:
        children = getattr(command, "commands", {})
        if children and re.fullmatch(r"[a-z][a-z0-9-]*", word) and not word.startswith("-"):
            given.append(word)
            if word not in children:
                yield f"no such command: {' '.join(given)}"
                return
            command = children[word]
        elif option := re.match(r"--[a-z][a-z-]*", word):
            known = {opt for parameter in command.params for opt in (*parameter.opts, *parameter.secondary_opts)}
            if option[0] not in {*known, "--help", "--version"}:
                yield f"no such option: {' '.join(given)} {option[0]}"


def _targets(text: str, checkout: Path) -> Iterator[str]:
    known = re.findall(r"^([a-z]+):", (checkout / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for code in _CODE.findall(text):
        for target in _MAKE.findall(code):
            if target not in known:
                yield f"no such target: make {target}"
