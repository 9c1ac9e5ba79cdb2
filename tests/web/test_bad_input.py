"""Bad input over HTTP: the right status and OperationOutcome, the place, and nothing half-stored."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from ip_fhir.domain.agreement import Agreement
from ip_fhir.fhir.receipt import receipt_from_fhir
from ip_fhir.web.app import create_app
from tests.support.two_sides import TOKENS, Loop, form, notice, unsent

FHIR = {
    "Authorization": f"Bearer {TOKENS['hospital']}",
    "Content-Type": "application/fhir+json",
}


@pytest.fixture
def client(loop: Loop) -> TestClient:
    """The municipality's endpoint."""
    return TestClient(create_app(loop.municipality.exchange), raise_server_exceptions=False)


def nothing_stored(loop: Loop) -> None:
    """The municipality's store is as empty as before."""
    store = loop.municipality.exchange.store
    assert store.referrals() == []
    assert list(store.evidence()) == []
    assert store.outbox() == []
    assert store.search_resources("Task", {}) == []
    assert store.search_resources("ServiceRequest", {}) == []


def entry(bundle: dict[str, Any], type_: str) -> dict[str, Any]:
    """The first resource of a type."""
    found: dict[str, Any] = next(e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == type_)
    return found


def _wrong_type(bundle: dict[str, Any]) -> None:
    entry(bundle, "Patient")["birthDate"] = 19610214


def _unknown_code(bundle: dict[str, Any]) -> None:
    entry(bundle, "Patient")["gender"] = "unicorn"


def _bad_check_digit(bundle: dict[str, Any]) -> None:
    entry(bundle, "Patient")["identifier"][0]["value"] = "14826121540"


def _dangling(bundle: dict[str, Any]) -> None:
    entry(bundle, "ServiceRequest")["requester"] = {"reference": "Organization/nowhere"}


def _nobody(bundle: dict[str, Any]) -> None:
    bundle["entry"] = [e for e in bundle["entry"] if e["resource"]["resourceType"] != "Patient"]
    text = json.dumps(bundle).replace('"Patient/person-01"', '"Patient/none"')
    bundle |= json.loads(text)
    del entry(bundle, "ServiceRequest")["subject"]


def _no_header(bundle: dict[str, Any]) -> None:
    del bundle["entry"][0]


def _unknown_event(bundle: dict[str, Any]) -> None:
    bundle["entry"][0]["resource"]["eventCoding"]["code"] = "greeting"


def _not_a_message(bundle: dict[str, Any]) -> None:
    bundle["type"] = "collection"


def _no_time(bundle: dict[str, Any]) -> None:
    del bundle["timestamp"]


@pytest.mark.parametrize(
    "damage",
    [
        _wrong_type, _unknown_code, _bad_check_digit, _dangling, _nobody, _no_header, _unknown_event,
        _not_a_message, _no_time,
    ],
)  # fmt: skip
def test_a_damaged_message(client: TestClient, loop: Loop, damage: Callable[[dict[str, Any]], None]) -> None:
    """Each damage is found before anything is stored, and the answer says where it is."""
    bundle = json.loads(unsent(loop, "01"))
    damage(bundle)
    response = client.post("/$process-message", content=json.dumps(bundle), headers=FHIR)
    assert response.status_code in (400, 422), response.text
    outcome = response.json()
    assert outcome["resourceType"] == "OperationOutcome"
    assert any(issue.get("expression") for issue in outcome["issue"]), outcome
    owner = notice("01").owner
    assert owner.name.family not in response.text
    assert str(owner.identifier) not in response.text
    assert "14826121540" not in response.text
    nothing_stored(loop)


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 400, "structure"),
        (b"not JSON", 400, "structure"),
        ('{"resourceType": "Bundle", "x": "Åse"}'.encode("latin-1"), 400, "structure"),
        ('{"resourceType": "Bundle"}'.encode("utf-16"), 400, "structure"),
        (b'{"resourceType": "Bundle", "x": ' + b"[" * 200 + b"]" * 200 + b"}", 413, "too-costly"),
        (b'{"resourceType": "Bundle", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 413, "too-costly"),
        (b"[1, 2]", 400, "structure"),
        (b'{"resourceType": "Patient"}', 400, "structure"),
        (b'{"resourceType": "Bundle", "type": "message", "entry": 7}', 400, "structure"),
    ],
    ids=lambda value: repr(value)[:40],
)
@pytest.mark.parametrize("path", ["/", "/$process-message"])
def test_what_is_no_message_at_all(
    client: TestClient, loop: Loop, path: str, content: bytes, status: int, code: str
) -> None:
    """Not JSON, wrong charset, nested too deep, another resource: refused with the reason."""
    response = client.post(path, content=content, headers=FHIR)
    assert (response.status_code, response.json()["issue"][0]["code"]) == (status, code), response.text
    nothing_stored(loop)


def test_the_same_id_with_other_content(client: TestClient, loop: Loop) -> None:
    """A message id stands for one content: the second is refused, the first stays as it was."""
    content = unsent(loop, "01")
    assert client.post("/$process-message", content=content, headers=FHIR).status_code == 200
    before = [r.hash for r in loop.municipality.exchange.store.evidence()]
    bundle = json.loads(content)
    entry(bundle, "ServiceRequest")["priority"] = "urgent"
    response = client.post("/$process-message", content=json.dumps(bundle), headers=FHIR)
    assert (response.status_code, response.json()["issue"][0]["code"]) == (409, "duplicate")
    assert [r.hash for r in loop.municipality.exchange.store.evidence()] == before


