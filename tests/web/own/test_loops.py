"""The loop by HTTP alone: from the first notice to the green form, and each door's refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ip_fhir.domain.agreement import Agreement
from ip_fhir.domain.values.calendar import moment_of
from ip_fhir.report.ladder import rungs
from ip_fhir.testing.store_samples import outbox_row, work_item
from tests.support.own_program import Program, done, program_of, refused
from tests.support.two_sides import Loop, form, make_loop, notice

KEY = "referral-03"


def sent(loop: Loop, hospital: Program) -> None:
    """The notice is sent, and has arrived."""
    done(hospital.post("notices", notice("03")), 201)
    loop.settle()


def test_from_notice_to_green_form(loop: Loop, hospital: Program, municipality: Program) -> None:
    """What a Python program does from the first notice to the confirmed loop, each step by HTTP."""
    opened = done(hospital.post("notices", notice("03")), 201)
    assert (opened["correlation_id"], opened["state"]) == (KEY, "sent")
    loop.settle()
    (item,) = done(municipality.get("worklist"))["items"]
    assert (item["reason"], item["aggregate"]["id"]) == ("new-notice", KEY)
    assert done(municipality.get(f"worklist/{item['id']}")) == item
    possible = done(municipality.get(f"referrals/{KEY}/acts"))
    assert {"event": "answer", "needs": "form"} in possible["items"]
    assert done(municipality.post(f"referrals/{KEY}/events", {"event": "accept"}))["state"] == "accepted"
    loop.settle()
    assert done(municipality.post("green-forms", form("03-stroke-patient-2")), 201)["state"] == "confirmed"
    loop.settle()
    assert loop.states(KEY) == ("confirmed", "confirmed")
    (news,) = [one for one in done(hospital.get("worklist"))["items"] if one["reason"] == "confirmed"]
    closed = done(hospital.post(f"worklist/{news['id']}/done", {"note": "lest"}))
    assert (closed["by"]["name"], closed["note"]) == ("Nina Ås", "lest")
    again = hospital.post(f"worklist/{news['id']}/done", {"note": "en gang til"})
    assert done(again) == closed


def test_the_author_stands_in_the_evidence(loop: Loop, hospital: Program, municipality: Program) -> None:
    """Who pressed the key is kept with the step, and goes to nobody else."""
    sent(loop, hospital)
    done(municipality.post(f"referrals/{KEY}/events", {"event": "accept"}))
    loop.settle()
    steps = done(municipality.get(f"referrals/{KEY}/evidence"))["items"]
    assert [(step["event"], step.get("by", {}).get("id")) for step in steps][-2:] == [
        ("accept", "nina01"),
        ("receipt-ok", None),
    ]
    theirs = done(hospital.get(f"referrals/{KEY}/evidence"))["items"]
    assert [step["event"] for step in theirs if "by" in step] == ["send"]


def test_pages_of_loops_and_of_steps(loop: Loop, hospital: Program) -> None:
    """Page by page everything is found once; a place of one list is no place of another."""
    for name in ("01", "02", "03", "04", "05"):
        done(hospital.post("notices", notice(name)), 201)
        loop.clock.forward(minutes=1)
    found, cursor = [], ""
    while True:
        page = done(hospital.get(f"referrals?limit=2{cursor}"))
        found += [one["correlation_id"] for one in page["items"]]
        if "next" not in page:
            break
        cursor = f"&cursor={page['next']}"
    assert found == [f"referral-{name}" for name in ("05", "04", "03", "02", "01")]
    assert [one["state"] for one in done(hospital.get("referrals?state=delivered"))["items"]] == []
    foreign = done(hospital.get("referrals?limit=2"))["next"]
    refused(hospital.get(f"referrals?state=sent&cursor={foreign}"), 400, "structure", "cursor")
    refused(hospital.get(f"worklist?cursor={foreign}"), 400, "structure", "cursor")
    refused(hospital.get("referrals?limit=2&cursor=AAAA"), 400, "structure", "cursor")
    loop.settle()
    first = done(hospital.get(f"referrals/{KEY}/evidence?limit=1"))
    second = done(hospital.get(f"referrals/{KEY}/evidence?limit=1&cursor={first['next']}"))
    assert [first["items"][0]["event"], second["items"][0]["event"]] == ["send", "receipt-ok"]
    assert "next" not in second


def test_the_worklist_in_pages(loop: Loop, hospital: Program, municipality: Program) -> None:
    """An item that somebody does between two pages moves no other out of sight."""
    for name in ("01", "02", "03", "04"):
        done(hospital.post("notices", notice(name)), 201)
        loop.clock.forward(minutes=1)
        loop.settle()
    first = done(municipality.get("worklist?limit=2"))
    done(municipality.post(f"worklist/{first['items'][0]['id']}/done", {}))
    done(municipality.post(f"worklist/{first['items'][1]['id']}/done", {}))
    second = done(municipality.get(f"worklist?limit=2&cursor={first['next']}"))
    seen = [one["aggregate"]["id"] for one in first["items"] + second["items"]]
    assert seen == ["referral-01", "referral-02", "referral-03", "referral-04"]
    assert "next" not in second
    everything = done(municipality.get("worklist?all=true&loop=referral-01"))["items"]
    assert [one["aggregate"]["id"] for one in everything] == ["referral-01"]


def test_loops_are_found_by_a_person_who_stands_in_no_address(loop: Loop, hospital: Program) -> None:
    """The number is in the body; a wrong one is named by its place alone."""
    sent(loop, hospital)
    person = str(notice("03").owner.identifier)
    found = done(hospital.post("referrals/search", {"person": person}))
    assert [one["correlation_id"] for one in found["items"]] == [KEY]
    other = str(notice("01").owner.identifier)
    assert done(hospital.post("referrals/search", {"person": other}))["items"] == []
    details = refused(hospital.post("referrals/search", {"person": "14826121540"}), 422, "value", "person")
    assert "14826121540" not in str(details)


@pytest.mark.parametrize(
    ("act", "status", "code", "path"),
    [
        ({"event": "dance"}, 422, "code-invalid", "event"),
        ({"event": "receipt-ok"}, 422, "code-invalid", "event"),
        ({"event": "remind"}, 422, "code-invalid", "event"),
        ({"event": "ask-information"}, 422, "required", None),
        ({"event": "answer"}, 422, "required", None),
        ({}, 422, "required", "event"),
        ({"event": "accept", "text": 3}, 422, "value", "text"),
        ({"event": "accept", "form": {}}, 422, "required", "form.id"),
        ({"event": "accept", "at": "2026-01-01T00:00:00Z"}, 422, "business-rule", "at"),
        ({"event": "accept", "at": "2027-01-01T00:00:00Z"}, 503, "business-rule", "event.at"),
        ({"event": "accept", "at": 17}, 422, "value", "at"),
        ([], 422, "structure", None),
        (b"{", 422, "structure", None),
        (b"\xff\xfe", 422, "structure", None),
        (b'{"event": "accept", "event": "close"}', 422, "structure", "event"),
        (b"", 422, "structure", None),
    ],
)
def test_an_act_that_cannot_be(
    loop: Loop, hospital: Program, municipality: Program, act: Any, status: int, code: str, path: str | None
) -> None:
    """Each is refused with its place, and the loop is as it was."""
    sent(loop, hospital)
    details = municipality.post(f"referrals/{KEY}/events", act)
    if code == "structure":
        assert details.status_code in {400, 422}
        refused(details, details.status_code, code, path)
    else:
        refused(details, status, code, path)
    assert loop.state(loop.municipality, KEY) == "delivered"


def test_an_act_that_the_loop_does_not_allow(loop: Loop, hospital: Program, municipality: Program) -> None:
    """A loop that is closed takes nothing more: 409, with the reason."""
    sent(loop, hospital)
    done(municipality.post(f"referrals/{KEY}/events", {"event": "close", "text": "flyttet"}))
    refused(municipality.post(f"referrals/{KEY}/events", {"event": "accept"}), 409, "business-rule")


def test_two_authors_decide_on_the_same_loop(loop: Loop, hospital: Program, municipality: Program) -> None:
    """The second one, who looked at the loop before the first one's act, is told so, and nothing is changed."""
    sent(loop, hospital)
    looked = municipality.get(f"referrals/{KEY}").headers["etag"]
    done(municipality.post(f"referrals/{KEY}/events", {"event": "accept"}, If_Match=looked))
    late = municipality.post(f"referrals/{KEY}/events", {"event": "close", "text": "flyttet"}, If_Match=looked)
    refused(late, 412, "conflict")
    assert loop.state(loop.municipality, KEY) == "accepted"
    refused(municipality.post("green-forms", form("03-stroke-patient-2"), If_Match=looked), 412, "conflict")
    for wrong in ("*", "", "3", 'W/"3", "4"'):
        act = municipality.post(f"referrals/{KEY}/events", {"event": "assess"}, If_Match=wrong)
        refused(act, 400, "value", "If-Match")
    looked = municipality.get(f"referrals/{KEY}/acts").headers["etag"]
    assert done(municipality.post(f"referrals/{KEY}/events", {"event": "assess"}, If_Match=looked))["state"]


