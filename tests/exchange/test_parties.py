"""Who one is comes from the credential: nobody speaks in another's name, whatever a message says of its sender."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ip_fhir.domain.agreement import Agreement, Party
from ip_fhir.domain.consent.consent import Access, Consent, ConsentKind, Provision
from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.people import Organization, OrganizationKind
from ip_fhir.domain.referral import EventKind, Role
from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.errors import ConsentRefused, InvalidInput, LoopError
from ip_fhir.exchange import Exchange
from ip_fhir.exchange.access.keys import _own_key
from ip_fhir.exchange.access.parties import parties_of
from ip_fhir.exchange.peers import Carrier, Peer
from ip_fhir.fhir.reading import read_json
from ip_fhir.mapping import message_from_fhir
from ip_fhir.ports import Receipt
from tests.support.town import (
    US,
    Post,
    hand_in,
    message,
    notice_of,
    opening,
    organization,
    peer,
    seen_by,
    side,
)
from tests.support.two_sides import START, form

ENTERPRISE = "312001373"
H = organization("org-h", her_id="90000101", organization_number=ENTERPRISE)
X = organization("org-x", her_id="90000999")
H2 = organization("org-h2", her_id="90000777", organization_number="312004119")
SCHOOL = organization("org-school", OrganizationKind.SCHOOL, her_id="90000888")
UNIT = organization("org-unit", OrganizationKind.COORDINATING_UNIT, her_id="90000666", organization_number="312028778")

Made = Callable[..., Exchange]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    """Our side with these peers, closed in the end."""
    open_: list[Exchange] = []

    def make(*peers: Peer, carriers: tuple[Carrier, ...] = (), **more: Any) -> Exchange:
        open_.append(side(tmp_path, peers, carriers, **more))
        return open_[-1]

    yield make
    for exchange in open_:
        exchange.close()


def town(made: Made, **more: Any) -> Exchange:
    """A hospital, another, a school, and a unit that passes on the first's notices."""
    post = Post()
    unit = peer("unit", post, UNIT, passes_on=("h",))
    return made(peer("h", post, H), peer("x", post, X), peer("school", post, SCHOOL), unit, **more)


def refused(exchange: Exchange, content: bytes, token: str) -> InvalidInput:
    """The error about a message in another's name; nothing is stored but the refusal."""
    before = (exchange.store.evidence(), len(exchange.store.referrals()))
    with pytest.raises(InvalidInput) as caught:
        hand_in(exchange, content, token)
    assert caught.value.status == 403
    assert (exchange.store.evidence(), len(exchange.store.referrals())) == before
    return caught.value


# --- in another's name


@pytest.mark.parametrize(
    "said",
    [
        {"organization_number": ENTERPRISE},
        {"organization_number": ENTERPRISE, "her_id": "90000999"},
        {"organization_number": ENTERPRISE, "resh_id": "9900101"},
        {"her_id": "90000101"},
        {"her_id": "90000998"},
    ],
    ids=["another's number", "mixed numbers", "another's and an unknown one", "another's HER-id", "a HER-id too many"],
)
@pytest.mark.parametrize("place", ["message", "notice", "both"])
def test_numbers_that_are_not_ones_own(made: Made, said: dict[str, Any], place: str) -> None:
    """Whoever says them, as sender of the message or of the notice, with whatever id and name: nothing is opened."""
    exchange, forged = town(made), organization("org-x", **said)
    sender, named = (X if place == "notice" else forged), (X if place == "message" else forged)
    refused(exchange, opening(sender, named=named), "token-of-x")
    assert hand_in(exchange, opening(H), "token-of-h").code == "ok"
    assert seen_by(exchange, "token-of-x") == []


