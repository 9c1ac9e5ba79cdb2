"""An EHR's own scheduler and its own way to send: no worker, no server. Every morning it asks what is due."""

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ip_fhir import read
from ip_fhir.bootstrap import open_exchange
from ip_fhir.domain.notice import Notice
from ip_fhir.ports import OutboxRow, Outgoing, Receipt, WireFormat
from ip_fhir.settings import settings_of

NOTICE = Path(__file__).parent / "notices" / "03-stroke-patient.json"
notice = read(Notice, NOTICE.read_bytes())


class OurWire:
    """How this EHR sends. Here everything arrives at once; nobody ever answers with a green form."""

    name = "our-wire"
    format: WireFormat = "fhir-message"

    def send(self, outgoing: Outgoing) -> Receipt:
        """Deliver the bytes, return the receipt; raise `Unavailable` to be asked again later."""
        print(f"    sent {len(outgoing.content)} bytes")
        return Receipt(outgoing.message_id, "ok")


class OurClock:
    """What time it is, by this EHR."""

    at = datetime(2026, 1, 12, 9, 30, tzinfo=UTC)

    def now(self) -> datetime:
        """The present moment."""
        return self.at


def tell(row: OutboxRow) -> None:
    """Into this EHR's own worklist."""
    print(f"    for our people: {row.effect.reason}")


def party(ident: str) -> dict[str, object]:
    """An organisation as settings have it."""
    known = ("id", "name", "kind", "organization_number", "her_id")
    return {key: value for key, value in notice.organization(ident).to_data().items() if key in known}


clock = OurClock()
with tempfile.TemporaryDirectory() as place:
    settings = settings_of(
        {
            "role": "hospital",
            "database": f"sqlite:///{place}/hospital.sqlite",
            "organization": party(notice.sender),
            "peers": [
                {"name": "ke", "adapter": "our-wire", "url": "our://wire", "organization": party(notice.recipient)}
            ],
        }
    )
    exchange = open_exchange(settings, clock=clock, tell=tell, wires={"our-wire": OurWire()})
    exchange.send_notice(notice)
    done = []
    for day in range(90):
        clock.at = datetime(2026, 1, 12, 10, 0, tzinfo=UTC) + timedelta(days=day)
        ran = exchange.run_due(clock.at)  # timers, then messages; as of this time
        if ran.anything:
            print(f"{clock.at:%a %d %b}: timers {ran.timers}, sent {ran.sent}, told {ran.told}")
            done.append(ran)
    stored = exchange.store.referral(notice.correlation_id)
    exchange.close()

assert stored is not None
print(f"after 90 days: {stored.referral.reminders} reminders, {stored.referral.escalations} escalations")
assert (stored.referral.reminders, stored.referral.escalations) == (3, 3)
