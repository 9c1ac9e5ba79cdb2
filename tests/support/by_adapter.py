"""A loop between two endpoints on real sockets, whose settings name the adapter by which they send."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ip_fhir.bootstrap import open_exchange
from ip_fhir.demo.place import free_ports
from ip_fhir.domain.referral import EventKind, Role
from ip_fhir.exchange import Exchange
from tests.support.served import served
from tests.support.two_sides import TOKENS, form, notice, side_settings

LOOP = notice("01").correlation_id


@contextmanager
def loop_by(adapter: str, place: Path) -> Iterator[dict[Role, Exchange]]:
    """Both sides, after a notice, a question, its answer and the green form went from one to the other."""
    sides: dict[Role, Exchange] = {}
    with ExitStack() as stack:
        ports = dict(zip((Role.HOSPITAL, Role.MUNICIPALITY), free_ports(2), strict=True))
        for role, other in ((Role.HOSPITAL, Role.MUNICIPALITY), (Role.MUNICIPALITY, Role.HOSPITAL)):
            url = f"http://127.0.0.1:{ports[other]}"
            peer = {"adapter": adapter, "url": url, "token": TOKENS[role], "accepts": [TOKENS[other]]}
            exchange = sides[role] = open_exchange(side_settings(place, role, **peer))
            stack.callback(exchange.close)
            stack.enter_context(served(exchange, port=ports[role]))
        hospital, municipality = sides[Role.HOSPITAL], sides[Role.MUNICIPALITY]
        hospital.send_notice(notice("01").evolve(authored=datetime.now(UTC)))
        assert hospital.run_due().sent == 1
        municipality.act(LOOP, EventKind.ASK_INFORMATION, "Hva?")
        municipality.run_due()
        hospital.act(LOOP, EventKind.GIVE_INFORMATION, "Dette.")
        hospital.run_due()
        municipality.answer(form("01-child-with-cerebral-palsy").evolve(authored=datetime.now(UTC)))
        municipality.run_due()
        yield sides
