"""Messages about a plan: there and back, of every kind, and refused with their place."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ip_fhir.domain.consent.protection import EVERY_PART
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.messages import PlanMessage
from ip_fhir.mapping.compiled import shipped
from ip_fhir.mapping.sharing.message import is_plan_message, plan_message_from_fhir, plan_message_to_fhir
from tests.support.sharing_strategies import plan_messages


@pytest.mark.parametrize("kind", PlanMessageKind)
@settings(max_examples=8)
@given(st.data())
def test_a_message_comes_back(kind: PlanMessageKind, data: st.DataObject) -> None:
    """plan_message_from_fhir(plan_message_to_fhir(m)) == m, of every kind, in R4 and R5."""
    message: PlanMessage = data.draw(plan_messages(kind))
    compiled = shipped(data.draw(st.sampled_from(("R4", "R5"))))
    made: dict[str, Any] = plan_message_to_fhir(message, compiled, EVERY_PART)
    assert is_plan_message(made, compiled)
    assert plan_message_from_fhir(made, compiled) == message
