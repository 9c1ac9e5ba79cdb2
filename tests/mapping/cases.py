"""For every table: domain data drawn from the strategy of its domain type, and the links that they need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from ip_fhir.domain.authorship import Authorship
from ip_fhir.domain.document import PlanDocument, Section
from ip_fhir.domain.loop.table import TASK_STATUS
from ip_fhir.domain.people import AddressProtection
from ip_fhir.domain.sharing.view import PlanView
from ip_fhir.domain.values.value import Value
from ip_fhir.mapping import default, lens
from ip_fhir.mapping.lenses.references import Links
from ip_fhir.mapping.lenses.table import data_of
from ip_fhir.mapping.tables.domain_fields import domain_types
from tests.support import sharing_strategies as sharing
from tests.support import strategies as make

GOALS = ("goal-1", "goal-2")
UNITS = ("organization-1", "organization-2", "organization-3")
PROFESSIONALS = ("professional-1", "professional-2")
RELATED = ("related-person-1", "related-person-2")
EVERYBODY = ("owner", *RELATED, *PROFESSIONALS, *UNITS)
NAMES = make.Names(RELATED, UNITS, PROFESSIONALS)


def _links() -> Links:
    """A reference for every id that the strategies use; the parts of plans and notices are among them."""
    known = {name: f"RelatedPerson/{name}" for name in (*RELATED, "related-1", "sender", "recipient", "team-1")}
    known |= {name: f"Organization/{name}" for name in UNITS} | {name: f"Goal/{name}" for name in GOALS}
    known |= {f"{part}-{n}": f"Basic/{part}-{n}" for part in ("need", "sub-goal", "notice") for n in (1, 2)}
    roles = {name: f"PractitionerRole/{name}" for name in PROFESSIONALS}
    people = {f"~{name}": f"Practitioner/{name}" for name in PROFESSIONALS}
    whole = {"=plan-1": "CarePlan/plan-1"}
    return Links({"owner": "Patient/owner", **known, **roles, **people, **whole}, owner="owner")


LINKS = _links()


def root_data(value: Value, table: str) -> dict[str, Any]:
    """The data of a whole with its parts replaced by their ids."""
    data = data_of(value)
    for bundle in default().tables.bundles:
        for part in bundle["part"] if bundle["root"] == table else ():
            found = data.get(part["field"])
            if part.get("by_root") and found:
                data[part["field"]] = found["id"] if part.get("one") else [item["id"] for item in found]
    return data


def _graded(people: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The same people, with each grading of their addresses; plans and notices are drawn without."""
    gradings = st.sampled_from((None, *AddressProtection))
    return st.builds(lambda person, grading: person.evolve(protection=grading), people, gradings)


@st.composite
def _tasks(draw: st.DrawFn) -> dict[str, Any]:
    """What `referral_to_fhir` gives the Task's lens."""
    standing = TASK_STATUS[draw(st.sampled_from(sorted(TASK_STATUS)))]
    moments = make.moments().map(lambda moment: moment.isoformat().replace("+00:00", "Z"))
    optional = {
        "business_status": st.just(standing.business_status),
        "reason": st.none() | make.texts(),
        "person": st.sampled_from((None, "owner")),
        "sender": st.sampled_from((None, *UNITS)),
        "recipient": st.sampled_from((None, *UNITS)),
        "answer_due": st.none() | moments,
        "form": st.none() | make.ids(),
    }
    fixed = {"id": draw(make.ids()), "correlation_id": draw(make.ids()), "status": standing.status, "focus": "notice-1"}
    times = {"opened": draw(moments), "changed": draw(moments)}
    return {**fixed, **times, **{name: value for name, made in optional.items() if (value := draw(made)) is not None}}


def _message_data(message: Value) -> dict[str, Any]:
    return {**data_of(message), "sender": "sender", "recipient": "recipient"}


def _opening_data(opening: Value) -> dict[str, Any]:
    """An opening as its table has it: one without area says so."""
    data = data_of(opening)
    return data if "area" in data else {**data, "general": True}


