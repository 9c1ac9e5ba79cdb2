"""What is withheld is nowhere: in no byte that leaves, no answer, receipt, log line, error or other side's database."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from starlette.testclient import TestClient

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.consent.consent import Consent, ConsentStatus
from ip_fhir.domain.plan import Goal, IndividualPlan, Need
from ip_fhir.domain.sharing.change import Change
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.messages import PlanMessage, PlanQuestion
from ip_fhir.domain.sharing.share import Share
from ip_fhir.domain.sharing.view import PlanView
from ip_fhir.domain.values.calendar import OSLO
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.errors import ConsentRefused, InvalidInput, IpFhirError
from ip_fhir.exchange.plans.rest import SERVED
from ip_fhir.fhir.reading import write_json
from ip_fhir.logs import JsonLines
from ip_fhir.mapping import plan_message_to_fhir
from ip_fhir.ports import Receipt
from ip_fhir.web.app import create_app
from tests.domain.sharing.alike import Case, Rules, cases, with_more
from tests.domain.sharing.examples import ON, SEEN_WORDS, YES, plan_with
from tests.support.canaries import CANARY, Heard, with_canaries
from tests.support.ring import NINA, OLE, PERSON, Network, Ring, make_ring, organization

BASE = "https://municipality.example/fhir"


@dataclass
class Listening(Network):
    """A network on which all that goes to one party, and each receipt that it gets, is heard."""

    heard: Heard = field(default_factory=Heard)
    party: str = "school"

    def deliver(self, sender: str, to: str, content: bytes) -> Receipt:
        """Hear a message to the party and what its own are answered."""
        if to == self.party:
            self.heard.hear("messages", content)
        try:
            receipt = super().deliver(sender, to, content)
        except IpFhirError as error:
            self.heard.hear("errors", str(error), repr(error))
            raise
        if sender == self.party:
            self.heard.hear("receipts", repr(receipt))
        return receipt


@contextmanager
def listening(place: Path, level: ContentLevel, day: datetime) -> Iterator[tuple[Ring, Heard]]:
    """The ring on that day, with everything that the school may learn being heard, and every log line at DEBUG."""
    heard, lines = Heard(), StringIO()
    ring = make_ring(place, levels={"school": level})
    network = Listening(ring.network.sides, heard=heard)
    for side in network.sides.values():
        for peer in side._context.peers:
            peer.adapter._network = network  # type: ignore[attr-defined]
    ring.network, ring.clock.at = network, day
    plain, structured = logging.StreamHandler(lines), logging.StreamHandler(lines)
    structured.setFormatter(JsonLines())
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.DEBUG)
    for handler in (plain, structured):
        root.addHandler(handler)
    try:
        yield ring, heard
    finally:
        for handler in (plain, structured):
            root.removeHandler(handler)
        root.setLevel(before)
        ring.close()
    heard.hear("log lines", lines.getvalue())
    heard.hear_database("database", place / "school.sqlite")


def everything_happens(ring: Ring, plan: IndividualPlan, later: IndividualPlan) -> None:
    """A plan is saved, shared, read, asked about, changed by both sides, and withdrawn from the school."""
    heard = ring.network.heard  # type: ignore[attr-defined]
    holder = ring.holder
    with hearing(heard):
        holder.save_plan(plan, by=NINA)
        holder.share(plan.id, "school", by=NINA)
    with suppress(ConsentRefused, InvalidInput):
        holder.share(plan.id, "hospital", by=NINA)
    ring.settle()
    _reads(ring, plan)
    _changes(ring, plan)
    with hearing(heard):
        newest = holder.plan(plan.id).plan
        assert newest is not None
        holder.save_plan(later.evolve(version=newest.version), by=NINA)
    ring.settle()
    _reads(ring, plan)
    ring.clock.forward(days=1)
    ring.settle()
    with hearing(heard):
        newest = holder.plan(plan.id).plan
        assert newest is not None
        on = {"status": ConsentStatus.WITHDRAWN, "withdrawn_on": ring.clock.now().date()}
        holder.save_plan(newest.evolve(consents=tuple(one.evolve(**on) for one in newest.consents)), by=NINA)
    ring.settle()
    _reads(ring, plan)
    _changes(ring, plan)


@contextmanager
def hearing(heard: Heard) -> Iterator[None]:
    """What is refused is heard, and goes no further."""
    try:
        yield
    except IpFhirError as error:
        heard.hear("errors", str(error), repr(error))


def view_of(ring: Ring, plan: IndividualPlan) -> PlanView | None:
    """The school's copy, if it has one."""
    stored = ring.plan("school", plan.id)
    return next((copy.view for copy in stored.copies if copy.view is not None), None) if stored is not None else None