def test_an_id_of_anothers_tells_nothing(made: Made) -> None:
    """An organisation that calls itself by another's id and name, and gives no number, is the credential's."""
    exchange = town(made)
    forged = Organization(id=H.id, name=H.name, kind=H.kind)
    assert hand_in(exchange, opening(forged), "token-of-x").code == "ok"
    stored = exchange.store.referral("loop")
    assert stored is not None
    assert stored.referral.party == "x"
    assert stored.referral.notice.organization("by").name == H.name, "what was said is kept as it came"
    assert exchange.store.evidence("loop")[0].record.event.party == "x"
    assert (seen_by(exchange, "token-of-h"), seen_by(exchange, "token-of-x")) == ([], ["loop"])


def test_what_we_answer_goes_to_the_party(made: Made) -> None:
    """Not to whom the numbers in the notice might mean: it is routed by the credential that brought the notice."""
    post = Post()
    exchange = made(peer("h", post, H), peer("x", post, X))
    hand_in(exchange, opening(organization("somebody")), "token-of-x")
    exchange.act("loop", EventKind.ACCEPT)
    exchange.run_due()
    assert [address for address, _ in post.sent] == ["post://x"]


def test_two_systems_of_one_enterprise_are_two_parties(made: Made) -> None:
    """They share the organisation number; neither finds, nor cancels, what is the other's."""
    post = Post()
    other = organization("org-h", her_id="90000777", organization_number=ENTERPRISE)
    exchange = made(peer("h", post, H), peer("x2", post, other))
    assert hand_in(exchange, opening(H), "token-of-h").code == "ok"
    assert (seen_by(exchange, "token-of-h"), seen_by(exchange, "token-of-x2")) == (["loop"], [])
    refused(exchange, message(MessageKind.CANCELLATION, H), "token-of-x2")
    shared = organization("org-h", organization_number=ENTERPRISE)
    for said in (other, shared, organization("org-h")):
        cancelled = message(MessageKind.CANCELLATION, said, id=f"m-{said.her_id}-{said.organization_number}")
        receipt = hand_in(exchange, cancelled, "token-of-x2")
        assert (receipt.code, receipt.problems[0].code) == ("transient-error", "not-found")
    assert state(exchange) == "delivered"
    assert hand_in(exchange, message(MessageKind.CANCELLATION, shared), "token-of-h").code == "ok"
    assert state(exchange) == "cancelled"


def state(exchange: Exchange, key: str = "loop") -> str:
    """Where a loop stands."""
    stored = exchange.store.referral(key)
    return str(stored.referral.state) if stored is not None else "none"


def test_a_task_is_changed_by_its_party_only(made: Made) -> None:
    """Another's Task is not there; one's own is changed in one's own name."""
    exchange = town(made)
    hand_in(exchange, opening(H), "token-of-h")
    (task,) = exchange.store.search_resources("Task", {})
    cancelled = {**task.body, "status": "cancelled"}
    for token in ("token-of-x", "token-of-school", "token-of-unit"):
        credential = exchange.peer_by_token(token)
        assert credential is not None
        with pytest.raises(InvalidInput, match="no resource with this id"):
            exchange.update_resource(credential, "Task", task.id, task.version, cancelled)
    owner = exchange.peer_by_token("token-of-h")
    assert owner is not None
    exchange.update_resource(owner, "Task", task.id, task.version, cancelled)
    assert state(exchange) == "cancelled"
    assert exchange.store.evidence("loop")[-1].record.event.party == "h"


def test_a_message_to_somebody_else(made: Made) -> None:
    """It is ours by a number that is ours alone; our id and name tell nothing, nor does a number that others share."""
    post = Post()
    enterprise = organization("org-h", her_id="90000101", organization_number=str(US.organization_number))
    exchange = made(peer("h", post, enterprise))
    nameless = Organization(id=US.id, name=US.name, kind=US.kind)
    for recipient in (nameless, nameless.evolve(organization_number=US.organization_number)):
        with pytest.raises(InvalidInput, match="addressed to somebody else"):
            hand_in(exchange, opening(enterprise, recipient=recipient), "token-of-h")
    assert hand_in(exchange, opening(enterprise), "token-of-h").code == "ok"


