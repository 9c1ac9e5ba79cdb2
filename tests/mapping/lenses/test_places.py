"""Where things stand in FHIR, written down by hand: if a table is changed by mistake, something here must fail."""

from typing import Any

import pytest

from ip_fhir.domain.green_form import GreenForm
from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.domain.notice import Notice
from ip_fhir.domain.values.value import read
from ip_fhir.mapping import message_to_fhir
from tests.mapping.examples import JSON, PLANS, bundle, example, resource
from tests.support.loop import by_hospital

OWN = "https://ip-fhir.github.io/fhir"
EXAMPLES = PLANS[0].parents[1]

FNR = "urn:oid:2.16.578.1.12.4.1.4.1"
HPR = "urn:oid:2.16.578.1.12.4.1.4.4"
ENH = "urn:oid:2.16.578.1.12.4.1.4.101"
RESH = "urn:oid:2.16.578.1.12.4.1.4.102"
HER = "urn:oid:2.16.578.1.12.4.1.2"
MUNICIPALITY = "urn:oid:2.16.578.1.12.4.1.1.3402"
ROLES = "urn:oid:2.16.578.1.12.4.1.1.9034"
PROFESSIONS = "urn:oid:2.16.578.1.12.4.1.1.9060"


def identifiers(resource: JSON) -> dict[str, str]:
    """Its identifiers by system."""
    return {identifier["system"]: identifier["value"] for identifier in resource["identifier"]}


def codes(concept: JSON | list[JSON]) -> set[tuple[str, str]]:
    """The codings of a concept or of several."""
    concepts = concept if isinstance(concept, list) else [concept]
    return {(coding["system"], coding["code"]) for one in concepts for coding in one["coding"]}


def extension(node: JSON, name: str) -> Any:
    """The value of our extension of that name."""
    found = [e for e in node["extension"] if e["url"] == f"{OWN}/StructureDefinition/{name}"]
    assert len(found) == 1
    return next(value for key, value in found[0].items() if key.startswith("value"))


