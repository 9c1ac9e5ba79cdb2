"""The official validator judges what we send in the manner of MedCom: messages with their chains, and acknowledgements.

MedCom's profiles are no part of the project: what is judged is FHIR R4, and our own profiles of the content. Its code
systems are compared where they are at hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ip_fhir.domain.message import Message
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.messages import PlanMessage
from ip_fhir.errors import IssueCode, Problem
from ip_fhir.exchange.formats import Earlier
from ip_fhir.exchange.formats.medcom import MedComMessage
from ip_fhir.fhir.medcom.acknowledgement import acknowledgement, renewed
from ip_fhir.fhir.reading import read_json
from ip_fhir.mapping import default
from ip_fhir.ports import Receipt, ReceiptCode
from tests.conformance import made
from tests.conformance.judge import Validator
from tests.conformance.made import JsonObject
from tests.conformance.test_plain import errors, r4
from tests.support.sharing_strategies import plan_messages
from tests.support.strategies import messages

pytestmark = [pytest.mark.timeout(1200), pytest.mark.slow]

AT = datetime(2026, 1, 12, 13, 0, tzinfo=UTC)
URL = "https://municipality.example/fhir"
MESSAGES, OF_EACH_PLAN_KIND = 24, 1
EXTENSION = "medcom-messaging-destinationUseExtension"
ACTIVITIES = "medcom-messaging-activityCodes"
CODES: tuple[IssueCode, ...] = (
    *("structure", "required", "value", "code-invalid", "not-found", "not-supported", "duplicate", "too-long"),
    *("business-rule", "forbidden", "invariant"),
)


def sent() -> Iterator[JsonObject]:
    """Generated messages of every kind: each third is the first of its chain, the others follow those before."""
    mapper, wire, earlier = default(), MedComMessage(), list[Earlier]()
    all_: list[Message | PlanMessage] = [*made.generated(messages(), MESSAGES)]
    for kind in PlanMessageKind:
        all_ += made.generated(plan_messages(kind), OF_EACH_PLAN_KIND)
    for number, message in enumerate(all_):
        earlier = earlier if number % 3 else []
        content = wire.write_after(message, [one for one in earlier if one.id != message.id], mapper)
        earlier.append(Earlier(message.id, AT, own=bool(number % 2), content=content))
        yield read_json(content)


def acknowledgements() -> Iterator[JsonObject]:
    """An acknowledgement of each code, with problems of each kind, and one that is sent again."""
    for number, request in enumerate(sent()):
        ident, code = request["entry"][0]["resource"]["id"], CODES[number % len(CODES)]
        said: tuple[ReceiptCode, ...] = ("ok", "transient-error", "fatal-error")
        problem = Problem("MessageHeader.destination[0].receiver", "is not known here", code)
        receipt = said[number % 3]
        problems = () if receipt == "ok" else (problem,)
        warnings = [Problem("Bundle.entry[1]", "a warning", "invariant", "warning")] if number % 2 else []
        yield acknowledgement(Receipt(ident, receipt, problems), request, AT, URL, warnings)
    yield renewed(acknowledgement(Receipt(ident, "ok"), request, AT, URL), AT)


def all_of_them() -> Iterator[JsonObject]:
    """Both."""
    yield from sent()
    yield from acknowledgements()


def plainly(bundle: JsonObject) -> JsonObject:
    """The Bundle for who knows FHIR alone: without the profiles that it says it follows."""
    entries = [{**entry, "resource": _without_profiles(entry["resource"])} for entry in bundle["entry"]]
    return {**made.without_profile(bundle), "entry": entries}


def _without_profiles(resource: JsonObject) -> JsonObject:
    contained = [made.without_profile(one) for one in resource.get("contained", ())]
    return {**made.without_profile(resource), **({"contained": contained} if contained else {})}


@r4
def test_base_r4(plain: Validator) -> None:
    """Every message with its chain, and every acknowledgement, is a valid message of FHIR R4: no error."""
    assert errors(plain, map(plainly, all_of_them())) == []


@r4
def test_it_can_fail(plain: Validator) -> None:
    """A link that names nobody, a header that is not first, a response without a code: each is an error."""
    first = plainly(next(acknowledgements()))
    assert errors(plain, [first]) == []
    turned = {**first, "entry": first["entry"][::-1]}
    nobody, no_code = deepcopy(first), deepcopy(first)
    link = next(one["resource"] for one in nobody["entry"] if one["resource"]["resourceType"] == "Provenance")
    del link["agent"]
    del no_code["entry"][0]["resource"]["response"]["code"]
    for broken in (turned, nobody, no_code):
        assert errors(plain, [broken])


def test_our_profiles(validator: Validator) -> None:
    """They follow our own profiles, too; only the extension by which MedCom marks a receiver is none of ours."""
    found = errors(validator, all_of_them())
    assert [one for one in found if EXTENSION not in one] == []


def test_codes_of_medcom(shared_data: Path) -> None:
    """Each activity, and each code that says what is wrong, is in MedCom's own lists."""
    folder = shared_data / "closed-loop" / "medcom" / "terminology"
    system = json.loads((folder / f"CodeSystem-{ACTIVITIES}.json").read_text(encoding="utf-8"))
    listed = json.loads((folder / "ValueSet-medcom-acknowledgement-issue-details.json").read_text(encoding="utf-8"))
    activities = {one["code"] for one in system["concept"]}
    details = {(one["system"], code["code"]) for one in listed["compose"]["include"] for code in one.get("concept", ())}
    used, told = set[str](), set[tuple[str, str]]()
    for bundle in all_of_them():
        for resource in (entry["resource"] for entry in bundle["entry"]):
            activity = resource.get("activity", {}) if resource["resourceType"] == "Provenance" else {}
            codings = activity.get("coding", ())
            used |= {one["code"] for one in codings if str(one.get("system")).endswith(ACTIVITIES)}
            issues = resource.get("issue", ())
            told |= {(c["system"], c["code"]) for i in issues for c in i.get("details", {}).get("coding", ())}
    assert used == {"new-message", "reply-message", "modified-message", "acknowledgement"}
    assert used <= activities
    assert len(told) >= 8
    assert told <= details