# --- units


def test_an_open_list_of_units(made: Made) -> None:
    """A number that settings do not know is kept and shown, and opens nothing to anybody."""
    exchange = town(made)
    ward = organization("ward", her_id="90000101", resh_id="9900101")
    assert hand_in(exchange, opening(ward), "token-of-h").code == "ok"
    stored = exchange.store.referral("loop")
    assert stored is not None
    assert (stored.referral.party, stored.referral.notice.organization("by").resh_id) == ("h", "9900101")
    claimed = organization("ward", her_id="90000999", resh_id="9900101")
    assert hand_in(exchange, opening(claimed, "other"), "token-of-x").code == "ok"
    assert (seen_by(exchange, "token-of-h"), seen_by(exchange, "token-of-x")) == (["loop"], ["other"])


def test_a_closed_list_of_units(made: Made) -> None:
    """A number that settings do not know is refused, with the reason; a known one is taken."""
    exchange = town(made, closed=True)
    ward = organization("ward", her_id="90000101", resh_id="9900101")
    assert "no list of units in the settings" in str(refused(exchange, opening(ward), "token-of-h"))
    assert hand_in(exchange, opening(H), "token-of-h").code == "ok"


# --- passing on


def test_a_school_brings_no_notice_of_a_hospitals(made: Made) -> None:
    """Only a party that may pass on that hospital's notices does."""
    exchange = town(made)
    refused(exchange, opening(SCHOOL, named=H), "token-of-school")
    refused(exchange, opening(UNIT, named=X), "token-of-unit")
    refused(exchange, opening(X, named=H), "token-of-x")
    nameless = Organization(id=H.id, name=H.name, kind=H.kind)
    refused(exchange, opening(UNIT, named=nameless), "token-of-unit")


def test_a_notice_that_is_passed_on_is_the_hospitals(made: Made) -> None:
    """The loop is the hospital's, which alone may end it; the evidence says who brought it."""
    exchange = town(made)
    assert hand_in(exchange, opening(UNIT, named=H), "token-of-unit").code == "ok"
    stored = exchange.store.referral("loop")
    assert stored is not None
    assert stored.referral.party == "h"
    event = exchange.store.evidence("loop")[0].record.event
    assert (event.party, event.sender and event.sender.her_id) == ("unit", UNIT.her_id)
    assert (seen_by(exchange, "token-of-h"), seen_by(exchange, "token-of-unit")) == (["loop"], [])
    receipt = hand_in(exchange, message(MessageKind.CANCELLATION, UNIT), "token-of-unit")
    assert receipt.code == "transient-error"
    assert hand_in(exchange, message(MessageKind.CANCELLATION, H, id="m-of-h"), "token-of-h").code == "ok"
    assert state(exchange) == "cancelled"


def test_who_passes_on_may_have_notices_of_its_own(made: Made) -> None:
    """A number of its own says so."""
    exchange = town(made)
    assert hand_in(exchange, opening(UNIT), "token-of-unit").code == "ok"
    stored = exchange.store.referral("loop")
    assert stored is not None
    assert stored.referral.party == "unit"


def test_a_unit_that_it_was_passed_on_to_does_not_speak_for_the_hospital(made: Made) -> None:
    """It may see the loop that it was given, and say nothing there in the hospital's stead: by message or by Task."""
    exchange = town(made)
    hand_in(exchange, opening(H), "token-of-h")
    away = form("03-stroke-patient-2")
    away = away.evolve(
        answers="loop", decision="forwarded", forwarded_to="next", coordinators=(), plan_state=None,
        organizations=(*away.organizations, UNIT.evolve(id="next")),
    )  # fmt: skip
    exchange.answer(away)
    assert state(exchange) == "forwarded"
    assert seen_by(exchange, "token-of-unit") == ["loop"]
    receipt = hand_in(exchange, message(MessageKind.WITHDRAWAL, UNIT), "token-of-unit")
    assert (receipt.code, receipt.problems[0].code) == ("fatal-error", "business-rule")
    unit = exchange.peer_by_token("token-of-unit")
    assert unit is not None
    (task,) = exchange.search_resources(unit, "Task", {}).found
    with pytest.raises(LoopError, match="for the hospital to say whose notice it is"):
        exchange.update_resource(unit, "Task", task.id, task.version, {**task.body, "status": "cancelled"})
    assert state(exchange) == "forwarded"
    stored = exchange.store.referral("loop")
    assert stored is not None
    assert stored.referral.forms[0].to_party == "unit"


