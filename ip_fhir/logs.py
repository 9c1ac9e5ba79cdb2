"""Log lines: one for each message, counted ones for what repeats, and their form, as text or as JSON.

No line holds a person's data: parties, kinds, outcomes and ids only.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

MESSAGES: Final = logging.getLogger("ip_fhir.messages")
"""The logger that has one line for each message that comes in or goes out, at the level INFO."""

_FIELDS: Final = ("direction", "party", "kind", "outcome", "milliseconds", "loop", "reason")
_TEXT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def log_message(
    direction: Literal["in", "out"], party: str | None, kind: str, outcome: str, began: float, loop: str | None
) -> None:
    """Writes the line of a message: the party it is from or to, kind, outcome, milliseconds, the loop's id here.

    `began` is in seconds of the machine's monotonic clock; `party` and `loop` are None where they are not known.
    """
    if not MESSAGES.isEnabledFor(logging.INFO):
        return
    milliseconds = round((time.monotonic() - began) * 1000)
    where = "from" if direction == "in" else "to"
    about = f", loop {loop}" if loop else ""
    words = f"{direction}: {kind} {where} {party or 'nobody known'}: {outcome}, {milliseconds} ms{about}"
    fields = {"direction": direction, "party": party, "kind": str(kind), "outcome": outcome}
    MESSAGES.info("%s", words, extra={**fields, "milliseconds": milliseconds, "loop": loop})


class JsonLines(logging.Formatter):
    """Writes each record as one JSON object in a line: time (UTC), level, logger, message, and its fields by name.

    Of an exception only the type is written: its text and its trace may hold a person's data.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line."""
        said = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{name: value for name in _FIELDS if (value := getattr(record, name, None)) is not None},
        }
        if record.exc_info and record.exc_info[0] is not None:
            said["error"] = record.exc_info[0].__name__
        return json.dumps(said, ensure_ascii=False)


def write_logs(stream: TextIO, form: Literal["text", "json"], level: str) -> None:
    """Sends the log lines of this process to a stream: ours from `level` on, those of other libraries from WARNING.

    For a program of ours; a process that has configured `logging` already keeps it as it is.
    """
    if logging.getLogger().handlers:
        return
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines() if form == "json" else logging.Formatter(_TEXT))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("ip_fhir").setLevel(level.upper())


_MOST_REASONS = 200
_OTHERS = "others"


@dataclass
class _Line:
    """The line of one reason: when it was last written, its words and level, and how often it was not written since."""

    written: float
    words: str
    level: int
    unwritten: int = 0


class CountedLog:
    """Counts events by reason, and writes at most one line in `every` seconds for each reason. Threads may share it.

    The first of a reason is written at once; those that follow are told as a number, by the first one after `every`
    seconds or by `flush`. A reason and its words hold no person's data and no secret. Reasons beyond 200 are counted
    together as "others", so that no sender can fill the memory.

    >>> logger = logging.getLogger("example")
    >>> counted = CountedLog(logger)
    >>> for _ in range(1000):
    ...     counted.note("wrong-token", "a log-in with an unknown token")
    >>> counted.counts()
    {'wrong-token': 1000}
    """

    def __init__(
        self, logger: logging.Logger, every: float = 60.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._logger = logger
        self._every = every
        self._clock = clock
        self._turn = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._lines: dict[str, _Line] = {}

    def note(self, reason: str, words: str, level: int = logging.WARNING) -> None:
        """Counts one event; writes its line if none of this reason was written for `every` seconds."""
        now = self._clock()
        with self._turn:
            if reason not in self._lines and len(self._lines) >= _MOST_REASONS:
                reason, words = _OTHERS, "further reasons, which are no longer told apart"
            self._counts[reason] += 1
            line = self._lines.get(reason)
            first = line is None
            line = line or self._lines.setdefault(reason, _Line(now, words, level))
            line.words, line.level = words, level
            line.unwritten += 1
            told = self._told(line, now) if first or now - line.written >= self._every else None
        self._write(told)

    def flush(self, *, at_once: bool = False) -> None:
        """Writes what was counted and not written, for reasons of `every` seconds ago; for all if `at_once`."""
        now = self._clock()
        with self._turn:
            due = [n for n in self._lines.values() if n.unwritten and (at_once or now - n.written >= self._every)]
            told = [self._told(line, now) for line in due]
        for one in told:
            self._write(one)

    def counts(self) -> dict[str, int]:
        """A copy of the number of events by reason, since this log was made."""
        with self._turn:
            return dict(self._counts)

    def _told(self, line: _Line, now: float) -> tuple[int, str, int, float]:
        """The level, the words, the number and the seconds that a line tells, after which it counts anew."""
        told = line.level, line.words, line.unwritten, now - line.written
        line.written, line.unwritten = now, 0
        return told

    def _write(self, told: tuple[int, str, int, float] | None) -> None:
        if told is None:
            return
        level, words, number, seconds = told
        if number == 1:
            self._logger.log(level, "%s", words)
        else:
            self._logger.log(level, "%s (%d times in the last %d seconds)", words, number, round(seconds))


class CountedRepeats(logging.Filter):
    """A filter for another library's logger: a warning or error that repeats becomes a line of a `CountedLog`.

    Lines are the same if their first lines are, digits left out. Lower levels pass unchanged. The trace of an error is
    left out, since it may quote what a request held.
    """

    def __init__(self, counted: CountedLog) -> None:
        super().__init__()
        self._counted = counted

    def filter(self, record: logging.LogRecord) -> bool:
        """False for a warning or an error, which is counted instead."""
        if record.levelno < logging.WARNING:
            return True
        first = record.getMessage().partition("\n")[0][:200]
        if record.exc_info and record.exc_info[0] is not None:
            first += f": {record.exc_info[0].__name__}"
        self._counted.note("".join(c for c in first if not c.isdigit()), first, record.levelno)
        return False