def _reads(ring: Ring, plan: IndividualPlan) -> None:
    """The school asks for all that it may think of: by ids of its view, and by those of the plan."""
    client, view = TestClient(create_app(ring.holder), raise_server_exceptions=False), view_of(ring, plan)
    idents = {plan.id, plan.owner.id, "unknown", *_ids(plan), *(_ids(view.plan) if view is not None else ())}
    urls = [f"/CarePlan/{plan.id}/$view", f"/CarePlan?_id={plan.id}", "/metadata", "/CarePlan/unknown/$view"]
    urls += [f"/{type_}/{quote(ident)}" for type_ in SERVED[:4] for ident in sorted(idents)]
    urls += [f"/{type_}?share={view.share}" for type_ in SERVED if view is not None]
    own = {"Authorization": "Bearer token-of-school"}
    answers = [client.get(url, headers=own) for url in urls]
    form = {**own, "Content-Type": "application/x-www-form-urlencoded"}
    asked = f"patient.identifier={PERSON}"
    answers += [client.post(f"/{type_}/_search", content=asked, headers=form) for type_ in SERVED]
    body = {**own, "Content-Type": "application/fhir+json", "If-Match": 'W/"1"'}
    answers += [client.put(f"/Goal/{ident}", content=b"{}", headers=body) for ident in sorted(idents)[:5]]
    for answer in answers:
        ring.network.heard.hear("answers", answer.content, str(answer.headers))  # type: ignore[attr-defined]


def _ids(plan: IndividualPlan) -> set[str]:
    return {one.id for name in ("goals", "needs", "measures", "reviews") for one in getattr(plan, name)}


def _changes(ring: Ring, plan: IndividualPlan) -> None:
    """The school wants all that it may and may not, on its own view and past its own system."""
    heard, view = ring.network.heard, view_of(ring, plan)  # type: ignore[attr-defined]
    if view is not None:
        for wanted in _wanted(view.plan, plan):
            with hearing(heard):
                ring["school"].change_plan(view.evolve(plan=wanted), by=OLE, text="Vi vil")
    ring.settle()
    shares = [share.id for share in ring.holder.plan(plan.id).shares] if view is not None else []
    for number, share in enumerate((*shares, "no-such-share")):
        wanted, made = view.plan if view is not None else plan_with(YES), ring.clock.now()
        _send(
            ring,
            f"past-{number}",
            "change",
            Change(id=f"past-{number}", share=share, base=77, wanted=wanted, made=made),
        )
    question = PlanQuestion(request="question-1", owner=plan.owner.evolve(contacts=(), address=None))
    _send(ring, "question", "question", question)
    stranger = plan.owner.evolve(identifier="13097248022", birth_date=None, contacts=(), address=None)
    _send(ring, "stranger", "question", question.evolve(request="question-2", owner=stranger))
    ring.settle()