# --- carriers


ENGINE = Carrier("engine", ("h", "h2"), ("token-of-the-engine",))


def carried(made: Made) -> tuple[Exchange, Post]:
    """Two hospitals behind an engine, and one beside it."""
    post = Post()
    peers = (peer("h", post, H), peer("h2", post, H2), peer("x", post, X))
    return made(*peers, carriers=(ENGINE,)), post


def test_a_carrier_brings_the_messages_of_its_parties(made: Made) -> None:
    """Each message is the party's whose number it gives; the answers go to that party."""
    exchange, post = carried(made)
    assert hand_in(exchange, opening(H, "one"), "token-of-the-engine").code == "ok"
    bare = organization("org", organization_number=str(H2.organization_number))
    assert hand_in(exchange, opening(bare, "two"), "token-of-the-engine").code == "ok"
    loops = {referral.correlation_id: referral.party for referral in exchange.store.referrals()}
    assert loops == {"one": "h", "two": "h2"}
    assert seen_by(exchange, "token-of-the-engine") == ["one", "two"]
    assert (seen_by(exchange, "token-of-h"), seen_by(exchange, "token-of-h2")) == (["one"], ["two"])
    exchange.act("two", EventKind.ACCEPT)
    exchange.run_due()
    assert [address for address, _ in post.sent] == ["post://h2"]


@pytest.mark.parametrize(
    "said",
    [X, organization("org-h"), organization("org-h", resh_id="9900101"), H.evolve(her_id="90000777")],
    ids=["another party", "no number", "a number of nobody's", "numbers of two"],
)
def test_a_carrier_says_which_party(made: Made, said: Organization) -> None:
    """By a number that is that party's alone: in message, notice and later messages; else it is refused."""
    exchange, _ = carried(made)
    refused(exchange, opening(said), "token-of-the-engine")
    refused(exchange, opening(H, named=said), "token-of-the-engine")
    refused(exchange, opening(H, named=H2), "token-of-the-engine")
    hand_in(exchange, opening(H), "token-of-the-engine")
    refused(exchange, message(MessageKind.CANCELLATION, said), "token-of-the-engine")
    assert state(exchange) == "delivered"


def test_a_partys_messages_by_two_ways(made: Made) -> None:
    """The same message by its own credential and by the carrier is one message; another party's is not."""
    exchange, _ = carried(made)
    first = opening(H, id="m-1")
    assert hand_in(exchange, first, "token-of-the-engine").code == "ok"
    assert hand_in(exchange, first, "token-of-h").code == "ok"
    assert len(exchange.store.evidence()) == 1
    assert hand_in(exchange, opening(H2, "two", id="m-1"), "token-of-the-engine").code == "ok"
    other = hand_in(exchange, message(MessageKind.CANCELLATION, H2), "token-of-the-engine")
    assert other.code == "transient-error"
    assert state(exchange) == "delivered"


def test_a_carrier_changes_a_task_in_the_name_of_its_party(made: Made) -> None:
    """The one that the loop concerns."""
    exchange, _ = carried(made)
    hand_in(exchange, opening(H), "token-of-the-engine")
    (task,) = exchange.search_resources(ENGINE, "Task", {}).found
    exchange.update_resource(ENGINE, "Task", task.id, task.version, {**task.body, "status": "cancelled"})
    assert exchange.store.evidence("loop")[-1].record.event.party == "h"


