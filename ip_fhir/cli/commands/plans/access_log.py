"""`plan access-log`: who was sent or read what of a plan, when, and on the ground of which consents."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from ip_fhir.cli.commands.plans.lookup import PersonFile, PlanArgument, found_plan, held_plan, plan_store, today
from ip_fhir.cli.commands.plans.preview import label
from ip_fhir.cli.options import Config, Json, Lang, NoNames, spoken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ip_fhir.domain.people import Organization
    from ip_fhir.domain.sharing.case import SharedPlan
    from ip_fhir.exchange import Exchange
    from ip_fhir.report.plans.access import AccessEntry

_MOST_READINGS = 100_000


def access_log(
    config: Config,
    plan_id: PlanArgument = None,
    person: PersonFile = None,
    fhir: Annotated[bool, typer.Option("--fhir", help="AuditEvent resources (R4) in a Bundle, as JSON.")] = False,
    no_names: NoNames = False,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Show who was sent or read what of a plan, when, and on the ground of which consents, the first at the top.

    What was sent: views, withdrawals, invitations, and the whole plan at a handover, each with the time of its receipt.
    What was read: by whom, and in which way. It may be shown to the person.
    """
    from ip_fhir.cli.opening import opened
    from ip_fhir.cli.output import emit, say
    from ip_fhir.domain.parties import OURS
    from ip_fhir.report.plans.access import access_lines
    from ip_fhir.report.plans.audit_events import access_events
    from ip_fhir.report.plans.wording import Wording

    with opened(config) as exchange:
        plan, on, names = found_plan(exchange, plan_id, person), today(exchange), exchange.parties()
        content = held_plan(plan)
        entries = _entries(exchange, plan, names)
        urls = {label(party, names): url for party, url in exchange.addresses().items()}
    if no_names:
        entries = [replace(one, by=None) for one in entries]
    if fhir:
        events = access_events(entries, content, label(OURS, names), urls)
        emit({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": event} for event in events]})
    elif as_json:
        emit([one.to_data() for one in entries])
    else:
        for line in access_lines(Wording(content, spoken(lang), on), entries, names=not no_names):
            say(line)


def _entries(exchange: Exchange, plan: SharedPlan, names: Mapping[str, Organization]) -> list[AccessEntry]:
    from ip_fhir.domain.sharing.events import PlanRecord
    from ip_fhir.domain.values.aggregate import Aggregate
    from ip_fhir.domain.values.value import read
    from ip_fhir.ports.capabilities import keeps_readings
    from ip_fhir.report.plans.access import access_entries

    store, about = plan_store(exchange), Aggregate.of_plan(plan.id)
    records = [read(PlanRecord, link.record) for link in store.records(about)]
    readings = store.readings(about, _MOST_READINGS) if keeps_readings(store) else []
    named = [(one.id, one.party) for one in plan.shares] + [(one.id, one.party) for one in plan.invitations]
    named += [(plan.handover.id, plan.handover.party)] if plan.handover is not None else []
    whom = {ident: label(party, names) for ident, party in named}
    return access_entries(records, readings, whom, {party: label(party, names) for party in names})
