"""The strategies reach everything: what they leave out, no property test would ever try."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from ip_fhir.domain.consent.consent import Consent
from ip_fhir.domain.green_form import GreenForm, Rejection
from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.domain.notice import Notice
from ip_fhir.domain.people import AddressProtection, Organization, PlanOwner, Professional, RelatedPerson
from ip_fhir.domain.plan import Contribution, Goal, IndividualPlan, Measure, Need, Resource, Review
from ip_fhir.domain.team import CareTeam
from ip_fhir.domain.values.terms import LegalBasis
from ip_fhir.domain.values.value import Value
from tests.support.reach import all_fields, all_members, members_of, used_fields, used_members
from tests.support.strategies import (
    care_teams,
    consents,
    contributions,
    goals,
    green_forms,
    legal_bases,
    measures,
    messages,
    needs,
    notices,
    organizations,
    owners,
    plans,
    professionals,
    rejections,
    related_persons,
    resources,
    reviews,
)

T = TypeVar("T")
WHOLES = [(IndividualPlan, plans()), (Notice, notices()), (GreenForm, green_forms())]
PARTS = [
    (PlanOwner, owners()),
    (RelatedPerson, related_persons()),
    (Organization, organizations()),
    (Professional, professionals()),
    (Resource, resources()),
    (Need, needs()),
    (Goal, goals()),
    (Measure, measures()),
    (Contribution, contributions()),
    (Review, reviews()),
    (CareTeam, care_teams()),
    (Consent, consents()),
    (Rejection, rejections()),
]


_WITHHOLDING = {f"{person}.protection" for person in ("PlanOwner", "RelatedPerson", "Professional")}
"""Fields that leave others out of all that is made; `tests/support/protected.py` fills them."""


def out_of_reach(strategy: st.SearchStrategy[Any], wanted: set[T], used: Callable[[Any], Iterable[T]]) -> set[T]:
    """What of `wanted` no example uses: not in a hundred, and then not when it is looked for one by one."""
    missing = set(wanted)

    @settings(max_examples=100, database=None)
    @given(strategy)
    def look(value: Any) -> None:
        missing.difference_update(used(value))

    look()
    return {one for one in missing if not _can_be_found(strategy, one, used)}


def _can_be_found(strategy: st.SearchStrategy[Any], one: T, used: Callable[[Any], Iterable[T]]) -> bool:
    try:
        find(
            strategy,
            lambda value: one in set(used(value)),
            settings=settings(max_examples=1000, database=None, phases=[Phase.generate]),
        )
    except NoSuchExample:
        return False
    return True


@pytest.mark.parametrize(("model", "strategy"), WHOLES)
def test_every_field_is_reached(model: type[Value], strategy: st.SearchStrategy[Any]) -> None:
    """Every field of every part is filled in some example."""
    assert out_of_reach(strategy, all_fields(model) - _WITHHOLDING, used_fields) == set()


@pytest.mark.parametrize(("model", "strategy"), WHOLES)
def test_every_member_of_its_own_is_reached(model: type[Value], strategy: st.SearchStrategy[Any]) -> None:
    """Every member of the enumerations that the whole holds itself is used in some example."""
    own = {member for field in model.model_fields.values() for member in members_of(field.annotation)}
    own -= set(LegalBasis)  # see below: one at a time they are found sooner
    assert out_of_reach(strategy, own, used_members) == set()


@pytest.mark.parametrize(("model", "strategy"), PARTS)
def test_every_member_is_reached(model: type[Value], strategy: st.SearchStrategy[Any]) -> None:
    """Every member of every enumeration in a part is used in some example."""
    assert out_of_reach(strategy, all_members(model) - set(AddressProtection), used_members) == set()


def test_every_legal_basis_is_reached() -> None:
    """Every section of the law is used in some example."""
    assert out_of_reach(legal_bases(), set(LegalBasis), tuple) == set()


def test_what_is_out_of_reach_is_seen() -> None:
    """The gate can fail: a main goal alone is never a sub-goal."""
    assert out_of_reach(goals(), {"Goal.note", "Goal.part_of"}, used_fields) == {"Goal.part_of"}


@pytest.mark.parametrize("kind", list(MessageKind))
def test_every_kind_of_message(kind: MessageKind) -> None:
    """A message of each kind can be asked for, with what that kind carries."""
    fields: set[str] = set()

    @settings(max_examples=30, database=None)
    @given(messages(kind))
    def look(message: Message) -> None:
        assert message.kind is kind
        fields.update(used_fields(message))

    look()
    assert {f"Message.{name}" for name in ("answers", "text", "sender", "recipient", "sent")} <= fields
    assert ("Message.notice" in fields) == (kind is MessageKind.NOTICE)
    assert ("Message.form" in fields) == (kind is MessageKind.GREEN_FORM)
    assert ("Message.missing" in fields) == (kind is MessageKind.FORM_INCOMPLETE)
    assert ("Message.number" in fields) == (kind in (MessageKind.REMINDER, MessageKind.ESCALATION))


def test_reach_sees_what_is_left_out() -> None:
    """The gate can fail: a plan with nothing in it leaves nearly everything unused."""
    empty = IndividualPlan.model_validate(
        {"id": "p", "owner": {"id": "o", "name": {"family": "Sæbø"}}, "created": "2026-01-12T08:00:00Z"}
    )
    assert "Goal.note" in all_fields(IndividualPlan) - set(used_fields(empty))
    assert len(all_members(IndividualPlan) - set(used_members(empty))) > 100