def test_what_is_not_there(municipality: Program) -> None:
    """404 for every door with an id, and no id is echoed that may be a person's number."""
    for path in (
        "referrals/x",
        "referrals/x/acts",
        "referrals/x/evidence",
        "referrals/x/not-read",
        "worklist/x",
        "outbox/x",
    ):
        refused(municipality.get(path), 404, "not-found")
    for path, body in (
        ("referrals/x/events", {"event": "accept"}),
        ("referrals/x/disclosures", {"party": "hospital", "parts": []}),
        ("worklist/x/done", {}),
        ("outbox/x/park", {"reason": "feil mottaker"}),
        ("outbox/x/retry", None),
        ("outbox/x/release", {}),
        ("outbox/x/withhold", {"reason": "feil mottaker"}),
        ("green-forms", form("03-stroke-patient-2")),
    ):
        refused(municipality.post(path, body), 404, "not-found")
    assert "14826121549" not in municipality.get("referrals/14826121549").text


def test_a_message_is_parked_and_sent_again(loop: Loop, hospital: Program) -> None:
    """A person stops a message that waits, and sends it later: the same bytes."""
    loop.hospital.wire.break_with = TimeoutError()
    done(hospital.post("notices", notice("03")), 201)
    loop.hospital.exchange.run_due()
    (row,) = done(hospital.get("outbox?status=waiting"))["items"]
    assert (row["what"], row["party"], row["attempts"]) == ("notice", "municipality", 1)
    assert done(hospital.post(f"outbox/{row['id']}/park", {"reason": "feil mottaker"}))["status"] == "parked"
    assert [one["id"] for one in done(hospital.get("outbox"))["items"]] == [row["id"]]
    refused(hospital.post(f"outbox/{row['id']}/park", {"reason": "igjen"}), 422, "business-rule")
    refused(hospital.post(f"outbox/{row['id']}/withhold", {"reason": "igjen"}), 422, "business-rule")
    refused(hospital.post(f"outbox/{row['id']}/release", {}), 422, "business-rule")
    loop.hospital.wire.break_with = None
    assert done(hospital.post(f"outbox/{row['id']}/retry"))["status"] == "waiting"
    loop.settle()
    assert loop.states(KEY) == ("delivered", "delivered")
    assert done(hospital.get(f"outbox/{row['id']}"))["status"] == "sent"
    first = done(hospital.get("outbox?status=all&limit=1"))
    second = done(hospital.get(f"outbox?status=all&limit=1&cursor={first['next']}"))
    assert first["items"][0]["id"] != second["items"][0]["id"]


