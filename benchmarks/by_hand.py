"""What somebody would write by hand: the sample plan as FHIR dicts, and back to domain values. The practical floor.

No tables, no lenses: one plain function for each resource and way, for the fields that the sample plan has. It keeps
nothing that others wrote, tells no place of an error, and trusts that each member has the type that FHIR gives it. The
domain values are made by the domain's own models, which check them. Code lists are dicts, as anybody would have them.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from ip_fhir.domain.consent import Consent, Provision
from ip_fhir.domain.ids import HerId, HprNumber, MunicipalityNumber, PersonId
from ip_fhir.domain.people import Address, ContactPoint, Organization, PersonName, PlanOwner, Professional
from ip_fhir.domain.plan import Goal, IndividualPlan, Measure
from ip_fhir.domain.team import CareTeam, Coordinator, Membership
from ip_fhir.domain.value import Period
from ip_fhir.mapping.tables import load_tables

Json = dict[str, Any]

BASE = "https://ip-fhir.github.io/fhir"
EXT = f"{BASE}/StructureDefinition/"
NAMES = ("life-area", "organization-kind", "profession", "achievement", "team-role", "coordinator-kind", "legal-basis")
_TABLES = load_tables().codes
CODINGS = {name: _TABLES[name].codings for name in (*NAMES, "consent-kind", "access-policy")}
WORDS = {name: {c["code"]: word for word, c in codings.items()} for name, codings in CODINGS.items()}
MUNICIPALITY = "http://hl7.no/fhir/StructureDefinition/no-basis-municipalitycode"
PERSON, HPR, HER = (f"urn:oid:2.16.578.1.12.4.1.{end}" for end in ("4.1", "4.4", "2"))
RECIPIENT = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}]}
AUTHOR = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type", "code": "author"}]}


# --- to FHIR ---------------------------------------------------------------------------------------


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


# --- and back --------------------------------------------------------------------------------------


def read(bundle: Json) -> IndividualPlan:
    """The plan in a Bundle that `write` made."""
    found: dict[str, list[Json]] = {}
    for entry in bundle["entry"]:
        found.setdefault(entry["resource"]["resourceType"], []).append(entry["resource"])
    (plan,) = found["CarePlan"]
    people = {person["id"]: person for person in found.get("Practitioner", ())}
    extensions = _by_url(plan)
    return IndividualPlan(
        id=plan["id"],
        owner=_read_owner(found["Patient"][0]),
        status=plan["status"],
        created=datetime.fromisoformat(plan["created"]),
        legal_basis=tuple(WORDS["legal-basis"][e["valueCoding"]["code"]] for e in extensions.get("ip-legal-basis", ())),
        period=_read_period(plan.get("period")),
        author=_id(plan.get("author")),
        coordinating_unit=_id(_first(extensions, "ip-coordinating-unit", "valueReference")),
        organizations=tuple(map(_read_organization, found.get("Organization", ()))),
        professionals=tuple(_read_professional(r, people) for r in found.get("PractitionerRole", ())),
        goals=tuple(map(_read_goal, found.get("Goal", ()))),
        measures=tuple(map(_read_measure, plan.get("activity", ()))),
        team=_read_team(found["CareTeam"][0]) if "CareTeam" in found else None,
        consents=tuple(map(_read_consent, found.get("Consent", ()))),
    )


def _by_url(node: Json) -> dict[str, list[Json]]:
    found: dict[str, list[Json]] = {}
    for extension in node.get("extension", ()):
        found.setdefault(extension["url"].removeprefix(EXT), []).append(extension)
    return found


def _first(extensions: dict[str, list[Json]], name: str, value: str) -> Any:
    return extensions[name][0][value] if name in extensions else None


def _id(reference: Json | None) -> Any:
    return None if reference is None else reference["reference"].partition("/")[2]


def _word(name: str, concept: Json) -> Any:
    return WORDS[name][concept["coding"][0]["code"]]


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _read_period(node: Json | None) -> Period:
    return Period() if node is None else Period(start=_day(node.get("start")), end=_day(node.get("end")))


def _read_name(names: list[Json]) -> PersonName:
    name = names[0]
    return PersonName(family=name["family"], given=" ".join(name["given"]) if "given" in name else None)


def _identifier(node: Json, system: str) -> Any:
    return next((i["value"] for i in node.get("identifier", ()) if i["system"] == system), None)


def _read_owner(node: Json) -> PlanOwner:
    number, address = _identifier(node, PERSON), node.get("address")
    return PlanOwner(
        id=node["id"],
        name=_read_name(node["name"]),
        identifier=None if number is None else PersonId(number),
        birth_date=_day(node.get("birthDate")),
        gender=node.get("gender"),
        address=None if address is None else _read_address(address[0]),
    )


def _read_address(node: Json) -> Address:
    code = node["_district"]["extension"][0]["valueCoding"]["code"]
    lines, number = tuple(node.get("line", ())), MunicipalityNumber(code)
    return Address(lines=lines, postal_code=node.get("postalCode"), city=node.get("city"), municipality=number)


def _read_organization(node: Json) -> Organization:
    her_id = _identifier(node, HER)
    kind = _word("organization-kind", node["type"][0])
    return Organization(id=node["id"], name=node["name"], kind=kind, her_id=None if her_id is None else HerId(her_id))


def _read_professional(role: Json, people: dict[str, Json]) -> Professional:
    person = people[_id(role["practitioner"])]
    number = _identifier(person, HPR)
    return Professional(
        id=role["id"],
        name=_read_name(person["name"]),
        organization=_id(role.get("organization")),
        profession=_word("profession", role["code"][0]) if "code" in role else None,
        title=_first(_by_url(role), "ip-title", "valueString"),
        hpr_number=None if number is None else HprNumber(number),
        contacts=tuple(ContactPoint(system=c["system"], value=c["value"]) for c in role.get("telecom", ())),
    )


def _read_goal(node: Json) -> Goal:
    target = node.get("target")
    return Goal(
        id=node["id"],
        text=node["description"]["text"],
        status=node["lifecycleStatus"],
        part_of=_id(_first(_by_url(node), "ip-goal-part-of", "valueReference")),
        areas=tuple(_word("life-area", concept) for concept in node.get("category", ())),
        period=Period(start=_day(node.get("startDate")), end=_day(target[0].get("dueDate")) if target else None),
        achievement=_word("achievement", node["achievementStatus"]) if "achievementStatus" in node else None,
        expressed_by=_id(node.get("expressedBy")),
    )


def _read_measure(node: Json) -> Measure:
    detail = node["detail"]
    extensions = _by_url(detail)
    responsible = [p for p in detail.get("performer", ()) if "extension" in p]
    areas = extensions.get("ip-life-area", ())
    return Measure(
        id=node["id"],
        what=detail["code"]["text"],
        status=detail["status"],
        goals=tuple(map(_id, detail.get("goal", ()))),
        areas=tuple(_word("life-area", extension["valueCodeableConcept"]) for extension in areas),
        responsible=_id(responsible[0]) if responsible else None,
        takes_part=tuple(_id(p) for p in detail.get("performer", ()) if "extension" not in p),
        extent=_first(extensions, "ip-extent", "valueString"),
        how=detail.get("description"),
        period=_read_period(detail.get("scheduledPeriod")),
    )


def _read_team(node: Json) -> CareTeam:
    members, coordinators = [], []
    for one in node.get("participant", ()):
        common = {"id": one["id"], "period": _read_period(one.get("period"))}
        code = one["role"][0]["coding"][0]["code"]
        if code in WORDS["coordinator-kind"]:
            unit = _id(_first(_by_url(one), "ip-appointed-by", "valueReference"))
            kind: Any = WORDS["coordinator-kind"][code]
            coordinators.append(Coordinator(kind=kind, holder=_id(one.get("member")), appointed_by=unit, **common))
        else:
            members.append(Membership(role=_word("team-role", one["role"][0]), member=_id(one["member"]), **common))
    return CareTeam(id=node["id"], status=node["status"], memberships=tuple(members), coordinators=tuple(coordinators))


def _read_consent(node: Json) -> Consent:
    return Consent(
        id=node["id"],
        kind=_word("consent-kind", node["category"][0]),
        status=node["status"],
        given_on=date.fromisoformat(node["dateTime"]),
        form=_first(_by_url(node), "ip-consent-form", "valueCode"),
        access=_word("access-policy", node["policyRule"]),
        provisions=tuple(map(_read_provision, node.get("provision", {}).get("provision", ()))),
    )


def _read_provision(node: Json) -> Provision:
    recipients = tuple(_id(actor["reference"]) for actor in node.get("actor", ()))
    areas = tuple(_word("life-area", concept) for concept in node.get("code", ()))
    return Provision(access=node["type"], recipients=recipients, areas=areas)
