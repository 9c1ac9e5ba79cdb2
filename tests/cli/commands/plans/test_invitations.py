"""`plan invite`, `hand-over`, `ask` and their answers."""

import json

from ip_fhir.domain.sharing.case import PlanSide
from ip_fhir.domain.team import Membership, MembershipStatus, TeamRole
from tests.cli.commands.conftest import BY, PLAN, Around
from tests.cli.conftest import Run
from tests.support.ring import make_plan, organization

ASKED = Membership(
    id="member-asked", member="per", role=TeamRole.GENERAL_PRACTITIONER, status=MembershipStatus.PROPOSED
)


def invited(run: Run, around: Around) -> str:
    """The id of an invitation to the general practice, which has come there."""
    plan = make_plan()
    assert plan.team is not None
    members = (*(one for one in plan.team.memberships if one.member != "per"), ASKED)
    file = around.write(plan.evolve(team=plan.team.evolve(memberships=members)))
    run("plan", "save", file, "--config", around["municipality"], *BY)
    ran = run("plan", "invite", PLAN, "member-asked", "--config", around["municipality"], *BY, "--json")
    assert [(one["kind"], one["peer"]) for one in ran.data["messages"]] == [("invitation", "practice")]
    around.settle()
    (invitation,) = run("plan", "shares", PLAN, "--config", around["practice"], "--json").data["invitations"]
    return str(invitation["invitation"])


def test_a_party_is_invited_and_declines(run: Run, around: Around) -> None:
    """The membership is declined, with the reason; nobody became a member by being asked."""
    ident = invited(run, around)
    ran = run("plan", "answer-invitation", ident, "no", "--reason", "Ingen tid", "--config", around["practice"], *BY)
    assert ran.code == 0, ran.err
    around.settle()
    team = around.current().team
    assert team is not None
    assert team.memberships[-1].status is MembershipStatus.DECLINED
    shown = run("plan", "shares", PLAN, "--config", around["municipality"], "--lang", "nb")
    assert "takket nei" in shown.text


def test_a_party_is_invited_and_accepts(run: Run, around: Around) -> None:
    """The membership is accepted, so the plan may be shared with it."""
    ident = invited(run, around)
    assert run("plan", "answer-invitation", ident, "yes", "--config", around["practice"], *BY).code == 0
    around.settle()
    assert run("plan", "share", PLAN, "practice", "--yes", "--config", around["municipality"], *BY).code == 0


def test_a_plan_is_handed_over(run: Run, shared: Around) -> None:
    """The new holder accepts: it holds the plan, the old one does not, and participants go on with the new one."""
    plan = shared.current()
    moved = plan.evolve(organizations=(*plan.organizations, organization("elsewhere")))
    assert run("plan", "save", shared.write(moved), "--config", shared["municipality"], *BY).code == 0
    ran = run("plan", "hand-over", PLAN, "elsewhere", "--config", shared["municipality"], *BY, "--json")
    assert [(one["kind"], one["peer"]) for one in ran.data["messages"]] == [("handover", "elsewhere")]
    shared.settle()
    handover = run("plan", "shares", PLAN, "--config", shared["elsewhere"], "--json").data["handover"]
    assert handover["status"] == "offered"
    ran = run("plan", "answer-handover", handover["handover"], "yes", "--config", shared["elsewhere"], *BY)
    assert ran.code == 0, ran.err
    shared.settle()
    sides = {party: shared.ring.plan(party) for party in ("elsewhere", "municipality", "hospital")}
    assert {name: plan.side for name, plan in sides.items() if plan is not None} == {
        "elsewhere": PlanSide.HOLDER,
        "municipality": PlanSide.PARTICIPANT,
        "hospital": PlanSide.PARTICIPANT,
    }
    ran = run("plan", "save", shared.write(make_plan()), "--config", shared["municipality"], *BY)
    assert ran.code != 0


def test_a_party_asks_for_the_plan(run: Run, saved: Around) -> None:
    """Whoever takes part may ask; a person of the holder's grants it, and the plan is the answer."""
    owner = saved.place / "owner.json"
    owner.write_text(json.dumps(make_plan().owner.to_data()), encoding="utf-8")
    ran = run("plan", "ask", "municipality", "--owner", owner, "--config", saved["hospital"], *BY, "--json")
    assert [one["kind"] for one in ran.data["messages"]] == ["plan-request"], ran.err
    saved.settle()
    (request,) = run("plan", "shares", PLAN, "--config", saved["municipality"], "--json").data["requests"]
    assert (request["party"], request["granted"]) == ("hospital", None)
    ran = run("plan", "answer-request", request["request"], "yes", "--config", saved["municipality"], *BY)
    assert ran.code == 0, ran.err
    saved.settle()
    assert "Svømmetrening" in run("plan", "show", PLAN, "--config", saved["hospital"]).text