def test_a_task_that_concerns_two_of_a_carriers_parties(made: Made) -> None:
    """There is no telling in whose name the carrier changes it: refused; it may read it."""
    post = Post()
    carrier = Carrier("host", ("h", "unit"), ("token-of-the-host",))
    exchange = made(peer("h", post, H), peer("unit", post, UNIT), carriers=(carrier,))
    hand_in(exchange, opening(H), "token-of-h")
    away = form("03-stroke-patient-2")
    away = away.evolve(
        answers="loop", decision="forwarded", forwarded_to="next", coordinators=(), plan_state=None,
        organizations=(*away.organizations, UNIT.evolve(id="next")),
    )  # fmt: skip
    exchange.answer(away)
    (task,) = exchange.search_resources(carrier, "Task", {}).found
    with pytest.raises(InvalidInput, match="several parties of this carrier"):
        exchange.update_resource(carrier, "Task", task.id, task.version, {**task.body, "status": "cancelled"})


def test_a_receipt_by_way_of_a_carrier(made: Made) -> None:
    """A carrier of the party that the message went to may bring it, and nobody else."""
    exchange, _ = carried(made)
    hand_in(exchange, opening(H), "token-of-h")
    exchange.act("loop", EventKind.ACCEPT)
    exchange.run_due()
    (row,) = [row for row in exchange.store.outbox("sent") if row.content]
    assert exchange.receive_receipt(Receipt(row.id, "ok"), "x") == "refused"
    assert exchange.receive_receipt(Receipt(row.id, "ok"), "engine") == "repeated"


def test_the_settings_of_a_carrier_s_line(made: Made) -> None:
    """Of the party that alone has the number, else those that all its parties have; a peer's are its own."""
    post, lines = Post(), [{"hl7v2": "one"}, {"hl7v2": "two"}]
    peers = [
        replace(one, endpoint=replace(one.endpoint, lines=line))
        for one, line in zip((peer("h", post, H), peer("h2", post, H2)), lines, strict=True)
    ]
    exchange = made(*peers, carriers=(ENGINE,))
    assert exchange.line_of("h", "hl7v2") == "one"
    assert exchange.line_of("h", "hl7v2", str(H2.her_id or H2.organization_number)) == "one"
    assert exchange.line_of("engine", "hl7v2") is None
    assert exchange.line_of("engine", "hl7v2", str(H2.her_id or H2.organization_number)) == "two"
    assert exchange.line_of("engine", "fhir-message") is None
    with pytest.raises(InvalidInput):
        exchange.line_of("nobody", "hl7v2")


# --- one correlation id, two parties (L7)


@pytest.mark.parametrize("first", ["h", "x"])
def test_one_correlation_id_of_two_parties(made: Made, first: str) -> None:
    """Each has its loop, found by its own messages; on the wire it is called what its party calls it."""
    post = Post()
    exchange = made(peer("h", post, H), peer("x", post, X))
    parties = {"h": H, "x": X}
    order = [first, *(set(parties) - {first})]
    for name in order:
        assert hand_in(exchange, opening(parties[name], id=f"m-{name}"), f"token-of-{name}").code == "ok"
    keys = {str(referral.party): referral.correlation_id for referral in exchange.store.referrals()}
    assert keys[first] == "loop"
    second = keys[order[1]]
    assert second != "loop"
    assert hand_in(exchange, opening(parties[order[1]], id="m-again"), f"token-of-{order[1]}").code == "ok"
    assert len(exchange.store.referrals()) == 2
    exchange.act(second, EventKind.ACCEPT)
    exchange.run_due()
    ((address, content),) = post.sent
    assert address == f"post://{order[1]}"
    assert message_from_fhir(read_json(content)).correlation_id == "loop"
    assert [seen_by(exchange, f"token-of-{name}") for name in order] == [["loop"], [second]]
    for type_ in ("Task", "ServiceRequest"):
        credential = exchange.peer_by_token(f"token-of-{order[1]}")
        assert credential is not None
        (found,) = exchange.search_resources(credential, type_, {"identifier": "loop"}).found
        assert found.correlation_id == second
    cancelled = message(MessageKind.WITHDRAWAL, parties[order[1]])
    assert hand_in(exchange, cancelled, f"token-of-{order[1]}").code == "ok"
    assert state(exchange) == "delivered"
    assert state(exchange, second) in ("cancelling", "withdrawn")


