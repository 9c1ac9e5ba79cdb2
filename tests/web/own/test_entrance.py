"""The entrance: tokens, authors, keys, bodies. Whatever comes, the answer is a problem that names nobody."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from ip_fhir.domain.notice import Notice
from ip_fhir.fhir.reading import Limits
from ip_fhir.web.app import create_app
from ip_fhir.web.own.openapi import all_doors
from tests.support.own_program import AUTHOR, TOKEN, Program, done, program_of, refused
from tests.support.two_sides import TOKENS, Loop, make_loop, notice

DOORS = all_doors()


def path_of(door: Any) -> str:
    """An address of a door."""
    path: str = door.path
    for name in door.ids:
        path = path.replace(f"{{{name}}}", "1")
    return path


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_each_door_wants_a_token_of_our_own(narrow: Program, door: Any) -> None:
    """Without one, with a peer's, with a wrong one: 401, and the body is not looked at."""
    for shown in (None, f"Bearer {TOKENS['hospital']}", "Bearer of-nobody-at-all", "Basic bmluYTpuaW5h"):
        headers = {**AUTHOR, "Content-Type": "application/json"} | ({"Authorization": shown} if shown else {})
        answer = narrow.client.request(door.method, path_of(door), headers=headers, content=b"{")
        assert answer.status_code in {401, 429}  # of many doors one after another
        refused(answer, answer.status_code, "security" if answer.status_code == 401 else "throttled")
        assert answer.status_code == 429 or answer.headers["www-authenticate"].startswith("Bearer")


def test_a_token_of_our_own_is_no_peers(loop: Loop) -> None:
    """At the address for peers it opens nothing, and there is no /own."""
    with TestClient(create_app(loop.municipality.exchange), raise_server_exceptions=False) as client:
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/fhir+json"}
        assert client.get("/Task/referral-03-1", headers=headers).status_code == 401
        assert client.post("/$process-message", headers=headers, content=b"{}").status_code == 401
        for shown in (TOKEN, TOKENS["hospital"]):
            assert client.get("/own/referrals", headers={"Authorization": f"Bearer {shown}"}).status_code == 404


def test_who_guesses_tokens_waits(municipality: Program) -> None:
    """After ten wrong ones the next waits; a program that was let in before is not shut out."""
    done(municipality.get("parties"))
    answers = [municipality.get("parties", Authorization=f"Bearer wrong-token-number-{n}") for n in range(12)]
    refused(answers[0], 401, "security")
    refused(answers[-1], 429, "throttled")
    assert int(answers[-1].headers["retry-after"]) >= 1
    done(municipality.get("parties"))


@pytest.mark.parametrize("door", [door for door in DOORS if door.needs_author], ids=lambda door: door.name)
def test_each_call_has_an_author(narrow: Program, door: Any) -> None:
    """Every door that shows or changes what is about a person wants to know for whom: 400 at the header."""
    for missing in AUTHOR:
        answer = narrow.without(missing).ask(door.method, path_of(door), {} if door.takes else None)
        refused(answer, 400, "required", missing)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Author-Name", "Nina Ås".encode()),
        ("Author-Name", "Nina%"),
        ("Author-Name", "%FF"),
        ("Author-Name", "%20"),
        ("Author-Name", "x" * 256),
        ("Author-Id", "%00"),
        ("Author-Id", ""),
    ],
)
def test_an_author_who_cannot_be_read(municipality: Program, header: str, value: Any) -> None:
    """A name that is not UTF-8, percent-encoded, or is blank or endless: 400 at its header."""
    headers = [(name, text) for name, text in municipality.headers.items() if name != header] + [(header, value)]
    refused(municipality.client.get("/own/referrals", headers=headers), 400, "value", header)


def test_the_same_key_is_done_once(loop: Loop, municipality: Program, hospital: Program) -> None:
    """Asked again, because no answer came, nothing happens and the answer is the same; another request is refused."""
    done(hospital.post("notices", notice("03"), Idempotency_Key='"k-1"'), 201)
    loop.settle()
    reminder = {"event": "remind", "text": "haster"}
    first = hospital.post("referrals/referral-03/events", reminder, Idempotency_Key="k-2")
    again = hospital.post("referrals/referral-03/events", reminder, Idempotency_Key='"k-2"')
    assert done(first) == done(again)
    assert first.headers["etag"] == again.headers["etag"]
    assert done(again)["reminders"] == 1
    other = hospital.post("referrals/referral-03/events", {**reminder, "text": "igjen"}, Idempotency_Key="k-2")
    refused(other, 422, "duplicate", "Idempotency-Key")
    for_another = hospital.post("referrals/referral-03/events", reminder, Idempotency_Key="k-2", Author_Id="ola02")
    refused(for_another, 422, "duplicate", "Idempotency-Key")
    refused(hospital.post("notices", notice("01"), Idempotency_Key="k-1"), 422, "duplicate", "Idempotency-Key")
    theirs = hospital.post(
        "referrals/referral-03/events", reminder, Idempotency_Key="k-2", Authorization=f"Bearer other-{TOKEN}"
    )
    assert done(theirs)["reminders"] == 2


