"""A town of parties that share some numbers, with units, carriers and passers-on, each of whom says anything.

Whatever they send: nobody reads, changes, opens or ends what is another's, and nobody keeps another from its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.people import Organization, OrganizationKind
from ip_fhir.domain.referral import Referral, Role
from ip_fhir.errors import IpFhirError
from ip_fhir.exchange import Exchange
from ip_fhir.exchange.keys import _own_key
from ip_fhir.exchange.peers import Carrier
from tests.support.town import US, Post, hand_in, message, notice_of, opening, organization, peer, seen_by, side
from tests.support.two_sides import form

NAMES = ("a", "b", "c", "d")
WIRE_IDS = ("w", "v", _own_key("a", "w"))
SHARED = ("312001373", "312004119", str(US.organization_number))
"""Organisation numbers that any party may have, ours among them."""

OWN_HER_IDS = {name: f"9000010{n}" for n, name in enumerate(NAMES)}
FORGEABLE: dict[str, list[str]] = {
    "her_id": [*OWN_HER_IDS.values(), "90000999", str(US.her_id)],
    "organization_number": [*SHARED, "312028778"],
    "resh_id": ["9900101", "9900102"],
}
ENDINGS = (MessageKind.CANCELLATION, MessageKind.WITHDRAWAL, MessageKind.CLOSURE, MessageKind.ABORT_REQUEST)

numbers = st.fixed_dictionaries({}, optional={name: st.sampled_from(known) for name, known in FORGEABLE.items()})


@dataclass
class Town:
    """Who is there, what each may do, and our side."""

    organizations: dict[str, Organization]
    passes_on: dict[str, tuple[str, ...]]
    carriers: dict[str, tuple[str, ...]]
    exchange: Exchange

    def speaks_as(self, who: str) -> tuple[str, ...]:
        """The parties that a credential may speak for."""
        return self.carriers.get(who, (who,))

    def may_bring(self, who: str) -> set[str]:
        """The parties whose notices a credential may bring."""
        own = self.speaks_as(who)
        return {*own, *(other for party in own for other in self.passes_on[party])}

    def said(self, data: st.DataObject, who: str) -> Organization:
        """What a sender calls itself: the truth, another's truth, or any numbers under any id."""
        kind = data.draw(st.sampled_from(["own", "anothers", "made up"]))
        if kind == "own":
            return self.organizations[data.draw(st.sampled_from(self.speaks_as(who)))]
        if kind == "anothers":
            return self.organizations[data.draw(st.sampled_from(NAMES))]
        made_up: dict[str, Any] = data.draw(numbers)
        return organization(data.draw(st.sampled_from(NAMES)), **made_up)

    def loops(self) -> dict[str, Referral]:
        """All loops, by key."""
        return {referral.correlation_id: referral for referral in self.exchange.store.referrals()}

    def steps(self) -> dict[str, int]:
        """How much has happened in each loop."""
        return {key: len(self.exchange.store.evidence(key)) for key in self.loops()}


@contextmanager
def towns(data: st.DataObject, role: Role = Role.MUNICIPALITY) -> Iterator[Town]:
    """A town: each party has a HER-id of its own, and perhaps numbers that others have too."""
    organizations, passes_on = {}, {}
    for name in NAMES:
        more = {"organization_number": data.draw(st.sampled_from([None, *SHARED]))}
        more["resh_id"] = data.draw(st.sampled_from([None, "9900101"]))
        given = {key: value for key, value in more.items() if value is not None}
        kind = OrganizationKind.COORDINATING_UNIT
        organizations[name] = organization(name, kind, her_id=OWN_HER_IDS[name], **given)
        passes_on[name] = tuple(data.draw(st.sets(st.sampled_from([n for n in NAMES if n != name]), max_size=2)))
    carriers: dict[str, tuple[str, ...]] = (
        {"engine": ("a", "b")} if data.draw(st.booleans()) else {"host": ("b", "c", "d")}
    )
    post = Post()
    peers = [peer(name, post, known, passes_on=passes_on[name]) for name, known in organizations.items()]
    made = [Carrier(name, parties, (f"token-of-{name}",)) for name, parties in carriers.items()]
    closed = data.draw(st.booleans())
    with TemporaryDirectory() as directory:
        exchange = side(Path(directory), peers, made, role=role, closed=closed)
        yield Town(organizations, passes_on, carriers, exchange)
        exchange.close()


def anything_sent(town: Town, data: st.DataObject, who: str, number: int) -> bytes:
    """A message of any kind and in any name."""
    sender, wire = town.said(data, who), data.draw(st.sampled_from(WIRE_IDS))
    if data.draw(st.booleans()):
        named = sender if data.draw(st.booleans()) else town.said(data, who)
        return opening(sender, wire, named, id=f"m-{number}")
    return message(data.draw(st.sampled_from(ENDINGS)), sender, wire, id=f"m-{number}")


def a_task_changed(town: Town, data: st.DataObject, who: str) -> None:
    """Any Task that there is, ended by REST."""
    keys = sorted(town.loops())
    if not keys:
        return
    (task,) = town.exchange.store.search_resources(
        "Task", {"focus": f"ServiceRequest/{data.draw(st.sampled_from(keys))}"}
    )
    credential = town.exchange.peer_by_token(f"token-of-{who}")
    assert credential is not None
    status = data.draw(st.sampled_from(["cancelled", "accepted", "on-hold"]))
    town.exchange.update_resource(credential, "Task", task.id, task.version, {**task.body, "status": status})


