"""The store in an EHR's own database: its journal and our notice are committed together, or neither is."""

import tempfile
from pathlib import Path

from sqlalchemy import Column, Integer, MetaData, Table, Text, create_engine, select

from ip_fhir import read
from ip_fhir.bootstrap import open_exchange
from ip_fhir.domain.notice import Notice
from ip_fhir.exchange import within
from ip_fhir.ports import Outgoing, Receipt, WireFormat
from ip_fhir.settings import settings_of
from ip_fhir.store import open_store_of, upgrade_store_of

NOTICE = Path(__file__).parent / "notices" / "03-stroke-patient.json"
notice = read(Notice, NOTICE.read_bytes())
journal = Table("journal", MetaData(), Column("number", Integer, primary_key=True), Column("what", Text))


class OurWire:
    """How this EHR sends. Here everything arrives at once."""

    name = "our-wire"
    format: WireFormat = "fhir-message"

    def send(self, outgoing: Outgoing) -> Receipt:
        """Deliver the bytes, return the receipt."""
        print(f"sent {len(outgoing.content)} bytes")
        return Receipt(outgoing.message_id, "ok")


def party(ident: str) -> dict[str, object]:
    """An organisation as settings have it."""
    known = ("id", "name", "kind", "organization_number", "her_id")
    return {key: value for key, value in notice.organization(ident).to_data().items() if key in known}


with tempfile.TemporaryDirectory() as place:
    engine = create_engine(f"sqlite:///{place}/ehr.sqlite")  # the EHR's own; on PostgreSQL give our tables a schema
    journal.metadata.create_all(engine)
    upgrade_store_of(engine)
    peer = {"name": "ke", "adapter": "our-wire", "url": "our://wire", "organization": party(notice.recipient)}
    settings = settings_of(
        {"role": "hospital", "organization": party(notice.sender), "peers": [peer]}, Path(place), environ={}
    )
    exchange = open_exchange(settings, store=open_store_of(engine), wires={"our-wire": OurWire()})

    for fails in (True, False):
        with engine.connect() as connection:
            connection.execute(journal.insert().values(what="notice to the municipality"))
            within(exchange, connection).send_notice(notice)
            if fails:
                connection.rollback()
            else:
                connection.commit()
        exchange.run_due()  # or the worker of `ip-fhir serve`, or one of your own: it is woken
        with engine.connect() as connection:
            entries = len(connection.execute(select(journal)).all())
        print("rolled back:" if fails else "committed:", entries, "entries,", len(exchange.store.referrals()), "loops")
        assert entries == len(exchange.store.referrals()) == (0 if fails else 1)
    exchange.close()
    engine.dispose()
