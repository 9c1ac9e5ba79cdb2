"""Agreements with any kind of party: for plans either of the two may be named first, for loops roles count."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ip_fhir.bootstrap import open_exchange
from ip_fhir.domain.agreement import Agreement
from ip_fhir.domain.people import OrganizationKind
from ip_fhir.domain.referral import Role
from ip_fhir.errors import LoopError
from ip_fhir.exchange.context import Context
from ip_fhir.hl7v2.line import Hl7v2Line
from tests.support.town import US, Post, notice_of, organization, peer, side
from tests.support.two_sides import side_settings

NUMBER = str(US.organization_number)
SCHOOL = organization("org-school", OrganizationKind.SCHOOL, organization_number="312028778", her_id="90000888")
H = organization("org-h", her_id="90000101", organization_number="312001373")
SAME_ENTERPRISE = organization("org-h2", her_id="90000777", organization_number="312001373")

OURS, SCHOOLS, HOSPITALS = {"organization_number": NUMBER}, {"her_id": "90000888"}, {"organization_number": "312001373"}


def agreed(name: str, **parties: Any) -> Agreement:
    """An agreement with a name."""
    return Agreement.from_data({"name": name, **parties})


GENERAL = agreed("general")
WITH_SCHOOL = agreed("school", parties=[SCHOOLS, OURS])
WITH_HOSPITAL = agreed("hospital", hospital=HOSPITALS, municipality=OURS)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[list[Context]]:
    """Contexts that are closed in the end."""
    made: list[Context] = []
    yield made
    for context in made:
        context.store.close()


def context_of(opened: list[Context], tmp_path: Path, *agreements: Agreement, **more: Any) -> Context:
    """Our side, a municipality, with a school, a hospital, and another system of that hospital's enterprise."""
    post = Post()
    peers = [peer("school", post, SCHOOL), peer("h", post, H), peer("h2", post, SAME_ENTERPRISE)]
    opened.append(side(tmp_path, peers, agreements=agreements, **more)._context)
    return opened[-1]


@pytest.mark.parametrize("role", [Role.MUNICIPALITY, Role.HOSPITAL, None])
def test_an_agreement_about_plans(opened: list[Context], tmp_path: Path, role: Role | None) -> None:
    """It is found whoever is named first, whatever our role in the loop, and for each system of an enterprise."""
    context = context_of(opened, tmp_path, GENERAL, WITH_SCHOOL, WITH_HOSPITAL, role=role)
    found = {name: context.agreement_between_us_and(name).name for name in ("school", "h", "h2", "nobody", None)}
    assert found == {"school": "school", "h": "hospital", "h2": "hospital", "nobody": "general", None: "general"}
    assert [name for name in ("school", "h", "h2", "nobody", "us") if context.agreed_with(name)] == [
        "school",
        "h",
        "h2",
    ]


def test_the_default_agrees_with_nobody(opened: list[Context], tmp_path: Path) -> None:
    """Its terms hold for everybody, but it names no party: no share begins on it."""
    context = context_of(opened, tmp_path, GENERAL)
    assert context.agreement_between_us_and("school") is GENERAL
    assert not context.agreed_with("school")
    none = context_of(opened, tmp_path)
    assert none.agreement_between_us_and("school") == Agreement()
    assert not none.agreed_with("school")


def test_an_agreement_of_others_is_not_ours(opened: list[Context], tmp_path: Path) -> None:
    """An agreement between the school and the hospital, in a file that all share, says nothing about us."""
    context = context_of(opened, tmp_path, agreed("theirs", parties=[SCHOOLS, HOSPITALS]), GENERAL)
    assert [context.agreed_with(name) for name in ("school", "h")] == [False, False]
    assert context.agreement_between_us_and("school") is GENERAL


@pytest.mark.parametrize("order", [[OURS, HOSPITALS], [HOSPITALS, OURS]])
def test_a_loop_on_an_agreement_of_any_two(opened: list[Context], tmp_path: Path, order: list[Any]) -> None:
    """Written as `parties`, an agreement is also that of loops, with either of us as the hospital."""
    agreement = agreed("any", parties=order)
    for role in (Role.MUNICIPALITY, Role.HOSPITAL):
        context = context_of(opened, tmp_path, GENERAL, agreement, role=role)
        assert context.agreement_with("h", notice_of(H)) is agreement
        assert context.agreement_with("school", notice_of(SCHOOL)) is GENERAL


def test_a_loop_asks_for_roles(opened: list[Context], tmp_path: Path) -> None:
    """Written by role, an agreement is that of loops in which each has this role, and of no others."""
    assert context_of(opened, tmp_path, WITH_HOSPITAL).agreement_with("h", notice_of(H)) is WITH_HOSPITAL
    context = context_of(opened, tmp_path, WITH_HOSPITAL, role=Role.HOSPITAL)
    assert context.agreement_with("h", notice_of(H)) == Agreement()
    assert context.agreement_between_us_and("h") is WITH_HOSPITAL


def test_without_a_role_there_is_no_loop_to_agree_on(opened: list[Context], tmp_path: Path) -> None:
    """Whoever has no role in the loop has no agreement about loops either."""
    context = context_of(opened, tmp_path, WITH_HOSPITAL, role=None)
    with pytest.raises(LoopError, match="no role in the green form loop"):
        context.agreement_with("h", notice_of(H))


@pytest.mark.parametrize(
    ("said", "by_person", "absent"),
    [({}, False, "unchanged"), ({"by_person": True, "absent": "removed"}, True, "removed")],
)
def test_how_a_peer_takes_part_in_plans(tmp_path: Path, said: dict[str, Any], by_person: bool, absent: str) -> None:
    """What settings say of a peer's system comes with the peer; by default it is a party as a whole."""
    exchange = open_exchange(side_settings(tmp_path, Role.MUNICIPALITY, **said), wires={"fhir-rest": Post()})
    (found,) = exchange._context.peers
    assert (found.by_person, found.absent) == (by_person, absent)
    line = found.lines["hl7v2"]
    assert isinstance(line, Hl7v2Line)
    assert line.absent == (None if absent == "unchanged" else "removed")
    exchange.close()
