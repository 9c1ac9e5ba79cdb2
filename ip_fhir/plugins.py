"""Adapters are plug-ins: entry points of the group `ip_fhir.adapters`, loaded when one is asked for.

An entry point names a function without arguments that returns an `ip_fhir.ports.Adapter`.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, get_args

from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.ports import Adapter, WireFormat

if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.metadata import EntryPoint

GROUP = "ip_fhir.adapters"


def adapter_names() -> tuple[str, ...]:
    """The names of the adapters that are installed; none is imported."""
    return tuple(sorted(set(entry_points(group=GROUP).names)))


def adapters(names: Iterable[str] | None = None) -> dict[str, Adapter]:
    """The adapters of those names, or all that are installed.

    Raises `InvalidInput` with a problem for each that is not installed or is broken: a site that names a
    broken plug-in should not start, one that does not name it should not notice.
    """
    loaded: dict[str, Adapter] = {}
    problems: list[Problem] = []
    for name in adapter_names() if names is None else sorted(set(names)):
        try:
            loaded[name] = _load(name)
        except InvalidInput as error:
            problems += error.problems
    if problems:
        raise InvalidInput(problems)
    return loaded


def _load(name: str) -> Adapter:
    found = list(entry_points(group=GROUP, name=name))
    if len(found) != 1:
        have = ", ".join(adapter_names()) or "none"
        reason = "installed twice" if found else f"not installed (installed: {have})"
        raise _broken(name, reason)
    made = _make(name, found[0])
    formats = get_args(WireFormat)
    if not isinstance(made, Adapter) or made.format not in formats or not callable(made.send):
        raise _broken(name, f"{found[0].value} gives no adapter with a name, a format of {formats} and send")
    return made


def _make(name: str, entry: EntryPoint) -> object:
    """Run a stranger's code, which may fail in any way there is."""
    try:
        return entry.load()()
    except Exception as error:
        raise _broken(name, f"{entry.value} cannot be loaded: {type(error).__name__}: {error}") from error


def _broken(name: str, reason: str) -> InvalidInput:
    return InvalidInput.at(f"adapters.{name}", reason, "not-supported")
