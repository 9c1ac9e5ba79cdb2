"""Three workers share one PostgreSQL store: each message is sent once, by whoever comes first.

    createdb ip_fhir_example
    IP_FHIR_EXAMPLE_DATABASE=postgresql://me@localhost/ip_fhir_example python examples/08_three_workers_on_postgresql.py

Each worker is a process of its own, on any machine that reaches the database. Without a database it says so and ends.
"""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from uuid import uuid4

from ip_fhir import read
from ip_fhir.bootstrap import open_exchange
from ip_fhir.domain.notice import Notice
from ip_fhir.exchange import Exchange
from ip_fhir.ports import Outgoing, Receipt, WireFormat
from ip_fhir.settings import settings_of
from ip_fhir.store import upgrade_store

WORKERS, NOTICES = 3, 30
NOTICE = Path(__file__).parent / "notices" / "03-stroke-patient.json"
notice = read(Notice, NOTICE.read_bytes())


class SlowWire:
    """A way to a peer that answers after a while; it notes what it sent."""

    name = "slow-wire"
    format: WireFormat = "fhir-message"

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(self, outgoing: Outgoing) -> Receipt:
        """Wait, and say that it has arrived."""
        time.sleep(0.05)
        self.sent.append(outgoing.message_id)
        return Receipt(outgoing.message_id, "ok")


def party(ident: str) -> dict[str, object]:
    """An organisation as settings have it."""
    known = ("id", "name", "kind", "organization_number", "her_id")
    return {key: value for key, value in notice.organization(ident).to_data().items() if key in known}


def opened(database: str, wire: SlowWire) -> Exchange:
    """The hospital's side, on the shared store."""
    data = {
        "role": "hospital",
        "database": database,
        "organization": party(notice.sender),
        "worker": {"batch": 4, "parallel": 2},  # small, so that everybody gets something
        "peers": [
            {"name": "ke", "adapter": "slow-wire", "url": "slow://wire", "organization": party(notice.recipient)}
        ],
    }
    return open_exchange(settings_of(data), wires={"slow-wire": wire})


def work(database: str) -> None:
    """One worker: until nothing is left to do, then say what it sent."""
    wire = SlowWire()
    exchange = opened(database, wire)
    while exchange.run_due().anything:
        pass
    exchange.close()
    print(json.dumps(wire.sent))


def main(database: str) -> None:
    """Store notices, start the workers, see that each message went out once."""
    upgrade_store(database)
    exchange = opened(database, SlowWire())
    for _ in range(NOTICES):
        ident = str(uuid4())
        somebody = notice.owner.evolve(identifier=None)  # many notices with one number would be told of
        exchange.send_notice(notice.evolve(id=f"n-{ident}", correlation_id=ident, owner=somebody))
    environ = {**os.environ, "IP_FHIR_EXAMPLE_DATABASE": database}
    command = [sys.executable, "-X", "utf8", str(Path(__file__).resolve()), "work"]
    workers = [subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) for _ in range(WORKERS)]
    sent: Counter[str] = Counter()
    for number, worker in enumerate(workers, 1):
        said, _ = worker.communicate(timeout=120)
        assert worker.returncode == 0, "a worker failed"
        mine = json.loads(said)
        print(f"worker {number} sent {len(mine)}")
        sent.update(mine)
    assert set(sent.values()) == {1}, "a message was sent twice"
    assert len(sent) >= NOTICES, "a message was not sent"
    assert exchange.store.outbox("waiting") == []
    assert exchange.store.verify() == ()
    exchange.close()
    print(f"{len(sent)} messages, each sent once")


if __name__ == "__main__":
    where = os.environ.get("IP_FHIR_EXAMPLE_DATABASE")
    if where is None:
        print("needs a PostgreSQL database: set IP_FHIR_EXAMPLE_DATABASE")
    elif sys.argv[1:] == ["work"]:
        work(where)
    else:
        main(where)