def check_step(town: Town, who: str, before: dict[str, Referral], steps: dict[str, int]) -> None:
    """What a credential did is within what it may do, in every loop that there is."""
    for key, referral in town.loops().items():
        assert referral.party is not None
        if key not in before:
            assert referral.party in town.may_bring(who), "opened in another's name"
            continue
        assert referral.party == before[key].party, "a loop never changes hands"
        if town.steps()[key] == steps[key]:
            assert referral == before[key]
            continue
        record = town.exchange.store.evidence(key)[-1].record
        assert record.event.party in town.speaks_as(who)
        if referral.state is not before[key].state:
            assert referral.party in town.speaks_as(who), "ended or changed by somebody else"


def check_sight(town: Town) -> None:
    """Everybody finds exactly the loops that are of the parties that it speaks for."""
    for who in (*NAMES, *town.carriers):
        theirs = {key for key, referral in town.loops().items() if referral.party in town.speaks_as(who)}
        assert set(seen_by(town.exchange, f"token-of-{who}")) == theirs


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_nobody_touches_what_is_anothers(data: st.DataObject) -> None:
    """Any messages in any names by any credentials: each loop is its party's, and only who speaks for it moves it."""
    with towns(data) as town:
        for number in range(data.draw(st.integers(1, 8))):
            who = data.draw(st.sampled_from([*NAMES, *town.carriers]))
            before, steps = town.loops(), town.steps()
            try:
                if data.draw(st.integers(0, 3)):
                    hand_in(town.exchange, anything_sent(town, data, who, number), f"token-of-{who}")
                else:
                    a_task_changed(town, data, who)
            except IpFhirError:
                assert (town.loops(), town.steps()) == (before, steps), "after a refusal nothing has changed"
            check_step(town, who, before, steps)
        check_sight(town)
        for name in NAMES:  # and nobody has been kept from its own
            for wire in WIRE_IDS:
                about = opening(town.organizations[name], wire, id=f"honest-{wire}")
                assert hand_in(town.exchange, about, f"token-of-{name}").code == "ok"
        check_sight(town)
        owned = [(referral.party, referral.notice.correlation_id) for referral in town.loops().values()]
        assert sorted(owned, key=str) == sorted(((name, wire) for name in NAMES for wire in WIRE_IDS), key=str)
        assert town.exchange.store.verify() == ()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_only_who_was_given_a_notice_answers_it(data: st.DataObject) -> None:
    """The hospital's side: any answers in any names move only loops that were sent, or passed on, to who answers."""
    with towns(data, Role.HOSPITAL) as town:
        for name in ("a", "b"):
            town.exchange.send_notice(notice_of(US, f"w-{name}", town.organizations[name]))
        given: dict[str, set[str]] = {"w-a": {"a"}, "w-b": {"b"}}
        for number in range(data.draw(st.integers(1, 6))):
            who = data.draw(st.sampled_from([*NAMES, *town.carriers]))
            before, steps = town.loops(), town.steps()
            content, wire, to = an_answer(town, data, who, number)
            try:
                hand_in(town.exchange, content, f"token-of-{who}")
            except IpFhirError:
                assert (town.loops(), town.steps()) == (before, steps)
            for key, held in given.items():
                if town.steps()[key] != steps[key]:
                    party = town.exchange.store.evidence(key)[-1].record.event.party
                    assert key == wire
                    assert party in held & set(town.speaks_as(who)), "moved by somebody who was not given it"
            kept = {form.to_party for form in town.loops()[wire].forms if form.to_party is not None}
            given[wire] |= kept - {"us"}
            assert to is None or kept <= set(NAMES) | {"us"}
        for who in (*NAMES, *town.carriers):
            theirs = {key for key, held in given.items() if held & set(town.speaks_as(who))}
            assert set(seen_by(town.exchange, f"token-of-{who}")) == theirs


def an_answer(town: Town, data: st.DataObject, who: str, number: int) -> tuple[bytes, str, Organization | None]:
    """An acceptance, a closure, or a form that passes the notice on to anybody, in any name."""
    sender, wire = town.said(data, who), data.draw(st.sampled_from(["w-a", "w-b"]))
    kind = data.draw(st.sampled_from([MessageKind.ACCEPTED, MessageKind.CLOSURE, MessageKind.GREEN_FORM]))
    if kind is not MessageKind.GREEN_FORM:
        return message(kind, sender, wire, id=f"m-{number}", recipient=US), wire, None
    to = town.said(data, who)
    filled = form("03-stroke-patient-2").evolve(
        id=f"form-{number}", answers=wire, sender="by", decision="forwarded", forwarded_to="to", signed_by=None,
        organizations=(sender.evolve(id="by"), to.evolve(id="to")), professionals=(), coordinators=(), plan_state=None,
    )  # fmt: skip
    return message(kind, sender, wire, id=f"m-{number}", recipient=US, form=filled), wire, to