def test_an_unknown_referral(client: TestClient, loop: Loop) -> None:
    """A reminder about a notice that never came: not yet, then no for good, as a receipt; kept as refused."""
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    loop.clock.forward(days=40)
    loop.hospital.wire.break_with = TimeoutError()
    loop.hospital.exchange.run_due()
    reminder = loop.hospital.wire.sent[-1].replace(b"referral-01", b"referral-77")
    for code in ("transient-error", "fatal-error"):
        response = client.post("/$process-message", content=reminder, headers=FHIR)
        receipt = receipt_from_fhir(response.json())
        assert (response.status_code, receipt.code, receipt.problems[0].code) == (200, code, "not-found")
        loop.clock.forward(hours=1)
    assert loop.municipality.exchange.store.referral("referral-77") is None


def test_in_another_partys_name(client: TestClient, loop: Loop) -> None:
    """The hospital's token does not carry a message of somebody else's, nor one to somebody else."""
    content = unsent(loop, "01")
    for organization, status in ((b"312001373", 403), (b"312012332", 422)):
        changed = content.replace(organization, b"312015072").replace(b"90000101", b"90000999")
        changed = changed.replace(b"9900101", b"9900999").replace(b"90000202", b"90000998")
        response = client.post("/$process-message", content=changed, headers=FHIR)
        assert response.status_code in (status, 403), response.text
    nothing_stored(loop)


@pytest.mark.parametrize("announced", [True, False], ids=["with a length", "chunked"])
def test_fifty_megabytes_are_not_read(client: TestClient, loop: Loop, announced: bool) -> None:
    """A body above the limit is refused: at once where its length is announced, else when the limit is reached."""
    chunk = b" " * 100_000
    given = []

    def body() -> Iterator[bytes]:
        for _ in range(500):
            given.append(len(chunk))
            yield chunk

    headers = {**FHIR, **({"Content-Length": str(50_000_000)} if announced else {})}
    response = client.post("/$process-message", content=body(), headers=headers)
    assert (response.status_code, response.json()["issue"][0]["code"]) == (413, "too-long")
    nothing_stored(loop)


def test_a_store_that_fails_gives_no_receipt(client: TestClient, loop: Loop) -> None:
    """What could not be committed is not acknowledged: 503, come again; and then it is taken in."""
    content = unsent(loop, "01")
    for at in ("seen", "append", "save", "enqueue", "put_resource", "remember", "commit"):
        loop.municipality.store.cut_at = at
        response = client.post("/$process-message", content=content, headers=FHIR)
        assert (response.status_code, response.json()["issue"][0]["code"]) == (503, "transient")
        assert response.headers["retry-after"]
        loop.municipality.store.cut_at = None
        nothing_stored(loop)
    assert client.post("/$process-message", content=content, headers=FHIR).status_code == 200
    assert loop.state(loop.municipality, "referral-01") == "delivered"


def test_a_form_of_another_referral(loop: Loop) -> None:
    """A form that says it answers another referral than its message is about is refused."""
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    loop.hospital.exchange.send_notice(notice("02"))
    loop.settle()
    loop.municipality.wire.break_with = TimeoutError()
    loop.municipality.exchange.answer(form("01"))
    loop.municipality.exchange.run_due()
    bundle = json.loads(loop.municipality.wire.sent[-1])
    header = bundle["entry"][0]["resource"]
    text = json.dumps(header)
    assert "referral-01" in text
    bundle["entry"][0]["resource"] = json.loads(text.replace("referral-01", "referral-02"))
    client = TestClient(create_app(loop.hospital.exchange), raise_server_exceptions=False)
    headers = {**FHIR, "Authorization": f"Bearer {TOKENS['municipality']}"}
    response = client.post("/$process-message", content=json.dumps(bundle), headers=headers)
    assert response.status_code == 422, response.text
    assert loop.state(loop.hospital, "referral-02") == "delivered"


def test_two_coordinators_where_the_agreement_allows_one(loop: Loop) -> None:
    """The municipality believes it may, the hospital's agreement says no: refused, and the loop stays open."""
    allowing = (Agreement(two_coordinators_allowed=True),)
    object.__setattr__(loop.municipality.exchange._context, "agreements", allowing)
    loop.hospital.exchange.send_notice(notice("04"))
    loop.settle()
    loop.municipality.exchange.answer(form("04"))
    loop.municipality.exchange.run_due()
    client = TestClient(create_app(loop.hospital.exchange), raise_server_exceptions=False)
    headers = {**FHIR, "Authorization": f"Bearer {TOKENS['municipality']}"}
    response = client.post("/$process-message", content=loop.municipality.wire.sent[-1], headers=headers)
    assert (response.status_code, response.json()["issue"][0]["code"]) == (422, "business-rule")
    assert "two main coordinators" in response.text
    stored = loop.hospital.exchange.store.referral("referral-04")
    assert stored is not None
    assert (stored.referral.state, stored.referral.forms) == ("delivered", ())
