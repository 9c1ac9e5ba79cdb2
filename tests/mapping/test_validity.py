"""What is written is FHIR R4: by the models of `fhir.resources`, and by the rules that those do not check."""

from datetime import timedelta
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from hypothesis import given, settings
from hypothesis import strategies as st

from ip_fhir.domain.loop.table import TASK_STATUS
from ip_fhir.domain.message import Message
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.referral import Referral, Role
from ip_fhir.mapping import message_to_fhir, put_plan, referral_to_fhir, to_fhir, to_models
from tests.mapping.examples import JSON, PLANS, bundle, example
from tests.mapping.fhir_rules import broken_rules
from tests.support.strategies import messages, moments, notices, plans

SOME = settings(max_examples=20)


def check(made: JSON) -> None:
    """By its model and by the rules; a bundle's resources as well."""
    get_fhir_model_class(made["resourceType"]).model_validate(made)
    assert broken_rules(made) == []


@pytest.mark.parametrize("number", range(1, len(PLANS) + 1))
def test_example_plans_are_valid(number: int) -> None:
    """Every example plan, by the models and by the rules; `to_models` gives each resource."""
    check(bundle(number))
    assert len(to_models(example(number))) == len(bundle(number)["entry"])


@SOME
@given(plans())
def test_plans_are_valid(plan: IndividualPlan) -> None:
    """Every plan that can be made."""
    check(to_fhir(plan))


@settings(max_examples=10)
@given(plans(), plans())
def test_plans_put_onto_one_another_are_valid(before: IndividualPlan, after: IndividualPlan) -> None:
    """What leaves takes nothing with it that must be there, and leaves nothing empty."""
    after = after.evolve(owner=after.owner.evolve(id=before.owner.id))
    check(put_plan(after, to_fhir(before)))


@SOME
@given(messages())
def test_messages_are_valid(message: Message) -> None:
    """Every message that can be sent."""
    check(message_to_fhir(message))


@st.composite
def referrals(draw: st.DrawFn) -> Referral:
    """Referrals in every state."""
    opened = draw(moments())
    notice = draw(notices())
    return Referral(
        correlation_id=notice.correlation_id,
        role=draw(st.sampled_from([Role.HOSPITAL, Role.MUNICIPALITY])),
        state=draw(st.sampled_from(sorted(TASK_STATUS))),
        notice=notice,
        opened=opened,
        changed=opened + timedelta(hours=draw(st.integers(0, 99))),
        task_number=draw(st.integers(1, 12)),
    )


@SOME
@given(referrals())
def test_referrals_are_valid(referral: Referral) -> None:
    """ServiceRequest with what it contains, and Task: every one of them referred to (dom-3)."""
    for made in referral_to_fhir(referral, []):
        check(made)


BROKEN: list[tuple[JSON, str]] = [
    ({"resourceType": "Goal", "note": []}, "ele-1 at Goal.note"),
    ({"resourceType": "Goal", "note": [{"text": ""}]}, "ele-1 at Goal.note[0].text"),
    ({"resourceType": "Goal", "note": [{}]}, "ele-1 at Goal.note[0]"),
    ({"resourceType": "Goal", "note": None}, "ele-1 at Goal.note"),
    ({"resourceType": "Goal", "extension": [{"url": "u"}]}, "ext-1 at Goal.extension[0]"),
    ({"resourceType": "Goal", "target": [{"detailString": "x"}]}, "gol-1"),
    ({"resourceType": "Goal", "contained": [{"resourceType": "Basic", "id": "x"}]}, "dom-3 at contained[0]"),
    ({"resourceType": "Goal", "subject": {"reference": "#x"}}, "ref-1: #x is not contained"),
    ({"resourceType": "Appointment", "status": "fulfilled", "participant": []}, "app-3"),
    ({"resourceType": "Appointment", "status": "proposed", "start": "x", "participant": [{}]}, "app-2"),
    ({"resourceType": "Appointment", "status": "proposed", "participant": [{"status": "accepted"}]}, "app-1"),
    (
        {"resourceType": "CareTeam", "participant": [{"member": {"reference": "Patient/x"}, "onBehalfOf": {}}]},
        "ctm-1",
    ),
    ({"resourceType": "Consent", "patient": {"display": "x"}}, "ppc-1"),
    ({"resourceType": "CarePlan", "activity": [{"detail": {"a": 1}, "reference": {"a": 1}}]}, "cpl-3"),
    ({"resourceType": "QuestionnaireResponse", "item": [{"answer": [{"a": 1}], "item": [{"a": 1}]}]}, "qrs-1"),
    ({"resourceType": "Organization", "active": True}, "org-1"),
]


@pytest.mark.parametrize(("resource", "told"), BROKEN)
def test_the_rules_can_fail(resource: JSON, told: str) -> None:
    """Each rule finds what breaks it: a check that cannot fail is none."""
    assert told in broken_rules(resource)


def test_the_models_can_fail() -> None:
    """The models refuse what is no FHIR."""
    broken: dict[str, Any] = {"resourceType": "Goal", "description": "text"}
    with pytest.raises(ValueError, match="description"):
        get_fhir_model_class("Goal").model_validate(broken)
