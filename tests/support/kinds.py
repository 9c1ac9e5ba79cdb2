"""What a test needs besides Python, and which tests belong together: told from fixtures and modules, not by hand."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from random import Random
from types import ModuleType
from typing import Any

import pytest
from hypothesis import settings

STARTING = frozenset({"os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.system", "subprocess.Popen"})
"""Audit events of a process that is started."""

_ROOMS = ("acceptance", "conformance", "house")  # they start programs, each in its own way
_FIXTURES = frozenset({"server", "zygote", "validator", "plain", "installed"})
_VALIDATORS = {"validator": {"validator", "verdict"}, "plain validator": {"plain"}}
# Names that a module has imported: of processes and servers, and of whatever opens a database.
_IMPORTED = (
    "subprocess",
    "multiprocessing",
    "running_server",
    "open_store",
    "open_exchange",
    "make_loop",
    "Loop",
    "Sides",
)


def needs_others(item: pytest.Item) -> bool:
    """True if it starts processes or Java, or opens a database; see the marker `processes`."""
    module: ModuleType | None = getattr(item, "module", None)
    return (
        any(room in item.nodeid.split("/")[:-1] for room in _ROOMS)
        or not _FIXTURES.isdisjoint(_fixtures(item))
        or "postgresql" in _parameters(item)
        or any(hasattr(one, name) for one in (module, *_helpers(module)) for name in _IMPORTED)
    )


def group_of(item: pytest.Item) -> str | None:
    """The tests that run in one worker: those with the same validator, and those that share what their file makes."""
    for name, fixtures in _VALIDATORS.items():
        if not fixtures.isdisjoint(_fixtures(item)):
            return name
    info = getattr(item, "_fixtureinfo", None)  # pytest has no public word for it; without it tests run one by one
    definitions = info.name2fixturedefs.values() if info else ()
    shared = any(one.scope in {"module", "class"} for several in definitions for one in several)
    return item.path.stem if shared else None


def _helpers(module: ModuleType | None) -> list[ModuleType]:
    """The modules of the tests' own in its folder that it has something from: what they start, it starts."""
    if module is None:  # the documentation's own examples
        return []
    room = module.__name__.rpartition(".")[0]
    names = {getattr(value, "__module__", None) or getattr(value, "__name__", "") for value in vars(module).values()}
    return [sys.modules[name] for name in names if name in sys.modules and name.rpartition(".")[0] == room]


def _fixtures(item: pytest.Item) -> Sequence[str]:
    return getattr(item, "fixturenames", ())


def _parameters(item: pytest.Item) -> Sequence[Any]:
    callspec = getattr(item, "callspec", None)
    return [value for value in callspec.params.values() if isinstance(value, str)] if callspec else ()


def with_fewer_examples(item: pytest.Item, most: int) -> None:
    """At most so many examples, also where the test itself asks for more."""
    test: Any = getattr(item, "obj", None)
    test = getattr(test, "__func__", test)
    asked = getattr(test, "_hypothesis_internal_use_settings", None)  # there is no public word for it
    if asked is not None and asked.max_examples > most:
        test._hypothesis_internal_use_settings = settings(asked, max_examples=most)


def in_another_order(items: list[pytest.Item], chance: Random) -> None:
    """Shuffle the files, and the tests within each; tests that judge what others have seen stay behind them."""
    files = {item.path: chance.random() for item in items}
    items.sort(key=lambda item: (files[item.path], chance.random()))
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


class Watch:
    """Sees the processes that are started in this one."""

    def __init__(self) -> None:
        self.started: list[str] = []
        sys.addaudithook(self._see)

    def _see(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in STARTING:
            self.started.append(f"{event} {arguments[:1]}")
