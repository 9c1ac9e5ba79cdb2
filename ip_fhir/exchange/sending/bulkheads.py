"""Threads for each peer of its own: one that does not answer holds up nobody else, however long it takes.

They are daemon threads: one that hangs in somebody else's code does not keep the process from ending.
"""

from __future__ import annotations

import queue
import threading
from collections import Counter, defaultdict, deque
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
Task: TypeAlias = "tuple[Future[Any], Callable[[], Any]]"
"""Work, and the future that gets its result."""

_Tasks: TypeAlias = "deque[Task] | None"  # None: the thread ends

_SECONDS_TO_KEEP: Final = 10.0  # an idle thread, with the adapter's connections of that thread


@dataclass
class _Bulkhead:
    """The threads of one peer: those that work, those that wait for tasks, and the tasks for them."""

    busy: int = 0
    idle: int = 0
    tasks: queue.SimpleQueue[_Tasks] = field(default_factory=queue.SimpleQueue)


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
        return future if self.start_all(peer, at_most, deque[Task]([(future, work)])) else None

    def start_all(self, peer: str | None, at_most: int, tasks: deque[Task]) -> bool:
        """Begin the tasks one after another in a thread of the peer; False if `at_most` of its threads work already.

        Each is taken out when it is begun; called again with those that are left, one more thread works on them.
        """
        with self._turn:
            one = self._of[peer]
            if one.busy >= at_most:
                return False
            one.busy += 1
            self._awaited.update(future for future, _ in tasks)
            if one.idle:
                one.idle -= 1
                one.tasks.put(tasks)
                return True
        name = f"ip-fhir-send-{peer or 'own'}"
        threading.Thread(target=self._serve, args=(one, tasks), name=name, daemon=True).start()
        return True

    def take_back(self, tasks: deque[Task]) -> list[Future[Any]]:
        """Take out the tasks that no thread has begun, and return their futures."""
        with self._turn:
            left = [future for future, _ in tasks]
            tasks.clear()
            self._awaited.difference_update(left)
        return left

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

    def _serve(self, one: _Bulkhead, tasks: _Tasks) -> None:
        """Run tasks until there have been none for a while."""
        while tasks is not None:
            self._run(one, tasks)
            tasks = self._next(one)

    def _run(self, one: _Bulkhead, tasks: deque[Task]) -> None:
        """Run the tasks, as far as no other thread has taken them."""
        task = self._taken(one, tasks, None)
        while task is not None:
            future, work = task
            result, failure = None, None
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - somebody else's code; whoever asks for the result gets it
                failure = error
            task = self._taken(one, tasks, future)  # before the future is done: whoever waits may start the next
            if failure is not None:
                future.set_exception(failure)
            else:
                future.set_result(result)

    def _taken(self, one: _Bulkhead, tasks: deque[Task], done: Future[Any] | None) -> Task | None:
        """Take the next task after one that is done; None if there is none: then the thread is idle."""
        with self._turn:
            if done is not None:
                self._awaited.discard(done)
            if tasks:
                return tasks.popleft()
            one.busy -= 1
            one.idle += 1
        return None

    def _next(self, one: _Bulkhead) -> _Tasks:
        try:
            return one.tasks.get(timeout=self._keep)
        except queue.Empty:
            with self._turn:
                if one.tasks.empty():
                    one.idle -= 1
                    return None
            return one.tasks.get()  # it came at the last moment, and this thread was counted on
