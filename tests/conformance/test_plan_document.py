"""The official validator judges plans as documents, and what an index holds about them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ip_fhir.domain.people import Attachment
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.values.value import read
from ip_fhir.report.document import plan_document, plan_document_reference
from tests.conformance.judge import Validator, Verdict
from tests.conformance.made import PLANS, generated
from tests.conformance.test_official_validator import objections
from tests.support.strategies import plans

pytestmark = [pytest.mark.timeout(1200), pytest.mark.slow]

RENDERED = Attachment(title="Planen", content_type="application/pdf", url="https://nordvik.example/plan.pdf")


def examples(checkout: Path) -> list[IndividualPlan]:
    """The example plans."""
    return [
        read(IndividualPlan, file.read_bytes()) for file in sorted((checkout / "examples" / "plans").glob("*.json"))
    ]


def test_examples(validator: Validator, verdict: Verdict, checkout: Path) -> None:
    """Each example plan is a valid document, with a narrative of its own or without, and a valid entry of an index."""
    found = examples(checkout)
    documents = [plan_document(plan) for plan in found]
    documents += [plan_document(plan, "Planen\nble drøftet & godkjent.") for plan in found]
    documents += [plan_document_reference(plan, RENDERED) for plan in found]
    assert objections(validator, verdict, documents) == []


def test_generated(validator: Validator, verdict: Verdict) -> None:
    """So is any plan, whatever it holds."""
    assert objections(validator, verdict, map(plan_document, generated(plans(), PLANS))) == []