def test_a_refusal_uses_up_no_key(loop: Loop, municipality: Program, hospital: Program) -> None:
    """What was refused may be put right under the same key."""
    done(hospital.post("notices", notice("03")), 201)
    loop.settle()
    refused(
        municipality.post("referrals/referral-03/events", {"event": "assess"}, Idempotency_Key="k", If_Match='"9"'),
        412,
        "conflict",
    )
    done(municipality.post("referrals/referral-03/events", {"event": "assess"}, Idempotency_Key="k"))


@pytest.mark.parametrize("key", ["", '"', 'a"b', "k" * 256, "a b", "k\x7f"])
def test_a_key_that_is_none(hospital: Program, key: str) -> None:
    """A key of another form is refused before anything is done."""
    refused(hospital.post("notices", notice("03"), Idempotency_Key=key), 400, "value", "Idempotency-Key")


def test_two_threads_with_the_same_key(loop: Loop, hospital: Program) -> None:
    """At once, from eight threads: one reminder, and everybody is told of it or asked to come again."""
    done(hospital.post("notices", notice("03")), 201)
    loop.settle()
    answers: list[Any] = []

    def remind() -> None:
        answers.append(hospital.post("referrals/referral-03/events", {"event": "remind"}, Idempotency_Key="one"))

    threads = [threading.Thread(target=remind) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert 200 in {answer.status_code for answer in answers}
    assert done(hospital.get("referrals/referral-03"))["reminders"] == 1


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A program of a municipality that takes little at a time."""
    small = Limits(max_bytes=20_000, max_parts=500)
    loop = make_loop(tmp_path_factory.mktemp("narrow"), limits=small)
    program = program_of(loop.municipality.exchange)
    done(program.get("parties"))  # from now on others' wrong tokens do not shut it out
    yield program
    assert loop.municipality.exchange.store.outbox() == []
    loop.hospital.exchange.close()
    loop.municipality.exchange.close()


@pytest.mark.parametrize("door", [door for door in DOORS if door.takes], ids=lambda door: door.name)
def test_each_body_is_bounded(narrow: Program, door: Any) -> None:
    """Large, deep, of many parts, compressed, of another type: a typed answer for each door, and nothing is stored."""
    path, kind = path_of(door), door.takes.kind
    refused(narrow.ask(door.method, path, b"[" + b" " * 20_001, Content_Type=kind), 413, "too-long")
    if kind == "application/json":
        assert narrow.ask(door.method, path, b'{"text":' * 2_000, Content_Type=kind).status_code in {400, 413, 422}
        refused(narrow.ask(door.method, path, b"[" + b"{}," * 600 + b"{}]", Content_Type=kind), 413, "too-costly")
    refused(narrow.ask(door.method, path, b"{}", Content_Type="text/html"), 415, "not-supported", "Content-Type")
    refused(narrow.ask(door.method, path, b"{}", Content_Type=f"{kind}; charset=utf-16"), 415, "not-supported")
    packed = narrow.ask(door.method, path, b"{}", Content_Type=kind, Content_Encoding="gzip")
    refused(packed, 415, "not-supported", "Content-Encoding")


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "limit=1&limit=2", "limit=%31%30%30%30%30", "state=happy", "x=1"]
)
def test_a_parameter_that_cannot_be(municipality: Program, query: str) -> None:
    """400 at the parameter; what stood there is not repeated."""
    details = refused(
        municipality.get(f"referrals?{query}"),
        400,
        "code-invalid" if "state" in query else ("structure" if "&" in query else "value"),
    )
    assert "happy" not in str(details)


def test_no_such_address_or_method(municipality: Program) -> None:
    """404 and 405 are problems, too; a person's number in an address is not repeated."""
    refused(municipality.get("persons/14826121549"), 404, "not-found")
    answer = municipality.ask("DELETE", "referrals")
    refused(answer, 405, "not-supported")
    assert "GET" in answer.headers["allow"]


def test_nobody_is_named(loop: Loop, hospital: Program, caplog: pytest.LogCaptureFixture) -> None:
    """No refusal and no line of the log has a word of a person, though what was sent is full of them."""
    data = notice("03").to_data()
    wrong = [
        {**data, "owner": {**data["owner"], "identifier": "14826121540"}},
        {**data, "kind": "Bjørnstad"},
        {**data, "Bjørnstad": "Håvard"},
        {**data, "authored": "Bjørnstad"},
        {**data, "correlation_id": "14826121549"},
    ]
    texts = [hospital.post("notices", body).text for body in wrong]
    texts += [hospital.post("referrals/Bjørnstad/events", {"event": "Bjørnstad"}).text]
    done(hospital.post("notices", notice("03"), Idempotency_Key="14826121549"), 201)
    loop.settle()
    everything = "\n".join([*texts, caplog.text])
    owner = Notice.from_data(data).owner
    for word in (owner.name.family, str(owner.name.given), str(owner.identifier), "14826121540", "Nina"):
        assert word not in everything
