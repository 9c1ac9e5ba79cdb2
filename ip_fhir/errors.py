"""The whole error tree: the type says whose fault it is and whether trying again can help.

    IpFhirError
      InvalidInput      the caller's: a problem per place, with the path and the reason
        NotTaken          a message that was understood, and that nothing here may take in
          NotYet            it came too early: the same is taken in later
      PeerError         the other system's
        Rejected          it said no, and will say no again
        Unavailable       it did not answer, or asked us to wait: try again
        Conflict          what we changed had been changed under us: read, decide, try again
      ConsentRefused    nothing was sent: the rule that refused
      LoopError         this event is not allowed in this state, by this role
      MappingError      a table or an overlay is wrong; found when it is loaded
      StoreError        our own storage: try again
        Unreadable        one stored row, until somebody has mended it; nothing else is affected

No error carries a person's data: a problem names a place and the *shape* of what stood there, never its value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Final, Literal, Self, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Fault: TypeAlias = Literal["caller", "peer", "ours"]

IssueCode: TypeAlias = Literal[
    "structure",  # not JSON, not XML, wrong charset, nested too deep
    "required",  # something that must be there is not
    "value",  # a value of the wrong type or form
    "code-invalid",  # a code outside a closed list
    "invariant",  # each part is right, together they are not
    "not-found",  # an unknown referral or resource
    "not-supported",  # a thing this system does not do
    "business-rule",  # the agreement or the loop forbids it
    "conflict",  # a stale version (If-Match)
    "duplicate",  # the same key with other content
    "too-long",  # larger than the limit
    "too-costly",  # deeper or with more parts than the limit
    "throttled",  # too often, or too much at once: come again later
    "security",  # no or wrong credentials
    "forbidden",  # known, but not entitled: not this party's referral
    "multiple-matches",  # two things where one is meant
    "informational",
]
"""FHIR R4 issue-type codes used here (http://hl7.org/fhir/issue-type)."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One error at one place: `path` (dotted, or FHIRPath), `reason` in words, and `code`, the FHIR issue type."""

    path: str
    reason: str
    code: IssueCode = "value"
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}" if self.path else self.reason


MOST_PROBLEMS: Final = 50
"""The number of problems that one error names; a last one, `MoreProblems`, tells how many were left out."""


@dataclass(frozen=True, slots=True)
class MoreProblems(Problem):
    """The last of the problems of an error that has more than `MOST_PROBLEMS`: `count` others were left out."""

    count: int = 0


def few_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Returns the first `MOST_PROBLEMS` problems and, if there are more, one that tells how many were left out.

    So an answer stays small, whatever came in. Problems that were left out before are counted in.

    >>> few_problems([Problem(f"needs.{number}", "is blank") for number in range(400)])[-1].reason
    'and 350 more problems'
    """
    kept: list[Problem] = []
    left_out = 0
    for problem in problems:
        if isinstance(problem, MoreProblems):
            left_out += problem.count
        elif len(kept) < MOST_PROBLEMS:
            kept.append(problem)
        else:
            left_out += 1
    return (*kept, more_problems(left_out, kept[0].code)) if left_out and kept else tuple(kept)


def as_errors(warnings: Iterable[Problem]) -> Iterator[Problem]:
    """Yields each warning as an error, for a caller who takes nothing of which a part was left out."""
    return (replace(warning, code="not-supported", severity="error") for warning in warnings)


def more_problems(count: int, code: IssueCode) -> MoreProblems:
    """Returns the problem that stands for `count` others that were left out; `code` is that of the first one named."""
    return MoreProblems("", f"and {count} more problem{'s'[: count > 1]}", code, count=count)


class IpFhirError(Exception):
    """Base of every error that this library raises on purpose."""

    fault: ClassVar[Fault] = "ours"
    retry: ClassVar[bool] = False
    http_status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1
    issue: ClassVar[str] = "exception"


# ValueError too, so that an identifier refused inside a pydantic validator becomes a problem with its path.
class InvalidInput(IpFhirError, ValueError):
    """Input that cannot be used, with every problem at once; of more than `MOST_PROBLEMS`, with the first ones.

    >>> str(InvalidInput.at("goals.0.period", "ends before it starts", "invariant"))
    'goals.0.period: ends before it starts'
    """

    fault: ClassVar[Fault] = "caller"
    exit_code: ClassVar[int] = 2
    issue: ClassVar[str] = "invalid"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = few_problems(problems)
        super().__init__("; ".join(map(str, self.problems)))

    @classmethod
    def at(cls, path: str, reason: str, code: IssueCode = "value") -> Self:
        """Returns the error of one problem at one place."""
        return cls([Problem(path, reason, code)])

    @property
    def status(self) -> int:
        """The HTTP status of the gravest problem (see `HTTP_STATUS_OF_ISSUE`)."""
        return max((HTTP_STATUS_OF_ISSUE.get(p.code, 422) for p in self.problems), default=400)


class NotTaken(InvalidInput):
    """A message that was understood and is not taken in: no such referral, another person, too old.

    Nothing was applied. On a wire that has receipts its sender is told by one, for good or (`retry`) for now;
    `message_id` is the message's, where it was not read whole.
    """

    message_id: str | None = None


class NotYet(NotTaken):
    """A message that came too early: sent again later, it is taken in.

    It is dated ahead of our clock by more than clocks may differ, or came before what it follows.
    """

    retry: ClassVar[bool] = True

    @property
    def status(self) -> int:
        """The HTTP status 503: the same message may come again."""
        return 503


class PeerError(IpFhirError):
    """An error of the other system: it could not or would not take our message."""

    fault: ClassVar[Fault] = "peer"
    http_status: ClassVar[int] = 502
    exit_code: ClassVar[int] = 4
    issue: ClassVar[str] = "transient"


class Rejected(PeerError):
    """A permanent no: sending the same again gives the same answer. `status` is that of HTTP, where there is one."""

    def __init__(self, reason: str, *, status: int | None = None) -> None:
        self.status = status
        super().__init__(reason)


class Unavailable(PeerError):
    """No answer, or a request to wait. `retry_after` is in seconds, None if the peer named no time.

    `in_doubt`: what was sent may have taken effect all the same, so that it is looked up before it is sent again.
    """

    retry: ClassVar[bool] = True
    http_status: ClassVar[int] = 503

    def __init__(self, reason: str, retry_after: float | None = None, *, in_doubt: bool = False) -> None:
        self.retry_after = retry_after
        self.in_doubt = in_doubt
        super().__init__(reason)


class Conflict(PeerError):
    """The peer's copy is newer than the one our change was made from."""

    retry: ClassVar[bool] = True
    http_status: ClassVar[int] = 409
    issue: ClassVar[str] = "conflict"


