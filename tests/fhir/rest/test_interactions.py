"""Interactions as values: each request is FHIR's own, no address names a person, and no answer is taken for another."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from ip_fhir.errors import Conflict, InvalidInput, PeerError, Rejected, Unavailable
from ip_fhir.fhir.rest import instances, searches
from ip_fhir.fhir.rest.addresses import Location, own_page, referred
from ip_fhir.fhir.rest.bundles import EntryRequest, batch, transaction
from ip_fhir.fhir.rest.interaction import Interaction, Repeat
from ip_fhir.fhir.rest.operations import capability, process_message
from ip_fhir.fhir.rest.repeats import NextStep, next_step, to_be_repeated
from ip_fhir.ports.http import HttpAnswer

BASE = "https://server.example/fhir"
NUMBER = "17851950222"
GOAL = {"resourceType": "Goal", "id": "g1"}
SUMMARY = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}


def outcome(code: str = "invariant", severity: str = "error") -> dict[str, Any]:
    """An OperationOutcome that quotes a person."""
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": severity, "code": code, "diagnostics": f"Kari {NUMBER}"}],
    }


def result(interaction: Interaction[Any], content: Any = b"", status: int = 200, **headers: str) -> Any:
    """The result of an answer; `content` is bytes, or data to be written as JSON."""
    body = content if isinstance(content, bytes) else orjson.dumps(content)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return interaction.result(HttpAnswer(status, named, body), "server.example")


def page(*resources: dict[str, Any], following: str | None = None) -> dict[str, Any]:
    """A searchset."""
    links = [{"relation": "next", "url": following}] if following else []
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": links,
        "entry": [{"resource": one} for one in resources],
    }


def answers(kind: str, *entries: dict[str, Any]) -> dict[str, Any]:
    """The answer to a transaction or batch."""
    return {"resourceType": "Bundle", "type": f"{kind}-response", "entry": [*entries]}


@pytest.mark.parametrize(
    ("interaction", "method", "path"),
    [
        (instances.read("Goal", "g1"), "GET", "/Goal/g1"),
        (instances.vread("Goal", "g1", "3"), "GET", "/Goal/g1/_history/3"),
        (searches.history("Goal", "g1"), "GET", "/Goal/g1/_history"),
        (searches.search("Goal", [("status", "active")]), "GET", "/Goal?status=active"),
        (searches.search("Goal", [("patient", f"Patient/{NUMBER}")]), "POST", "/Goal/_search"),
        (searches.search("CarePlan", [("subject:Patient.identifier", NUMBER)]), "POST", "/CarePlan/_search"),
        (instances.create(GOAL), "POST", "/Goal"),
        (instances.update(GOAL, if_match="2"), "PUT", "/Goal/g1"),
        (instances.conditional_update(GOAL, [("url", "u")]), "PUT", "/Goal?url=u"),
        (instances.patch("Goal", "g1", []), "PATCH", "/Goal/g1"),
        (instances.delete("Goal", "g1"), "DELETE", "/Goal/g1"),
        (instances.conditional_delete("Goal", [("status", "x")]), "DELETE", "/Goal?status=x"),
        (transaction([]), "POST", ""),
        (batch([]), "POST", ""),
        (capability(), "GET", "/metadata"),
        (process_message(b"{}"), "POST", "/$process-message"),
    ],
)
def test_requests_are_fhirs_own(interaction: Interaction[Any], method: str, path: str) -> None:
    """Method and address by FHIR R4 http.html; JSON of now is asked for; no address has the number of a person."""
    request = interaction.request(f"{BASE}/")
    assert (request.method, request.url) == (method, BASE + path)
    assert request.headers["Accept"] == "application/fhir+json"
    assert request.headers["Cache-Control"] == "no-cache"
    assert NUMBER not in f"{interaction!r} {request!r} {request.url}"


def test_conditions_travel_in_headers_or_bodies() -> None:
    """If-Match of the version that was read, If-None-Exist with the number; a bundle has the same in its entries."""
    criteria = [("identifier", f"urn:oid:1|{NUMBER}")]
    assert instances.update(GOAL, if_match="2").request(BASE).headers["If-Match"] == 'W/"2"'
    created = instances.create(GOAL, if_none_exist=criteria).request(BASE)
    assert created.headers["If-None-Exist"] == f"identifier=urn%3Aoid%3A1%7C{NUMBER}"
    entry = EntryRequest("POST", "Goal", GOAL, "urn:uuid:1", if_none_exist=tuple(criteria)).entry()
    assert entry["request"]["ifNoneExist"] == f"identifier=urn%3Aoid%3A1%7C{NUMBER}"
    assert EntryRequest("PUT", "Goal/g1", GOAL, if_match="2").entry()["request"]["ifMatch"] == 'W/"2"'


@pytest.mark.parametrize("criteria", [[("identifier", NUMBER)], [("site-own", "x")], [("patient:missing", "true")]])
def test_a_condition_that_may_name_a_person_stands_in_no_address(criteria: list[tuple[str, str]]) -> None:
    """Conditional update and delete have it in the address: refused, also for parameters nobody knows."""
    with pytest.raises(InvalidInput, match="in a bundle"):
        instances.conditional_update(GOAL, criteria)
    with pytest.raises(InvalidInput, match="in a bundle"):
        instances.conditional_delete("Goal", criteria)


def test_a_deletion_of_everything_is_refused() -> None:
    """Without criteria every resource of the type would be meant."""
    with pytest.raises(InvalidInput, match="every resource"):
        instances.conditional_delete("Goal", [])


@pytest.mark.parametrize(
    ("content", "status", "error", "in_doubt"),
    [
        (b"<html>Kari 17851950222</html>", 200, Unavailable, False),
        (b'{"resourceType": "Goal", "id": "g', 200, Unavailable, False),
        (outcome(), 200, Rejected, None),
        (outcome("throttled"), 200, Unavailable, False),
        ({"resourceType": "Patient", "id": "g1"}, 200, Unavailable, False),
        ({"resourceType": "Goal", "id": "g2"}, 200, Rejected, None),
        ({**GOAL, "meta": {"tag": [SUMMARY]}}, 200, Rejected, None),
        (b"", 307, Rejected, None),
        (outcome("not-found"), 404, Rejected, None),
        (b"", 412, Conflict, None),
        (outcome("conflict"), 409, Conflict, None),
        (b"", 429, Unavailable, False),
        (b"", 503, Unavailable, False),
        (b"", 504, Unavailable, True),
        (b"", 501, Rejected, None),
    ],
)
def test_nothing_is_taken_for_what_was_asked(
    content: Any, status: int, error: type[PeerError], in_doubt: bool | None
) -> None:
    """HTML, half an answer, an error with the status 200, another resource, a summary: a typed error without words."""
    with pytest.raises(error) as caught:
        result(instances.read("Goal", "g1"), content, status)
    assert NUMBER not in str(caught.value)
    assert getattr(caught.value, "in_doubt", None) is in_doubt


@pytest.mark.parametrize("etag", ['W/"7"', '"7"', "7"])
def test_a_version_is_read_in_every_form(etag: str) -> None:
    """ETags with and without the mark; `meta.versionId` goes before them."""
    assert result(instances.read("Goal", "g1"), GOAL, etag=etag).version == "7"
    told = {**GOAL, "meta": {"versionId": "8"}}
    assert result(instances.read("Goal", "g1"), told, etag=etag).version == "8"


def test_a_creation_tells_its_place() -> None:
    """By Location, on whatever host, or by the resource that comes back; 200 is one that was there already."""
    made = result(instances.create(GOAL), status=201, location="http://inside:80/fhir/Goal/77/_history/1")
    assert (made.location, made.created) == (Location("Goal", "77", "1"), True)
    there = result(instances.create(GOAL), {**GOAL, "meta": {"versionId": "3"}})
    assert (there.location, there.created) == (Location("Goal", "g1", "3"), False)


@pytest.mark.parametrize("headers", [{}, {"location": "/fhir/Patient/1"}, {"location": "https://server.example/"}])
def test_a_creation_without_a_place_leaves_doubt(headers: dict[str, str]) -> None:
    """201 without Location: it is there, and nobody knows where; it is looked up before it is sent again."""
    interaction = instances.create(GOAL)
    with pytest.raises(Unavailable) as caught:
        result(interaction, status=201, **headers)
    assert next_step(interaction, caught.value) is NextStep.LOOK_UP


def test_a_deletion_and_an_operation_without_a_body() -> None:
    """204 is success; a CapabilityStatement and a response message come as they are."""
    assert result(instances.delete("Goal", "g1"), status=204) is None
    stated = {"resourceType": "CapabilityStatement"}
    assert result(capability(), stated) == stated
    with pytest.raises(Unavailable):
        result(process_message(b"{}"), GOAL)


@pytest.mark.parametrize(
    ("resource", "error"),
    [
        (outcome(), "an error in a page"),
        ({**GOAL, "meta": {"tag": [SUMMARY]}}, "summaries"),
        ({"id": "no type"}, "no resource"),
    ],
)
def test_a_page_with_something_else_is_refused(resource: dict[str, Any], error: str) -> None:
    """An error among the finds, a summary, or no resource at all."""
    with pytest.raises(Rejected, match=error):
        result(searches.search("Goal", []), page(GOAL, resource))


def test_pages_are_followed_on_their_own_host_only() -> None:
    """A next page of the server is read, a warning is left out; one elsewhere, or one read before, is refused."""
    first = result(
        searches.search("Goal", []), page(GOAL, outcome("informational", "warning"), following=f"{BASE}?p=2")
    )
    assert first.resources == (GOAL,)
    following = searches.next_page(first, BASE)
    assert following is not None
    assert following.request(BASE).url == f"{BASE}?p=2"
    assert searches.next_page(result(following, page()), BASE) is None
    with pytest.raises(Rejected, match="back to one"):
        searches.next_page(first, BASE, seen=[f"{BASE}?p=2"])


@pytest.mark.parametrize(
    "link",
    [
        "http://server.example/fhir?p=2",
        "https://server.example:8443/fhir?p=2",
        "https://169.254.169.254/latest",
        "https://server.example@elsewhere.example/fhir",
        "https://server.example:x/fhir",
        "file:///etc/passwd",
    ],
)
def test_no_other_host_is_asked(link: str) -> None:
    """Another scheme, port or host, however it is dressed up; the error names none of it."""
    with pytest.raises(Rejected, match=r"^server\.example: ") as caught:
        own_page(link, BASE)
    assert "169.254" not in str(caught.value)


def test_a_reference_to_another_host_is_none_of_ours() -> None:
    """Relative ones and those below the base are; contained ones, urns and other hosts are not."""
    assert referred("Goal/g1/_history/2", BASE) == referred(f"{BASE}/Goal/g1", BASE) == Location("Goal", "g1")
    for other in ("#g1", "urn:uuid:1", "https://elsewhere.example/fhir/Goal/g1", "Goal", "Goal/g1/$x", "../Goal/g1"):
        assert referred(other, BASE) is None


def test_each_entry_of_a_batch_has_its_own_result() -> None:
    """Inside a 200 one is found, one is asked to come again, one is not there: only the second is sent again."""
    asked = batch([EntryRequest("GET", f"Goal/{n}") for n in range(5)])
    found, busy, missing, lost, short = result(
        asked,
        answers(
            "batch",
            {"resource": GOAL, "response": {"status": "200 OK", "etag": "4"}},
            {"response": {"status": "429 Too Many Requests", "outcome": outcome("throttled")}},
            {"response": {"status": "404", "outcome": outcome("not-found")}},
            {"response": {"status": "200 OK"}},
            {"resource": {**GOAL, "meta": {"tag": [SUMMARY]}}, "response": {"status": "200"}},
        ),
    )
    assert found.resource == GOAL
    assert isinstance(busy.error, Unavailable)
    assert isinstance(missing.error, Rejected)
    assert missing.error.status == 404
    assert isinstance(short.error, Rejected)
    assert to_be_repeated((found, busy, missing, lost, short)) == (1, 3)
    assert NUMBER not in f"{busy.error} {missing.error} {found!r}"


def test_a_transaction_tells_every_place() -> None:
    """Versions by ETag in every form, places by location; an update without a location is where it was sent."""
    sent = transaction([EntryRequest("POST", "Goal", GOAL), EntryRequest("PUT", "Goal/g2", GOAL, if_match="1")])
    first, second = result(
        sent,
        answers(
            "transaction",
            {"response": {"status": "201 Created", "location": "Goal/9/_history/1", "etag": "1"}},
            {"response": {"status": "200 OK", "etag": 'W/"2"'}},
        ),
    )
    assert (first.location, second.location) == (Location("Goal", "9", "1"), Location("Goal", "g2", "2"))


@pytest.mark.parametrize(
    "answer",
    [
        answers("transaction"),
        answers("batch", {"response": {"status": "201", "location": "Goal/9"}}),
        answers("transaction", {"response": {"status": "201 Created"}}),
        answers("transaction", {"response": {"status": "422 No"}}),
        answers("transaction", {"response": {"status": "created"}}),
        answers("transaction", {}),
        GOAL,
        b"<html>",
    ],
)
def test_a_transaction_that_is_not_answered_as_one_leaves_doubt(answer: Any) -> None:
    """Too few entries, no place, no status, an entry that failed: all or nothing was done, and which is to be seen."""
    sent = transaction([EntryRequest("POST", "Goal", GOAL)])
    with pytest.raises(Unavailable) as caught:
        result(sent, answer)
    assert next_step(sent, caught.value) is NextStep.LOOK_UP


@pytest.mark.parametrize(
    ("interaction", "error", "step"),
    [
        (instances.create(GOAL), Unavailable("busy"), NextStep.AGAIN),
        (instances.create(GOAL), Unavailable("late", in_doubt=True), NextStep.LOOK_UP),
        (instances.read("Goal", "g1"), Unavailable("late", in_doubt=True), NextStep.AGAIN),
        (process_message(b"{}"), Unavailable("late", in_doubt=True), NextStep.AGAIN),
        (instances.update(GOAL, if_match="1"), Conflict("stale"), NextStep.READ_AGAIN),
        (instances.read("Goal", "g1"), Rejected("no"), NextStep.GIVE_UP),
    ],
)
def test_the_next_step_is_by_interaction_and_error(
    interaction: Interaction[Any], error: PeerError, step: NextStep
) -> None:
    """What took no effect is sent again; what may have is looked up, unless repeating it is safe."""
    assert next_step(interaction, error) is step


def test_only_reading_may_be_repeated_unseen() -> None:
    """A batch that reads is safe, one that writes is not; nor is a transaction."""
    reads, writes = EntryRequest("GET", "Goal/g1"), EntryRequest("DELETE", "Goal/g1")
    assert batch([reads]).repeat is Repeat.SAFE
    assert batch([reads, writes]).repeat is Repeat.LOOK_UP
    assert transaction([reads]).repeat is Repeat.LOOK_UP