def test_what_stands_in_the_settings(loop: Loop, municipality: Program) -> None:
    """Parties, agreements and the head of the chain are no person's, and need no author."""
    anonymous = municipality.without("Author-Id", "Author-Name")
    assert [one["name"] for one in done(anonymous.get("parties"))["items"]] == ["us", "hospital"]
    assert done(anonymous.get("agreements")) == {"items": []}
    assert done(anonymous.get("evidence/head")) == {"number": 0, "hash": "0" * 64}
    assert done(municipality.get("refusals")) == {"items": []}


def test_a_hospital_does_not_answer_and_a_municipality_does_not_send(
    loop: Loop, hospital: Program, municipality: Program
) -> None:
    """Each side's doors are the same, and its role decides."""
    refused(municipality.post("notices", notice("03")), 409, "business-rule")
    sent(loop, hospital)
    refused(hospital.post("green-forms", form("03-stroke-patient-2")), 409, "business-rule")


@pytest.mark.slow
def test_lists_that_are_longer_than_anybody_reads(loop: Loop, municipality: Program) -> None:
    """Of more than ten thousand items and messages each is found once, page by page; nobody is cut off."""
    number = 10_001
    store: Any = loop.municipality.exchange.store
    with store.begin() as transaction:
        transaction.open_items([work_item(f"i-{n:05}", of=f"r-{n}") for n in range(number)])
        transaction.enqueue([outbox_row(f"o-{n:05}", f"r-{n}") for n in range(number)])
    for path, letter in (("worklist?limit=1000", "i"), ("outbox?status=waiting&limit=1000", "o")):
        found: list[str] = []
        page = done(municipality.get(path))
        found += [one["id"] for one in page["items"]]
        while "next" in page:
            page = done(municipality.get(f"{path}&cursor={page['next']}"))
            found += [one["id"] for one in page["items"]]
        assert found == [f"{letter}-{n:05}" for n in range(number)]


