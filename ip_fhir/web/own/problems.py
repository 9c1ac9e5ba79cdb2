"""Refusals as problem details (RFC 9457), with the same places, reasons and codes as everywhere."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from pydantic import Field
from starlette.responses import Response

from ip_fhir.domain.values.value import Count, Flag, Value
from ip_fhir.errors import Conflict, ConsentRefused, InvalidInput, IssueCode
from ip_fhir.fhir.json_text import dumps
from ip_fhir.fhir.outcome import status_of
from ip_fhir.web.answers import headers_of, refused_by_router
from ip_fhir.web.requests import BadRequest

if TYPE_CHECKING:
    from starlette.requests import Request

    from ip_fhir.errors import IpFhirError, Problem

PROBLEM_JSON: Final = "application/problem+json"

_TYPES: Final = "urn:ip-fhir:problem:"


class OneProblem(Value):
    """One thing that is wrong, at one place."""

    path: str = Field(description="Dotted place in the body, FHIRPath, or the name of a header or parameter.")
    reason: str = Field(description="Reason, in words; without a person's data.")
    code: IssueCode = Field(description="FHIR issue type.")
    severity: str = Field(default="error", description="`error`, or `warning`.")

    @classmethod
    def of(cls, problem: Problem) -> OneProblem:
        """Returns a problem of the library's as it is shown."""
        return cls(path=problem.path, reason=problem.reason, code=problem.code, severity=problem.severity)


class ProblemDetails(Value):
    """The answer to a request that was refused; nothing was changed by it."""

    type: str = Field(description="Kind of the problem: `urn:ip-fhir:problem:` and a FHIR issue type.")
    title: str = Field(description="Words of the HTTP status.")
    status: Count = Field(description="HTTP status.")
    detail: str = Field(description="All reasons as one text, without a person's data.")
    retry: Flag = Field(description="True if the same request may succeed later.")
    rule: str | None = Field(default=None, description="Rule of docs/consent.md that refused.")
    problems: tuple[OneProblem, ...] = Field(default=(), description="Each problem with its place.")


def refusal(error: IpFhirError, headers: dict[str, str] | None = None) -> Response:
    """The answer to an error."""
    status = _status(error)
    problems = error.problems if isinstance(error, InvalidInput) else ()
    issue = problems[0].code if problems else error.issue
    details = ProblemDetails(
        type=f"{_TYPES}{issue}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=str(error),
        retry=error.retry or status in {429, 503},
        rule=error.rule if isinstance(error, ConsentRefused) else None,
        problems=tuple(map(OneProblem.of, problems)),
    )
    content = dumps(details.to_data())
    return Response(content, status, {**(headers or {}), **headers_of(error, status)}, PROBLEM_JSON)


async def from_router(_request: Request, error: Exception) -> Response:
    """The answer where there is no such address, or no such method of it."""
    return refusal(refused_by_router(error), dict(getattr(error, "headers", None) or {}))


def _status(error: IpFhirError) -> int:
    """The HTTP status: of a plan that was saved by somebody else meanwhile 412, as of any version that is not current.

    What this side does not do is no method that an address lacks, as 405 would say, but content that it cannot take.
    """
    if isinstance(error, Conflict):
        return 412
    status = status_of(error)
    return 422 if status == 405 and not isinstance(error, BadRequest) else status
