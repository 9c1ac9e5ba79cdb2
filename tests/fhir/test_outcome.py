"""Errors to HTTP status and OperationOutcome."""

import json
from pathlib import Path

import pytest

from ip_fhir.errors import (
    Conflict,
    ConsentRefused,
    InvalidInput,
    IpFhirError,
    LoopError,
    MappingError,
    Problem,
    Rejected,
    StoreError,
    Unavailable,
)
from ip_fhir.fhir.outcome import outcome, outcome_of, problems_from, problems_of, status_of


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InvalidInput.at("Task.status", "not in the list", "code-invalid"), 422, "code-invalid"),
        (InvalidInput.at("", "stale", "conflict"), 412, "conflict"),
        (InvalidInput.at("", "again, otherwise", "duplicate"), 409, "duplicate"),
        (InvalidInput.at("", "unknown", "not-found"), 404, "not-found"),
        (InvalidInput.at("", "another party's", "forbidden"), 403, "forbidden"),
        (InvalidInput.at("", "wait", "throttled"), 429, "throttled"),
        (LoopError("not in this state"), 409, "business-rule"),
        (ConsentRefused("withdrawn", "the consent is withdrawn"), 403, "suppressed"),
        (StoreError("disk full"), 503, "transient"),
        (Unavailable("no connection"), 503, "transient"),
        (Conflict("newer"), 409, "conflict"),
        (Rejected("no"), 502, "processing"),
        (MappingError("row 3"), 500, "exception"),
        (IpFhirError("unforeseen"), 500, "exception"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_each_error_has_status_and_outcome(error: IpFhirError, status: int, code: str) -> None:
    """Every type of the tree has its HTTP status and FHIR issue code."""
    issue = outcome_of(error)["issue"][0]
    assert (status_of(error), issue["code"], issue["severity"]) == (status, code, "error")
    assert issue["diagnostics"]
    assert problems_of(error)


def test_every_problem_with_its_place() -> None:
    """All problems of one input are reported at once, each with its FHIRPath."""
    error = InvalidInput([Problem("Task.status", "missing", "required"), Problem("", "two", "invariant")])
    first, second = outcome_of(error)["issue"]
    assert first["expression"] == ["Task.status"]
    assert "expression" not in second


def test_no_problem_is_an_issue_too() -> None:
    """OperationOutcome.issue is 1..*: with nothing to say there is one that says so."""
    assert outcome([])["issue"][0]["severity"] == "information"


def test_round_trip_keeps_code_and_place() -> None:
    """What we said of a problem is understood on the other side, but for the words."""
    (problem,) = problems_from(outcome([Problem("Bundle.entry[2].resource", "wrong", "invariant")]))
    assert (problem.path, problem.code, problem.severity) == ("Bundle.entry[2].resource", "invariant", "error")


def test_foreign_words_are_left_out() -> None:
    """Another system's diagnostics and literal paths may name a person; they go nowhere."""
    issue = {
        "severity": "fatal",
        "code": "Kari Nordmann 13116900135",
        "diagnostics": "Kari Nordmann",
        "details": {"text": "Kari Nordmann"},
        "expression": ["Patient.name.where(family='Nordmann')"],
    }
    (problem,) = problems_from({"resourceType": "OperationOutcome", "issue": [issue]})
    assert "Nordmann" not in repr(problem)
    assert "13116900135" not in repr(problem)


@pytest.mark.parametrize(
    "what", [None, [], "x", {"resourceType": "Bundle"}, {"resourceType": "OperationOutcome", "issue": 3}]
)
def test_what_is_no_outcome_says_nothing(what: object) -> None:
    """Anything may come; nothing raises."""
    assert problems_from(what) == ()


def test_outcomes_of_a_national_specification_are_read(shared_data: Path) -> None:
    """Every OperationOutcome example of NHS BaRS gives at least one problem with a code of ours."""
    files = sorted((shared_data / "closed-loop" / "bars" / "OperationOutcome").rglob("*.json"))
    assert len(files) > 30
    for file in files:
        assert problems_from(json.loads(file.read_text(encoding="utf-8"))), file.name
