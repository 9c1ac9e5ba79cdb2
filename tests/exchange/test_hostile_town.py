"""A town of parties that share some numbers, with units, carriers and passers-on, each of whom says anything.

Whatever they send: nobody reads, changes, opens or ends what is another's, and nobody keeps another from its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.people import Organization, OrganizationKind
from ip_fhir.domain.referral import EventKind, Referral, Role
from ip_fhir.errors import IpFhirError
from ip_fhir.exchange import Exchange
from ip_fhir.exchange.access.keys import _own_key
from ip_fhir.exchange.peers import Carrier
from ip_fhir.ports import Store
from ip_fhir.store import open_store
from tests.support.town import US, Post, hand_in, message, notice_of, opening, organization, peer, seen_by, side
from tests.support.two_sides import form

NAMES = ("a", "b", "c", "d")
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
    number: int

    @property
    def wires(self) -> tuple[str, ...]:
        """The correlation ids that everybody uses; the last is the key that we would give a loop of `a`'s."""
        return f"w-{self.number}", f"v-{self.number}", _own_key("a", f"w-{self.number}")

    def seen_by(self, who: str) -> set[str | None]:
        """The loops that a credential finds."""
        found = (seen_by(self.exchange, f"token-of-{who}", identifier=wire) for wire in self.wires)
        return {key for keys in found for key in keys}

    def speaks_as(self, who: str) -> tuple[str, ...]:
        """The parties that a credential may speak for."""
        return self.carriers.get(who, (who,))

    def may_bring(self, who: str) -> set[str]:
        """The parties whose notices a credential may bring."""
        own = self.speaks_as(who)
        return {*own, *(other for party in own for other in self.passes_on[party])}

    def said(self, data: st.DataObject, who: str) -> Organization:
        """What a sender calls itself: the truth, another's truth, or any numbers under any id."""
        kind = data.draw(st.sampled_from(["own", "anothers", "anothers", "made up"]))
        if kind == "own":
            return self.organizations[data.draw(st.sampled_from(self.speaks_as(who)))]
        if kind == "anothers":
            return self.organizations[data.draw(st.sampled_from(NAMES))]
        made_up: dict[str, Any] = data.draw(numbers)
        return organization(data.draw(st.sampled_from(NAMES)), **made_up)

    def loops(self) -> dict[str, Referral]:
        """All loops of this town, by key."""
        keys = (key for wire in self.wires for key in (wire, *(_own_key(name, wire) for name in NAMES)))
        stored = (self.exchange.store.referral(key) for key in keys)
        return {found.referral.correlation_id: found.referral for found in stored if found is not None}

    def steps(self, loops: dict[str, Referral]) -> dict[str, int]:
        """How much has happened in each of these loops."""
        return {key: len(self.exchange.store.evidence(key)) for key in loops}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store for all towns, each with ids of its own: a new one takes longer than all that happens in it."""
    opened = cast("Store", open_store(f"sqlite:///{tmp_path_factory.mktemp('town')}/us.sqlite"))
    yield opened
    opened.close()


_NUMBERS = count()


def make_town(data: st.DataObject, store: Store, role: Role = Role.MUNICIPALITY) -> Town:
    """A town: each party has a HER-id of its own, and perhaps numbers that others have too."""
    organizations, passes_on = {}, {}
    for name in NAMES:
        more = {"organization_number": data.draw(st.sampled_from([None, *SHARED]))}
        more["resh_id"] = data.draw(st.sampled_from([None, "9900101"]))
        given = {key: value for key, value in more.items() if value is not None}
        kind = OrganizationKind.COORDINATING_UNIT
        organizations[name] = organization(name, kind, her_id=OWN_HER_IDS[name], **given)
        passes_on[name] = tuple(data.draw(st.sets(st.sampled_from([n for n in NAMES if n != name]), max_size=2)))
    carriers: dict[str, tuple[str, ...]] = {"engine": ("a", "b")} if data.draw(st.booleans()) else {"host": NAMES[1:]}
    post = Post()
    peers = [peer(name, post, known, passes_on=passes_on[name]) for name, known in organizations.items()]
    made = [Carrier(name, parties, (f"token-of-{name}",)) for name, parties in carriers.items()]
    closed = data.draw(st.booleans())
    exchange = side(store, peers, made, role=role, closed=closed)
    return Town(organizations, passes_on, carriers, exchange, next(_NUMBERS))


def anything_sent(town: Town, data: st.DataObject, who: str, number: int) -> bytes:
    """A message of any kind and in any name."""
    sender, wire, ident = town.said(data, who), data.draw(st.sampled_from(town.wires)), f"m-{town.number}-{number}"
    if data.draw(st.booleans()):
        named = sender if data.draw(st.booleans()) else town.said(data, who)
        return opening(sender, wire, named, id=ident)
    return message(data.draw(st.sampled_from(ENDINGS)), sender, wire, id=ident)


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
    after = town.loops()
    happened = town.steps(after)
    for key, referral in after.items():
        assert referral.party is not None
        if key not in before:
            assert referral.party in town.may_bring(who), "opened in another's name"
            continue
        assert referral.party == before[key].party, "a loop never changes hands"
        if happened[key] == steps[key]:
            assert referral == before[key]
            continue
        record = town.exchange.store.evidence(key)[-1].record
        assert record.event.party in town.speaks_as(who)
        if referral.state is not before[key].state:
            may = town.may_bring(who) if record.event.kind is EventKind.RECEIVE else town.speaks_as(who)
            assert referral.party in may, "ended or changed by somebody else"


def owned_by(town: Town) -> list[tuple[str, str]]:
    """The party of each loop, with the correlation id that it has on the wire."""
    return [(str(referral.party), referral.notice.correlation_id) for referral in town.loops().values()]


def concerned(referral: Referral) -> set[str | None]:
    """The parties that a loop concerns: whose notice it is, and to whom we have passed it on."""
    return {referral.party, *(kept.to_party for kept in referral.forms)} - {None}


def we_pass_on(town: Town, data: st.DataObject, number: int) -> None:
    """Our people pass a loop on to any party: it may see it from then on, and no more."""
    keys = sorted(town.loops())
    if not keys:
        return
    key, to = data.draw(st.sampled_from(keys)), town.organizations[data.draw(st.sampled_from(NAMES))]
    filled = form("03-stroke-patient-2").evolve(
        id=f"away-{number}", answers=town.loops()[key].notice.correlation_id, sender="by", decision="forwarded",
        forwarded_to="to", organizations=(US.evolve(id="by", part_of=None), to.evolve(id="to")), professionals=(),
        coordinators=(), plan_state=None, signed_by=None,
    )  # fmt: skip
    with suppress(IpFhirError):
        town.exchange.answer(filled, of=key)


def check_sight(town: Town) -> None:
    """Everybody finds exactly the loops that are of the parties that it speaks for."""
    loops = town.loops()
    for who in (*NAMES, *town.carriers):
        theirs = {key for key, referral in loops.items() if concerned(referral) & set(town.speaks_as(who))}
        assert town.seen_by(who) == theirs


def somebody_does_something(town: Town, data: st.DataObject, number: int) -> None:
    """Any credential sends anything, or changes any Task: nothing happens that is not its own to do."""
    if data.draw(st.integers(0, 5)) == 5:
        we_pass_on(town, data, number)
    who = data.draw(st.sampled_from([*NAMES, *town.carriers, *town.carriers]))
    before = town.loops()
    steps = town.steps(before)
    try:
        if data.draw(st.integers(0, 3)):
            hand_in(town.exchange, anything_sent(town, data, who, number), f"token-of-{who}")
        else:
            a_task_changed(town, data, who)
    except IpFhirError:
        assert town.loops() == before, "after a refusal nothing has changed"
    check_step(town, who, before, steps)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_nobody_touches_what_is_anothers(store: Store, data: st.DataObject) -> None:
    """Any messages in any names by any credentials: each loop is its party's, and only who speaks for it moves it."""
    town = make_town(data, store)
    for number in range(data.draw(st.integers(1, 8))):
        somebody_does_something(town, data, number)
    there = owned_by(town)
    for name in NAMES:  # and nobody has been kept from its own
        for wire in town.wires:
            about = opening(town.organizations[name], wire, id=f"honest-{wire}"[:64])
            if (name, wire) not in there:  # one's own notice is not sent anew with other content
                assert hand_in(town.exchange, about, f"token-of-{name}").code == "ok"
    check_sight(town)
    assert sorted(owned_by(town)) == sorted((name, wire) for name in NAMES for wire in town.wires)


