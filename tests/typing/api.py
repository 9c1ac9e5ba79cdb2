"""The typed API as a caller writes it: checked by `mypy --strict` (`test_typing.py`), never run.

`assert_type` says which type a call has; a `type: ignore` with its code says what must not be accepted.
"""

from __future__ import annotations

from collections.abc import Mapping as Dict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, assert_type

import ip_fhir
from ip_fhir import (
    Conflict,
    Exchange,
    GreenForm,
    IndividualPlan,
    InvalidInput,
    Notice,
    Problem,
    Settings,
    completeness,
    difference,
    from_fhir,
    from_fhir_json,
    merge,
    missing_items,
    new_id,
    open_exchange,
    permits,
    put_plan,
    read,
    read_settings,
    to_fhir,
    to_fhir_json,
)
from ip_fhir.model import (
    AccessRequest,
    Allowed,
    Change,
    Consent,
    ConsentKind,
    Coordinator,
    EventKind,
    Goal,
    ItemStatus,
    LifeArea,
    Measure,
    MergeConflict,
    Missing,
    Period,
    PersonId,
    PersonName,
    PlanOwner,
    PlanStatus,
    Referral,
    Refused,
    State,
)
from ip_fhir.ports import Adapter, Outgoing, Receipt, WireFormat


def make_a_plan() -> IndividualPlan:
    """Every field has its type; what has none is no field."""
    owner = PlanOwner(id=new_id(), name=PersonName(family="Testesen"), identifier=PersonId("05827500285"))
    goal = Goal(id=new_id(), text="Svømme", areas=(LifeArea.LEISURE,), period=Period(start=date(2026, 1, 12)))
    measure = Measure(id=new_id(), what="Trening", goals=(goal.id,))
    plan = IndividualPlan(id=new_id(), owner=owner, created=datetime.now(UTC), goals=(goal,), measures=(measure,))
    assert_type(plan.goals, tuple[Goal, ...])
    assert_type(plan.title, str | None)
    assert_type(plan.status, PlanStatus)
    assert_type(plan.evolve(status=PlanStatus.ACTIVE), IndividualPlan)
    Goal(id="goal-1")  # type: ignore[call-arg]
    Goal(id="goal-1", text=7)  # type: ignore[arg-type]
    Goal(id="goal-1", text="x", colour="red")  # type: ignore[call-arg]
    return plan


def read_and_write(text: bytes, data: Dict[str, Any]) -> None:
    """In and out, as JSON and as FHIR."""
    plan = IndividualPlan.from_json(text)
    assert_type(plan, IndividualPlan)
    assert_type(GreenForm.from_data(data), GreenForm)
    assert_type(read(Notice, data), Notice)
    assert_type(plan.to_json(indent=2), str)
    assert_type(plan.to_data(), dict[str, Any])
    bundle = to_fhir(plan)
    assert_type(bundle, dict[str, Any])
    assert_type(from_fhir(bundle), IndividualPlan)
    assert_type(from_fhir_json(to_fhir_json(plan)), IndividualPlan)
    assert_type(put_plan(plan, bundle), dict[str, Any])
    read(dict, data)  # type: ignore[type-var]
    IndividualPlan.from_json(data)  # type: ignore[arg-type]


def ask(plan: IndividualPlan, form: GreenForm, consents: tuple[Consent, ...], holder: Coordinator) -> None:
    """What the domain tells about a plan, a form and consents."""
    assert_type(completeness(plan), tuple[ItemStatus, ...])
    assert_type(missing_items(form), tuple[Missing, ...])
    answer = permits(consents, AccessRequest(ConsentKind.SHARING, "unit", date(2026, 1, 12)))
    assert_type(answer, Allowed | Refused)
    if isinstance(answer, Refused):
        assert_type(answer.reason, str)
    assert_type(holder.vacant, bool)
    completeness("x")  # type: ignore[arg-type]


def merge_two(base: IndividualPlan, mine: IndividualPlan, theirs: IndividualPlan) -> IndividualPlan:
    """A three-way merge, and what is left for a person."""
    merged = merge(base, mine, theirs)
    assert_type(merged.plan, IndividualPlan)
    assert_type(merged.conflicts, tuple[MergeConflict, ...])
    assert_type(difference(base, merged.plan), tuple[Change, ...])
    for conflict in merged.conflicts:
        assert_type(conflict.id, str | None)
    return merged.plan


def run_the_loop(notice: Notice, form: GreenForm, own: Adapter) -> Referral | None:
    """One side, opened from its settings, with a wire of its own."""
    settings = read_settings(Path("ip-fhir.toml"))
    assert_type(settings, Settings)
    exchange = open_exchange(settings, wires={"own": own})
    assert_type(exchange, Exchange)
    exchange.send_notice(notice)
    exchange.answer(form)
    exchange.act(notice.correlation_id, EventKind.ACCEPT)
    exchange.act(notice.correlation_id, "accept")  # type: ignore[arg-type]
    stored = exchange.store.referral(notice.correlation_id)
    if stored is None:
        return None
    assert_type(stored.referral.state, State)
    return stored.referral


class OwnAdapter:
    """An adapter is whatever can send, with a name and the format it sends."""

    name = "own"
    format: WireFormat = "fhir-message"

    def send(self, outgoing: Outgoing) -> Receipt:
        """Sends nothing."""
        raise Conflict(outgoing.message_id)


ADAPTER: Adapter = OwnAdapter()


def handle(error: InvalidInput) -> list[str]:
    """An error is read by its problems."""
    assert_type(error.problems, tuple[Problem, ...])
    assert_type(ip_fhir.__version__, str)
    ip_fhir.to_fihr  # type: ignore[attr-defined]  # noqa: B018 - a name that is not there
    return [problem.path for problem in error.problems]
