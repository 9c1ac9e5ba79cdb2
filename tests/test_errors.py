"""An error names the first problems and tells how many there are more, however often it is passed on."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from ip_fhir.cli.exits import lines_of
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.values.value import read
from ip_fhir.errors import MOST_PROBLEMS, InvalidInput, MoreProblems, Problem
from ip_fhir.fhir.outcome import outcome_of
from ip_fhir.mapping import from_fhir, message_from_fhir


def problems(number: int) -> list[Problem]:
    """So many problems."""
    return [Problem(f"needs.{n}.text", "is blank") for n in range(number)]


@pytest.mark.parametrize("number", [1, MOST_PROBLEMS, MOST_PROBLEMS + 1, 400_000])
def test_few_are_named_all_are_counted(number: int) -> None:
    """Up to the most every one is named; beyond it, a last line counts the rest."""
    error = InvalidInput(problems(number))
    named, more = error.problems[:MOST_PROBLEMS], error.problems[MOST_PROBLEMS:]
    assert list(named) == problems(min(number, MOST_PROBLEMS))
    assert [str(p) for p in more] == (
        [] if number <= MOST_PROBLEMS else [f"and {number - MOST_PROBLEMS} more problem{'s'[: number > 51]}"]
    )
    assert error.status == 422
    assert lines_of(error) == [str(p) for p in error.problems]


def test_the_rest_is_counted_through_translations() -> None:
    """Problems that are given another place, or are joined with others, are neither lost nor counted twice."""
    first = InvalidInput(problems(120))
    again = InvalidInput([*(replace(p, path=f"plan.{p.path}") for p in first.problems), *problems(10)])
    assert again.problems[0].path == "plan.needs.0.text"
    assert again.problems[-1] == MoreProblems("", "and 80 more problems", count=80)
    assert len(again.problems) == MOST_PROBLEMS + 1


def test_a_small_body_gets_a_small_answer() -> None:
    """As many empty entries as a body may have parts: the answer is smaller than the body, not 43 times as large."""
    bundle = {"resourceType": "Bundle", "type": "message", "entry": [{}] * 190_000}
    for verb in (from_fhir, message_from_fhir):
        with pytest.raises(InvalidInput) as caught:
            verb(bundle)
        answer = orjson.dumps(outcome_of(caught.value))
        assert len(answer) < 10_000
        assert b"and 189950 more problems" in answer


def test_a_broken_plan_is_told_of_in_few_words() -> None:
    """Rules of a plan that are broken a thousand times, too."""
    needs = [{"id": f"need-{n}"} for n in range(1000)]
    data = {"id": "p", "owner": {"id": "o", "name": {"family": "P"}}, "created": "2026-01-12T08:40:00Z"}
    for broken in (needs, [{"id": "same", "text": "Ro"}] * 1000):
        with pytest.raises(InvalidInput) as caught:
            read(IndividualPlan, {**data, "needs": broken})
        assert len(caught.value.problems) == MOST_PROBLEMS + 1
        assert caught.value.problems[-1].reason in ("and 950 more problems", "and 949 more problems")
