"""What somebody would write by hand: the sample plan as FHIR dicts; `by_hand_back` reads it. The practical floor.

No tables, no lenses: one plain function for each resource and way, for the fields that the sample plan has. It keeps
nothing that others wrote, tells no place of an error, and trusts that each member has the type that FHIR gives it. The
domain values are made by the domain's own models, which check them. Code lists are dicts, as anybody would have them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ip_fhir.domain.consent.consent import Consent, Provision
from ip_fhir.domain.people import Organization, PersonName, PlanOwner, Professional
from ip_fhir.domain.plan import Goal, IndividualPlan, Measure
from ip_fhir.domain.team import CareTeam
from ip_fhir.domain.values.value import Period
from ip_fhir.mapping.tables.loading import load_tables

Json = dict[str, Any]

BASE = "https://ip-fhir.github.io/fhir"
EXT = f"{BASE}/StructureDefinition/"
NAMES = ("life-area", "organization-kind", "profession", "achievement", "team-role", "coordinator-kind", "legal-basis")
_TABLES = load_tables().codes
CODINGS = {name: _TABLES[name].codings for name in (*NAMES, "consent-kind", "access-policy")}
MUNICIPALITY = "http://hl7.no/fhir/StructureDefinition/no-basis-municipalitycode"
PERSON, HPR, HER = (f"urn:oid:2.16.578.1.12.4.1.{end}" for end in ("4.1", "4.4", "2"))
RECIPIENT = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}]}
AUTHOR = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type", "code": "author"}]}


def write(plan: IndividualPlan) -> Json:
    """The plan as a transaction Bundle."""
    owner = plan.owner.id
    actors = {owner: f"Patient/{owner}"}
    actors |= {o.id: f"Organization/{o.id}" for o in plan.organizations}
    actors |= {p.id: f"PractitionerRole/{p.id}" for p in plan.professionals}
    made = [_patient(plan.owner), *map(_organization, plan.organizations)]
    for one in plan.professionals:
        made += [_practitioner(one), _role(one)]
    made += [_goal(goal, actors, owner) for goal in plan.goals]
    if plan.team is not None:
        made.append(_team(plan.team, actors, owner))
    made += [_consent(consent, actors, owner) for consent in plan.consents]
    made += [_service(o) for o in plan.organizations if o.kind == "coordinating-unit"]
    made += [_provenance(plan, actors), _care_plan(plan, actors)]
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(map(_entry, made))}


def _entry(resource: Json) -> Json:
    url = f"{resource['resourceType']}/{resource['id']}"
    return {"fullUrl": f"{BASE}/{url}", "resource": resource, "request": {"method": "PUT", "url": url}}


def _ref(reference: str) -> Json:
    return {"reference": reference}


def _concept(name: str, word: str) -> Json:
    return {"coding": [CODINGS[name][word]]}


def _name(name: PersonName) -> list[Json]:
    return [{"family": name.family, "given": name.given.split()}] if name.given else [{"family": name.family}]


def _period(period: Period) -> Json:
    found = {}
    if period.start is not None:
        found["start"] = period.start.isoformat()
    if period.end is not None:
        found["end"] = period.end.isoformat()
    return found


def _patient(owner: PlanOwner) -> Json:
    made: Json = {"resourceType": "Patient", "id": owner.id, "name": _name(owner.name)}
    if owner.identifier is not None:
        made["identifier"] = [{"system": PERSON, "value": str(owner.identifier)}]
    if owner.birth_date is not None:
        made["birthDate"] = owner.birth_date.isoformat()
    if owner.gender is not None:
        made["gender"] = owner.gender.value
    if (address := owner.address) is not None:
        code = {"system": "urn:oid:2.16.578.1.12.4.1.1.3402", "code": str(address.municipality)}
        district = {"extension": [{"url": MUNICIPALITY, "valueCoding": code}]}
        place = {"line": list(address.lines), "postalCode": address.postal_code, "city": address.city}
        made["address"] = [{**place, "_district": district}]
    return made


def _organization(one: Organization) -> Json:
    made = {"resourceType": "Organization", "id": one.id, "name": one.name}
    made["type"] = [_concept("organization-kind", one.kind)]
    if one.her_id is not None:
        made["identifier"] = [{"system": HER, "value": str(one.her_id)}]
    return made


def _practitioner(one: Professional) -> Json:
    made: Json = {"resourceType": "Practitioner", "name": _name(one.name), "id": one.id}
    if one.hpr_number is not None:
        made["identifier"] = [{"system": HPR, "value": str(one.hpr_number)}]
    return made


def _role(one: Professional) -> Json:
    made: Json = {"resourceType": "PractitionerRole", "id": one.id, "practitioner": _ref(f"Practitioner/{one.id}")}
    if one.organization is not None:
        made["organization"] = _ref(f"Organization/{one.organization}")
    if one.profession is not None:
        made["code"] = [_concept("profession", one.profession)]
    if one.title is not None:
        made["extension"] = [{"url": f"{EXT}ip-title", "valueString": one.title}]
    if one.contacts:
        made["telecom"] = [{"system": c.system.value, "value": c.value} for c in one.contacts]
    return made


def _goal(goal: Goal, actors: dict[str, str], owner: str) -> Json:
    made: Json = {"resourceType": "Goal", "meta": {"profile": [f"{EXT}ip-Goal"]}, "subject": _ref(f"Patient/{owner}")}
    made |= {"id": goal.id, "description": {"text": goal.text}, "lifecycleStatus": goal.status.value}
    if goal.part_of is not None:
        above = _ref(f"Goal/{goal.part_of}")
        made["extension"] = [{"url": f"{EXT}ip-goal-part-of", "valueReference": above}]
    if goal.areas:
        made["category"] = [_concept("life-area", area) for area in goal.areas]
    if goal.period.start is not None:
        made["startDate"] = goal.period.start.isoformat()
    if goal.period.end is not None:
        made["target"] = [{"dueDate": goal.period.end.isoformat()}]
    if goal.achievement is not None:
        made["achievementStatus"] = _concept("achievement", goal.achievement)
    if goal.expressed_by is not None:
        made["expressedBy"] = _ref(actors[goal.expressed_by])
    return made


def _team(team: CareTeam, actors: dict[str, str], owner: str) -> Json:
    made: Json = {"resourceType": "CareTeam", "meta": {"profile": [f"{EXT}ip-CareTeam"]}}
    participants = [_participant(m.id, "team-role", m.role, actors[m.member], m.period) for m in team.memberships]
    for one in team.coordinators:
        holder = None if one.holder is None else actors[one.holder]
        found = _participant(one.id, "coordinator-kind", one.kind, holder, one.period)
        if one.appointed_by is not None:
            unit = _ref(actors[one.appointed_by])
            found["extension"] = [{"url": f"{EXT}ip-appointed-by", "valueReference": unit}]
        participants.append(found)
    subject = {"subject": _ref(f"Patient/{owner}")}
    return {**made, **subject, "id": team.id, "status": team.status.value, "participant": participants}


def _participant(ident: str | None, codes: str, word: str, member: str | None, period: Period) -> Json:
    made: Json = {"id": ident, "role": [_concept(codes, word)]}
    if member is not None:
        made["member"] = _ref(member)
    if within := _period(period):
        made["period"] = within
    return made


def _consent(consent: Consent, actors: dict[str, str], owner: str) -> Json:
    scope = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]}
    made: Json = {"resourceType": "Consent", "meta": {"profile": [f"{EXT}ip-Consent"]}}
    made |= {"patient": _ref(f"Patient/{owner}"), "scope": scope, "id": consent.id}
    made["category"] = [_concept("consent-kind", consent.kind)]
    made |= {"status": consent.status.value, "dateTime": consent.given_on.isoformat()}
    made["policyRule"] = _concept("access-policy", consent.access)
    if consent.form is not None:
        made["extension"] = [{"url": f"{EXT}ip-consent-form", "valueCode": consent.form.value}]
    if consent.provisions:
        made["provision"] = {"provision": [_provision(p, actors) for p in consent.provisions]}
    return made


def _provision(one: Provision, actors: dict[str, str]) -> Json:
    made: Json = {"type": one.access.value}
    if one.recipients:
        made["actor"] = [{"role": RECIPIENT, "reference": _ref(actors[r])} for r in one.recipients]
    if one.areas:
        made["code"] = [_concept("life-area", area) for area in one.areas]
    return made


def _service(one: Organization) -> Json:
    kind = {"system": f"{BASE}/CodeSystem/organization-kind", "code": "coordinating-unit"}
    made: Json = {"resourceType": "HealthcareService", "active": True, "type": [{"coding": [kind]}], "id": one.id}
    made |= {"providedBy": _ref(f"Organization/{one.id}"), "name": one.name}
    if one.her_id is not None:
        made["identifier"] = [{"system": HER, "value": str(one.her_id)}]
    return made


def _provenance(plan: IndividualPlan, actors: dict[str, str]) -> Json:
    made: Json = {"resourceType": "Provenance", "id": plan.id, "target": [_ref(f"CarePlan/{plan.id}")]}
    who = _ref(actors[plan.author or plan.owner.id])
    return {**made, "recorded": _moment(plan.created), "agent": [{"type": AUTHOR, "who": who}]}


def _moment(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _care_plan(plan: IndividualPlan, actors: dict[str, str]) -> Json:
    made: Json = {"resourceType": "CarePlan", "meta": {"profile": [f"{EXT}ip-CarePlan"]}, "intent": "plan"}
    kind = {"system": f"{BASE}/CodeSystem/plan-category", "code": "individual-plan"}
    type_ = {"system": "urn:oid:2.16.578.1.12.4.1.1.9602", "code": "A02-2"}
    made["category"] = [{"coding": [kind]}, {"coding": [type_]}]
    made |= {"subject": _ref(f"Patient/{plan.owner.id}"), "id": plan.id, "status": plan.status.value}
    made["created"] = _moment(plan.created)
    basis = [{"url": f"{EXT}ip-legal-basis", "valueCoding": CODINGS["legal-basis"][b]} for b in plan.legal_basis]
    if plan.coordinating_unit is not None:
        unit = _ref(actors[plan.coordinating_unit])
        basis.append({"url": f"{EXT}ip-coordinating-unit", "valueReference": unit})
    if basis:
        made["extension"] = basis
    if within := _period(plan.period):
        made["period"] = within
    if plan.author is not None:
        made["author"] = _ref(actors[plan.author])
    made["goal"] = [_ref(f"Goal/{goal.id}") for goal in plan.goals]
    if plan.team is not None:
        made["careTeam"] = [_ref(f"CareTeam/{plan.team.id}")]
    made["activity"] = [_measure(measure, actors) for measure in plan.measures]
    return made


def _measure(one: Measure, actors: dict[str, str]) -> Json:
    detail: Json = {"code": {"text": one.what}, "status": one.status.value}
    detail["goal"] = [_ref(f"Goal/{goal}") for goal in one.goals]
    more = [{"url": f"{EXT}ip-life-area", "valueCodeableConcept": _concept("life-area", area)} for area in one.areas]
    if one.extent is not None:
        more.append({"url": f"{EXT}ip-extent", "valueString": one.extent})
    if more:
        detail["extension"] = more
    performers = [_ref(actors[actor]) for actor in one.takes_part]
    if one.responsible is not None:
        flag = [{"url": f"{EXT}ip-responsible", "valueBoolean": True}]
        performers.insert(0, {"extension": flag, **_ref(actors[one.responsible])})
    if performers:
        detail["performer"] = performers
    if one.how is not None:
        detail["description"] = one.how
    if within := _period(one.period):
        detail["scheduledPeriod"] = within
    return {"id": one.id, "detail": detail}
