"""A `tell` that runs a command of the site's own: it is given what our people are told as JSON on its standard input.

The command is started without a shell, in a session of its own, so that after a time-out all that it started is ended.
It runs after the commit, in a thread of its own, and at least once for each time that people are told: if it fails, the
outbox row is tried again like a message that could not be sent. The worklist item is open all the while.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import orjson

from ip_fhir.domain.values.aggregate import REFERRAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.domain.effects import Reason
    from ip_fhir.domain.referral import Role
    from ip_fhir.ports import OutboxRow

log = logging.getLogger("ip_fhir.exchange")


class TellFailed(Exception):
    """The command could not be started, did not end in time, or ended with another code than 0."""


class TellCommand:
    """Runs `command` for each row, with at most `timeout` seconds. `words` gives a reason in words for people."""

    def __init__(
        self, command: tuple[str, ...], timeout: float, side: Role | None, words: Callable[[Reason], str]
    ) -> None:
        self._command, self._timeout, self._side, self._words = command, timeout, side, words

    def __call__(self, row: OutboxRow) -> None:
        """Run it. Raises `TellFailed`; how it ended is in the log."""
        outcome = self._run(orjson.dumps(self.data(row), option=orjson.OPT_APPEND_NEWLINE))
        level = logging.INFO if outcome == "exit code 0" else logging.ERROR
        log.log(level, "tell command for item %s, loop %s: %s", row.id, row.correlation_id, outcome)
        if level == logging.ERROR:
            raise TellFailed(outcome)

    def data(self, row: OutboxRow) -> dict[str, Any]:
        """Returns what the command is given: ids, codes, numbers and a time, without the words that others wrote."""
        effect = row.effect
        return {
            "item": row.id,
            "loop": row.correlation_id if row.aggregate_kind == REFERRAL else None,
            "aggregate": {"kind": row.aggregate_kind, "id": row.correlation_id},
            "side": self._side and str(self._side),
            "reason": str(effect.reason) if effect.reason else None,
            "words": self._words(effect.reason) if effect.reason else None,
            "number": effect.number,
            "form": effect.form_id,
            "missing": [str(item) for item in effect.missing],
            "due": effect.due.isoformat() if effect.due else None,
        }

    def _run(self, said: bytes) -> str:
        """Run the command and return how it ended, in words."""
        try:
            process = subprocess.Popen(  # noqa: S603 - the site's own, and no shell
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            return f"not started: {error.strerror or type(error).__name__}"
        try:
            process.communicate(said, self._timeout)
        except subprocess.TimeoutExpired:
            _end(process)
            return f"ended after {self._timeout:g} seconds without an answer"
        return f"exit code {process.returncode}"


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()
    if process.stdin is not None:
        with suppress(OSError):
            process.stdin.close()
