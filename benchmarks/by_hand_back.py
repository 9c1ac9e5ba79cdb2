"""The way back of `by_hand`: domain values of the FHIR dicts that it writes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from by_hand import CODINGS, EXT, HER, HPR, PERSON, Json

from ip_fhir.domain.consent.consent import Consent, Provision
from ip_fhir.domain.people import Address, ContactPoint, Organization, PersonName, PlanOwner, Professional
from ip_fhir.domain.plan import Goal, IndividualPlan, Measure
from ip_fhir.domain.team import CareTeam, Coordinator, Membership
from ip_fhir.domain.values.ids import HerId, HprNumber, MunicipalityNumber, PersonId
from ip_fhir.domain.values.value import Period

WORDS = {name: {c["code"]: word for word, c in codings.items()} for name, codings in CODINGS.items()}


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