def _wanted(view: IndividualPlan, plan: IndividualPlan) -> Iterator[IndividualPlan]:
    yield view
    yield view.evolve(needs=(), reviews=())
    yield view.evolve(needs=(*view.needs, *(Need(id=one.id, text="Gjettet") for one in plan.needs[:2])))
    with suppress(InvalidInput):
        yield view.evolve(goals=(*view.goals, Goal(id="new", text="Ny", areas=(LifeArea.ECONOMY,))))
    for name in ("goals", "measures"):
        items = getattr(view, name)
        if items:
            yield view.evolve(**{name: (items[0].evolve(areas=(LifeArea.ECONOMY,)), *items[1:])})
            yield view.evolve(**{name: tuple(one.evolve(status_reason="Fordi") for one in items)})


def _send(ring: Ring, ident: str, name: str, content: Any) -> None:
    """Send a message that no library of ours would, and hear what is answered."""
    kind = {"change": PlanMessageKind.PLAN_CHANGE, "question": PlanMessageKind.PLAN_REQUEST}[name]
    message = PlanMessage(
        id=f"made-up-{ident}-{ring.clock.now():%H%M%S}",
        kind=kind,
        sent=ring.clock.now(),
        sender=organization("school"),
        recipient=organization("municipality"),
        **{name: content},
    )
    credential = ring.holder.peer_by_token("token-of-school")
    assert credential is not None
    heard = ring.network.heard  # type: ignore[attr-defined]
    with hearing(heard):
        heard.hear("receipts", ring.holder.receive(write_json(plan_message_to_fhir(message)), credential))


def numbered(plan: IndividualPlan, **changes: Any) -> IndividualPlan:
    """The plan in which the school, and the hospital if there is one, are the parties of the ring."""
    units = tuple(
        unit.evolve(her_id=organization(unit.id).her_id) if unit.id in ("school", "hospital") else unit
        for unit in plan.organizations
    )
    return plan.evolve(organizations=units, owner=plan.owner.evolve(identifier=PERSON, birth_date=None), **changes)


# --- every field of words


@pytest.mark.sharing_promise(2)
@pytest.mark.parametrize(("consent", "level", "fields", "idents"), SEEN_WORDS)
def test_no_canary_of_what_is_withheld_gets_out(
    tmp_path: Path, consent: Consent, level: ContentLevel, fields: set[str], idents: set[str] | None
) -> None:
    """Every field of words has a canary. The school hears those that it may see; log lines and errors have none."""
    plan = numbered(with_canaries(plan_with(consent)))
    later = plan.evolve(needs=tuple(one.evolve(text=f"{one.text} igjen") for one in plan.needs))
    with listening(tmp_path, level, datetime.combine(ON, time(12), tzinfo=OSLO).astimezone(UTC)) as (ring, heard):
        everything_happens(ring, plan, later)
    found = heard.canaries()
    assert {"messages", "answers", "receipts", "errors", "log lines"} <= heard.texts.keys()
    assert any(where.startswith("database.") for where in heard.texts)
    assert {field for field, _ in found} <= fields
    assert idents is None or {ident for _, ident in found} <= idents
    assert {"messages", "answers", "database.plan"} <= found["PersonName.family", "person"], "it can be found"
    for where in ("log lines", "errors"):
        assert CANARY not in "".join(heard.texts[where]), where
        assert PERSON not in "".join(heard.texts[where]), where


# --- generated plans


@pytest.mark.slow
@pytest.mark.sharing_promise(2)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases())
def test_no_trace_of_generated_plans(case: Case) -> None:
    """Other words in all that the school may not see, and more of it: whatever it does, it hears none of them."""
    share = Share(**{**dict(case.share), "organizations": ("school",), "person": None, "released": (), "book": ()})
    plan = numbered(case.plan)
    meant = Case(plan, share, case.on)
    hidden = with_more(meant)
    day = datetime.combine(case.on, time(12), tzinfo=OSLO).astimezone(UTC)
    with tempfile.TemporaryDirectory() as place, listening(Path(place), share.level, day) as (ring, heard):
        everything_happens(ring, hidden, hidden.evolve(author="owner"))
    assert heard.places_of(CANARY) == [], Rules(plan, share, case.on).open
