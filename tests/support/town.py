"""One side of the loop among many parties: what each sends with its credential, and what it may see. No network."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ip_fhir.domain.agreement import Agreement
from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.domain.notice import Notice
from ip_fhir.domain.people import Organization, OrganizationKind
from ip_fhir.domain.referral import Role
from ip_fhir.exchange import Exchange
from ip_fhir.exchange.context import Context
from ip_fhir.exchange.peers import Carrier, Peer, Peers
from ip_fhir.fhir.reading import read_json, write_json
from ip_fhir.fhir.receipt import receipt_from_fhir
from ip_fhir.mapping import message_to_fhir
from ip_fhir.ports import Endpoint, Outgoing, Receipt, Store
from ip_fhir.settings import WorkerSettings
from tests.support.dropped import open_dropped
from tests.support.two_sides import START, SetClock, notice

US = notice("03").organization(notice("03").recipient)
"""The municipality that they all send to."""


class Post:
    """An adapter that keeps what it is given, by address."""

    name = "post"
    format = "fhir-message"

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []

    def send(self, outgoing: Outgoing) -> Receipt:
        """Taken in there, it seems."""
        self.sent.append((outgoing.endpoint.url, outgoing.content))
        return Receipt(outgoing.message_id, "ok")


def organization(ident: str, kind: OrganizationKind = OrganizationKind.HOSPITAL, **numbers: str) -> Organization:
    """An organisation with these numbers."""
    return Organization.model_validate({"id": ident, "name": f"{ident} HF", "kind": kind, **numbers})


def peer(name: str, post: Post, *organizations: Organization, passes_on: Iterable[str] = ()) -> Peer:
    """A party with a token of its own, `token-of-NAME`."""
    token = f"token-of-{name}"
    return Peer(name, organizations, post, Endpoint(f"post://{name}"), (token,), tuple(passes_on))


def side(
    database: Path | Store,
    peers: Iterable[Peer],
    carriers: Iterable[Carrier] = (),
    *,
    us: tuple[Organization, ...] = (US,),
    role: Role | None = Role.MUNICIPALITY,
    agreements: tuple[Agreement, ...] = (),
    closed: bool = False,
) -> Exchange:
    """Our side, on a new database in that directory, or on a store that is open."""
    store = open_dropped(f"sqlite:///{database / 'us.sqlite'}") if isinstance(database, Path) else database
    context = Context(
        role=role,
        organizations=us,
        store=store,
        clock=SetClock(),
        peers=Peers(peers, carriers),
        agreements=agreements,
        url="https://us.example/fhir",
        jitter=lambda: 1.0,
        tell=lambda _row: None,
        settings=WorkerSettings(parallel=1),
        closed=closed,
    )
    return Exchange(context)


def notice_of(sender: Organization, correlation_id: str = "loop", recipient: Organization = US) -> Notice:
    """A notice about one and the same person, in the name of any hospital."""
    plain = {"correlation_id": correlation_id, "id": f"n-{correlation_id}", "professionals": (), "author": None}
    to = recipient.evolve(id="to", part_of=None)
    by = sender.evolve(id="by", part_of=None)
    return notice("03").evolve(**plain, organizations=(by, to), sender="by", recipient="to")


def message(kind: MessageKind, sender: Organization, correlation_id: str = "loop", **more: Any) -> bytes:
    """A message to us about a loop."""
    fields = {"id": f"m-{kind}", "kind": kind, "correlation_id": correlation_id, "sent": START, "recipient": US}
    return write_json(message_to_fhir(Message.model_validate({**fields, "sender": sender, **more})))


def opening(
    sender: Organization, correlation_id: str = "loop", named: Organization | None = None, **more: Any
) -> bytes:
    """A message with a notice; the notice is in the sender's name, or in that of another."""
    about = notice_of(named or sender, correlation_id)
    return message(MessageKind.NOTICE, sender, correlation_id, **{"id": f"m-{correlation_id}", "notice": about, **more})


def hand_in(exchange: Exchange, content: bytes, token: str) -> Receipt:
    """The receipt for what comes with this token."""
    credential = exchange.peer_by_token(token)
    assert credential is not None
    return receipt_from_fhir(read_json(exchange.receive(content, credential)))


def seen_by(exchange: Exchange, token: str, **criteria: str) -> list[str | None]:
    """The loops that a credential can find, by these criteria."""
    credential = exchange.peer_by_token(token)
    assert credential is not None
    found = exchange.search_resources(credential, "Task", criteria).found
    return sorted({resource.correlation_id for resource in found}, key=str)
