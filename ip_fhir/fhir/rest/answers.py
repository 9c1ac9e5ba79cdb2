"""Answers of a FHIR server: the resource in one, or the error that it stands for.

A server may answer anything: HTML from a proxy, half a resource, an error with the status 200, a summary, a resource
that nobody asked for. None of it is taken for what was asked; the texts of errors name host, status and places only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.errors import Conflict, InvalidInput, Rejected, Unavailable
from ip_fhir.fhir.outcome import problems_from
from ip_fhir.fhir.reading import DEFAULT_LIMITS, read_json
from ip_fhir.fhir.summaries import summary_tags

if TYPE_CHECKING:
    from ip_fhir.errors import PeerError, Problem
    from ip_fhir.fhir.reading import Limits
    from ip_fhir.ports import JsonObject
    from ip_fhir.ports.http import HttpAnswer

OUTCOME: Final = "OperationOutcome"

_WAIT = frozenset({408, 425, 429})  # the peer asks us to come again
_NOT_TAKEN = frozenset({425, 429, 503})  # it says that it has done nothing
_NEVER = 501
# http://hl7.org/fhir/R4/valueset-issue-type.html: those under `transient`
_TRANSIENT = frozenset({"transient", "lock-error", "no-store", "timeout", "incomplete", "throttled"})


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, and how it is to be judged: the `host` it is from, if the request `writes`, and the limits of it."""

    host: str
    answer: HttpAnswer
    writes: bool = False
    limits: Limits = DEFAULT_LIMITS

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.answer.status

    def resource(self, *types: str) -> JsonObject:
        """Returns the resource in an answer of 2xx that is of one of these types; of any where none is given.

        Raises `Rejected`, `Unavailable` or `Conflict`.
        """
        self.expect_success()
        found = self._read()
        error = error_inside(found, self.host, writes=self.writes)
        if error is not None:
            raise error
        if types and found["resourceType"] not in types:
            raise self._unreadable(f"the answer is no {' or '.join(types)}")
        if [*summary_tags(found)]:
            raise Rejected(f"{self.host}: the answer is a summary, of which nothing can be written back")
        return found

    def optional_resource(self) -> JsonObject | None:
        """Returns the resource in an answer of 2xx, None if it has no body. Raises as `resource`."""
        self.expect_success()
        if not self.answer.content.strip():
            return None
        found = self._read()
        error = error_inside(found, self.host, writes=self.writes)
        if error is not None:
            raise error
        return found

    def expect_success(self) -> None:
        """Raises the error that an answer stands for, but for one of 2xx."""
        if not 200 <= self.status < 300:
            raise refusal(self.host, self.answer, _problems(self.answer.content, self.limits))

    def unclear(self, reason: str) -> Unavailable:
        """Returns the error for an answer of success that does not say what was done."""
        return self._unreadable(reason)

    def _read(self) -> JsonObject:
        try:
            return read_json(self.answer.content, self.limits)
        except InvalidInput as error:
            raise self._unreadable(f"the answer is no FHIR: {error}") from None

    def _unreadable(self, reason: str) -> Unavailable:
        return Unavailable(f"{self.host}: {reason}", in_doubt=self.writes)


def refusal(host: str, answer: HttpAnswer, problems: tuple[Problem, ...]) -> PeerError:
    """Returns the error that a status outside 2xx stands for; `problems` are those of its OperationOutcome."""
    status = answer.status
    if (status >= 500 and status != _NEVER) or status in _WAIT:
        return Unavailable(f"{host}: HTTP {status}", answer.retry_after, in_doubt=status not in _NOT_TAKEN)
    if status == 412 or (status == 409 and all(p.code != "duplicate" for p in problems)):
        return Conflict(f"{host}: HTTP {status}")
    return Rejected("; ".join([f"{host}: HTTP {status}", *map(str, problems)]), status=status)


def error_inside(resource: Any, host: str, *, writes: bool = False) -> PeerError | None:
    """Returns the error that an OperationOutcome tells of although the status says success; None if it tells of none.

    >>> error_inside({"resourceType": "OperationOutcome", "issue": [{"severity": "information", "code": "ok"}]}, "h")
    """
    problems = [problem for problem in problems_from(resource) if problem.severity == "error"]
    if not problems:
        return None
    words = "; ".join([f"{host}: an error in an answer of success", *map(str, problems)])
    codes = {issue.get("code") for issue in resource["issue"] if isinstance(issue, dict)}
    return Unavailable(words, in_doubt=writes) if codes & _TRANSIENT else Rejected(words)


def _problems(content: bytes, limits: Limits) -> tuple[Problem, ...]:
    try:
        return problems_from(read_json(content, limits))
    except InvalidInput:
        return ()
