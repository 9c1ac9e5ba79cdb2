"""The five parties around the plan, and the people of each, who use the library beside the process that serves it."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

from ip_fhir.bootstrap import open_exchange
from ip_fhir.demo.place import DemoParty, loop_parties, settings_file
from ip_fhir.demo.sides import DemoFailed
from ip_fhir.domain.people import Organization, OrganizationKind
from ip_fhir.domain.sharing.case import PlanSide
from ip_fhir.domain.values.ids import HerId, OrganizationNumber
from ip_fhir.ports.plans import keeps_plans
from ip_fhir.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ip_fhir.demo.stories import Story
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.case import Copy, SharedPlan
    from ip_fhir.exchange import Exchange

HOSPITAL, MUNICIPALITY, SCHOOL, PRACTICE, NEWTOWN = "hospital", "municipality", "school", "practice", "newtown"
PARTICIPANTS: Final = (HOSPITAL, SCHOOL, PRACTICE)
"""Those that the plan is shared with."""

JOINING: Final = (SCHOOL, PRACTICE, NEWTOWN)
"""Those that take no part in the loops: their processes are started for the plan."""

SOLVIK: Final = Organization(
    id="org-solvik",
    name="Solvik kommune",
    kind=OrganizationKind.MUNICIPALITY,
    her_id=HerId("90000901"),
    organization_number=OrganizationNumber("312040018"),
)
"""The municipality that the family moves to."""


def parties_of(story: Story) -> tuple[DemoParty, ...]:
    """Returns the parties of the loops and the plan. The municipality speaks for all its departments but the school."""
    plan = story.plan
    by_id = {one.id: one for one in plan.organizations}
    town, school, practice = (by_id[ident] for ident in ("org-nordvik", "org-nordvik-school", "org-nordvik-gp"))
    return (
        *loop_parties(story.notice, (town,)),
        DemoParty(SCHOOL, school),
        DemoParty(PRACTICE, practice),
        DemoParty(NEWTOWN, SOLVIK),
    )


class PlanPeople:
    """The people of all parties, and the plan as each party has it."""

    def __init__(self, exchanges: Mapping[str, Exchange], plan_id: str) -> None:
        self.exchanges, self.plan_id = exchanges, plan_id

    def case(self, party: str) -> SharedPlan | None:
        """Returns the plan as a party has it; None if it has nothing of it."""
        store = self.exchanges[party].store
        stored = store.shared_plan(self.plan_id) if keeps_plans(store) else None
        return stored.plan if stored is not None else None

    @property
    def holder(self) -> str:
        """The party that holds the plan. Two would be a fault: the first is returned, and the checks tell.

        Raises `DemoFailed` if nobody does.
        """
        if not (holders := self.holders):
            raise DemoFailed("nobody holds the plan")
        return holders[0]

    @property
    def holders(self) -> list[str]:
        """The parties whose stores say that they hold the plan."""
        cases = {party: self.case(party) for party in self.exchanges}
        return [party for party, case in cases.items() if case is not None and case.side is PlanSide.HOLDER]

    def held(self) -> SharedPlan:
        """Returns the plan as its holder has it."""
        case = self.case(self.holder)
        assert case is not None  # noqa: S101 - a holder has it
        return case

    def current(self) -> IndividualPlan:
        """Returns the newest version."""
        plan = self.held().plan
        assert plan is not None  # noqa: S101 - a holder has it
        return plan

    def copy(self, party: str) -> Copy | None:
        """Returns the newest copy that a party has; None if it never had one."""
        case = self.case(party)
        return max(case.copies, key=lambda copy: copy.received, default=None) if case is not None else None


@contextmanager
def plan_people_at_work(run: Path, exchanges: Mapping[str, Exchange], plan_id: str) -> Iterator[PlanPeople]:
    """Opens the exchanges of those that join for the plan beside the others', and closes them."""
    with ExitStack() as stack:
        joined = dict(exchanges)
        for name in JOINING:
            joined[name] = open_exchange(read_settings(settings_file(run, name), environ={}))
            stack.callback(joined[name].close)
        yield PlanPeople(joined, plan_id)