def an_answer(town: Town, data: st.DataObject, who: str, number: int) -> bytes:
    """An acceptance, a closure, or a form that passes the notice on to anybody, in any name."""
    sender, wire, ident = town.said(data, who), data.draw(st.sampled_from(town.wires[:2])), f"m-{town.number}-{number}"
    kind = data.draw(st.sampled_from([MessageKind.ACCEPTED, MessageKind.CLOSURE, MessageKind.GREEN_FORM]))
    if kind is not MessageKind.GREEN_FORM:
        return message(kind, sender, wire, id=ident)
    filled = form("03-stroke-patient-2").evolve(
        id=f"form-{number}", answers=wire, sender="by", decision="forwarded", forwarded_to="to", signed_by=None,
        organizations=(sender.evolve(id="by"), town.said(data, who).evolve(id="to")), professionals=(),
        coordinators=(), plan_state=None,
    )  # fmt: skip
    return message(kind, sender, wire, id=ident, form=filled)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_only_who_was_given_a_notice_answers_it(store: Store, data: st.DataObject) -> None:
    """The hospital's side: any answers in any names move only loops that were sent, or passed on, to who answers."""
    town = make_town(data, store, Role.HOSPITAL)
    given_to = {wire: {name} for name, wire in zip(NAMES, town.wires[:2], strict=False)}
    for wire, (name,) in ((wire, tuple(names)) for wire, names in given_to.items()):
        town.exchange.send_notice(notice_of(US, wire, town.organizations[name]))
    for number in range(data.draw(st.integers(1, 6))):
        who = data.draw(st.sampled_from([*NAMES, *town.carriers]))
        before = town.loops()
        steps = town.steps(before)
        try:
            hand_in(town.exchange, an_answer(town, data, who, number), f"token-of-{who}")
        except IpFhirError:
            assert town.loops() == before
        happened = town.steps(before)
        for wire, names in given_to.items():
            if happened[wire] != steps[wire]:
                party = town.exchange.store.evidence(wire)[-1].record.event.party
                assert party in names & set(town.speaks_as(who)), "moved by somebody who was not given it"
                names |= {kept.to_party for kept in town.loops()[wire].forms if kept.to_party in NAMES}
    for who in (*NAMES, *town.carriers):
        theirs = {wire for wire, names in given_to.items() if names & set(town.speaks_as(who))}
        assert town.seen_by(who) == theirs