def test_a_form_for_one_of_two_loops(made: Made) -> None:
    """Our people say which loop the form is for, by its key here; where only one is meant they need not."""
    exchange = town(made)
    for name, sender in (("x", X), ("h", H)):
        hand_in(exchange, opening(sender, id=f"m-{name}"), f"token-of-{name}")
    (key,) = [r.correlation_id for r in exchange.store.referrals() if r.party == "h"]
    answer = form("03-stroke-patient-2").evolve(answers="loop")
    with pytest.raises(InvalidInput, match="several parties' loops") as caught:
        exchange.answer(answer)
    assert caught.value.problems[0].code == "multiple-matches"
    exchange.answer(answer, of=key)
    assert (state(exchange, key), state(exchange)) == ("confirmed", "delivered")
    hand_in(exchange, opening(X, "alone"), "token-of-x")
    assert exchange.answer(answer.evolve(id="f-2", answers="alone")).state == "confirmed"
    with pytest.raises(InvalidInput, match="no referral has this correlation id"):
        exchange.answer(answer.evolve(id="f-3", answers="nowhere"))


def test_a_key_that_another_takes_first(made: Made) -> None:
    """Whoever knows how our keys are made cannot take one: an id of that form is never a key as it stands."""
    exchange = town(made)
    for name, sender in (("x", X), ("h", H)):
        hand_in(exchange, opening(sender, id=f"m-{name}"), f"token-of-{name}")
    (key,) = [r.correlation_id for r in exchange.store.referrals() if r.party == "h"]
    assert hand_in(exchange, opening(SCHOOL, key), "token-of-school").code == "ok"
    taken = {referral.correlation_id: referral.party for referral in exchange.store.referrals()}
    assert taken[key] == "h"
    assert sorted(taken.values(), key=str) == ["h", "school", "x"]
    assert hand_in(exchange, message(MessageKind.CANCELLATION, SCHOOL, key), "token-of-school").code == "ok"
    assert {r.party: str(r.state) for r in exchange.store.referrals()} == {
        "h": "delivered",
        "x": "delivered",
        "school": "cancelled",
    }


def test_a_key_that_is_taken_before(made: Made) -> None:
    """The same, with the foreign id there first: the second party's loop has its key all the same."""
    exchange, key = town(made), _own_key("h", "loop")
    hand_in(exchange, opening(X), "token-of-x")
    assert hand_in(exchange, opening(X, key), "token-of-x").code == "ok"
    assert hand_in(exchange, opening(H), "token-of-h").code == "ok"
    assert seen_by(exchange, "token-of-h") == [key]
    assert hand_in(exchange, message(MessageKind.CANCELLATION, X, key), "token-of-x").code == "ok"
    assert state(exchange, key) == "delivered"


# --- agreements, and what was stored before


AGREED = Agreement(
    name="with h",
    answer_days=7,
    hospital=Party(organization_number=H.organization_number),
    municipality=Party(organization_number=US.organization_number),
)


def test_an_agreement_is_found_by_the_parties(made: Made) -> None:
    """By the numbers that settings give them, not by those that a message says, or leaves out."""
    exchange = town(made, agreements=(AGREED,))
    for token, sender in (("h", organization("a")), ("x", organization("b"))):
        hand_in(exchange, opening(sender, token), f"token-of-{token}")
    found = {r.party: exchange._context.agreement(r).answer_days for r in exchange.store.referrals()}
    assert found == {"h": 7, "x": 15}


