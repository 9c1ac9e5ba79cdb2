"""Errors to HTTP status and OperationOutcome: the one place where that is decided.

http://hl7.org/fhir/R4/operationoutcome.html. No error carries a person's data, so neither does an outcome.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from ip_fhir.errors import ConsentRefused, InvalidInput, IpFhirError, IssueCode, Problem, Rejected

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ip_fhir.ports import JsonObject


def outcome(problems: Iterable[Problem]) -> JsonObject:
    """Returns an OperationOutcome with one issue per problem; `expression` is the FHIRPath if it is known.

    >>> outcome([Problem("Task.status", "not a code of the list", "code-invalid")])["issue"][0]["expression"]
    ['Task.status']
    """
    issues = [_issue(p.severity, p.code, p.reason, p.path) for p in problems]
    everything_well = _issue("information", "informational", "no problem found", "")
    return {"resourceType": "OperationOutcome", "issue": issues or [everything_well]}


def outcome_of(error: IpFhirError) -> JsonObject:
    """Returns the OperationOutcome of an error."""
    if isinstance(error, InvalidInput):
        return outcome(error.problems)
    code = "processing" if isinstance(error, Rejected) else error.issue
    return {"resourceType": "OperationOutcome", "issue": [_issue("error", code, str(error), "")]}


def status_of(error: IpFhirError) -> int:
    """Returns the HTTP status of an error."""
    return error.status if isinstance(error, InvalidInput) else error.http_status


def problems_of(error: IpFhirError) -> tuple[Problem, ...]:
    """Returns an error as problems, for a receipt."""
    if isinstance(error, InvalidInput):
        return error.problems
    code: IssueCode = "security" if isinstance(error, ConsentRefused) else "business-rule"
    return (Problem("", str(error), code),)


def problems_from(resource: Any) -> tuple[Problem, ...]:
    """Returns the codes and places of another system's OperationOutcome; none if it is no OperationOutcome.

    Its free text is left out, as it may hold a person's data.
    """
    if not isinstance(resource, dict) or resource.get("resourceType") != "OperationOutcome":
        return ()
    issues = resource.get("issue")
    return tuple(_problem(issue) for issue in (issues if isinstance(issues, list) else ()) if isinstance(issue, dict))


def _issue(severity: str, code: str, diagnostics: str, path: str) -> JsonObject:
    issue: JsonObject = {"severity": severity, "code": code, "diagnostics": diagnostics}
    if path:
        issue["expression"] = [path]
    return issue


def _problem(issue: JsonObject) -> Problem:
    given = issue.get("code")
    known = given in get_args(IssueCode)
    code = cast("IssueCode", given) if known else "business-rule"
    word = given if isinstance(given, str) and given.replace("-", "").isalpha() and len(given) < 40 else "unknown"
    where = issue.get("expression")
    path = where[0] if isinstance(where, list) and where and isinstance(where[0], str) else ""
    severity: Literal["error", "warning"]
    severity = "warning" if issue.get("severity") in ("warning", "information") else "error"
    return Problem(_safe_path(path), f"the other side reports: {word}", code, severity)


def _safe_path(path: str) -> str:
    """Returns a FHIRPath of plain steps, else an empty text: a literal in it could hold a person's data."""
    plain = path.replace(".", "").replace("[", "").replace("]", "")
    return path if plain.isalnum() and len(path) < 200 else ""