def test_when_reminders_fall(tmp_path: Path) -> None:
    """Each agreement of the settings on a calendar, as `ip-fhir agreement explain`; a day that there is not: 400."""
    agreement = Agreement(name="Avtalen", acceptance_days=2, answer_days=5)
    loop = make_loop(tmp_path, agreements=(agreement,))
    program = program_of(loop.hospital.exchange).without("Author-Id", "Author-Name")
    found = done(program.get("agreements/explained?sent=2026-03-30"))
    assert found["sent"] == "2026-03-30T10:00:00Z"
    (ladder,) = found["items"]
    assert (ladder["name"], ladder["steps"][0]["kind"], ladder["steps"][0]["day"]) == (
        "Avtalen", "acceptance", "2026-04-01",
    )  # fmt: skip
    expected = [(rung.step.kind, rung.days) for rung in rungs(agreement, moment_of("2026-03-30"))]
    assert [(step["kind"], step["working_days"]) for step in ladder["steps"]] == expected
    assert ladder["steps"][1]["holidays"] == ["2026-04-02", "2026-04-03", "2026-04-06"]
    assert done(program.get("agreements/explained"))["sent"] == "2026-01-12T13:00:00Z"
    for sent in ("2026-02-30", "i+dag", "2026-03-30T25:00"):
        refused(program.get(f"agreements/explained?sent={sent}"), 400, "value", "sent")
    loop.hospital.exchange.close()
    loop.municipality.exchange.close()


def test_the_evidence_is_checked(loop: Loop, hospital: Program, municipality: Program) -> None:
    """Whole with the head that was kept; not with one that the chain never had, and not where there is nothing."""
    anonymous = hospital.without("Author-Id", "Author-Name")
    empty = done(anonymous.get("evidence/verification"))
    assert (empty["whole"], empty["problems"][0]["path"]) == (False, "evidence")
    sent(loop, hospital)
    head = done(anonymous.get("evidence/head"))
    found = done(anonymous.get(f"evidence/verification?expect={head['number']}-{head['hash']}"))
    assert found == {"whole": True, "head": head}
    other = done(anonymous.get(f"evidence/verification?expect={head['number']}-{'0' * 64}"))
    assert (other["whole"], len(other["problems"])) == (False, 1)
    refused(anonymous.get("evidence/verification?expect=1"), 400, "value", "expect")