def _view_data(view: PlanView) -> dict[str, Any]:
    return {**data_of(view), "openings": [_opening_data(opening) for opening in view.openings]}


@st.composite
def _documents(draw: st.DrawFn, *, rendered: bool = False) -> PlanDocument:
    """A plan as a document, or what an index holds about one."""
    items = draw(st.lists(st.sampled_from("abcdefghi"), unique=True, max_size=3))
    return PlanDocument(
        id=draw(make.ids()),
        plan=draw(make.ids()),
        status=draw(st.sampled_from(("preliminary", "final", "entered-in-error"))),
        title=draw(make.texts()),
        written=draw(make.moments()),
        author=draw(st.sampled_from(EVERYBODY)),
        custodian=draw(st.none() | st.sampled_from(UNITS)),
        sections=() if rendered else tuple(draw(_sections(item)) for item in items),
        attachment=draw(make.attachments()) if rendered else None,
    )


def _sections(item: str) -> st.SearchStrategy[Section]:
    entries = st.lists(st.sampled_from(GOALS), unique=True).map(tuple)
    return st.builds(Section, item=st.just(item), title=make.texts(), narrative=make.texts(), entries=entries)


_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "Address": make.addresses().filter(lambda address: bool(address.to_data())),
    "Appointment": make.reviews("review-1", EVERYBODY),
    "Arrangement": make.arrangements(EVERYBODY),
    "Attachment": make.attachments(),
    "CarePlan": make.plans(),
    "CareTeam": make.care_teams(NAMES),
    "Composition": _documents(),
    "Consent": make.consents("consent-1", RELATED, EVERYBODY),
    "ContactPoint": make.contact_points(),
    "Contribution": make.contributions("contribution-1", EVERYBODY),
    "Cooperation": make.cooperations("cooperation-1", UNITS),
    "Coordinator": make.coordinators("coordinator-1", PROFESSIONALS, UNITS),
    "DocumentReference": _documents(rendered=True),
    "FormCoordinator": make.coordinators("coordinator-1", PROFESSIONALS, UNITS),
    "Goal": make.goals("goal-1", GOALS, ("owner", *RELATED, *PROFESSIONALS)),
    "GreenForm": make.green_forms(),
    "HealthcareService": make.organizations("organization-1", UNITS[1:]),
    "HumanName": make.person_names(),
    "Mandate": make.mandates(),
    "Measure": make.measures("measure-1", GOALS, EVERYBODY),
    "Membership": make.memberships("membership-1", EVERYBODY, UNITS),
    "Need": make.needs(),
    "Notice": make.notices(),
    "NoticeForm": make.notices(),
    "NoticeFormNeed": make.needs(),
    "Organization": make.organizations("organization-1", UNITS[1:]),
    "Patient": _graded(make.owners()),
    "PersonalResource": make.resources(),
    "Practitioner": _graded(make.professionals("professional-1", UNITS)),
    "PractitionerRole": _graded(make.professionals("professional-1", UNITS)),
    "Provenance": st.builds(
        Authorship,
        id=make.ids(),
        target=st.just("plan-1"),
        who=st.sampled_from(EVERYBODY),
        on_behalf_of=st.none() | st.sampled_from(UNITS),
        recorded=make.moments(),
    ),
    "PartDecision": sharing.part_decisions(),
    "PlanChange": sharing.CONTENTS["change"],
    "PlanChangeAnswer": sharing.CONTENTS["answer"],
    "PlanGone": sharing.CONTENTS["gone"],
    "PlanHandover": sharing.CONTENTS["handover"],
    "PlanInvitation": sharing.CONTENTS["invitation"],
    "PlanReply": sharing.CONTENTS["reply"],
    "PlanRequest": sharing.CONTENTS["question"],
    "PlanState": sharing.CONTENTS["held"],
    "PlanWithdrawn": sharing.CONTENTS["withdrawal"],
    "Provision": make.provisions(EVERYBODY),
    "Rejection": make.rejections(),
    "RelatedPerson": _graded(make.related_persons("related-1")),
    "Section": _sections("a"),
}

