"""Start processes that do what `child.py` says, let them go at the same moment, hear what they say."""

import multiprocessing
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.store import child

# Forked from a process that has imported everything and done nothing else.
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([child.__name__])


class Child:
    """A process and the way to it."""

    def __init__(self, what: str, url: str, name: str, number: int) -> None:
        self._ours, theirs = _context.Pipe()
        self._process = _context.Process(target=child.run, args=(what, url, name, number, theirs))
        self._process.start()
        theirs.close()

    def go(self) -> None:
        """Let it go."""
        self._ours.send("go")

    def hear(self) -> str:
        """Its next word; empty when it has no more to say."""
        try:
            return str(self._ours.recv())
        except (EOFError, ConnectionResetError):
            return ""

    def rest(self) -> tuple[list[str], int | None]:
        """All that it says until it ends, and how it ended."""
        said = list(iter(self.hear, ""))
        self._process.join(60)
        return said, self._process.exitcode

    def kill(self) -> None:
        """By SIGKILL, wherever it is."""
        self._process.kill()

    def close(self) -> None:
        """Leave nothing of it."""
        self._process.kill()
        self._process.join()
        self._process.close()
        self._ours.close()


@dataclass
class Children:
    """Processes on one store; those that are left at the end are killed."""

    url: str
    started: list[Child] = field(default_factory=list)

    def start(self, what: str, name: str, number: int = 0) -> Child:
        """Start one and wait until it is ready to go."""
        self.started.append(Child(what, self.url, name, number))
        assert self.started[-1].hear() == "started"
        return self.started[-1]

    def go(self) -> None:
        """Let all of them go."""
        for one in self.started:
            one.go()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        for one in self.started:
            one.close()
