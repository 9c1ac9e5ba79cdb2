"""The intake of one message that was understood: a loop's (`taking.loop`) or a plan's (`plans.inbound`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from ip_fhir.errors import Problem
    from ip_fhir.ports import JsonObject, Transaction


@dataclass(frozen=True, slots=True)
class Taken:
    """The result of taking in a message: the key here of loop or plan, resources as stored, why it is not acted on.

    `committed` is called after the commit. `answers` are the ids of the outbox rows that answer the message.
    """

    about: str
    stored: Sequence[JsonObject] = ()
    problems: tuple[Problem, ...] = ()
    committed: Callable[[], object] = lambda: None
    answers: tuple[str, ...] = ()


class Intake(Protocol):
    """A message and the party that it is from."""

    @property
    def party(self) -> str:
        """The party, by its name in the settings."""
        ...

    def take(self, tx: Transaction, now: datetime) -> Taken:
        """Decide on the message and write what follows; `now` is a time in UTC.

        Raises `InvalidInput`, `LoopError`, `NotTaken`, `NotYet` for a message that is not taken in; `Conflict`.
        """
        ...