def test_the_child() -> None:
    """Plan 01: the owner, her parents, the municipality and the child coordinator."""
    made = bundle(1)
    patient = resource(made, "Patient")
    assert identifiers(patient) == {FNR: "17851950222"}
    assert patient["name"] == [{"family": "Solbakk Nordås", "given": ["Ylva"]}]
    assert (patient["birthDate"], patient["gender"]) == ("2019-05-17", "female")
    assert patient["communication"][0]["language"]["coding"] == [{"system": "urn:ietf:bcp:47", "code": "nb"}]
    assert patient["address"][0]["_district"]["extension"][0] == {
        "url": "http://hl7.no/fhir/StructureDefinition/no-basis-municipalitycode",
        "valueCoding": {"system": MUNICIPALITY, "code": "5699"},
    }
    mother = resource(made, "RelatedPerson", "person-01-mother")
    assert mother["patient"] == {"reference": "Patient/person-01"}
    assert codes(mother["relationship"]) == {
        ("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "MTH"),
        ("http://terminology.hl7.org/CodeSystem/v2-0131", "N"),
    }
    father = resource(made, "RelatedPerson", "person-01-father")
    assert codes(father["relationship"]) == {("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "FTH")}
    mandate = next(e for e in mother["extension"] if e["url"] == f"{OWN}/StructureDefinition/ip-mandate")
    assert {e["url"]: e for e in mandate["extension"]}["kind"]["valueCode"] == "parent"


def test_organisations() -> None:
    """Numbers of organisations under the systems of the Norwegian address register; two levels."""
    made = bundle(1)
    nordvik = resource(made, "Organization", "org-nordvik")
    assert identifiers(nordvik) == {ENH: "312010968", HER: "90000201", MUNICIPALITY: "5699"}
    hospital = resource(made, "Organization", "org-fjellregionen")
    assert identifiers(hospital)[RESH] == "9900101"
    assert codes(hospital["type"]) == {(f"{OWN}/CodeSystem/organization-kind", "hospital")}
    assert resource(made, "Organization", "org-nordvik-ke")["partOf"] == {"reference": "Organization/org-nordvik"}
    assert nordvik["telecom"][0] == {"system": "phone", "value": "+47 00 00 02 01"}


def test_a_professional() -> None:
    """Who it is stands in the Practitioner, what they do for whom in the PractitionerRole; professions by list 9060."""
    made = bundle(1)
    who = resource(made, "Practitioner", "pro-child-coordinator")
    assert who["name"] == [{"family": "Bjørgum", "given": ["Marit"]}]
    assert identifiers(who) == {HPR: "990000068"}
    role = resource(made, "PractitionerRole", "pro-child-coordinator")
    assert role["practitioner"] == {"reference": "Practitioner/pro-child-coordinator"}
    assert role["organization"] == {"reference": "Organization/org-nordvik-therapy"}
    assert codes(role["code"]) == {(PROFESSIONS, "ET")}
    assert extension(role, "ip-title") == "Barnekoordinator"
    teacher = resource(made, "PractitionerRole", "pro-school-teacher")
    assert codes(teacher["code"]) == {(f"{OWN}/CodeSystem/profession", "teacher")}


def test_the_plan_itself() -> None:
    """CarePlan: status, intent, category by list 9602, period, version, legal basis, who coordinates."""
    plan = resource(bundle(1), "CarePlan")
    assert (plan["id"], plan["status"], plan["intent"], plan["title"]) == ("plan-01", "active", "plan", "Ylvas plan")
    assert ("urn:oid:2.16.578.1.12.4.1.1.9602", "A02-2") in codes(plan["category"])
    assert plan["subject"] == {"reference": "Patient/person-01"}
    assert plan["period"] == {"start": "2026-03-02", "end": "2028-06-30"}
    assert plan["created"] == "2026-03-02T12:00:00+01:00"
    assert extension(plan, "ip-plan-version") == 3
    assert extension(plan, "ip-coordinating-unit") == {"reference": "Organization/org-nordvik-ke"}
    legal = [e["valueCoding"]["code"] for e in plan["extension"] if e["url"].endswith("/ip-legal-basis")]
    assert legal == ["pbrl-2-5", "pbrl-2-5c", "hol-7-1", "hol-7-2a"]
    assert plan["author"] == {"reference": "PractitionerRole/pro-child-coordinator"}


@pytest.mark.parametrize("number", [1, 3])
def test_goals_measures_and_needs(number: int) -> None:
    """Goals in the person's own words, sub-goals, life areas; measures as activities; needs as conditions."""
    plan, made = example(number), bundle(number)
    care_plan = resource(made, "CarePlan")
    assert [g["reference"] for g in care_plan["goal"]] == [f"Goal/{goal.id}" for goal in plan.goals]
    for goal in plan.goals:
        found = resource(made, "Goal", goal.id)
        assert found["description"]["text"] == goal.text
        assert found["lifecycleStatus"] == goal.status.value
        area_codes = codes(found["category"]) if "category" in found else set()
        assert area_codes == {(f"{OWN}/CodeSystem/life-area", area.value) for area in goal.areas}
        if goal.part_of is not None:
            assert extension(found, "ip-goal-part-of") == {"reference": f"Goal/{goal.part_of}"}
        if goal.period.end is not None:
            assert found["target"][0]["dueDate"] == goal.period.end.isoformat()
    for measure, activity in zip(plan.measures, care_plan["activity"], strict=True):
        detail = activity["detail"]
        assert (activity["id"], detail["code"]["text"]) == (measure.id, measure.what)
        assert detail["status"] == measure.status.value
        assert [g["reference"] for g in detail.get("goal", [])] == [f"Goal/{g}" for g in measure.goals]
        flagged = [p for p in detail.get("performer", []) if "extension" in p]
        assert len(flagged) == (measure.responsible is not None)
    for need in plan.needs:
        assert resource(made, "Condition", need.id)["code"] == {"text": need.text}


def test_the_care_team() -> None:
    """Members by list 9034, coordinators among them: 8 municipal, 18 hospital, the child's by a code of our own."""
    expected = {"municipal": (ROLES, "8"), "hospital": (ROLES, "18")}
    expected["child"] = (f"{OWN}/CodeSystem/coordinator-kind", "child")
    members = {
        "general-practitioner": (ROLES, "6"),
        "primary-contact": (ROLES, "9"),
        "contact-physician": (ROLES, "19"),
        "contact-psychologist": (ROLES, "20"),
    }
    seen = set()
    for number in range(1, len(PLANS) + 1):
        team = example(number).team
        assert team is not None
        participants = {p["id"]: p for p in resource(bundle(number), "CareTeam")["participant"]}
        assert set(participants) == {m.id for m in team.memberships} | {c.id for c in team.coordinators}
        for place in team.coordinators:
            assert codes(participants[place.id]["role"]) == {expected[place.kind.value]}
            assert ("member" in participants[place.id]) == (not place.vacant)
            seen.add(place.kind.value)
        for member in team.memberships:
            role = members.get(member.role.value, (f"{OWN}/CodeSystem/team-role", member.role.value))
            assert codes(participants[member.id]["role"]) == {role}
            seen.add(member.role.value)
    assert {"municipal", "hospital", "child", "general-practitioner"} <= seen


def test_the_consents() -> None:
    """Scope, kind, status and what is denied: FHIR R4's own words, so that another system can keep to them."""
    statuses = {"active": "active", "draft": "draft", "refused": "rejected", "withdrawn": "inactive"}
    for number in range(1, len(PLANS) + 1):
        for consent in example(number).consents:
            found = resource(bundle(number), "Consent", consent.id)
            assert found["status"] == statuses[consent.status.value]
            assert found["dateTime"] == consent.given_on.isoformat()
            scope = ("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy")
            assert codes(found["scope"]) == {scope}
            assert (f"{OWN}/CodeSystem/consent-kind", consent.kind.value) in codes(found["category"])
            policy = {"permit": "OPTIN", "deny": "OPTOUT"}[consent.access.value]
            assert codes(found["policyRule"]) == {("http://terminology.hl7.org/CodeSystem/v3-ActCode", policy)}
            provisions = found.get("provision", {}).get("provision", [])
            assert [p["type"] for p in provisions] == [p.access.value for p in consent.provisions]
            for ours, theirs in zip(consent.provisions, provisions, strict=True):
                assert [a["reference"]["reference"].rpartition("/")[2] for a in theirs.get("actor", [])] == list(
                    ours.recipients
                )


def test_reviews_are_appointments() -> None:
    """Follow-ups and evaluations: planned as a wish for a day, held with start and end of the day in Norway."""
    statuses = {"planned": "proposed", "held": "fulfilled", "cancelled": "cancelled"}
    for number in range(1, len(PLANS) + 1):
        for review in example(number).reviews:
            found = resource(bundle(number), "Appointment", review.id)
            assert found["status"] == statuses[review.status.value]
            assert codes(found["appointmentType"]) == {(f"{OWN}/CodeSystem/review-kind", review.kind.value)}
            assert found["requestedPeriod"][0]["start"] == review.planned.isoformat()
            if review.held is not None:
                offsets = {found["start"][19:], found["end"][19:]}
                assert offsets <= {"+01:00", "+02:00"}
                assert found["start"][:19] == f"{review.held.isoformat()}T00:00:00"
                assert found["end"][:19] == f"{review.held.isoformat()}T23:59:59"


NOTICES = sorted((EXAMPLES / "notices").glob("*.json"))
FORMS = sorted((EXAMPLES / "green_forms").glob("*.json"))


@pytest.mark.parametrize("path", NOTICES, ids=lambda path: path.stem)
def test_a_notice_is_a_service_request(path: Any) -> None:
    """The notice: an order to the coordinating unit, known by one identifier on every wire."""
    notice = read(Notice, path.read_bytes())
    made = message_to_fhir(by_hospital(notice, notice=notice))
    header, request = made["entry"][0]["resource"], resource(made, "ServiceRequest")
    assert (made["type"], header["resourceType"]) == ("message", "MessageHeader")
    assert header["eventCoding"]["system"] == f"{OWN}/CodeSystem/message"
    assert header["eventCoding"]["code"] == "notice"
    assert header["focus"] == [{"reference": f"ServiceRequest/{notice.id}"}]
    assert (request["status"], request["intent"]) == ("active", "order")
    assert identifiers(request) == {f"{OWN}/identifier/referral": notice.correlation_id}
    assert codes(request["code"]) == {(f"{OWN}/CodeSystem/notice-kind", notice.kind.value)}
    assert request["requester"] == {"reference": f"Organization/{notice.sender}"}
    assert request["performer"] == [{"reference": f"Organization/{notice.recipient}"}]
    assert request["authoredOn"].startswith(notice.authored.date().isoformat())
    assert request["priority"] == notice.urgency.value


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_green_form_is_a_questionnaire_response(path: Any) -> None:
    """The green form: answers to the questionnaire, by linkId, based on the referral by its identifier."""
    form = read(GreenForm, path.read_bytes())
    sender = next(o for o in form.organizations if o.id == form.sender)
    message = Message(
        id="m",
        kind=MessageKind.GREEN_FORM,
        correlation_id=form.answers,
        sent=form.authored,
        sender=sender,
        recipient=sender.evolve(id="hospital"),
        form=form,
    )
    response = resource(message_to_fhir(message), "QuestionnaireResponse")
    assert response["questionnaire"].partition("|")[0] == f"{OWN}/Questionnaire/green-form"
    assert response["status"] == "completed"
    assert response["basedOn"][0]["identifier"] == {"system": f"{OWN}/identifier/referral", "value": form.answers}
    items = {item["linkId"]: item for item in response["item"]}
    if form.decision is not None:
        assert items["decision"]["answer"][0]["valueCoding"]["code"] == form.decision.value
    groups = [item for item in response["item"] if item["linkId"] == "coordinator"]
    held = [
        {inner["linkId"]: inner["answer"][0] for inner in group["item"]}["coordinator-holder"]["valueReference"]
        for group in groups
    ]
    assert held == [{"reference": f"PractitionerRole/{c.holder}"} for c in form.coordinators]
