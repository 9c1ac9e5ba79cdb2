"""The answers of the endpoint: resources with their version, and every failure as an OperationOutcome."""

from __future__ import annotations

import logging
from datetime import UTC
from email.utils import format_datetime
from typing import TYPE_CHECKING, Final, TypeAlias

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from ip_fhir.errors import IpFhirError, IssueCode, Problem, StoreError
from ip_fhir.exchange.plans.known_views import Shown
from ip_fhir.fhir.outcome import outcome, outcome_of, status_of
from ip_fhir.fhir.reading import FHIR_JSON, write_json
from ip_fhir.web import requests as asked
from ip_fhir.web.fhir.subsets import WHOLE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ip_fhir.logs import CountedLog
    from ip_fhir.ports import JsonObject, ResourceVersion
    from ip_fhir.web.fhir.subsets import Shape

    Handler: TypeAlias = Callable[[Request], Awaitable[Response]]
    Refusal: TypeAlias = Callable[[IpFhirError], Response]

_COUNTED: Final = {401: "unauthorized", 403: "forbidden", 413: "too-large", 500: "unforeseen", 503: "not-yet"}


def guarded(
    refused: CountedLog, handler: Handler, *, speaks_json: bool = True, refusal: Refusal | None = None
) -> Handler:
    """The handler with every failure as `refusal` has it, by default an OperationOutcome.

    Those of the kinds in `_counted` are counted. With `speaks_json` a caller that takes no JSON is refused.
    """

    async def answer(request: Request) -> Response:
        try:
            if speaks_json:
                asked.require_acceptable(request)
            return await handler(request)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        except Exception as error:  # noqa: BLE001 - the last door: nobody outside sees a trace
            return failure(refused, error, refusal)

    return answer


def failure(refused: CountedLog, error: Exception, refusal: Refusal | None = None) -> Response:
    """The answer to an error, which is counted; one that was not foreseen tells nothing of itself."""
    refusal = refusal or _refusal
    if not isinstance(error, IpFhirError):
        # Neither its text nor the values in its trace are logged: they may be a person's.
        refused.note("unforeseen", f"unforeseen: {type(error).__name__} at {_place(error)}", logging.ERROR)
        return refusal(IpFhirError("something is wrong on our side; it has been logged"))
    if (counted := _counted(error)) is not None:
        refused.note(*counted)
    return refusal(error)


def _counted(error: IpFhirError) -> tuple[str, str] | None:
    """The reason under which a refusal is counted and its words; None for what belongs to a message's own content."""
    if isinstance(error, StoreError):
        return "store-failed", f"requests answered with 503: {error}"
    if isinstance(error, asked.BadRequest) and error.counted is not None:
        return error.counted, f"requests refused: {error}"
    reason = _COUNTED.get(status_of(error))
    return None if reason is None else (reason, f"requests refused with {status_of(error)}: {reason}")


def _place(error: Exception) -> str:
    """File and line of where an error was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else "?"


def _refusal(error: IpFhirError, headers: dict[str, str] | None = None) -> Response:
    status = status_of(error)
    return Response(write_json(outcome_of(error)), status, {**(headers or {}), **headers_of(error, status)}, FHIR_JSON)


def headers_of(error: IpFhirError, status: int) -> dict[str, str]:
    """The headers of a refusal: how to log in, and when to come again."""
    headers = {"WWW-Authenticate": 'Bearer realm="ip-fhir"'} if status == 401 else {}
    again = error.retry_after if isinstance(error, asked.BadRequest) else None
    if status == 503 or again is not None:
        headers["Retry-After"] = str(again or 5)
    return headers


async def from_starlette(_request: Request, error: Exception) -> Response:
    """Answer for what the router refuses: 404 and 405."""
    headers = error.headers if isinstance(error, HTTPException) else None
    return _refusal(refused_by_router(error), dict(headers or {}))


def refused_by_router(error: Exception) -> asked.BadRequest:
    """The refusal of an address or a method that there is not."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    code: IssueCode = "not-found" if status == 404 else "not-supported"
    reason = "nothing is at this address" if status == 404 else "not possible here"
    return asked.BadRequest(status, reason, code)


def fhir(resource: JsonObject) -> Response:
    """A FHIR resource as it is sent."""
    return Response(write_json(resource), media_type=FHIR_JSON)


def versioned(resource: ResourceVersion | Shown, *, unchanged: bool = False, shape: Shape = WHOLE) -> Response:
    """A resource with its version, as ETag and date (http://hl7.org/fhir/R4/http.html#versioning).

    Without the resource if the caller has this version (RFC 9110, section 13.1.2).
    """
    if unchanged:
        return with_version(resource, Response(status_code=304))
    if isinstance(resource, Shown):
        return with_version(resource, Response(resource.text, media_type=FHIR_JSON))
    return with_version(resource, fhir(shape.of(resource.body)))


def with_version(resource: ResourceVersion | Shown, response: Response) -> Response:
    """An answer with the version of a resource, as ETag and date."""
    response.headers["ETag"] = f'W/"{resource.version}"'
    response.headers["Last-Modified"] = format_datetime(resource.updated.astimezone(UTC), usegmt=True)
    return response


def written(resource: ResourceVersion, returns: str, status: int, location: str) -> Response:
    """The answer to a write: the resource, or as little of it as the caller prefers, and its address."""
    if returns == "representation":
        response = versioned(resource)
    elif returns == "minimal":
        response = with_version(resource, Response())
    else:
        response = with_version(resource, fhir(outcome([Problem("", "done", "informational", "warning")])))
    response.status_code = status
    response.headers["Location"] = response.headers["Content-Location"] = location
    return response