class ConsentRefused(IpFhirError):
    """A refusal by the consent gate: nothing was sent. `rule` names the rule in `docs/consent.md` that refused."""

    fault: ClassVar[Fault] = "caller"
    http_status: ClassVar[int] = 403
    exit_code: ClassVar[int] = 5
    issue: ClassVar[str] = "suppressed"

    def __init__(self, rule: str, reason: str) -> None:
        self.rule = rule
        self.reason = reason
        super().__init__(f"{reason} ({rule})")


class LoopError(IpFhirError):
    """An event that the transition table does not allow. Nothing was changed."""

    fault: ClassVar[Fault] = "caller"
    http_status: ClassVar[int] = 409
    exit_code: ClassVar[int] = 3
    issue: ClassVar[str] = "business-rule"


class MappingError(IpFhirError):
    """A mapping table or overlay is wrong: table, row and reason of each problem. Raised on loading, never later."""

    exit_code: ClassVar[int] = 6

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


class StoreError(IpFhirError):
    """The store could not read or commit. Nothing was acknowledged; trying again is safe."""

    retry: ClassVar[bool] = True
    http_status: ClassVar[int] = 503
    exit_code: ClassVar[int] = 7
    issue: ClassVar[str] = "transient"


class Unreadable(StoreError):
    """One row of the store cannot be read, so that nothing can be done with it until it is mended.

    `kind` is its table, `key` its key there; of a referral that is the correlation id. No other row is affected.
    """

    def __init__(self, kind: str, key: str, reason: str) -> None:
        self.kind = kind
        self.key = key
        self.reason = reason
        super().__init__(f"{kind} {key} cannot be read: {reason}")


HTTP_STATUS_OF_ISSUE: dict[str, int] = {
    "structure": 400,
    "required": 422,
    "value": 422,
    "code-invalid": 422,
    "invariant": 422,
    "business-rule": 422,
    "not-found": 404,
    "not-supported": 405,
    "conflict": 412,
    "duplicate": 409,
    "too-long": 413,
    "too-costly": 413,
    "throttled": 429,
    "security": 401,
    "forbidden": 403,
    "multiple-matches": 412,
}


class RenamedWarning(FutureWarning):
    """A key of a site's file has an earlier name: it is read, and the warning says what it is called now."""


def place_in_toml(error: ValueError) -> str:
    """The place that an error of `tomllib` names, such as `line 3, column 5`. Its other words may repeat the text.

    >>> place_in_toml(ValueError("Cannot declare ('a',) twice (at line 3, column 5)"))
    'line 3, column 5'
    """
    found = re.search(r"\(at (line [0-9]+, column [0-9]+|end of document)\)$", str(error))
    return found.group(1) if found else "its place is not known"
