"""Plug-ins: adapters, wire formats and listeners, installed as entry points and loaded when one is named.

| group                | the entry point names a function that                 | the object keeps                   |
|----------------------|-------------------------------------------------------|------------------------------------|
| `ip_fhir.adapters`   | takes nothing and returns an adapter                  | `ip_fhir.ports.Adapter`            |
| `ip_fhir.formats`    | takes nothing and returns a wire format               | `ip_fhir.exchange.formats.Format`  |
| `ip_fhir.listeners`  | takes a mapping of options and returns a listener     | `ip_fhir.ports.Listener`           |

A site that names a plug-in which is missing, broken or installed twice must not start, and is told which and why. A
site that does not name it must not be affected.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import entry_points
from inspect import isfunction, signature
from typing import TYPE_CHECKING, Any, Final, cast, get_type_hints

from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.ports import Adapter, Listener

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from importlib.metadata import EntryPoint


@dataclass(frozen=True, slots=True)
class PluginKind:
    """One kind of plug-in: its name, its entry point group, and the Protocol that its objects keep."""

    name: str
    group: str
    protocol: type


ADAPTERS: Final = PluginKind("adapter", "ip_fhir.adapters", Adapter)
LISTENERS: Final = PluginKind("listener", "ip_fhir.listeners", Listener)


def installed_names(kind: PluginKind) -> tuple[str, ...]:
    """The names of the plug-ins of a kind that are installed; none is imported."""
    return tuple(sorted(set(entry_points(group=kind.group).names)))


def adapter_names() -> tuple[str, ...]:
    """The names of the adapters that are installed; none is imported."""
    return installed_names(ADAPTERS)


def adapters(names: Iterable[str] | None = None) -> dict[str, Adapter]:
    """The adapters of those names, or all that are installed.

    Raises `InvalidInput` with a problem for each that is not installed, is installed twice or is broken.
    """
    loaded: dict[str, Adapter] = {}
    problems: list[Problem] = []
    for name in adapter_names() if names is None else sorted(set(names)):
        try:
            loaded[name] = cast("Adapter", load(ADAPTERS, name))
        except InvalidInput as error:
            problems += error.problems
    if problems:
        raise InvalidInput(problems)
    return loaded


def listener(name: str, options: Mapping[str, Any]) -> Listener:
    """The listener of that name, made with these options and not started.

    Raises `InvalidInput`: at `use` when it is not installed, is installed twice or is broken; at the option's name if
    the listener itself refuses an option.
    """
    return cast("Listener", load(LISTENERS, name, options, place="use"))


def load(kind: PluginKind, name: str, *arguments: object, place: str | None = None) -> object:
    """The plug-in of that kind and name, made by its function with `arguments` and tried against its Protocol.

    Raises `InvalidInput` at `place` (without one: `adapters.NAME`, `formats.NAME`), and passes on an `InvalidInput` of
    the function itself.
    """
    place = place or f"{kind.name}s.{name}"
    entry = _entry(kind, name, place)
    make = _function(entry, place)
    try:
        made = make(*arguments)
        found = [*faults(made, kind.protocol)]
        found += [f"calls itself {made.name}"] if not found and cast("Any", made).name != name else []
    except InvalidInput:
        raise
    except Exception as error:
        # Its message is left out: it may repeat an option, which may be a password.
        raise broken(place, f"{entry.value} failed: {type(error).__name__}") from error
    if found:
        raise broken(place, f"{entry.value} gives no {kind.name}: {', '.join(found)}")
    return made


def check_installed(kind: PluginKind, name: str) -> None:
    """Import the plug-in's function and make nothing: a listener cannot be made without options.

    Raises `InvalidInput`.
    """
    place = f"{kind.name}s.{name}"
    _function(_entry(kind, name, place), place)


def _function(entry: EntryPoint, place: str) -> Callable[..., Any]:
    """Import the entry point's function; somebody else's module may fail in any way."""
    try:
        found = entry.load()
    except Exception as error:
        raise broken(place, f"{entry.value} cannot be loaded: {type(error).__name__}: {error}") from error
    if not callable(found):
        raise broken(place, f"{entry.value} is no function")
    return cast("Callable[..., Any]", found)


def faults(plugin: object, protocol: type) -> Iterator[str]:
    """Yield each way in which an object breaks a Protocol: attributes and methods that are missing or have wrong types.

    >>> list(faults(object(), Adapter))
    ['name is missing', 'format is missing', 'send is missing']
    """
    for name, type_ in get_type_hints(protocol).items():
        value = getattr(plugin, name, None)
        if value is None:
            yield f"{name} is missing"
        elif not isinstance(value, type_) or value == "":
            yield f"{name} is no {'text' if type_ is str else type_.__name__}"
    for name, method in vars(protocol).items():
        if isfunction(method) and not name.startswith("_"):
            yield from _method_faults(plugin, name, method)


def _method_faults(plugin: object, name: str, asked: Callable[..., Any]) -> Iterator[str]:
    given = getattr(plugin, name, None)
    wanted = [*signature(asked).parameters][1:]
    if given is None:
        yield f"{name} is missing"
    elif not callable(given):
        yield f"{name} is no method"
    elif not _takes(given, len(wanted)):
        yield f"{name} does not take ({', '.join(wanted)})"


def _takes(method: Callable[..., Any], number: int) -> bool:
    """True if it can be called with that many arguments, or if Python cannot say (a method written in C)."""
    try:
        signature(method).bind(*range(number))
    except TypeError:
        return False
    except ValueError:
        return True
    return True


def broken(place: str, reason: str) -> InvalidInput:
    """The error about a plug-in that cannot be used."""
    return InvalidInput.at(place, reason, "not-supported")


def _entry(kind: PluginKind, name: str, place: str) -> EntryPoint:
    found = list(entry_points(group=kind.group, name=name))
    if len(found) == 1:
        return found[0]
    if found:
        sources = " and ".join(sorted(entry.dist.name if entry.dist else entry.value for entry in found))
        raise broken(place, f"installed twice, by {sources}")
    have = ", ".join(installed_names(kind)) or "none"
    raise broken(place, f"not installed (installed: {have})")
