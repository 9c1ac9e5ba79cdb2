"""Shared plans in the store: a change of one measure that ten participants see, to ten durable outbox rows.

The plan is that of the mapping's benchmark, with a professional of each participant in its team. What is measured is
the processor's time, not the wait for the disk.
"""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from loops import SENT, Answering, SetClock
from measuring import Figure
from sample import sample_plan

from ip_fhir.domain.agreement import Agreement, Party
from ip_fhir.domain.consent.consent import Access, Consent, ConsentKind, Provision
from ip_fhir.domain.people import Organization, OrganizationKind, PersonName, Professional
from ip_fhir.domain.referral import Author
from ip_fhir.domain.sharing.terms import ShareStart, SharingTerms
from ip_fhir.domain.team import Membership, TeamRole
from ip_fhir.domain.values.ids import HerId
from ip_fhir.exchange import Exchange
from ip_fhir.exchange.context import Context
from ip_fhir.exchange.peers import Peer, Peers
from ip_fhir.ports import Endpoint
from ip_fhir.settings import WorkerSettings
from ip_fhir.store import SqlStore, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.case import SharedPlan

PARTICIPANTS = 10
NINA = Author(id="nina01", name="Nina Koordinatortest")
OURS = Organization(id="town", name="Kommunen", kind=OrganizationKind.MUNICIPALITY, her_id=HerId("80100"))


def measure(quick: bool) -> Iterator[Figure]:
    """A change from the plan as it was read to the commit, and the part of it that the store takes."""
    rounds = 20 if quick else 200
    with tempfile.TemporaryDirectory(prefix="ip-fhir-bench-") as place:
        with closing(open_store(f"sqlite:///{place}/holder.sqlite")) as store:
            states = list(changes(holder(store), rounds))
            whole = median(seconds for seconds, _ in states[1:]) * 1000
            written = len(store.outbox("waiting", limit=rounds * PARTICIPANTS))
        again = median(writes(Path(place), [state for _, state in states])) * 1000
    note = f"{written} rows wait, {len(states[-1][1].shares)} shares"
    yield Figure("sqlite: a change that ten see, to ten rows", whole, "ms", at_most=8, note=note)
    yield Figure("sqlite: of it, loading and saving the plan", again, "ms")


def changes(exchange: Exchange, rounds: int) -> Iterator[tuple[float, SharedPlan]]:
    """Seconds of the processor for each saving, and the plan after it; the first begins the shares."""
    now = exchange.save_plan(shared(sample_plan()), by=NINA)
    yield 0.0, now
    for number in range(rounds):
        plan = now.plan
        assert plan is not None
        changed = plan.evolve(measures=(plan.measures[0].evolve(how=f"way {number}"), *plan.measures[1:]))
        begun = time.process_time()
        now = exchange.save_plan(changed, by=NINA)
        yield time.process_time() - begun, now


def writes(place: Path, states: list[SharedPlan]) -> Iterator[float]:
    """Seconds of the processor for writing the same plans into a store that does nothing else."""
    with closing(open_store(f"sqlite:///{place}/again.sqlite")) as store:
        for revision, state in enumerate(states):
            begun = time.process_time()
            with store.begin() as transaction:
                transaction.load_plan(state.id)
                transaction.save_plan(state, revision or None, NINA)
            yield time.process_time() - begun


def participant(number: int) -> Organization:
    """The organisation of a participant."""
    her_id = HerId(f"802{number:02}")
    return Organization(id=f"school-{number}", name=f"Skole {number}", kind=OrganizationKind.SCHOOL, her_id=her_id)


def shared(plan: IndividualPlan) -> IndividualPlan:
    """The plan with somebody of each participant in its team, and consent to share all of it with them."""
    people = [
        Professional(id=f"teacher-{n}", name=PersonName(given="Kari", family="Test"), organization=f"school-{n}")
        for n in range(PARTICIPANTS)
    ]
    members = [Membership(id=f"member-{p.id}", member=p.id, role=TeamRole.SERVICE_PROVIDER) for p in people]
    day = date(2026, 1, 1)
    permit = (Provision(access=Access.PERMIT),)
    assert plan.team is not None
    return plan.evolve(
        organizations=(*plan.organizations, *map(participant, range(PARTICIPANTS))),
        professionals=(*plan.professionals, *people),
        team=plan.team.evolve(memberships=(*plan.team.memberships, *members)),
        consents=(
            Consent(id="consent-plan", kind=ConsentKind.PLAN, given_on=day),
            Consent(id="consent-sharing", kind=ConsentKind.SHARING, given_on=day, provisions=permit),
        ),
    )


def holder(store: SqlStore) -> Exchange:
    """A side that holds plans, with ten peers with which it shares them by rule."""
    peers = [
        Peer(f"school-{n}", (participant(n),), Answering(), Endpoint("none:"), (f"token-{n}",))
        for n in range(PARTICIPANTS)
    ]
    terms = SharingTerms(shares_begin=ShareStart.BY_RULE)
    agreements = tuple(
        Agreement(parties=(Party(her_id=OURS.her_id), Party(her_id=participant(n).her_id)), sharing=terms)
        for n in range(PARTICIPANTS)
    )
    context = Context(
        role=None,
        organizations=(OURS,),
        store=store,
        clock=SetClock(SENT + timedelta(days=30)),
        peers=Peers(peers),
        agreements=agreements,
        url="https://example.org/fhir",
        jitter=lambda: 1.0,
        tell=lambda _row: None,
        settings=WorkerSettings(),
    )
    return Exchange(context)


if __name__ == "__main__":
    for figure in measure("--quick" in sys.argv):
        print("  ".join(figure.cells()))