_DATA: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "Communication": make.messages().map(data_of),
    "MessageHeader": make.messages().map(_message_data),
    "Opening": sharing.openings().map(_opening_data),
    "PlanMessageHeader": sharing.plan_messages().map(_message_data),
    "PlanView": sharing.plan_views().map(_view_data),
    "Task": _tasks(),
}

TABLES = sorted(name for name, table in default().tables.fields.items() if table.dialect == "fhir")
"""Every table of FHIR there is; a new one without a strategy here fails the first test."""

RESOURCES = [name for name in TABLES if lens(name).inner.table.resource is not None]
"""The tables of whole resources."""


def data_for(table: str) -> st.SearchStrategy[dict[str, Any]]:
    """What the table's lens is given, drawn from the strategy of its domain type."""
    made = _DATA.get(table)
    return made if made is not None else _VALUES[table].map(lambda value: root_data(value, table))


@dataclass(frozen=True)
class Whole:
    """A table that maps the whole of a domain type: its values can be read back as such."""

    table: str
    type: type[Value]
    values: st.SearchStrategy[Any]


def whole_types() -> list[Whole]:
    """The tables whose domain type has all its fields there."""
    types = domain_types()
    roots = {bundle["root"] for bundle in default().tables.bundles}
    tables = [lens(name).inner.table for name in _VALUES]
    return [
        Whole(table.name, types[table.domain], _VALUES[table.name])
        for table in tables
        if not table.elsewhere and table.name not in roots
    ]


def said(table: str, data: dict[str, Any]) -> dict[str, Any]:
    """What the table's rows say of the data, without what says nothing: None, empty lists, empty objects."""
    found: dict[str, Any] = {}
    for row in (field.row for field in lens(table).inner.fields):
        value: Any = data
        for name in row.domain:
            value = (value or {}).get(name)
        if row.check_only or value in (None, [], {}):
            continue
        if row.kind == "table":
            several = isinstance(value, list)
            inner = [said(row.of, item) for item in (value if several else [value])]
            value = inner if several else inner[0]
        place = found
        for name in row.domain[:-1]:
            place = place.setdefault(name, {})
        place[row.domain[-1]] = value
    return found


def get(table: str, resource: Any) -> dict[str, Any]:
    """Read by the table, without what says nothing."""
    return said(table, lens(table).get(resource, LINKS))


def put(table: str, data: dict[str, Any], resource: Any) -> Any:
    """Write by the table."""
    return lens(table).put(data, resource, LINKS)


def new(table: str, data: dict[str, Any]) -> Any:
    """A new resource by the table."""
    return lens(table).new(data, LINKS)


def covering(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """`one`, with what only `other` has: no field empties and no list loses an entry when it is written over `other`.

    Lists of objects without a key are `other`'s: which entry has become which cannot be told.
    """
    merged = dict(one)
    for name, theirs in other.items():
        ours = merged.get(name)
        if ours in (None, [], {}) or (ours is False and theirs is True):  # next_of_kin: an entry, or none
            merged[name] = theirs
        elif isinstance(ours, dict):
            merged[name] = covering(ours, theirs)
        elif isinstance(ours, list):
            merged[name] = theirs if name == "decisions" else _with_all(ours, theirs)  # the id is of what is decided
    if merged.get("held") and not one.get("held"):  # a review has the day that it was held with that status alone
        merged["status"] = other["status"]
    if {"deceased", "dead"} <= merged.keys() and None not in (merged["deceased"], merged["dead"]):
        del merged["deceased" if other.get("dead") is not None else "dead"]  # one of them says it
    return merged


def _with_all(ours: list[Any], theirs: list[Any]) -> list[Any]:
    if isinstance(theirs[0], dict) and "id" not in theirs[0]:
        return theirs
    if not isinstance(theirs[0], dict):
        left = list(ours)
        missing = [item for item in theirs if item not in left or left.remove(item)]  # type: ignore[func-returns-value]
        return [*ours, *missing]
    by_id = {item["id"]: item for item in theirs}
    same = [covering(item, by_id[item["id"]]) if item["id"] in by_id else item for item in ours]
    return [*same, *(item for item in theirs if item["id"] not in {one["id"] for one in ours})]