def test_a_referral_from_before_has_its_party_by_its_numbers(made: Made) -> None:
    """What was stored without a party is the party's whose numbers the notice gives; without numbers, nobody's."""
    exchange = town(made)
    hand_in(exchange, opening(H), "token-of-h")
    hand_in(exchange, opening(organization("nameless"), "other"), "token-of-h")
    with exchange.store.begin() as tx:
        for key in ("loop", "other"):
            before = tx.load(key)
            assert before is not None
            unknown = before.referral.evolve(party=None)
            tx.save(unknown, before.revision)
            tx.set_parties(Aggregate.of_referral(key), parties_of(exchange._context, unknown))
    assert seen_by(exchange, "token-of-h") == ["loop"]
    assert seen_by(exchange, "token-of-x") == []
    assert hand_in(exchange, message(MessageKind.CANCELLATION, H), "token-of-h").code == "ok"
    assert state(exchange) == "cancelled"


def test_the_hospitals_side(made: Made) -> None:
    """What a hospital sends goes to the party that the notice's number identifies; no other has a say in it."""
    post = Post()
    away = organization("org-away", OrganizationKind.COORDINATING_UNIT, her_id="90000555")
    exchange = made(peer("unit", post, UNIT), peer("away", post, away), us=(H,), role=Role.HOSPITAL)
    exchange.send_notice(notice_of(H, recipient=UNIT))
    exchange.run_due()
    assert [address for address, _ in post.sent] == ["post://unit"]
    for sender, token, code in ((away, "token-of-away", "transient-error"), (UNIT, "token-of-unit", "ok")):
        content = message(MessageKind.ACCEPTED, sender, recipient=H)
        assert hand_in(exchange, content, token).code == code
    assert state(exchange) == "accepted"
    with pytest.raises(InvalidInput, match="not the party"):
        hand_in(exchange, message(MessageKind.CLOSURE, UNIT, recipient=H), "token-of-away")
    assert (seen_by(exchange, "token-of-unit"), seen_by(exchange, "token-of-away")) == (["loop"], [])


@pytest.mark.promise(13)
def test_a_consent_is_not_reached_by_a_number_that_only_a_message_gives(made: Made) -> None:
    """Passed on to a party that calls itself by the number of the ward that was consented to: nothing goes to it."""
    post = Post()
    away = organization("org-away", OrganizationKind.COORDINATING_UNIT, her_id="90000555")
    exchange = made(peer("unit", post, UNIT), peer("away", post, away), us=(H,), role=Role.HOSPITAL)
    about = notice_of(H, recipient=UNIT)
    ward = organization("ward", resh_id="9900101")
    named = tuple(Provision(access=Access.PERMIT, recipients=(ident,)) for ident in ("to", "ward"))
    only = Consent(id="c", kind=ConsentKind.NOTICE, given_on=START.date(), access=Access.DENY, provisions=named)
    about = about.evolve(organizations=(*about.organizations, ward), consents=(only,), legal_basis=())
    exchange.send_notice(about)
    filled = form("03-stroke-patient-2")
    filled = filled.evolve(
        answers="loop", sender="by", decision="forwarded", forwarded_to="next", coordinators=(), plan_state=None,
        organizations=(UNIT.evolve(id="by"), away.evolve(id="next", resh_id="9900101")), professionals=(),
        signed_by=None,
    )  # fmt: skip
    content = message(MessageKind.GREEN_FORM, UNIT, recipient=H, form=filled)
    assert hand_in(exchange, content, "token-of-unit").code == "ok"
    stored = exchange.store.referral("loop")
    assert stored is not None
    assert {one.organization: one.party for one in stored.referral.known} == {"by": "us", "to": "unit"}
    assert stored.referral.forms[0].to_party == "away"
    with pytest.raises(ConsentRefused):
        exchange.act("loop", EventKind.REMIND)
    exchange.run_due()
    assert [address for address, _ in post.sent] == ["post://unit"]
