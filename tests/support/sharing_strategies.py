"""Hypothesis strategies for views, changes and the messages about a plan: valid ones only, every kind within reach."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.consent.protection import LocatingPart
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.sharing.case import HandedOver, PartyShare
from ip_fhir.domain.sharing.change import Change, ChangeAnswer, ChangeStatus, KeptChange, Outcome, PartDecision
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.messages import (
    CONTENT,
    Gone,
    HandoverContent,
    HeldView,
    InvitationContent,
    PlanMessage,
    PlanQuestion,
    Reply,
    Withdrawal,
)
from ip_fhir.domain.sharing.share import EndReason, IdPair, ItemNumber, Share
from ip_fhir.domain.sharing.view import Opening, PlanView
from ip_fhir.domain.team import TeamRole
from ip_fhir.domain.values.terms import LifeArea
from tests.support.basic_strategies import dates, ids, maybe, moments, organizations, owners, reused, some, texts
from tests.support.strategies import plans

_NUMBERS = st.integers(1, 2_000)
_FLAGS = st.booleans()


@reused
def digests() -> st.SearchStrategy[str]:
    """SHA-256 in hexadecimal."""
    return st.sampled_from([character * 64 for character in "0af"])


@reused
def openings() -> st.SearchStrategy[Opening]:
    """Areas, and what belongs to none, open from and until any day."""
    return st.builds(Opening, area=maybe(tuple(LifeArea)), since=st.none() | dates(), until=st.none() | dates())


@st.composite
def cut_plans(draw: st.DrawFn) -> IndividualPlan:
    """Plans as views have them: without consents, author and predecessor."""
    return draw(plans()).evolve(consents=(), author=None, replaces=None)


@reused
@st.composite
def plan_views(draw: st.DrawFn) -> PlanView:
    """Views of every level, with openings and without."""
    return PlanView(
        share=draw(ids()),
        number=draw(_NUMBERS),
        level=draw(st.sampled_from(ContentLevel)),
        openings=draw(some(openings())),
        holds_until=draw(st.none() | dates()),
        plan=draw(cut_plans()),
    )


@reused
def part_decisions() -> st.SearchStrategy[PartDecision]:
    """Decisions of every outcome."""
    return st.builds(
        PartDecision,
        field=texts(),
        id=st.none() | ids(),
        outcome=st.sampled_from(Outcome),
        reason=st.none() | texts(),
    )


@reused
def changes() -> st.SearchStrategy[Change]:
    """Changes as they are sent: without the person of our own side who made them, and without kept data."""
    return st.builds(
        Change,
        id=ids(),
        share=ids(),
        base=_NUMBERS,
        digest=st.none() | digests(),
        wanted=plans(),
        whole=_FLAGS,
        text=st.none() | texts(),
        made=moments(),
    )


@reused
@st.composite
def shares(draw: st.DrawFn, plan: str = "plan-1") -> Share:
    """Shares with key, book and numbers, going on and ended."""
    ended = draw(st.none() | dates())
    return Share(
        id=draw(ids()),
        plan=plan,
        party=draw(ids()),
        key=draw(digests()),
        level=draw(st.sampled_from(ContentLevel)),
        released=draw(some(st.sampled_from(LocatingPart))),
        book=draw(some(st.builds(IdPair, view=ids(), plan=ids()))),
        began=draw(dates()),
        number=draw(_NUMBERS),
        digest=draw(st.none() | digests()),
        numbers=draw(some(st.builds(ItemNumber, id=ids(), number=_NUMBERS))),
        ended=ended,
        end_reason=None if ended is None else draw(st.sampled_from(EndReason)),
    )


@reused
@st.composite
def handed_over(draw: st.DrawFn) -> HandedOver:
    """Everything that goes to a new holder."""
    kept = st.builds(KeptChange, change=changes(), status=st.sampled_from(ChangeStatus), received=moments())
    return HandedOver(
        plan=draw(plans()),
        shares=draw(some(st.builds(PartyShare, share=shares(), organization=organizations()))),
        changes=draw(some(kept, 1)),
        epoch=draw(st.integers(2, 9)),
    )


def _reply() -> st.SearchStrategy[Reply]:
    return st.builds(Reply, about=ids(), accepts=_FLAGS, reason=st.none() | texts())


def _held() -> st.SearchStrategy[HeldView]:
    return st.builds(HeldView, share=ids(), number=st.integers(0, 99), digest=st.none() | digests())


CONTENTS: dict[str, st.SearchStrategy[Any]] = {
    "view": plan_views(),
    "withdrawal": st.builds(Withdrawal, share=ids(), number=_NUMBERS),
    "change": changes(),
    "answer": st.builds(
        ChangeAnswer,
        change=ids(),
        share=ids(),
        status=st.sampled_from(ChangeStatus),
        decisions=some(part_decisions()),
        number=st.integers(0, 99),
        text=st.none() | texts(),
    ),
    "invitation": st.builds(
        InvitationContent,
        invitation=ids(),
        plan=ids(),
        owner=owners(),
        role=st.sampled_from(TeamRole),
        role_text=st.none() | texts(),
        task=st.none() | texts(),
        member=st.none() | texts(),
    ),
    "reply": _reply(),
    "handover": st.builds(HandoverContent, handover=ids(), content=handed_over()),
    "question": st.builds(PlanQuestion, request=ids(), owner=owners(), reason=st.none() | texts()),
    "gone": st.builds(Gone, plan=ids(), epoch=st.integers(2, 9), holder=organizations()),
    "held": _held(),
}
"""A strategy for each content of a message, by its field."""


@st.composite
def plan_messages(draw: st.DrawFn, kind: PlanMessageKind | None = None) -> PlanMessage:
    """Messages about a plan, of every kind."""
    kind = kind or draw(st.sampled_from(PlanMessageKind))
    return PlanMessage(
        id=draw(ids()),
        kind=kind,
        sent=draw(moments()),
        sender=draw(organizations("sender")),
        recipient=draw(organizations("recipient")),
        answers=draw(st.none() | ids()),
        epoch=draw(st.none() | st.integers(1, 9)),
        text=draw(st.none() | texts()),
        **{CONTENT[kind]: draw(CONTENTS[CONTENT[kind]])},
    )
