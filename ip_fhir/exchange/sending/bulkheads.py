"""Threads for each peer of its own: one that does not answer holds up nobody else, however long it takes.

They are daemon threads: one that hangs in somebody else's code does not keep the process from ending.
"""

from __future__ import annotations

import queue
import threading
from collections import Counter, defaultdict
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_Task: TypeAlias = "tuple[Future[Any], Callable[[], Any]] | None"  # None: the thread ends

_SECONDS_TO_KEEP: Final = 10.0  # an idle thread, with the adapter's connections of that thread


@dataclass
class _Bulkhead:
    """The threads of one peer: those that work, those that wait for a task, and the tasks for them."""

    busy: int = 0
    idle: int = 0
    tasks: queue.SimpleQueue[_Task] = field(default_factory=queue.SimpleQueue)


class Bulkheads:
    """The threads of all peers, by the peer's name; None stands for our own people. Threads may share it."""

    def __init__(self, keep: float = _SECONDS_TO_KEEP) -> None:
        self._keep = keep
        self._turn = threading.Lock()
        self._of: defaultdict[str | None, _Bulkhead] = defaultdict(_Bulkhead)
        self._awaited: set[Future[Any]] = set()

    def busy(self) -> Counter[str | None]:
        """The number of threads that work, by peer."""
        with self._turn:
            return Counter({peer: one.busy for peer, one in self._of.items() if one.busy})

    def start(self, peer: str | None, at_most: int, work: Callable[[], T]) -> Future[T] | None:
        """Begin `work` in a thread of the peer and return its future; None if `at_most` of its threads work already."""
        future: Future[T] = Future()
        with self._turn:
            one = self._of[peer]
            if one.busy >= at_most:
                return None
            one.busy += 1
            self._awaited.add(future)
            if one.idle:
                one.idle -= 1
                one.tasks.put((future, work))
                return future
        name = f"ip-fhir-send-{peer or 'own'}"
        threading.Thread(target=self._serve, args=(one, (future, work)), name=name, daemon=True).start()
        return future

    def give_up(self, future: Future[Any]) -> None:
        """Let `close` not wait for this one. Its thread stays busy until the work ends."""
        with self._turn:
            self._awaited.discard(future)

    def close(self, seconds: float) -> None:
        """Wait so long at most for what is under way, and end the threads that are idle."""
        with self._turn:
            awaited = set(self._awaited)
        wait(awaited, seconds)
        with self._turn:
            for one in self._of.values():
                for _ in range(one.idle):
                    one.tasks.put(None)
                one.idle = 0

    def _serve(self, one: _Bulkhead, task: _Task) -> None:
        """Run tasks until there has been none for a while."""
        while task is not None:
            self._run(one, *task)
            task = self._next(one)

    def _run(self, one: _Bulkhead, future: Future[Any], work: Callable[[], Any]) -> None:
        result, failure = None, None
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - somebody else's code; whoever asks for the result gets it
            failure = error
        with self._turn:  # before the future is done: whoever waits for it may start the next
            one.busy -= 1
            one.idle += 1
            self._awaited.discard(future)
        if failure is not None:
            future.set_exception(failure)
        else:
            future.set_result(result)

    def _next(self, one: _Bulkhead) -> _Task:
        try:
            return one.tasks.get(timeout=self._keep)
        except queue.Empty:
            with self._turn:
                if one.tasks.empty():
                    one.idle -= 1
                    return None
            return one.tasks.get()  # it came at the last moment, and this thread was counted on
